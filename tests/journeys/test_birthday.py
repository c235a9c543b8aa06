"""A child who is too young is not turned down: on the birthday it comes back by itself, and everybody is told."""

import copy
from html import unescape

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def too_young(front_door):
    form = copy.deepcopy(front_door.form)
    form["child"]["date_of_birth"] = "2023-01-20"
    form["needs"] = [{"code": "HI", "rank": "primary"}]
    form["support"] = ["educational_psychology"]
    sent = front_door.as_person("senco").post("/api/referrals", json=form).json()
    front_door.settle()
    front_door.decide("education", sent["reference"], "accept")
    front_door.settle()
    return sent


def test_on_the_birthday_it_stands_in_the_queue_and_the_family_and_the_sender_are_told_once(front_door, too_young):
    reference = too_young["reference"]
    before = len(front_door.messages())
    front_door.days_pass(74)
    assert front_door.queue("education")[reference]["status"] == "accepted"
    for days in (1, 0, 0):
        front_door.days_pass(days)

    entry = front_door.queue("education")[reference]
    assert (entry["status"], entry["old_enough_for"], entry["clock"]) == (
        "queued",
        ["educational_psychology"],
        "on_track",
    )
    answer = front_door.as_person("health-triager").get("/api/notices", params={"reference": reference})
    told = [one["status"] for one in answer.json() if one["event"] == "EntryBroughtUp"]
    assert told == ["delivered"] * len(front_door.form["contacts"])
    assert len(front_door.messages()) == before + len(told)
    page = unescape(front_door.as_person("senco").get(f"/referrals/{reference}").text)
    assert "asked for again on Monday 1 February 2027, without anybody having to ask" in page
    shown = front_door.as_person().get(too_young["status_url"], headers={"Accept": "application/json"}).json()
    (step,) = [step for step in shown["steps"] if step["agency"] == "education"]
    assert step["due_at"].startswith(entry["due_at"][:10])
