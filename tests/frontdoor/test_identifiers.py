"""References that can be read out on the telephone, and links that cannot be guessed."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdoor.identifiers import ALPHABET, FamilyLink, FamilyLinks, event_id, normal_reference, reference

LINKS = FamilyLinks(b"a secret")


def test_a_reference_reads_as_itself_however_it_is_typed():
    made = reference()

    assert normal_reference(made) == made
    assert normal_reference(f" {made.lower().replace('-', ' ')} ") == made


@given(st.integers(1, 9).filter(lambda place: place != 4), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_noticed(place, letter):
    made = reference()
    wrong = made[:place] + letter + made[place + 1 :]

    assert wrong == made or normal_reference(wrong) is None


def test_references_hold_nothing_that_is_taken_for_something_else():
    assert not set("0O1ILSBZU5") & set(ALPHABET) - {"5"}


def test_event_ids_are_uuid_version_7_and_sort_by_time():
    now = datetime(2026, 11, 18, 9, 30, tzinfo=UTC)
    made = [event_id(now + timedelta(milliseconds=step)) for step in range(5)]

    assert made == sorted(made)
    assert {UUID(one).version for one in made} == {7}


def test_a_link_opens_what_it_was_written_for():
    link = FamilyLink("R7K2-9QF4X", "K-2345678", 2)

    assert LINKS.read(LINKS.token(link)) == link


@pytest.mark.parametrize(
    "change",
    [
        lambda token: token.replace("R7K2", "R7K3"),
        lambda token: token.replace(".2.", ".3."),
        lambda token: token[:-1] + ("0" if token[-1] != "0" else "1"),
        lambda token: token + ".more",
        lambda token: token.replace("K-2345678", "sender"),
        lambda _: "",
        lambda _: "a.b.c.d",
        lambda _: "é.é.1.é",
    ],
)
def test_a_link_that_was_changed_opens_nothing(change):
    token = LINKS.token(FamilyLink("R7K2-9QF4X", "K-2345678", 2))

    assert LINKS.read(change(token)) is None


def test_a_link_of_another_installation_opens_nothing():
    token = FamilyLinks(b"another secret").token(FamilyLink("R7K2-9QF4X", "sender", 1))

    assert LINKS.read(token) is None
