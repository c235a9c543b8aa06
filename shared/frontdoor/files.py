"""Files that people upload: what they are by their bytes, whatever they are called, and what must not stay in them."""

import io
import re
import struct
import unicodedata
import zipfile
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable
from pathlib import Path

from frontdoor import recordings
from frontdoor.seal import KeyStore

FOLDER = "uploads"
"""The folder of sealed files, in the data folder."""
LARGEST = 10 * 1024 * 1024
TOO_LARGE = "The file must be 10 MB or smaller."
LARGEST_UNPACKED = 200 * 1024 * 1024
MOST_PIXELS = 100_000_000
LONGEST = 180
"""Seconds that a recording may last."""
WRONG_FILE = (
    "The selected file must be a PDF, Word (docx), OpenDocument (odt), PNG, JPEG or plain text file, "
    "or a recording as MP3, M4A or WAV"
)
TOO_LONG = "The selected recording must be 3 minutes or shorter"
UNSAFE = "The selected file could not be checked: save it again and choose the new file"
_EICAR = b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE"
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")
_MARKUP = re.compile(rb"<\s*(!doctype|html|svg|script|\?xml|body|iframe)", re.IGNORECASE)
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"\0\0\0\0IEND\xae\x42\x60\x82"
_PIXELS = {b"IHDR": 13, b"PLTE": 768, b"IDAT": LARGEST, b"tRNS": 256, b"bKGD": 6}
_LOOKS = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"sBIT": 4, b"pHYS": 9}
_PNG_KEPT = _PIXELS | _LOOKS
"""The chunks of a PNG that only say how it looks, and how many bytes each can need for that."""
_JPEG_START, _JPEG_END, _SCAN = 0xD8, 0xD9, 0xDA
_JPEG_ALONE = frozenset({0x01, *range(0xD0, _JPEG_END)})
"""Markers that nothing belongs to."""
_JPEG_KEPT = frozenset({*range(0xC0, 0xD0), *range(_SCAN, 0xE0)})
"""Segments of a JPEG that only say how it looks: frames, tables and scans."""
_MARKER = re.compile(rb"\xff[\x01-\xfe]")
_BEHIND_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


class WrongFile(Exception):
    """This file is not taken: a stable code, and a sentence for a person."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code, self.sentence = code, sentence


def kind_of_file(data: bytes) -> str:
    """Tell a file's media type by its first bytes, whatever it is called; raises `WrongFile` for one we do not take."""
    if not data:
        raise WrongFile("empty_file", "The selected file is empty")
    if _EICAR in data:
        raise WrongFile("unsafe_file", UNSAFE)
    if data.startswith(b"%PDF-"):
        return _kind_of_pdf(data)
    if data.startswith(_PNG):
        return _kind_of_png(data)
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"PK\x03\x04"):
        return _kind_of_zip(data)
    if kind := recordings.kind_of(data):
        return _short_enough(kind, data)
    return _kind_of_text(data)


def _kind_of_pdf(data: bytes) -> str:
    if b"/Encrypt" in data:
        raise WrongFile("locked_file", "The selected file is protected with a password: save it without one")
    return "application/pdf"


def _kind_of_png(data: bytes) -> str:
    wide, high = struct.unpack(">II", data[16:24].ljust(8, b"\xff"))
    if not 0 < wide * high <= MOST_PIXELS:
        raise WrongFile("too_large_picture", "The selected picture is too large: make it smaller")
    return "image/png"


def _kind_of_zip(data: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as parts:
            listed = parts.infolist()
            mimetype = parts.read("mimetype")[:80] if _is_small(listed, "mimetype") else b""
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError, zlib.error):
        raise WrongFile("wrong_file", WRONG_FILE) from None
    names = {part.filename for part in listed}
    if sum(part.file_size for part in listed) > LARGEST_UNPACKED or any("vbaProject" in name for name in names):
        raise WrongFile("unsafe_file", "The selected file is too large inside, or holds macros: save it as a PDF")
    if {"[Content_Types].xml", "word/document.xml"} <= names:
        return "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    if mimetype.strip() == b"application/vnd.oasis.opendocument.text":
        return "application/vnd.oasis.opendocument.text"
    raise WrongFile("wrong_file", WRONG_FILE)


def _is_small(listed: Iterable[zipfile.ZipInfo], name: str) -> bool:
    return any(part.filename == name and part.file_size <= 200 for part in listed)


def _short_enough(kind: str, data: bytes) -> str:
    lasts = recordings.seconds(kind, data)
    if lasts is None:
        raise WrongFile("wrong_file", WRONG_FILE)
    if lasts > LONGEST:
        raise WrongFile("too_long", TOO_LONG)
    return kind


def _kind_of_text(data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise WrongFile("wrong_file", WRONG_FILE) from None
    if _MARKUP.search(data[:4096]) or _CONTROL.search(text):
        raise WrongFile("wrong_file", WRONG_FILE)
    return "text/plain"


def without_whereabouts(kind: str, data: bytes) -> bytes:
    """Give a photo or recording without what the device noted in it: where it was made may be a safe address."""
    if kind in recordings.KINDS:
        return recordings.plain(kind, data)
    if kind == "image/png":
        return _plain_png(data)
    return _plain_jpeg(data) if kind == "image/jpeg" else data


def _plain_png(data: bytes) -> bytes:
    """Keep the chunks that say how it looks, each as it is; what stands behind the picture's end goes too."""
    kept, at, name = [_PNG], len(_PNG), b""
    while name != b"IEND" and at + 12 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        end = at + 12 + size
        if size <= _PNG_KEPT.get(name, -1) and end <= len(data):
            kept.append(data[at:end])
        at = end
    return b"".join((*kept, _PNG_END))


def _plain_jpeg(data: bytes) -> bytes:
    """Keep the segments that say how it looks; fill bytes and whatever follows the first picture's end go too."""
    kept, at = [bytes((0xFF, _JPEG_START))], 2
    while (found := _MARKER.search(data, at)) and (marker := data[found.end() - 1]) != _JPEG_END:
        at = begins = found.end()
        if marker not in _JPEG_ALONE:
            at += int.from_bytes(data[begins : begins + 2], "big")
            kept.append(_plain_segment(marker, data[begins + 2 : at]))
        if marker == _SCAN:
            behind = _BEHIND_SCAN.search(data, at)
            ends = behind.start() if behind else len(data)
            kept.append(data[at:ends].rstrip(b"\xff"))
            at = ends
    return b"".join((*kept, bytes((0xFF, _JPEG_END))))


def _plain_segment(marker: int, inside: bytes) -> bytes:
    if marker == 0xE0 and inside.startswith(b"JFIF\0"):
        inside = inside[:12] + b"\0\0"  # without its thumbnail
    elif marker == 0xEE and inside.startswith(b"Adobe"):
        inside = inside[:12]
    elif marker not in _JPEG_KEPT:
        return b""
    return struct.pack(">BBH", 0xFF, marker, len(inside) + 2) + inside


def file_name(name: str) -> str:
    """Give the name to show of a file: without folders, hidden and control characters, at most 200 characters."""
    plain = unicodedata.normalize("NFC", re.split(r"[/\\]", name)[-1])
    shown = "".join(letter for letter in plain if unicodedata.category(letter) not in {"Cc", "Cf", "Zl", "Zp"})
    return shown.strip()[:200] or "file"


def keep(folder: Path, keys: KeyStore, file_id: str, data: bytes) -> None:
    """Write a file under its own random id, sealed with the key of that id."""
    folder.mkdir(exist_ok=True)
    (folder / file_id).write_text(keys.seal(file_id, b64encode(data).decode()))


def forget(folder: Path, file_id: str) -> None:
    """Take a file that `keep` wrote away, where it is there."""
    (folder / file_id).unlink(missing_ok=True)


def read(folder: Path, keys: KeyStore, file_id: str) -> bytes:
    """Read a file that `keep` wrote; empty where it has been erased."""
    kept = folder / file_id
    return b64decode(keys.unseal_or(kept.read_text() if kept.exists() else None, ""))
