"""The process is killed with -9 at any moment, under load; whatever it had answered stands, once."""

import json
import random
import threading
import time

import pytest

pytestmark = pytest.mark.faults


def test_killed_at_random_moments_under_load_nothing_answered_is_lost_or_doubled(process):
    chance = random.Random(20261118)
    process.start()
    for round_number in range(4):
        stopping = threading.Event()
        senders = [threading.Thread(target=send, args=(process, f"{round_number}-{n}", stopping)) for n in range(6)]
        for sender in senders:
            sender.start()
        time.sleep(chance.uniform(0.2, 1.5))
        process.kill()
        stopping.set()
        for sender in senders:
            sender.join()
        process.start()
    resend_all(process)

    assert_whole(process)


@pytest.mark.parametrize(
    ("place", "nth"),
    [("rows.written", 4), ("commit.before", 1), ("commit.after", 4), ("hear.after", 1), ("hear.placed", 4)],
)
def test_killed_at_a_chosen_step_the_same_key_gives_the_same_reference_once(process, place, nth):
    process.start(FRONTDOOR_FAILPOINT=f"{place}:{nth}")
    with process.client("senco") as client:
        for number in range(20):
            process.refer(client, f"key-{number}")
            if not process.is_running:
                break
    if process.is_running:
        process.kill()
    process.start()
    with process.client("senco") as client:
        for number in range(20):
            assert process.refer(client, f"key-{number}")

    assert_whole(process)


def test_asked_to_stop_under_load_it_finishes_what_it_has_begun(process):
    process.start()
    stopping = threading.Event()
    senders = [threading.Thread(target=send, args=(process, f"s-{n}", stopping)) for n in range(4)]
    for sender in senders:
        sender.start()
    time.sleep(1)
    code = process.stop()
    stopping.set()
    for sender in senders:
        sender.join()
    process.start()

    assert code in {0, -15}  # uvicorn passes the signal on once it has finished
    assert_whole(process)


def send(process, name, stopping):
    """Send referrals until told to stop or until nobody answers."""
    number = 0
    with process.client("senco") as client:
        while not stopping.is_set() and process.is_running:
            process.refer(client, f"{name}-{number}")
            number += 1


def resend_all(process):
    """Send what was answered again, under the same keys: a client that is not sure does so."""
    with process.client("senco") as client:
        for key, given in list(process.journal.items())[:50]:
            assert process.refer(client, key)["reference"] == given["reference"]


def assert_whole(process):
    """Everything answered is in each of its queues once, each family was told once, and every invariant holds."""
    wanted = {given["reference"]: set(given["agencies"]) for given in process.journal.values()}
    assert wanted
    code, said = process.verify()
    assert code == 0, said
    found = queued(process)
    assert {reference: set(agencies) for reference, agencies in found.items() if reference in wanted} == wanted
    assert all(len(agencies) == len(set(agencies)) for agencies in found.values())
    told = [json.loads(line) for line in (process.folder / "data" / "sent-messages.jsonl").read_text().splitlines()]
    notices = [line["notice"] for line in told]
    assert len(notices) == len(set(notices))


def queued(process):
    """Read every queue to its end: reference -> agencies."""
    found = {}
    for agency in ("health", "education", "care"):
        with process.client(f"{agency}-triager") as client:
            cursor = ""
            while cursor is not None:
                answer = client.get(f"/api/queues/{agency}", params={"cursor": cursor} if cursor else {}).json()
                for entry in answer["entries"]:
                    found.setdefault(entry["reference"], []).append(agency)
                cursor = answer["next"]
    return found
