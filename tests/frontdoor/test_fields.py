"""What people type: one rule for each kind of field, wherever it is asked for."""

import json
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from frontdoor.events import instant, read_instant
from frontdoor.fields import IsoDate, Line, Postcode, Text, Version


def reads(kind, value):
    return TypeAdapter(kind).validate_json(json.dumps(value), strict=True)


@pytest.mark.parametrize("kind", [Line, Text])
@pytest.mark.parametrize(
    "value",
    ["a\0b", "a\u202eb", "a\x1b[31mb", "e" + "\u0301" * 50, "\u200b\u2060\u200d", "\u3164\u2800", " \n ", "", 5, None],
)
def test_what_cannot_be_read_is_refused(kind, value):
    with pytest.raises(ValidationError):
        reads(kind, value)


@pytest.mark.parametrize("value", ["a\nb", "a\r\nb", "a\tb", "a\u2028b", "a\u200fb"])
def test_a_line_is_one_line_and_a_text_may_have_several(value):
    assert reads(Text, value) == value.replace("\r\n", "\n")
    with pytest.raises(ValidationError):
        reads(Line, value)


@given(st.text(max_size=50))
def test_what_is_tidy_stays_as_it_is(typed):
    try:
        once = reads(Text, typed)
    except ValidationError:
        return
    assert reads(Text, once) == once


@given(st.dates())
def test_a_date_is_read_as_it_is_written(day):
    assert reads(IsoDate, day.isoformat()) == day


@pytest.mark.parametrize(
    "value",
    [
        "0",
        "1551657600",
        "-1",
        "20260312",
        "2026-3-12",
        "2026-W11-4",
        "2026-02-30",
        "2026-03-12T00:00:00",
        "２０２６-03-12",
        0,
        1551657600,
        None,
    ],
)
def test_nothing_else_is_a_date(value):
    with pytest.raises(ValidationError) as refused:
        reads(IsoDate, value)
    assert refused.value.errors()[0]["type"].startswith("date_")


@given(st.text("0123456789-T:+Z.", max_size=12))
def test_no_digits_are_taken_for_seconds_since_1970(typed):
    try:
        read = reads(IsoDate, typed)
    except ValidationError:
        return
    assert read == date.fromisoformat(typed)
    assert len(typed) == 10


@pytest.mark.parametrize(("typed", "read"), [("ss11aa", "SS1 1AA"), ("bfpo 57", "BFPO 57"), ("zz993vz", "ZZ99 3VZ")])
def test_a_postcode_is_written_as_the_post_office_does(typed, read):
    assert reads(Postcode, typed) == read


@pytest.mark.parametrize("number", [0, -1, 2**31, 2**63 - 1, 2**63, 10**30, True, 1.5, "1"])
def test_a_version_is_a_number_that_a_table_can_hold(number):
    with pytest.raises(ValidationError):
        reads(Version, number)


@given(st.datetimes(datetime(1000, 1, 1), timezones=st.just(UTC)))
def test_an_instant_is_read_as_it_is_written(at):
    assert read_instant(instant(at)) == at


@given(st.text() | st.datetimes(timezones=st.just(timezone(timedelta(hours=14)))).map(datetime.isoformat))
def test_no_other_text_is_an_instant_of_ours(text):
    with pytest.raises(ValueError, match=r"."):
        read_instant(text)
