"""Whatever people do, in whatever order, while events come twice, late or not at all and the process is killed:
what was promised holds.

Quick by default and the same in each run; `HYPOTHESIS_PROFILE=thorough` searches for as long as it likes.
"""

import io
import json
import os
import shutil
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule
from rich.console import Console

from all_in_one.testing import FrontDoor
from cli import invented
from cli.verify import verify
from frontdoor import failpoints
from frontdoor.delivery import parking
from frontdoor.events import AGENCIES
from notification import handlers as notices
from notification.app import demo_channel
from notification.channels import ledger_counts

pytestmark = pytest.mark.slow

FORM = json.loads((Path(__file__).parent / "examples" / "referral.json").read_text())
SERVICES = ("referral-intake", "triage-panel", "therapy-booking", "notification", "child-record")
PLACES = (
    "commit.before",
    "commit.after",
    "rows.written",
    "hear.before",
    "hear.after",
    "hear.placed",
    "send.before",
    "send.after",
)
SENDERS = {
    "senco": "senco",
    "other-senco": "senco",
    "health-visitor": "health_visitor",
    "gp": "gp",
    "parent": "parent",
    "social-worker": "social_worker",
}
REASON = {
    "decline": "universal_first",
    "return": "evidence_missing",
    "redirect": "better_met_elsewhere",
    "hold": "awaiting_information",
    "close": "need_met",
    "reopen": "other",
}
BECOMES = {
    "accept": "accepted",
    "decline": "declined",
    "return": "returned",
    "redirect": "redirected",
    "hold": "on_hold",
    "resume": "queued",
    "close": "closed",
    "reopen": "queued",
}
KEPT_FOR = timedelta(days=7)
"""How long an answer is given again under its key."""


class Killed(BaseException):
    """The process is gone, as after kill -9: a client sees no answer, though its test double makes it a 500."""


class Moody:
    """A provider in a mood. Its ledger is the demo's, so that what it took is counted."""

    def __init__(self, channel, mood):
        self._channel, self._mood = channel, mood

    def send(self, message):
        """Take it, or not, and say so, or not."""
        if self._mood in {"busy", "refused", "broken"}:
            return self._mood
        if self._mood in {"down", "mute"}:
            raise TimeoutError
        taken = self._channel.send(message)
        if self._mood == "answer lost":
            raise TimeoutError
        return taken

    def look_up(self, notice):
        """Say whether it has it, as far as it can say."""
        if self._mood == "down":
            raise TimeoutError
        return "unknown" if self._mood == "mute" else self._channel.look_up(notice)


class AnyOrder(RuleBasedStateMachine):
    """The whole product in one process, and the notes of those who use it."""

    referrals = Bundle("referrals")
    blocks = Bundle("blocks")
    bookings = Bundle("bookings")
    offers = Bundle("offers")

    # --- the process, and requests to it ---

    @initialize()
    def open_for_business(self):
        self.folder = Path(tempfile.mkdtemp())
        self.door = FrontDoor(self.folder, FORM)
        self.killed = False
        self.keys = 0
        self.answered = {}  # key -> (person, form, reference, when)
        self.sent_by = {}
        self.queues = {}  # reference -> the agencies that must have it, once each
        self.withdrawn = set()
        self.pool = None
        self._pause_nobody()

    def _pause_nobody(self):
        for hearer in self.door.assembly.hearers.values():
            hearer.pause = lambda _seconds: None
        self.door.assembly.transport._batch = 5

    def start_again(self):
        """What is on disk is all there is; the clock on the wall went on."""
        self.killed = False
        failpoints.disarm()
        self.door.assembly.close()
        demo_channel.cache_clear()
        now = self.door.clock.now
        self.door = FrontDoor(self.folder, FORM)
        self.door.clock.now = now
        self._pause_nobody()

    def until_answered(self, ask):
        """Ask again, as a client does that got no answer, with the same key."""
        while True:
            answer = ask()
            if not self.killed:
                return answer
            event("killed while a request was answered")
            self.start_again()

    def unless_killed(self, do):
        """Do it; a kill in the middle is nobody's to repeat."""
        try:
            do()
        except Killed:
            event("killed in delivery or the sender")
            self.start_again()

    def post(self, person, path, body, key=None):
        """Send a request with a key; give the answer, whatever it is: but never that something went wrong."""
        self.keys += key is None
        headers = {"Idempotency-Key": key or f"key-{self.keys}"}
        answer = self.until_answered(lambda: self.door.as_person(person).post(path, json=body, headers=headers))
        assert answer.status_code < 500, (path, body, answer.text)
        return answer

    # --- people ---

    @rule(target=referrals, person=st.sampled_from(sorted(SENDERS)), story=st.integers(0, len(invented.STORIES) - 1))
    def refer(self, person, story):
        told = invented.STORIES[story]
        needs = [{"code": code, "rank": "secondary" if at else "primary"} for at, code in enumerate(told["needs"])]
        form = FORM | {"needs": needs, "support": told["support"], "referrer": {"role": SENDERS[person]}}
        key = f"refer-{len(self.answered)}"
        answer = self.post(person, "/api/referrals", form, key)
        assert answer.status_code in {200, 201}, answer.text
        sent = answer.json()
        assert sent["reference"] not in self.queues
        self.answered[key] = (person, form, sent["reference"], self.door.clock.now)
        self.sent_by[sent["reference"]] = person
        self.queues[sent["reference"]] = set(sent["agencies"])
        return sent["reference"]

    @rule(which=st.integers(0, 50), other=st.booleans())
    def refer_again_with_the_same_key(self, which, other):
        recent = [key for key, known in self.answered.items() if self.door.clock.now - known[3] < KEPT_FOR]
        if not recent:
            return
        key = recent[which % len(recent)]
        person, form, reference, _ = self.answered[key]
        answer = self.post(person, "/api/referrals", form | ({"concern": "Something else."} if other else {}), key)
        if other:
            assert answer.status_code == 422
        else:
            assert (answer.status_code, answer.json()["reference"]) == (200, reference)

    @rule(
        reference=referrals,
        agency=st.sampled_from(AGENCIES),
        triager=st.sampled_from(AGENCIES),
        outcome=st.sampled_from(sorted(BECOMES)),
        to=st.sampled_from(AGENCIES),
        version=st.sampled_from([None, None, None, 1, 2, 3]),
        therapy=st.none() | st.sampled_from(["salt", "ot"]),
        mode=st.sampled_from(["individual", "group"]),
    )
    def decide(self, reference, agency, triager, outcome, to, version, therapy, mode):
        body = {"outcome": outcome, "version": version}
        if outcome in REASON:
            body["reason_code"] = REASON[outcome]
        if outcome == "redirect":
            body["redirect_to"] = to
        if outcome == "accept" and therapy:
            body["therapy"] = {"discipline": therapy, "sessions": 4, "mode": mode}
        answer = self.post(f"{triager}-triager", f"/api/queues/{agency}/{reference}/decisions", body)
        if triager != agency:
            assert answer.status_code == 403
        if answer.status_code in {200, 201}:
            assert answer.json()["status"] == BECOMES[outcome]
            assert agency in self.queues[reference]
            if outcome == "redirect":
                self.queues[reference].add(to)
        else:
            assert answer.status_code in {403, 404, 409, 422}, answer.text

    @rule(reference=referrals, person=st.sampled_from([*sorted(SENDERS), "sender", "sender", "sender"]))
    def withdraw(self, reference, person):
        whose = self.sent_by[reference]
        person = whose if person == "sender" else person
        answer = self.post(person, f"/api/referrals/{reference}/withdraw", {"reason": "They have moved."})
        if person == whose:
            assert answer.status_code == (409 if reference in self.withdrawn else 200), answer.text
        if answer.status_code == 200:
            self.withdrawn.add(reference)

    @rule(reference=referrals)
    def add(self, reference):
        answer = self.post(self.sent_by[reference], f"/api/referrals/{reference}/additions", {"text": "A new report."})
        assert answer.status_code == (409 if reference in self.withdrawn else 201), answer.text

    @rule(reference=referrals, channel=st.sampled_from(["sms", "email", "letter", "none"]), safe=st.booleans())
    def change_contacts(self, reference, channel, safe):
        contact = FORM["contacts"][0] | {"channel": channel, "safe_to_contact": safe, "email": "ola@example.org"}
        person = self.sent_by[reference]
        answer = self.post(person, f"/api/referrals/{reference}/contacts", {"contacts": [contact]})
        assert answer.status_code in {200, 201}, answer.text

    @rule(
        target=blocks,
        discipline=st.sampled_from(["salt", "ot"]),
        seats=st.integers(1, 2),
        weeks=st.integers(3, 5),
        room=st.sampled_from(["own", "the same"]),
    )
    def commission(self, discipline, seats, weeks, room):
        self._open_pool()
        place = self.place if room == "the same" else self._registered("place", name="Room", kind="clinic")
        therapist = self._registered("therapist", name="Hollie Marsh", provider=self.provider, disciplines=[discipline])
        body = {
            "provider": self.provider,
            "therapist": therapist,
            "discipline": discipline,
            "mode": "individual" if seats == 1 else "group",
            "place": place,
            "first_date": "2027-01-11",
            "time": "09:30",
            "minutes": 45,
            "weeks": weeks,
            "seats": seats,
            "price_pence": 10_001,
        }
        answer = self.post("booking-coordinator", f"/api/pools/{self.pool}/blocks", body)
        if answer.status_code == 409:
            assert answer.json()["code"] in {"clash", "over_budget"}, answer.text
            return multiple()
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()["block"]

    def _open_pool(self):
        if self.pool is None:
            self.provider = self._registered("provider", name="Harbour Therapies", kind="private")
            self.place = self._registered("place", name="Harbour clinic", kind="clinic")
            parts = [
                {"organisation": organisation, "discipline": discipline, "pence": pence}
                for organisation, pence in (("sample-council", 30_000), ("sample-icb", 20_000))
                for discipline in ("salt", "ot")
            ]
            self.pool = self._registered("pool", name="Spring", term="2027-spring", contributions=parts)

    def _registered(self, what, **body):
        answer = self.post("booking-coordinator", f"/api/{what}s", body)
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()[what]

    @rule(target=bookings, reference=referrals, block=blocks, shorter=st.booleans())
    def book(self, reference, block, shorter):
        body = {"reference": reference, "block": block, "accept_shorter": shorter}
        return self._booked(self.post("booking-coordinator", "/api/bookings", body))

    @rule(target=bookings, offer=offers)
    def accept_offer(self, offer):
        return self._booked(self.post("booking-coordinator", f"/api/offers/{offer}/accept", {}))

    @staticmethod
    def _booked(answer):
        assert answer.status_code in {200, 201, 409, 422}, answer.text
        return answer.json()["booking"] if answer.is_success else multiple()

    @rule(target=offers, booking=bookings, reason=st.sampled_from(["family_request", "therapist_absent", "moved_away"]))
    def cancel(self, booking, reason):
        answer = self.post("booking-coordinator", f"/api/bookings/{booking}/cancel", {"reason_code": reason})
        assert answer.status_code in {200, 409}, answer.text
        offer = answer.json().get("offer")
        return offer if answer.is_success and offer else multiple()

    @rule(hours=st.sampled_from([1, 5, 23, 25, 24 * 6, 24 * 8, 24 * 20]))
    def time_passes(self, hours):
        self.door.clock.now += timedelta(hours=hours)

    # --- what becomes of events ---

    @rule(name=st.sampled_from(SERVICES))
    def one_batch_reaches_one_service(self, name):
        assembly = self.door.assembly
        self.unless_killed(lambda: assembly.transport.pump(assembly.hearers[name]))

    @rule(
        source=st.sampled_from(SERVICES),
        name=st.sampled_from(SERVICES),
        place=st.floats(0, 1),
        count=st.integers(1, 6),
        order=st.sampled_from(["same", "reversed", "every other"]),
    )
    def events_come_again_or_early_or_with_gaps(self, source, name, place, count, order):
        assembly = self.door.assembly
        owner, hearer = assembly.parts[source], assembly.hearers[name]
        if source not in hearer.sources:
            return
        with owner.database.read() as session:
            first = int(place * owner.log.last_id(session))
            payloads = [row.payload for row in owner.log.after(session, first, count)]
        step = {"same": 1, "reversed": -1, "every other": 2}[order]
        self.unless_killed(lambda: hearer.deliver(source, payloads[::step]))

    @rule()
    def everything_arrives(self):
        self.unless_killed(self.door.assembly.transport.drain)

    @rule(mood=st.sampled_from(["good", "busy", "refused", "broken", "down", "mute", "answer lost"]))
    def the_sender_runs(self, mood):
        parts = self.door.assembly.parts["notification"]
        channel = Moody(demo_channel(self.folder), mood)
        self.unless_killed(lambda: notices.send_notices(parts, channel))

    @rule()
    def what_is_due_is_done(self):
        self.unless_killed(self.door.assembly.chores.once)

    @rule(place=st.sampled_from(PLACES), nth=st.integers(1, 12))
    def it_will_be_killed(self, place, nth):
        def die():
            self.killed = True
            raise Killed

        failpoints.arm(place, nth, die)

    @rule()
    def it_is_killed_now(self):
        self.start_again()

    # --- what holds ---

    @invariant()
    def there_is_a_referral_for_each_reference_that_was_given_out_and_no_other(self):
        if not hasattr(self, "door"):
            return
        assert self._column("referral-intake", "select reference from referral") == sorted(self.queues)

    @invariant()
    def nobody_is_told_twice_and_no_seat_is_taken_twice(self):
        if not hasattr(self, "door"):
            return
        assert max(ledger_counts(self.folder).values(), default=1) == 1
        seats = Counter(self._column("therapy-booking", "select session || ' ' || seat from seat"))
        assert max(seats.values(), default=1) == 1

    def _column(self, name, question):
        with self.door.assembly.parts[name].database.read() as session:
            return sorted(value for (value,) in session.connection().exec_driver_sql(question))

    def teardown(self):
        """Let all be well again, wait, and look at everything."""
        failpoints.disarm()
        if not hasattr(self, "door"):
            return
        try:
            for _ in range(3):
                self.door.settle()
                self.door.clock.now += timedelta(hours=5)
            self.door.settle()
            self._each_referral_stands_in_exactly_its_queues()
            self._everybody_tells_the_same_story()
            self._nothing_is_left_lying()
            self._the_proof_holds()
        finally:
            self.door.assembly.close()
            shutil.rmtree(self.folder)

    def _each_referral_stands_in_exactly_its_queues(self):
        wanted = sorted(f"{reference} {agency}" for reference, those in self.queues.items() for agency in those)
        assert self._column("triage-panel", "select reference || ' ' || agency from entry") == wanted

    def _everybody_tells_the_same_story(self):
        """What the sender reads of each agency is what that agency's queue says."""
        entries = self._column("triage-panel", "select reference || ' ' || agency || ' ' || status from entry")
        told = []
        for reference, person in self.sent_by.items():
            answer = self.door.as_person(person).get(f"/api/referrals/{reference}").json()
            told += [f"{reference} {one['agency']} {one['status']}" for one in answer["agencies"]]
        assert sorted(told) == entries
        open_ones = {line.split()[0] for line in entries if line.split()[2] in {"queued", "on_hold", "accepted"}}
        assert not open_ones & self.withdrawn

    def _nothing_is_left_lying(self):
        for name, parts in self.door.assembly.parts.items():
            with parts.database.read() as session:
                rows = parking.of(parts.log.metadata).open(session)
            assert [(name, row.stream, row.version, row.reason, row.error) for row in rows] == []
        several = "group by cause, recipient having count(*) > 1"
        twice = f"select cause || recipient from notice where status = 'delivered' {several}"
        assert self._column("notification", twice) == []

    def _the_proof_holds(self):
        journal = self.folder / "journal.txt"
        journal.write_text("".join(f"{reference}\n" for reference in self.queues))
        said = io.StringIO()
        assert verify(self.door.assembly, Console(file=said, width=200), journal, wait=0.01) == 0, said.getvalue()


settings.register_profile("journey", max_examples=10, stateful_step_count=30, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=100_000, stateful_step_count=60, deadline=None, print_blob=True)
AnyOrder.TestCase.settings = settings(
    settings.get_profile("thorough" if os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else "journey"),
    suppress_health_check=list(HealthCheck),
)
TestAnyOrder = AnyOrder.TestCase
