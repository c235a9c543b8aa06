"""Whatever triagers, families and the passing of time do in whatever order: an entry keeps to its lifecycle."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from frontdoor.testing import NOW
from triage_panel import domain

pytestmark = pytest.mark.slow

AGENCIES = ("health", "education", "care")
LEADS = {
    "accept": ({"queued", "on_hold", "returned"}, "accepted"),
    "decline": ({"queued", "on_hold", "returned"}, "declined"),
    "return": ({"queued", "on_hold"}, "returned"),
    "redirect": ({"queued", "on_hold", "returned"}, "redirected"),
    "hold": ({"queued"}, "on_hold"),
    "resume": ({"on_hold"}, "queued"),
    "close": ({"accepted"}, "closed"),
    "reopen": ({"accepted", "declined", "returned", "redirected", "closed"}, "queued"),
}
"""What the room expects, written down apart from the product's own table."""
OPEN = {"queued", "on_hold", "returned", "accepted"}


class Life(RuleBasedStateMachine):
    queues: Any

    @initialize(first=st.sampled_from(AGENCIES))
    def refer(self, first):
        self.queues.stage.clock.now = NOW
        self.reference = self.queues.refer(first)
        self.status = {first: "queued"}
        self.decided = {}
        self.withdrawn = False

    @rule(agency=st.sampled_from(AGENCIES), outcome=st.sampled_from(sorted(LEADS)), to=st.sampled_from(AGENCIES))
    def decide(self, agency, outcome, to):
        more = {"redirect_to": to} if outcome == "redirect" else {}
        code = self.queues.decide(self.reference, outcome, agency, **more).status_code
        assert code == self.expected(agency, outcome, to)
        if code == 201:
            self.status[agency] = LEADS[outcome][1]
            if outcome == "redirect":
                self.status[to] = self.status.get(to) if self.status.get(to) in OPEN else "queued"
                self.decided.pop(to, None) if self.status[to] == "queued" else None
            if outcome not in {"hold", "resume"}:
                self.decided[agency] = self.queues.stage.clock.now

    def expected(self, agency, outcome, to):
        if agency not in self.status:
            return 404
        may_be, _ = LEADS[outcome]
        if self.status[agency] not in may_be:
            return 409
        if outcome == "reopen":
            in_time = self.queues.stage.clock.now - self.decided[agency] <= timedelta(hours=24)
            return 201 if in_time and not self.withdrawn else 409
        return 422 if outcome == "redirect" and to == agency else 201

    @rule(hours=st.sampled_from([1, 23, 30, 24 * 20]))
    def wait(self, hours):
        self.queues.stage.clock.forward(hours=hours)
        self.queues.stage.chores()

    @precondition(lambda self: not self.withdrawn)
    @rule(twice=st.booleans())
    def add(self, twice):
        records = self.queues.amend(self.reference)
        if twice:
            self.queues.stage.hears_again(*records)
        self.status = {a: "queued" if s == "returned" else s for a, s in self.status.items()}

    @rule(agency=st.sampled_from(AGENCIES), twice=st.booleans())
    def come_of_age(self, agency, twice):
        records = self.queues.comes_of_age(self.reference, agency)
        if twice:
            self.queues.stage.hears_again(*records)
        if self.status.get(agency, "withdrawn") != "withdrawn":
            self.status[agency] = "queued"

    @precondition(lambda self: not self.withdrawn)
    @rule()
    def withdraw(self):
        self.queues.stage.hears_again(*self.queues.withdraw(self.reference))
        self.withdrawn = "withdrawn" in (gone := self.after_withdrawal()).values()
        self.status = gone

    def after_withdrawal(self):
        return {a: "withdrawn" if s in OPEN else s for a, s in self.status.items()}

    @invariant()
    def each_entry_is_what_was_decided(self):
        for agency, status in self.status.items():
            assert walked(self.queues, self.reference, agency) == status

    @invariant()
    def each_promise_is_met_once_and_breached_once(self):
        for agency in self.status:
            said = self.queues.said(self.reference, agency)
            promises = 1 + said.count("EntryBroughtUp")
            assert said.count("StandardMet") <= promises
            assert said.count("StandardBreached") <= promises


def walked(queues, reference, agency):
    """Walk the entry's events through the lifecycle; give the state they lead to."""
    state = ""
    for name in queues.said(reference, agency):
        may_be, leads_to = domain.LIFECYCLES["entry"][name]
        assert state in may_be, f"{name} may not follow {state}"
        state = leads_to or state
    return state


def test_an_entry_keeps_to_its_lifecycle(one_stage):
    quick = settings(max_examples=25, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck))

    run_state_machine_as_test(type("Here", (Life,), {"queues": one_stage}), settings=quick)
