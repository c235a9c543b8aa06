"""Short recordings of a voice: told by their bytes, how long they last, and without what the device noted in them.

Three kinds, which telephones and computers make and every browser plays: MP3, M4A (MPEG-4 audio) and WAV. Nothing is
decoded; only the frames and boxes around the sound are read.
"""

import struct
from collections.abc import Iterator

MP3, M4A, WAV = "audio/mpeg", "audio/mp4", "audio/wav"
KINDS = frozenset({MP3, M4A, WAV})
_BRANDS = frozenset({b"M4A ", b"M4B ", b"mp42", b"mp41", b"isom", b"iso2"})
_BIT_RATES = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_BIT_RATES_LOW = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_SAMPLE_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
"""Layer III: by the version's two bits."""
_STRAY = 65_536
"""How many bytes may stand between two frames of an MP3 before it counts as ended."""
_INSIDE = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl"})
"""Boxes that hold boxes, on the way to what is looked for."""
_NOTED = frozenset({b"udta", b"meta", b"uuid"})
"""Boxes in which a device notes who, when and where."""


def kind_of(data: bytes) -> str | None:
    """Tell the media type of a recording; None for what is none."""
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return WAV
    if data[4:8] == b"ftyp" and data[8:12] in _BRANDS:
        return M4A
    return MP3 if data[:3] == b"ID3" or _frame(data, 0) else None


def seconds(kind: str, data: bytes) -> float | None:
    """Say how long a recording lasts; None where that cannot be told, or it holds a film."""
    if kind == WAV:
        return _wav_seconds(data)
    return _m4a_seconds(data) if kind == M4A else _mp3_seconds(data)


def plain(kind: str, data: bytes) -> bytes:
    """Give a recording without names, dates and places: the sound stays as it is."""
    if kind == WAV:
        body = b"".join(_chunk(name, held) for name, held in _kept(data))
        return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body
    if kind == M4A:
        return _plain_m4a(data)
    return b"".join(data[at : at + size] for at, size, _ in _frames(data))


# --- WAV --------------------------------------------------------------------------------------------------------------


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        yield name, data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _chunk(name: bytes, held: bytes) -> bytes:
    return name + struct.pack("<I", len(held)) + held + b"\0" * (len(held) % 2)


def _kept(data: bytes) -> list[tuple[bytes, bytes]]:
    return [(name, held) for name, held in _chunks(data) if name in {b"fmt ", b"data"}]


def _wav_seconds(data: bytes) -> float | None:
    held = dict(_kept(data))
    if len(held.get(b"fmt ", b"")) < 16 or b"data" not in held:
        return None
    (rate,) = struct.unpack_from("<I", held[b"fmt "], 8)
    return len(held[b"data"]) / rate if rate else None


# --- M4A --------------------------------------------------------------------------------------------------------------


def _boxes(data: bytes, begins: int, ends: int) -> Iterator[tuple[bytes, int, int]]:
    """Every box from here on, also inside others: (name, where its content begins, where it ends)."""
    at = begins
    while at + 8 <= ends:
        size, name = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1 and at + 16 <= ends:
            (size,) = struct.unpack_from(">Q", data, at + 8)
            head = 16
        size = size or ends - at
        if size < head or at + size > ends:
            return
        yield name, at + head, at + size
        if name in _INSIDE:
            yield from _boxes(data, at + head, at + size)
        at += size


def _m4a_seconds(data: bytes) -> float | None:
    boxes = list(_boxes(data, 0, len(data)))
    kinds = {data[begins + 8 : begins + 12] for name, begins, _ in boxes if name == b"hdlr"}
    header = next((begins for name, begins, ends in boxes if name == b"mvhd" and ends - begins >= 32), None)
    if header is None or kinds != {b"soun"}:
        return None
    wide = data[header] == 1
    scale, lasts = struct.unpack_from(">IQ" if wide else ">II", data, header + (20 if wide else 12))
    return lasts / scale if scale else None


def _plain_m4a(data: bytes) -> bytes:
    """Blank the boxes of notes where they stand, so that what points at the sound still does."""
    cleaned = bytearray(data)
    for name, begins, ends in _boxes(data, 0, len(data)):
        if name in _NOTED:
            cleaned[begins - 4 : ends] = b"free" + bytes(ends - begins)
        elif name in {b"mvhd", b"tkhd", b"mdhd"}:
            width = 16 if data[begins] == 1 else 8
            cleaned[begins + 4 : begins + 4 + width] = bytes(width)  # when it was made
    return bytes(cleaned)


# --- MP3 --------------------------------------------------------------------------------------------------------------


def _frame(data: bytes, at: int) -> tuple[int, float] | None:
    """Read a frame's header: its length in bytes and in seconds; None where there is none."""
    if at + 4 > len(data) or data[at] != 0xFF or data[at + 1] & 0xE6 != 0xE2:
        return None
    version, padding = data[at + 1] >> 3 & 3, data[at + 2] >> 1 & 1
    bits, rate = data[at + 2] >> 4, data[at + 2] >> 2 & 3
    if version == 1 or bits in {0, 15} or rate == 3:
        return None
    kilobits = (_BIT_RATES if version == 3 else _BIT_RATES_LOW)[bits]
    hertz, samples = _SAMPLE_RATES[version][rate], 1152 if version == 3 else 576
    return samples // 8 * kilobits * 1000 // hertz + padding, samples / hertz


def _frames(data: bytes) -> Iterator[tuple[int, int, float]]:
    """Every frame of sound: (where, how many bytes, how many seconds); what stands between them is passed over."""
    at = 0
    if data[:3] == b"ID3" and len(data) > 10:
        at = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=True))
    heard = at
    while 0 <= at < len(data) and at - heard < _STRAY:
        found = _frame(data, at)
        if found is None or at + found[0] > len(data):
            at = data.find(b"\xff", at + 1)
            continue
        yield at, *found
        at = heard = at + found[0]


def _mp3_seconds(data: bytes) -> float | None:
    return sum(lasts for _, _, lasts in _frames(data)) or None
