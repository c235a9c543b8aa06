"""The rules of the record, for any lines in any order."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from child_record import domain
from child_record.domain import FAMILY, WORDS, Line, Reader, Stand
from frontdoor.events import AGENCIES, ReferralAmended
from frontdoor.testing import NOW

SERVICES = {"referral": "referral-intake", "entry": "triage-panel", "notice": "notification"}
STAFF = Reader("triager", "health", frozenset({"status", "decision", "booking"}))


@st.composite
def lines(draw):
    """Any line, however unlikely, at one of a few instants."""
    what = draw(st.sampled_from(sorted(WORDS)))
    kind = {"received": "referral", "entry": "entry", "therapy": "entry", "standard": "entry", "notice": "notice"}
    stream = kind.get(what.partition("_")[0], "waiting")
    facts = {
        "discipline": draw(st.sampled_from(["salt", "ot"])),
        "booking": draw(st.sampled_from(["G-1", "G-2"])),
        "offer": "F-1",
        "due_at": "2026-12-02T23:59:59.000000Z",
        "offer_due": "2026-12-30T23:59:59.000000Z",
        "first_session": draw(st.sampled_from(["2026-11-25T10:00:00.000000Z", None])),
        "reason_code": draw(st.sampled_from(["other", "no_longer_needed", None])),
    }
    at = NOW + timedelta(minutes=draw(st.integers(0, 3)))
    agency = draw(st.sampled_from(AGENCIES)) if stream not in {"referral", "notice"} else None
    service = SERVICES.get(stream, "therapy-booking")
    return Line(at, service, what, agency, "somebody", facts, f"{stream}/1", draw(st.integers(1, 50)))


UNIQUE = st.lists(lines(), max_size=12, unique_by=lambda line: line.place)


@given(UNIQUE, st.randoms(use_true_random=False))
def test_where_it_stands_depends_on_what_happened_and_not_on_what_arrived_first(found, random):
    shuffled = random.sample(found, len(found))
    assert domain.stands(("health",), NOW, shuffled) == domain.stands(("health",), NOW, found)
    assert domain.visible(shuffled, STAFF) == domain.visible(found, STAFF)


@given(UNIQUE)
def test_every_agency_always_has_a_step_with_words_for_everybody(found):
    stands = domain.stands(AGENCIES, NOW, found)
    assert {stand.agency for stand in stands} == set(AGENCIES)
    for stand in stands:
        assert "{" not in domain.state_text(stand, family=True) + domain.state_text(stand, family=False)


@given(UNIQUE, st.integers(0, 60))
def test_next_is_always_one_sentence(found, days):
    stands = domain.stands(AGENCIES, NOW, found)
    said = domain.next_sentence(stands, NOW, NOW + timedelta(days=days))
    assert said.endswith(".")
    assert said.count(". ") == 0
    assert "{" not in said


@given(UNIQUE, st.sampled_from([FAMILY, Reader("sender", "education", None), STAFF]))
def test_nobody_sees_more_than_staff_do_and_the_family_no_line_without_words(found, reader):
    seen = domain.visible(found, reader)
    assert {line.place for line in seen} <= {line.place for line in domain.visible(found, STAFF)}
    assert all(domain.text_for(line, reader) for line in seen)


def test_a_category_that_the_agreement_leaves_out_is_not_shown():
    booked = Line(NOW, "therapy-booking", "block_booked", "health", "", {}, "booking/1", 1)
    assert domain.visible([booked], replace(STAFF, categories=frozenset({"status"}))) == []


@pytest.mark.parametrize("what", sorted(WORDS))
def test_words_for_the_family_name_no_discipline_reason_or_organisation(what):
    said = WORDS[what].family or ""
    assert not [
        part for part in ("{reason}", "{discipline}", "{Discipline}", "{standard}", "{outcome}") if part in said
    ]


@pytest.mark.parametrize(
    ("state", "due_in", "met_in", "clock"),
    [
        ("queued", 10, None, "on_track"),
        ("queued", 2, None, "due_soon"),
        ("queued", -1, None, "overdue"),
        ("accepted", -1, -2, "met"),
        ("withdrawn", 10, None, None),
        ("received", None, None, None),
    ],
)
def test_a_clock_shows_what_is_due(state, due_in, met_in, clock):
    due, met = (NOW + timedelta(days=days) if days is not None else None for days in (due_in, met_in))
    assert Stand("health", state, NOW, due, met).clock(NOW) == clock


def test_a_reopened_entry_is_on_its_old_clock_again():
    def line(what, days, **facts):
        return Line(NOW + timedelta(days=days), "triage-panel", what, "health", "", facts, "entry/1", days + 1)

    queued = line("entry_queued", 0, due_at="2026-12-02T23:59:59.000000Z")
    [stand] = domain.stands(("health",), NOW, [queued, line("entry_declined", 1), line("entry_reopened", 2)])
    assert (stand.state, stand.clock(NOW + timedelta(days=20))) == ("queued", "overdue")


@pytest.mark.parametrize(
    ("actor", "organisation", "by"),
    [
        ("senco", None, "a SENCO"),
        ("health-triager", "Saltmarsh Community NHS Trust", "Saltmarsh Community NHS Trust"),
        ("somebody", None, "somebody who may add to it"),
        ("service:triage-panel", None, "Front Door, by itself"),
    ],
)
def test_who_did_it_is_said_by_role_or_organisation(actor, organisation, by):
    added = ReferralAmended(reference="R", child_id="C", agencies=("health",), text="s1.C.x")
    assert domain.said_by(added, actor, "senco", "a SENCO", organisation) == by


@pytest.mark.parametrize(("renewed_to", "opens"), [(None, 1), (2, 2), (7, 7)])
def test_one_generation_of_a_link_opens(renewed_to, opens):
    assert [generation for generation in range(10) if domain.is_current(generation, renewed_to)] == [opens]
