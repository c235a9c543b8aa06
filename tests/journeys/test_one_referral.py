"""One referral, from the form to a booked block and the family's page."""

from datetime import datetime

import pytest

pytestmark = pytest.mark.slow


def test_a_referral_stands_in_each_queue_that_it_concerns_with_its_dates(front_door):
    sent = front_door.refer()

    assert sent["agencies"] == ["education", "health"]
    for agency in ("education", "health"):
        entry = front_door.queue(agency)[sent["reference"]]
        assert entry["status"] == "queued"
        assert instant(entry["received_at"]) == instant(sent["received_at"])
        assert entry["due_at"].startswith("2026-12-02")
    assert sent["reference"] not in front_door.queue("care")


def test_the_family_is_told_once_of_each_step(front_door):
    sent = front_door.refer()
    front_door.decide("education", sent["reference"], "accept")
    front_door.waiting(sent["reference"])
    block, _ = front_door.commission()
    front_door.book(sent["reference"], block)

    answer = front_door.as_person("health-triager").get("/api/notices", params={"reference": sent["reference"]})
    told = sorted(notice["event"] for notice in answer.json())
    assert told == ["BlockBooked", "EntryAccepted", "EntryAccepted", "ReferralSubmitted"]
    assert {notice["status"] for notice in answer.json()} == {"delivered"}
    assert len(front_door.messages()) == 4


def test_no_message_says_a_name_a_need_or_a_place(front_door):
    sent = front_door.refer()
    front_door.waiting(sent["reference"])
    block, _ = front_door.commission()
    front_door.book(sent["reference"], block)

    for message in front_door.messages():
        for secret in ("Wren", "Ashdown", "SLCN", "clinic", "SS2", "900411"):
            assert secret not in str(message)


def test_the_familys_page_says_where_it_is_from_the_first_moment(front_door):
    sent = front_door.as_person("senco").post("/api/referrals", json=front_door.form).json()
    at_once = front_door.as_person().get(sent["status_url"], headers={"Accept": "application/json"})
    front_door.settle()
    later = front_door.as_person().get(sent["status_url"], headers={"Accept": "application/json"})

    assert at_once.status_code == 200
    assert at_once.json()["reference"] == sent["reference"]
    assert {step["agency"] for step in later.json()["steps"]} >= {"education", "health"}


def test_a_booked_child_has_every_session_and_the_last_seat_is_gone(front_door):
    first, second = front_door.refer()["reference"], front_door.refer()["reference"]
    front_door.waiting(first)
    front_door.waiting(second)
    block, _ = front_door.commission(seats=1)
    booked = front_door.book(first, block)
    refused = front_door.book(second, block)

    assert booked.status_code == 201
    assert len(booked.json()["sessions"]) == 6
    assert refused.status_code == 409
    assert refused.json()["code"] == "full"


def test_cancelling_frees_the_place_for_another_child(front_door):
    first, second = front_door.refer()["reference"], front_door.refer()["reference"]
    front_door.waiting(first)
    front_door.waiting(second)
    block, _ = front_door.commission(seats=1)
    booking = front_door.book(first, block).json()["booking"]
    coordinator = front_door.as_person("booking-coordinator")
    cancelled = coordinator.post(f"/api/bookings/{booking}/cancel", json={"reason_code": "family_request"})
    front_door.settle()

    assert cancelled.status_code == 200
    assert front_door.book(second, block).status_code == 201


def test_the_pool_is_charged_to_the_penny(front_door):
    _, pool = front_door.commission(price=54_001)
    figures = front_door.as_person("booking-coordinator").get(f"/api/pools/{pool}").json()

    spent = {share["organisation"]: share["spent"] for share in figures["organisations"]}
    assert spent == {"sample-council": 27_001, "sample-icb": 27_000}


def test_a_withdrawn_referral_leaves_every_queue(front_door):
    sent = front_door.refer()
    answer = front_door.as_person("senco").post(
        f"/api/referrals/{sent['reference']}/withdraw", json={"reason": "The family has moved."}
    )
    front_door.settle()

    assert answer.status_code in {200, 201}
    assert front_door.queue("health") == {}
    assert front_door.queue("education") == {}


def test_one_timeline_tells_all_services_parts_to_those_who_may_see_it(front_door):
    sent = front_door.refer()
    front_door.waiting(sent["reference"])
    path = f"/api/records/{sent['reference']}/timeline"

    lines = front_door.as_person("health-triager").get(path).json()
    assert {line["service"] for line in lines} >= {"referral-intake", "triage-panel", "therapy-booking"}
    assert front_door.as_person("other-senco").get(path).status_code == 404
    assert front_door.as_person("other-area-triager").get(path).status_code == 404


def test_a_missed_date_is_said_once(front_door):
    sent = front_door.refer()
    front_door.days_pass(30)
    front_door.days_pass(1)

    assert front_door.queue("health")[sent["reference"]]["clock"] == "overdue"
    lines = front_door.as_person("health-triager").get(f"/api/records/{sent['reference']}/timeline").json()
    assert len([line for line in lines if "breach" in line.get("code", line["what"])]) == 2


def instant(text):
    """Read an instant, however many digits it is written with."""
    return datetime.fromisoformat(text)
