"""Photos: what is left of one says how it looks, and nothing of where, when or with what it was taken."""

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdoor.files import kind_of_file, without_whereabouts

CANARY = b"ZZCANARY 51.5N 0.7E"


def chunk(name, inside=b""):
    return struct.pack(">I", len(inside)) + name + inside + struct.pack(">I", zlib.crc32(name + inside))


def png(*noted, behind=b""):
    """A picture of 2 by 2 grey pixels."""
    looks = chunk(b"gAMA", b"\0\0\xb1\x8f") + chunk(b"sRGB", b"\0") + chunk(b"pHYS", b"\0\0\x0b\x13\0\0\x0b\x13\1")
    pixels = chunk(b"IDAT", zlib.compress(b"\0\x10\x20" * 2))
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 0, 0, 0, 0))
    return start + b"".join(noted) + looks + pixels + b"".join(noted) + chunk(b"IEND") + behind


def segment(marker, inside, fill=b""):
    return fill + struct.pack(">BBH", 0xFF, marker, len(inside) + 2) + inside


JFIF = b"JFIF\0\1\1\0\0\1\0\1"
SCAN = segment(0xDA, b"\1\1\0\0\x3f\0") + b"\x3f"


def jpeg(*noted, behind=b"", thumbnail=b"\0\0", fill=b"", stray=b""):
    """A picture of 8 by 8 grey pixels, in two tables, a frame and a scan."""
    tables = segment(0xDB, b"\0" + b"\1" * 64, fill) + segment(0xC0, b"\x08\0\x08\0\x08\1\1\x11\0", fill)
    codes = segment(0xC4, b"\0\1" + b"\0" * 16) + segment(0xC4, b"\x10\1" + b"\0" * 16)
    adobe = segment(0xEE, b"Adobe\0\x64\0\0\0\0\0")
    start = b"\xff\xd8" + segment(0xE0, JFIF + thumbnail) + adobe + stray + b"".join(noted)
    return start + tables + codes + SCAN + b"".join(noted) + fill + b"\xff\xd9" + behind


NOTED_IN_PNG = {
    "Exif": png(chunk(b"eXIf", CANARY)),
    "text": png(chunk(b"tEXt", b"Comment\0" + CANARY)),
    "text in any language": png(chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + CANARY)),
    "packed text": png(chunk(b"zTXt", b"Comment\0\0" + zlib.compress(CANARY))),
    "time": png(chunk(b"tIME", b"\x07\xea\x0b\x12\x09\x1e\0")),
    "a colour profile": png(chunk(b"iCCP", CANARY + b"\0\0" + zlib.compress(CANARY))),
    "something of its own": png(chunk(b"gpSs", CANARY)),
    "more than there is to say": png(chunk(b"sBIT", CANARY)),
    "behind the end": png(behind=CANARY),
    "another picture behind the end": png(behind=png(chunk(b"eXIf", CANARY))),
}
NOTED_IN_JPEG = {
    "Exif": jpeg(segment(0xE1, b"Exif\0\0" + CANARY)),
    "Exif behind fill bytes": jpeg(segment(0xE1, b"Exif\0\0" + CANARY, fill=b"\xff" * 5)),
    "Exif behind stray bytes": jpeg(segment(0xE1, b"Exif\0\0" + CANARY), stray=CANARY),
    "Photoshop": jpeg(segment(0xED, CANARY)),
    "a colour profile": jpeg(segment(0xE2, b"ICC_PROFILE\0" + CANARY)),
    "an index of pictures": jpeg(segment(0xE2, b"MPF\0" + CANARY)),
    "the camera's own": jpeg(*(segment(marker, CANARY) for marker in range(0xE0, 0xF0))),
    "a comment": jpeg(segment(0xFE, CANARY)),
    "something reserved": jpeg(segment(0xF0, CANARY), b"\xff\x01", segment(0x02, CANARY)),
    "a thumbnail": jpeg(thumbnail=b"\1\1" + CANARY[:3]),
    "fill bytes": jpeg(fill=b"\xff" * 3),
    "behind the end": jpeg(behind=CANARY),
    "another picture behind the end": jpeg(behind=jpeg(segment(0xE1, b"Exif\0\0" + CANARY))),
}


@pytest.mark.parametrize("what", NOTED_IN_PNG)
def test_of_a_png_nothing_is_left_but_the_picture(what):
    assert kind_of_file(NOTED_IN_PNG[what]) == "image/png"
    assert without_whereabouts("image/png", NOTED_IN_PNG[what]) == png()


@pytest.mark.parametrize("what", NOTED_IN_JPEG)
def test_of_a_jpeg_nothing_is_left_but_the_picture(what):
    assert kind_of_file(NOTED_IN_JPEG[what]) == "image/jpeg"
    assert without_whereabouts("image/jpeg", NOTED_IN_JPEG[what]) == jpeg()


def test_a_jpeg_keeps_every_scan_and_its_restarts():
    start = b"\xff\xd8" + segment(0xC2, b"\x08\0\x08\0\x08\1\1\x11\0")
    first = segment(0xDA, b"\1\1\0\0\0\0") + b"\x3f\xff\0\xff\xd0\x3f"
    then = segment(0xC4, b"\0") + SCAN + b"\xff\xd9"
    noted = segment(0xE1, CANARY)
    assert without_whereabouts("image/jpeg", start + first + noted + then) == start + first + then


@pytest.mark.parametrize("kept", range(9, 400, 13))
def test_a_photo_that_broke_off_ends_properly_and_has_nothing_more_in_it(kept):
    picture = without_whereabouts("image/png", NOTED_IN_PNG["Exif"][:kept])
    photo = without_whereabouts("image/jpeg", NOTED_IN_JPEG["Exif"][:kept])
    assert (picture[-8:], photo[-2:]) == (b"IEND\xae\x42\x60\x82", b"\xff\xd9")
    assert CANARY[:8] not in picture + photo


@given(st.binary() | st.lists(st.sampled_from([b"\xff", b"\xda", b"\0", b"\xd9", b"\xe1", b"\2"])).map(b"".join))
def test_what_has_been_cleaned_stays_as_it_is(inside):
    for kind, start in (("image/png", b"\x89PNG\r\n\x1a\n"), ("image/jpeg", b"\xff\xd8")):
        once = without_whereabouts(kind, start + inside)
        assert without_whereabouts(kind, once) == once


def test_other_files_are_kept_as_they_are():
    assert without_whereabouts("text/plain", CANARY) == CANARY
