"""Two who want the same at the same moment, on PostgreSQL: as right as one after the other."""

import json
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from functools import partial

import pytest
from sqlalchemy.exc import IntegrityError

from frontdoor import calls
from frontdoor.database import claim
from frontdoor.delivery import parking
from frontdoor.event_log import Stale
from frontdoor.events import ChildRegistered, EntryClosed, QueueChildNoted
from frontdoor.identifiers import short_id
from frontdoor.testing import NOW, Stage
from referral_intake import handlers
from referral_intake.commands import ReferralForm

pytestmark = pytest.mark.containers
COORDINATOR = "booking-coordinator"


def asks(stage, method, path, body, person, **headers):
    """A call of somebody's own, for another thread."""
    return lambda: stage.as_person(person).request(method, path, json=body, headers=headers)


def outcomes(answers):
    return Counter(answer.json().get("code", answer.status_code) for answer in answers)


# --- booking ---------------------------------------------------------------------------------------------------------


def books(desk, reference, block):
    return asks(desk.stage, "POST", "/api/bookings", {"reference": reference, "block": block}, COORDINATOR)


def test_of_24_who_book_the_last_seat_exactly_one_gets_it(desk, race):
    block = desk.block(desk.supply(), seats=2)
    desk.booked(desk.child(), block)
    children = [desk.child() for _ in range(24)]

    answers = race(*(books(desk, child, block) for child in children))

    assert outcomes(answers) == {201: 1, "full": 23}
    assert desk.faults() == {}


def test_one_child_is_booked_once_of_two_places_at_the_same_moment(desk, race):
    supply, other = desk.supply(), desk.supply()
    blocks = desk.block(supply, time="09:00"), desk.block(other, time="09:00")
    child = desk.child()

    answers = race(*(books(desk, child, block) for block in blocks * 3))

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409, 409]
    assert desk.faults() == {}


def test_a_child_who_waits_for_two_therapies_is_never_in_two_places_at_once(desk, race):
    supply, other = desk.supply(), desk.supply()
    salt, ot = desk.block(supply, time="09:00"), desk.block(other, time="09:00", discipline="ot")
    child = desk.child()
    desk.child("ot", at=child)

    answers = race(books(desk, child, salt), books(desk, child, ot))

    assert outcomes(answers) == {201: 1, "clash": 1}
    assert desk.faults() == {}


def orders(desk, supply, **changed):
    path = f"/api/pools/{supply.pool}/blocks"
    return asks(desk.stage, "POST", path, desk.order(supply, **changed), COORDINATOR)


def test_of_two_who_commission_the_same_hour_one_gets_the_therapist(desk, race):
    supply = desk.supply()
    elsewhere = desk.place()

    answers = race(orders(desk, supply), orders(desk, supply, place=elsewhere), orders(desk, supply, time="09:45"))

    assert outcomes(answers) == {201: 1, "clash": 2}
    assert desk.faults() == {}


def test_the_last_pennies_of_a_pool_are_spent_once(desk, race):
    supply = desk.supply()
    desk.block(supply, price_pence=930_000)
    others = [desk.therapist(supply.provider) for _ in range(4)]

    answers = race(*(orders(desk, supply, therapist=one, place=desk.place(), time="15:00") for one in others))

    assert outcomes(answers) == {201: 1, "over_budget": 3}
    assert desk.faults() == {}


def test_two_freed_places_are_never_offered_to_the_same_child(desk, race):
    supply = desk.supply()
    blocks = [desk.block(supply, seats=1) for _ in range(3)]
    bookings = [desk.booked(desk.child(), block) for block in blocks]
    first, second = desk.child(), desk.child()

    def cancels(booking):
        path = f"/api/bookings/{booking}/cancel"
        return asks(desk.stage, "POST", path, {"reason_code": "moved_away"}, COORDINATOR)

    answers = race(*(cancels(booking) for booking in bookings * 2))

    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 409, 409, 409]
    offered = [event.reference for event in desk.stage.said() if type(event).__name__ == "PlaceOffered"]
    assert sorted(offered) == sorted([first, second])


def test_an_offer_that_everybody_reaches_for_is_taken_once(desk, race):
    supply = desk.supply()
    block, elsewhere = desk.block(supply, seats=1), desk.block(supply, seats=1)
    booking = desk.booked(desk.child(), block)
    child, rival = desk.child(), desk.child()
    offer = desk.cancel(booking).json()["offer"]
    accepts = asks(desk.stage, "POST", f"/api/offers/{offer}/accept", None, COORDINATOR)

    answers = race(accepts, accepts, books(desk, child, elsewhere), books(desk, rival, block))

    booked = [event for event in desk.stage.said() if type(event).__name__ == "BlockBooked"]
    assert len(booked) == 1 + sum(answer.status_code == 201 for answer in answers)
    assert Counter(event.reference for event in booked).most_common(1)[0][1] == 1
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert desk.faults() == {}


def test_a_wait_that_ends_while_it_is_booked_ends_or_is_booked_in_one_order(desk, race):
    block = desk.block(desk.supply())
    child = desk.child()
    closed = EntryClosed(reference=child, agency="health", child_id=f"C-{child[-5:]}", reason_code="complete")

    answers = race(books(desk, child, block), partial(desk.stage.hears, f"entry/{child}/health", closed))

    assert answers[0].json().get("code", 201) in {201, "not_allowed"}
    assert desk.waiting() == []
    assert desk.faults() == {}


def test_postgresql_itself_lets_nobody_be_in_two_places_at_once(desk):
    """The second wall, should a claim ever be forgotten."""
    desk.block(desk.supply(), time="09:00")
    table = desk.stage.service.metadata.tables["slot"]
    with desk.stage.look() as session:
        row = dict(session.connection().execute(table.select().limit(1)).one()._mapping)
    for free in ({"room": None}, {"therapist": "T-OTHER"}):
        with pytest.raises(IntegrityError, match=r"slot_(therapist|room)_once"), desk.stage.parts.database.write() as s:
            s.connection().execute(table.insert(), row | free | {"session": "another"})


# --- triage ----------------------------------------------------------------------------------------------------------


def test_of_two_triagers_who_decide_the_same_entry_one_is_told_that_it_has_changed(queues, race):
    reference = queues.refer("health")
    decision = {"outcome": "accept", "priority": "soon", "version": 1}
    other = {"outcome": "decline", "reason_code": "universal_first", "comment": "Not yet", "version": 1}
    path = f"/api/queues/health/{reference}/decisions"

    answers = race(*(asks(queues.stage, "POST", path, body, "health-triager") for body in (decision, other)))

    assert outcomes(answers) == {201: 1, "stale": 1}


def test_chores_and_people_decide_about_the_same_entries_without_harm(queues, race):
    references = [queues.refer("health", "education") for _ in range(6)]
    queues.stage.clock.forward(days=60)
    decision = {"outcome": "accept", "priority": "soon"}

    answers = race(
        queues.stage.chores,
        queues.stage.chores,
        *(
            asks(queues.stage, "POST", f"/api/queues/health/{reference}/decisions", decision, "health-triager")
            for reference in references
        ),
    )

    assert [answer.status_code for answer in answers[2:]] == [201] * 6
    queues.stage.chores()
    of_entries = [event for event in queues.stage.said() if hasattr(event, "agency")]
    said = Counter((type(event).__name__, event.reference, event.agency) for event in of_entries)
    assert set(said.values()) == {1}
    late = {reference for name, reference, agency in said if name == "StandardBreached" and agency == "education"}
    assert late == set(references)


# --- hearing ---------------------------------------------------------------------------------------------------------


def test_two_members_who_hear_the_same_batch_apply_each_event_once(queues, race, tmp_path):
    twin = Stage(queues.stage.service, tmp_path)
    records = []
    for _ in range(30):
        child = short_id("C")
        queues.stage.keys.create(child, NOW)
        identity = queues.stage.keys.seal(child, {"given_name": "Canary"})
        records += queues.stage.owners.say(f"child/{child}", ChildRegistered(child_id=child, identity=identity))
    payloads = [record.payload for record in records]

    def hears(stage, order):
        stage.hearer.patience = 10.0
        return partial(stage.hearer.deliver, "referral-intake", payloads[::order])

    answers = race(hears(queues.stage, 1), hears(twin, -1), hears(queues.stage, -1))

    assert answers == [30, 30, 30]
    assert len(queues.stage.said()) == 30


def test_a_request_that_runs_into_a_deadlock_is_tried_again(queues, race):
    tried = []

    def claims(first, second):
        def work():
            tried.append(first)
            with queues.stage.work("health-triager") as work:
                work.claim(first)
                time.sleep(0.3 if len(tried) <= 2 else 0.0)  # until the other has made its first claim too
                work.claim(second)
            return "done"

        return calls._tried_again(work)

    assert race(claims("a", "b"), claims("b", "a")) == ["done", "done"]
    assert len(tried) == 3


def test_of_six_who_begin_the_same_stream_one_does_and_the_others_are_told_to_look_again(queues, race):
    queues.stage.keys.create("C-1", NOW)
    sealed = queues.stage.keys.seal("C-1", {"given_name": "Canary"})

    def begins():
        with queues.stage.work("health-triager") as work:
            noted = QueueChildNoted(child_id="C-1", identity=sealed)
            return work.append("child-noted/C-1", 0, noted)

    answers = race(*[begins] * 6)

    assert Counter(type(answer) for answer in answers) == {list: 1, Stale: 5}
    assert len(queues.stage.said()) == 1


# --- twins -----------------------------------------------------------------------------------------------------------

TWIN = """
    import json, sys
    from pathlib import Path
    from frontdoor import testing
    from referral_intake.app import service
    testing.postgres = sys.argv[1]
    stage = testing.Stage(service, Path(sys.argv[2]))
    print("ready", flush=True)
    form = json.loads(input())
    answer = stage.as_person("senco").post("/api/referrals", json=form, headers={"Idempotency-Key": "twin"})
    print(answer.status_code, answer.json().get("reference"), flush=True)
"""


def test_the_same_key_in_two_processes_is_one_referral(intake, postgres, tmp_path):
    told = [sys.executable, "-c", textwrap.dedent(TWIN), postgres.admin, str(tmp_path)]
    processes = [subprocess.Popen(told, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write(json.dumps(intake.form()) + "\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=60)[0].split() for process in processes]

    assert sorted(status for status, _ in answers) == ["200", "201"]
    assert len({reference for _, reference in answers}) == 1
    assert len(intake.said("ReferralSubmitted")) == 1


def test_a_twin_whose_first_takes_too_long_is_told_that_it_is_in_flight(intake, monkeypatch):
    monkeypatch.setattr(calls, "TWIN_WAIT", 0.2)
    with intake.stage.parts.database.write() as first:
        claim(first, "answer/senco//api/referrals/slow")
        answer = intake.send(key="slow")
    assert (answer.status_code, answer.json()["code"]) == (409, "in_flight")
    assert intake.send(key="slow").status_code == 201


def test_a_form_sent_from_four_tabs_is_one_referral(intake, race):
    form = ReferralForm.model_validate(intake.form())

    def sends():
        child = short_id("C")
        handlers.prepare_child(intake.stage.parts, form, child)
        with intake.stage.work("senco") as work:
            return handlers.receive_referral_once(work, "D-TOKEN", form, child).reference

    assert len(set(race(*[sends] * 4))) == 1
    assert len(intake.said("ReferralSubmitted")) == 1


def test_what_is_added_from_two_places_at_once_is_all_kept(intake, race):
    reference = intake.sent()
    path = f"/api/referrals/{reference}/additions"

    answers = race(*(asks(intake.stage, "POST", path, {"text": f"Word {at}"}, "senco") for at in range(8)))

    assert outcomes(answers) == {201: 8}
    assert len(intake.said("ReferralAmended")) == 8


# --- two replicas that hear ------------------------------------------------------------------------------------------


def is_somebody_waiting_to_claim(stage):
    waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
    with stage.look() as session:
        return session.connection().exec_driver_sql(waiting).scalar_one() > 0


def test_a_step_that_one_replica_parks_while_another_hears_its_cause_is_applied(family):
    stage, other = family.stage, family.stage.service.hearer(family.stage.parts)
    family.has_contact()
    step = stage.owners.say("entry/R7K2-9QF4Q/health", family.queued("health"))
    cause = stage.owners.say("referral/R7K2-9QF4Q", family.submission())
    hears_the_cause = threading.Thread(target=other.deliver, args=("referral-intake", [cause[0].payload]))

    def meanwhile(_session, _count):
        hears_the_cause.start()
        until = time.monotonic() + 20
        while not is_somebody_waiting_to_claim(stage):
            assert time.monotonic() < until, "the cause was never about to be heard"
            time.sleep(0.01)

    stage.hearer.deliver("triage-panel", [step[0].payload], meanwhile)
    hears_the_cause.join()

    with stage.look() as session:
        assert parking.of(stage.service.metadata).open(session) == []
