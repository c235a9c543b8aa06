"""A recording of a child's voice: told by its bytes, short, and without what the device noted."""

import io
import struct
import wave

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdoor import files, recordings


def wav(seconds=1, *, notes=b""):
    made = io.BytesIO()
    with wave.open(made, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(8000)
        sound.writeframes(b"\x80" * 8000 * seconds)
    noted = b"LIST" + struct.pack("<I", len(notes)) + notes if notes else b""
    return made.getvalue() + noted


def box(name, *inside):
    held = b"".join(inside)
    return struct.pack(">I4s", len(held) + 8, name) + held


def m4a(seconds=1, *, handler=b"soun", notes=b""):
    header = box(b"mvhd", struct.pack(">IIIII", 0, 3_900_000_000, 3_900_000_000, 1000, 1000 * seconds), bytes(80))
    track = box(b"trak", box(b"mdia", box(b"hdlr", bytes(8), handler, bytes(12))))
    noted = box(b"udta", box(b"\xa9xyz", notes)) if notes else b""
    return box(b"ftyp", b"M4A ", bytes(4)) + box(b"moov", header, track, noted) + box(b"mdat", b"sound")


def mp3(seconds=1, *, notes=b""):
    frame = b"\xff\xfb\x90\x00" + bytes(413)  # MPEG 1, layer III, 128 kbit/s at 44.1 kHz
    tag = b"ID3\x04\0\0" + bytes((0, 0, len(notes) >> 7, len(notes) & 0x7F)) + notes if notes else b""
    return tag + frame * round(seconds * 44100 / 1152)


KINDS = [(wav, recordings.WAV), (m4a, recordings.M4A), (mp3, recordings.MP3)]


@pytest.mark.parametrize(("make", "kind"), KINDS)
def test_a_short_recording_is_told_by_its_bytes_and_its_length(make, kind):
    assert files.kind_of_file(make(20)) == kind
    assert recordings.seconds(kind, make(20)) == pytest.approx(20, abs=0.05)


@pytest.mark.parametrize("make", [make for make, _ in KINDS])
def test_a_recording_of_more_than_3_minutes_is_refused(make):
    with pytest.raises(files.WrongFile) as refused:
        files.kind_of_file(make(182))
    assert refused.value.sentence == files.TOO_LONG


@pytest.mark.parametrize(("make", "kind"), KINDS)
def test_what_the_device_noted_goes_and_the_sound_stays(make, kind):
    cleaned = files.without_whereabouts(kind, make(2, notes=b"+51.5390+000.7142/ Canary"))
    assert b"Canary" not in cleaned
    assert recordings.seconds(kind, cleaned) == pytest.approx(2, abs=0.05)
    assert files.without_whereabouts(kind, cleaned) == cleaned


def test_when_a_recording_was_made_is_blanked_where_it_stands():
    cleaned = recordings.plain(recordings.M4A, m4a())
    assert struct.pack(">I", 3_900_000_000) not in cleaned
    assert len(cleaned) == len(m4a())


@pytest.mark.parametrize("data", [
    m4a(handler=b"vide"), b"RIFF\0\0\0\0WAVE", box(b"ftyp", b"M4A ", bytes(4)), b"ID3\x04\0\0\0\0\0\x05hello",
    b"RIFF\0\0\0\0AVI ", box(b"ftyp", b"qt  ", bytes(4)),
])  # fmt: skip
def test_a_film_and_what_only_says_that_it_is_a_recording_are_refused(data):
    with pytest.raises(files.WrongFile) as refused:
        files.kind_of_file(data)
    assert refused.value.sentence == files.WRONG_FILE


@given(st.binary(max_size=200), st.sampled_from([b"RIFF0000WAVE", b"\0\0\0\x0cftypM4A ", b"ID3", b"\xff\xfb\x90"]))
def test_whatever_stands_behind_a_first_mark_is_read_or_refused(data, begins):
    kind = recordings.kind_of(begins + data)
    if kind:
        recordings.seconds(kind, begins + data)
        recordings.plain(kind, begins + data)
