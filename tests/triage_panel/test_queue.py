"""The lists, and the standards."""

import base64
import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdoor import testing
from frontdoor.identifiers import reference
from triage_panel.commands import Cursor


def listed(queues, query="", agency="health"):
    return queues.stage.as_person(f"{agency}-triager").get(f"/api/queues/{agency}{query}").json()


def test_an_empty_queue_is_an_empty_list(queues):
    assert listed(queues) == {"entries": [], "next": None}


def test_an_entry_shows_what_the_contract_names(queues):
    reference = queues.refer("health", received_at=queues.stage.clock.now - timedelta(days=3))

    (entry,) = listed(queues)["entries"]

    assert entry == {
        "reference": reference,
        "status": "queued",
        "version": 1,
        "priority": "routine",
        "rank": 1,
        "received_at": "2026-11-15T09:30:00.000000Z",
        "due_at": "2026-11-27T23:59:59.000000Z",
        "clock": "on_track",
        "days_waiting": 3,
        "holder": None,
        "kind": "request",
        "needs": ["SLCN"],
        "support": ["speech_and_language"],
        "out_of_area": False,
        "to_be_sorted": False,
        "old_enough_for": [],
        "child_name": "Canary Invented",
    }


def test_the_most_urgent_come_first_then_the_soonest_due(queues):
    now = queues.stage.clock.now
    late, early, urgent = (queues.refer("health", received_at=now - timedelta(days=days)) for days in (1, 5, 0))
    soon = queues.refer("health")
    queues.decide(urgent, "accept", priority="urgent")
    queues.decide(soon, "accept", priority="soon")

    assert [entry["reference"] for entry in listed(queues)["entries"]] == [urgent, soon, early, late]


def test_pages_follow_one_another_without_a_gap_or_a_double(queues):
    references = {queues.refer("health", received_at=queues.stage.clock.now) for _ in range(120)}
    first = listed(queues)
    second = listed(queues, f"?cursor={first['next']}")
    third = listed(queues, f"?cursor={second['next']}")

    entries = [entry for page in (first, second, third) for entry in page["entries"]]

    assert [len(page["entries"]) for page in (first, second, third)] == [50, 50, 20]
    assert ({entry["reference"] for entry in entries}, third["next"]) == (references, None)
    assert [entry["rank"] for entry in entries] == list(range(1, 121))


def test_a_full_last_page_has_no_next(queues):
    for _ in range(50):
        queues.refer("health")

    assert listed(queues)["next"] is None


@pytest.mark.parametrize(
    ("outcome", "status", "has_ended"),
    [
        ("hold", "on_hold", False),
        ("return", "returned", False),
        ("accept", "accepted", False),
        ("decline", "declined", True),
    ],
)
def test_without_a_status_what_has_not_ended_is_listed(queues, outcome, status, has_ended):
    queues.decide(queues.refer("health"), outcome)

    assert [entry["status"] for entry in listed(queues)["entries"]] == ([] if has_ended else [status])
    assert [entry["status"] for entry in listed(queues, f"?status={status}&cursor=")["entries"]] == [status]


@pytest.mark.parametrize("query", ["?status=lost", "?cursor=x", "?cursor=W10", "?cursor=bnVsbA", "?cursor=%C3%A9"])
def test_a_query_that_cannot_be_used_is_named(queues, query):
    answer = queues.stage.as_person("health-triager").get(f"/api/queues/health{query}")

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, query[1:7])


def test_a_cursor_leads_on_only_in_its_own_list(queues):
    for _ in range(51):
        queues.refer("health")
    cursor = listed(queues)["next"]

    assert (
        queues.stage.as_person("health-triager").get(f"/api/queues/health?status=queued&cursor={cursor}").status_code
        == 422
    )


OURS = {
    "rank": 50,
    "status": "",
    "order": 1,
    "due_at": "2026-11-27T23:59:59.000000Z",
    "received_at": "2026-11-15T09:30:00.000000Z",
    "reference": reference(),
}


def encoded(said):
    return base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")


def test_the_cursor_that_the_tests_below_change_is_one_of_ours(one_stage):
    answer = one_stage.stage.as_person("health-triager").get(f"/api/queues/health?cursor={encoded(OURS)}")
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"order": 10**30},
        {"order": -1},
        {"order": 1.0},
        {"rank": 50.5},
        {"rank": 2**31},
        {"rank": True},
        {"due_at": "0001-01-01T00:00:00+14:00"},
        {"due_at": "9999-12-31T23:59:59-14:00"},
        {"received_at": "2026-11-15T09:30:00Z"},
        {"received_at": 0},
        {"reference": "\ud800"},
        {"reference": "'; --"},
        {"more": 1},
    ],
)
def test_a_cursor_that_somebody_made_up_is_refused_by_name(one_stage, changed):
    answer = one_stage.stage.as_person("health-triager").get(
        "/api/queues/health", params={"cursor": encoded(OURS | changed)}
    )
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "cursor")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.sampled_from(sorted(OURS)), inner),
    max_leaves=8,
)


@given(
    st.one_of(
        st.text(),
        st.binary().map(lambda some: base64.urlsafe_b64encode(some).decode()),
        JSON.map(encoded),
        st.dictionaries(st.sampled_from(sorted(OURS)), JSON).map(lambda changed: encoded(OURS | changed)),
    )
)
def test_whatever_stands_in_a_cursor_it_is_exactly_ours_or_refused(text):
    try:
        read = Cursor.read(text)
        assert isinstance(read.place, tuple)
    except ValueError:
        return
    assert read.text == text


def test_a_list_leaves_one_audit_row_that_names_what_was_shown(queues):
    references = [queues.refer("health") for _ in range(3)]

    shown = [entry["reference"] for entry in listed(queues)["entries"]]

    with queues.stage.look() as session:
        rows = session.connection().exec_driver_sql('select person, action, agreement, "references" from audit').all()
    assert [(*row[:3], json.loads(row[3])) for row in rows] == [
        ("health-triager", "queue.read", "sample-front-door", shown)
    ]
    assert sorted(shown) == sorted(references)


@pytest.mark.skipif(testing.postgres is not None, reason="how SQLite finds a page")
def test_the_page_of_a_queue_walks_its_index_and_sorts_nothing(queues):
    with queues.stage.look() as session:
        plan = session.connection().exec_driver_sql(
            "explain query plan select * from entry where area = 'a' and agency = 'b' and open = 1 and "
            "(priority_order, due_at, received_at, reference) > (1, 'c', 'd', 'e') "
            "order by priority_order, due_at, received_at, reference limit 51"
        )
        steps = " ".join(str(row[3]) for row in plan)
    assert "entry_queue" in steps
    assert "TEMP B-TREE" not in steps


def test_the_standards_are_there_for_anybody(queues):
    answer = queues.stage.as_person(None).get("/api/standards")

    triage = next(one for one in answer.json() if one["code"] == "triage")
    assert answer.status_code == 200
    assert {name: triage[name] for name in ("code", "step", "limit", "unit", "version", "title")} == {
        "code": "triage",
        "step": "triage",
        "limit": 10,
        "unit": "school_days",
        "version": "2026.1",
        "title": "Each team decides what happens with the referral",
    }
