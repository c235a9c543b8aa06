"""What waited for a birthday comes back by itself: once, with the reason, and with a date of its own."""

from datetime import date
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdoor.areas import areas_folder, load_area
from frontdoor.calendars import CALENDAR_VERSION, local_date, month_begun
from frontdoor.events import EntryBroughtUp, Wait
from frontdoor.testing import NOW
from triage_panel import domain

WAIT = Wait(support="paediatrics", ready_on=date(2027, 2, 1), interim=("early_help",))
AREA = load_area(areas_folder() / "sample")


@pytest.fixture
def queues(one_stage):
    """Each test has a referral of its own, so one stage serves them all."""
    one_stage.stage.clock.now = NOW
    return one_stage


@pytest.mark.parametrize("decided", ["accept", "decline", "return", "redirect", "hold", None])
def test_on_the_birthday_it_stands_in_the_queue_again_whatever_was_decided(queues, decided):
    reference = queues.refer("health", waits=(WAIT,))
    if decided:
        more = {"redirect_to": "care"} if decided == "redirect" else {}
        assert queues.decide(reference, decided, **more).status_code == 201
    queues.stage.clock.forward(days=75)

    queues.comes_of_age(reference, ready_on=date(2027, 2, 1))

    line = queues.line(reference)
    assert (line["status"], line["old_enough_for"]) == ("queued", ["paediatrics"])


def test_it_comes_back_once_however_often_and_by_how_many_it_is_said(queues):
    reference = queues.refer("health")
    queues.decide(reference, "accept")
    said = queues.comes_of_age(reference)

    queues.stage.hears_again(*said, *said)

    assert queues.said(reference).count("EntryBroughtUp") == 1


def test_what_had_been_decided_is_decided_anew_by_a_date_that_counts_from_the_birthday(queues):
    reference = queues.refer("health")
    queues.decide(reference, "accept")
    queues.stage.clock.forward(days=75)

    queues.comes_of_age(reference, ready_on=date(2027, 2, 1))

    line = queues.line(reference)
    assert (line["due_at"][:10], line["clock"]) == ("2027-02-22", "on_track")
    queues.decide(reference, "accept")
    assert queues.said(reference).count("StandardMet") == 2
    assert queues.line(reference)["clock"] == "met"


def test_what_was_never_decided_keeps_the_date_that_was_promised(queues):
    reference = queues.refer("health")
    promised = queues.line(reference)["due_at"]

    queues.comes_of_age(reference)

    assert queues.line(reference)["due_at"] == promised


def test_a_birthday_on_which_nobody_decides_in_time_is_missed_once(queues):
    reference = queues.refer("health")
    queues.decide(reference, "accept")
    queues.comes_of_age(reference, ready_on=date(2027, 2, 1))
    queues.stage.clock.forward(days=100)

    for _ in range(3):
        queues.stage.chores()

    assert queues.said(reference).count("StandardBreached") == 1


@given(st.dates(date(2026, 9, 1), date(2028, 6, 30)).map(month_begun))
def test_the_new_date_is_the_same_whenever_it_is_counted(ready_on):
    standard = domain.standard_for(AREA.standards.values(), "health", ["paediatrics"])
    due = domain.due(ready_on, standard.limit, standard.unit, AREA.calendar_of(None))
    new = domain.Promised(due, standard.code, standard.version, CALENDAR_VERSION)
    old = domain.Promised(NOW, "triage", "1", CALENDAR_VERSION)
    said = [domain.bring_up(accepted(), "paediatrics", ready_on, old, new) for _ in range(2)]

    assert said[0] == said[1]
    assert isinstance(said[0], EntryBroughtUp)
    assert local_date(said[0].due_at) > ready_on


def accepted():
    named = {"reference": "R7K2-9QF4X", "agency": "health", "child_id": "C-4MXKQ7PD", "status": "accepted"}
    who = {"priority": "routine", "sent_by": "senco", "setting": None, "family": ()}
    return domain.Standing(**named, **who, received_at=NOW, due_at=NOW, standard="triage", decided_at=NOW)


def test_what_was_withdrawn_does_not_come_up_again(queues):
    reference = queues.refer("health")
    queues.withdraw(reference)

    queues.comes_of_age(reference)

    assert queues.line(reference)["status"] == "withdrawn"


def test_only_the_teams_that_were_asked_are_asked_again(queues):
    reference = queues.refer("health", "education")
    for agency in ("health", "education"):
        queues.decide(reference, "accept", agency)

    queues.comes_of_age(reference, "education")

    assert [queues.line(reference, agency)["status"] for agency in ("health", "education")] == ["accepted", "queued"]


def test_the_triager_reads_what_waits_until_when_and_what_happens_meanwhile(queues):
    reference = queues.refer("health", waits=(WAIT,), flags=("too_young_yet",))
    page = unescape(queues.stage.as_person("health-triager").get(f"/queues/health/{reference}").text)

    assert "Paediatrics: from Monday 1 February 2027. Meanwhile: early help" in page
    queues.stage.clock.forward(days=75)
    assert "Too young yet" not in unescape(
        queues.stage.as_person("health-triager").get(f"/queues/health/{reference}").text
    )


def test_the_reason_stands_in_the_list_on_the_page_and_in_the_history_until_it_is_decided(queues):
    reference = queues.refer("health", waits=(WAIT,))
    queues.decide(reference, "accept")
    queues.comes_of_age(reference)
    triager = queues.stage.as_person("health-triager")

    listed, page = queues.line(reference), unescape(triager.get(f"/queues/health/{reference}").text)
    in_list = unescape(triager.get("/queues/health?status=queued").text)
    queues.decide(reference, "accept")

    assert listed["old_enough_for"] == ["paediatrics"]
    assert "Old enough now for paediatrics" in in_list
    assert "The child is old enough now for what had to wait" in page
    assert "Back in the queue: old enough now for paediatrics" in page
    assert queues.line(reference)["old_enough_for"] == []


def test_a_wait_goes_along_to_the_team_that_a_referral_is_passed_to(queues):
    reference = queues.refer("health", waits=(WAIT,))
    queues.decide(reference, "redirect", redirect_to="care")

    queued = queues.stage.said(f"entry/{reference}/care")[0]
    assert queued.waits == (WAIT,)


def test_nothing_that_ended_before_the_birthday_can_be_taken_back_after_it(queues):
    reference = queues.refer("health")
    queues.decide(reference, "decline", reason_code="duplicate")
    queues.comes_of_age(reference)

    assert queues.decide(reference, "reopen", reason_code="duplicate").status_code == 409
