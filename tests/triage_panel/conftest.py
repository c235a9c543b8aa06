"""The queues alone on a stage, and referrals as intake would say them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import pytest

from frontdoor import identifiers
from frontdoor.calendars import month_begun
from frontdoor.events import (
    Agency,
    AssessmentReady,
    ChildRegistered,
    Need,
    ReferralAmended,
    ReferralSubmitted,
    ReferralWithdrawn,
    Route,
)
from frontdoor.testing import NOW, Stage
from triage_panel.app import service

STORY = {
    "concern": "CANARY he cannot be understood by strangers",
    "concern_raised_on": "2026-09-14",
    "tried": ["CANARY word games at the table"],
    "strengths": "CANARY kind and patient",
    "child_voice": "CANARY I like the sand",
    "family_voice": "CANARY we worry about school",
    "needs": [{"code": "SLCN", "rank": "primary", "detail": "CANARY two-word phrases"}],
}
CHILD = {
    "given_name": "Canary",
    "family_name": "Invented",
    "date_of_birth": "2021-03-14",
    "postcode": "SS1 1AA",
    "nhs_number": "9434765919",
}


@dataclass
class Queues:
    """A stage with the referrals it has heard of, and shorter words for what the tests do."""

    stage: Stage
    heard: dict[str, list[Any]] = field(default_factory=dict)

    def refer(self, *agencies: str, received_at: datetime | None = None, **more: Any) -> str:
        """Let intake say that a referral was submitted; give its reference."""
        reference = more.pop("reference", None) or identifiers.reference()
        child_id = identifiers.short_id("C")
        self.stage.keys.create(child_id, NOW)
        registered = ChildRegistered(child_id=child_id, identity=self.stage.keys.seal(child_id, CHILD))
        self.stage.hears(f"child/{child_id}", registered)
        submitted = self.submitted(reference, child_id, agencies or ("health",), received_at, **more)
        self.heard[reference] = self.stage.hears(f"referral/{reference}", submitted)
        return reference

    def submitted(self, reference, child_id, agencies, received_at=None, **more) -> ReferralSubmitted:
        """What intake says of a referral."""
        facts: dict[str, Any] = {
            "reference": reference,
            "child_id": child_id,
            "kind": "request",
            "received_at": received_at or self.stage.clock.now,
            "acknowledge_by": received_at or self.stage.clock.now,
            "routes": tuple(Route(agency=agency, rules=("support:speech_and_language",)) for agency in agencies),
            "needs": (Need(code="SLCN", rank="primary"),),
            "support": ("speech_and_language",),
            "pathways_version": "2026.1",
            "standard_version": "2026.1",
            "calendar_version": "england-2026.1",
            "referrer_role": "senco",
            "family_raised": False,
            "sent_by": "senco",
            "organisation": "sample-school",
            "setting": "sample-school",
            "out_of_area": False,
            "to_be_sorted": False,
            "contacts": (),
            "concern_raised_on": date(2026, 9, 14),
            "consent_given": True,
            "consent_on": date(2026, 11, 1),
            "story": self.stage.keys.seal(child_id, STORY),
        }
        return ReferralSubmitted(**facts | more)

    def amend(self, reference: str, text: str = "CANARY more") -> list[Any]:
        """Let intake say that something was added."""
        first = self.heard[reference][0].event
        sealed = self.stage.keys.seal(first.child_id, text)
        added = ReferralAmended(reference=reference, child_id=first.child_id, agencies=first.agencies, text=sealed)
        return self.stage.hears(f"referral/{reference}", added)

    def comes_of_age(self, reference: str, *agencies: Agency, ready_on: date | None = None) -> list[Any]:
        """Let intake say that the child is old enough now for paediatrics."""
        first = self.heard[reference][0].event
        day = ready_on or month_begun(self.stage.clock.now.date())
        named = {"reference": reference, "child_id": first.child_id, "support": "paediatrics"}
        ready = AssessmentReady(**named, agencies=agencies or ("health",), ready_on=day)
        return self.stage.hears(f"referral/{reference}", ready)

    def withdraw(self, reference: str) -> list[Any]:
        """Let intake say that the referral was taken back."""
        first = self.heard[reference][0].event
        sealed = self.stage.keys.seal(first.child_id, "CANARY moved away")
        gone = ReferralWithdrawn(reference=reference, child_id=first.child_id, agencies=first.agencies, reason=sealed)
        return self.stage.hears(f"referral/{reference}", gone)

    def decide(self, reference: str, outcome: str, agency: str = "health", person: str | None = None, **more: Any):
        """Let the agency's triager decide, through the API; a reason is given where one is needed."""
        if outcome in {"decline", "return", "redirect", "hold", "close", "reopen"}:
            more = {"reason_code": "incomplete"} | more
        body = {"outcome": outcome} | {name: value for name, value in more.items() if value is not None}
        client = self.stage.as_person(person or f"{agency}-triager")
        return client.post(f"/api/queues/{agency}/{reference}/decisions", json=body)

    def line(self, reference: str, agency: str = "health") -> dict[str, Any]:
        """The entry as its queue shows it, whatever its status."""
        statuses = ("", "declined", "redirected", "withdrawn", "closed")
        lines = (line for status in statuses for line in self._lines(agency, status))
        return next(line for line in lines if line["reference"] == reference)

    def _lines(self, agency: str, status: str) -> Iterator[dict[str, Any]]:
        client, cursor = self.stage.as_person(f"{agency}-triager"), ""
        while cursor is not None:
            page = client.get(f"/api/queues/{agency}", params={"status": status, "cursor": cursor}).json()
            yield from page["entries"]
            cursor = page["next"]

    def said(self, reference: str, agency: str = "health") -> list[str]:
        """The names of what was said of an entry."""
        return [type(event).__name__ for event in self.stage.said(f"entry/{reference}/{agency}")]


@pytest.fixture
def queues(tmp_path) -> Queues:
    return Queues(Stage(service, tmp_path))


@pytest.fixture(scope="module")
def one_stage(tmp_path_factory) -> Queues:
    """One stage for many examples, each with a referral of its own."""
    return Queues(Stage(service, tmp_path_factory.mktemp("queues")))
