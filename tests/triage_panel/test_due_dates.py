"""By when an entry is to be decided."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdoor.areas import areas_folder, load_area
from frontdoor.calendars import CALENDAR_VERSION, local_date, received_on
from frontdoor.events import AGENCIES
from triage_panel import domain

AREA = load_area(areas_folder() / "sample")


@pytest.mark.parametrize(
    ("agency", "support", "setting", "received", "standard", "due_day"),
    [
        ("health", ["speech_and_language"], "sample-school", "2026-11-18T09:30Z", "triage", "2026-12-02"),
        ("health", ["speech_and_language"], "other-school", "2026-11-18T09:30Z", "triage", "2026-12-03"),
        ("health", [], None, "2026-12-16T09:30Z", "triage", "2027-01-14"),
        ("health", [], "a school nobody knows", "2026-12-16T09:30Z", "triage", "2027-01-14"),
        ("care", ["ehc_needs_assessment"], "sample-school", "2026-11-18T09:30Z", "triage", "2026-12-02"),
        ("health", ["ehc_needs_assessment"], "sample-school", "2026-11-18T09:30Z", "triage", "2026-12-02"),
        ("education", ["ehc_needs_assessment"], None, "2026-11-18T09:30Z", "ehcna_decision", "2026-12-30"),
        (
            "education",
            ["ehc_needs_assessment", "early_help"],
            None,
            "2026-12-16T09:30Z",
            "ehcna_decision",
            "2027-01-27",
        ),
        ("education", ["send_support"], "sample-school", "2026-11-18T09:30Z", "triage", "2026-12-02"),
        ("education", ["ehc_needs_assessment"], None, "2026-07-01T22:59Z", "ehcna_decision", "2026-08-12"),
        ("education", ["ehc_needs_assessment"], None, "2026-07-01T23:30Z", "ehcna_decision", "2026-08-13"),
    ],
)
def test_each_entry_is_due_by_the_most_specific_standard(queues, agency, support, setting, received, standard, due_day):
    queues.refer(agency, received_at=datetime.fromisoformat(received), support=tuple(support), setting=setting)

    queued = queues.stage.said()[-1]

    assert (queued.standard, local_date(queued.due_at).isoformat()) == (standard, due_day)


def test_an_entry_records_the_rules_its_date_was_counted_by(queues):
    queues.refer("education", support=("ehc_needs_assessment",))

    queued = queues.stage.said()[-1]

    assert (queued.standard_version, queued.calendar_version) == ("2026.1", CALENDAR_VERSION)


def test_the_clock_is_met_by_a_decision_in_time_and_overdue_for_ever_after_a_late_one():
    due = datetime(2026, 12, 2, 23, 59, 59, tzinfo=UTC)
    months_later = datetime(2027, 3, 1, tzinfo=UTC)

    shown = [domain.clock(standing(due, decided_at=at), months_later) for at in (due, due.replace(day=3), None)]

    assert shown == ["met", "overdue", "overdue"]


@given(
    received=st.datetimes(datetime(2026, 9, 1), datetime(2027, 6, 30), timezones=st.just(UTC)),
    agency=st.sampled_from(AGENCIES),
    support=st.lists(st.sampled_from(sorted(AREA.pathways.support)), max_size=3),
    calendar=st.sampled_from(sorted(AREA.calendars)),
)
def test_a_due_date_is_later_than_its_receipt_and_the_same_whenever_it_is_counted(received, agency, support, calendar):
    standard = domain.standard_for(AREA.standards.values(), agency, support)
    since, of_school = received_on(received), AREA.calendars[calendar]
    days = [domain.due(since, standard.limit, standard.unit, of_school) for _ in range(2)]

    assert days[0] == days[1]
    assert days[0] > received
    assert local_date(days[0]) > date(2026, 9, 1)


def standing(due, **more):
    facts = {
        "reference": "R",
        "agency": "health",
        "child_id": "C",
        "status": "accepted",
        "priority": "routine",
        "received_at": due,
        "due_at": due,
        "standard": "triage",
        "sent_by": "senco",
        "setting": None,
        "family": (),
    }
    return domain.Standing(**facts | more)
