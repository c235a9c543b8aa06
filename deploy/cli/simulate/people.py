"""The invented people at work: who refers, who triages and who books, each by the handlers that requests call."""

import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from secrets import token_urlsafe
from typing import Any, Protocol, TypeVar

from all_in_one.assembly import Assembly
from cli.simulate import mix
from cli.simulate.forms import Forms
from frontdoor import access
from frontdoor.events import AGENCIES, Agency
from frontdoor.identifiers import short_id
from frontdoor.problems import Command
from frontdoor.work import Refused, Work
from referral_intake import commands as intake_commands
from referral_intake import handlers as intake
from triage_panel import commands as triage_commands
from triage_panel import handlers as triage

Answer = TypeVar("Answer")
Kind = TypeVar("Kind", bound=Command)
Weighted = dict[str, int]


def sent(kind: type[Kind], body: Any) -> Kind:
    """Read what a person sends as the routes read it."""
    return kind.model_validate_json(json.dumps(body))


class MovedClock(Protocol):
    """Business time that the year moves."""

    now: datetime

    def __call__(self) -> datetime: ...


class Office:
    """Where everybody works: the services, the clock, what is to be done on which day, and what was refused."""

    def __init__(self, assembly: Assembly, clock: MovedClock, chance: random.Random) -> None:
        self.assembly, self.clock, self.chance = assembly, clock, chance
        self.done: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self._agenda: dict[date, list[Callable[[], Any]]] = defaultdict(list)

    @property
    def today(self) -> date:
        """The day that the moved clock shows."""
        return self.clock.now.date()

    def ask(
        self, service: str, person: str, action: str, do: Callable[[Work], Answer], agency: str | None = None
    ) -> Answer | None:
        """Do something as a request by this person would, in its own transaction; None where that is refused."""
        parts = self.assembly.parts[service]
        actor = access.of_person(parts.area.people[person])
        access.permit(actor, action, parts.area.id, agency)
        try:
            with parts.work(actor) as work:
                answer = do(work)
        except Refused as refused:
            self.refused[f"{action} {refused.code}"] += 1
            return None
        self.done[action] += 1
        return answer

    def later(self, days: int, do: Callable[[], Any]) -> None:
        """Put something on the agenda, so many days from today."""
        self._agenda[self.today + timedelta(days=days)].append(do)

    def work_off(self) -> None:
        """Do what is on the agenda up to today."""
        for day in sorted(day for day in self._agenda if day <= self.today):
            for do in self._agenda.pop(day):
                do()

    def draw(self, weights: Weighted) -> str:
        """Draw one by its weight."""
        return self.chance.choices(list(weights), list(weights.values()))[0]


def done_and_refused(offices: Sequence[tuple[Counter[str], Counter[str]]]) -> list[str]:
    """What people asked for in these offices, and what was refused them, a line each."""
    kinds = (("Done", [done for done, _ in offices]), ("Refused", [refused for _, refused in offices]))
    sums = [(word, sum(counts, Counter())) for word, counts in kinds]
    return [
        f"{word}: " + ", ".join(f"{what} {n:,}" for what, n in counted.items()) for word, counted in sums if counted
    ]


class Referrers:
    """Those who send the form, add to what is returned, and sometimes take it back."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._forms = Forms(office.chance)
        self.sent_by: dict[str, str] = {}
        self.therapy: dict[str, str] = {}

    def refer(self) -> None:
        """Send one form, as the page does: with its one-use token, the child's key committed first."""
        office, chance = self._office, self._office.chance
        person, story, filled = self._forms.fill(office.today)
        form = sent(intake_commands.ReferralForm, filled)
        child_id = short_id("C")
        intake.prepare_child(office.assembly.parts["referral-intake"], form, child_id)
        token = token_urlsafe(16)
        receipt = office.ask(
            "referral-intake",
            person,
            "referral.submit",
            lambda work: intake.receive_referral_once(work, token, form, child_id),
        )
        if receipt is None:
            return
        self.sent_by[receipt.reference] = person
        if story["therapy"]:
            self.therapy[receipt.reference] = story["therapy"]
        if chance.random() < mix.WITHDRAWN:
            office.later(chance.randint(1, 30), lambda: self._withdraw(receipt.reference))

    def _withdraw(self, reference: str) -> None:
        self._office.ask(
            "referral-intake",
            self.sent_by[reference],
            "referral.withdraw",
            lambda work: intake.withdraw_referral(work, reference, "The family has moved away."),
        )

    def asked_for_more(self, reference: str) -> None:
        """Somebody returned it: mostly, what is missing follows."""
        chance = self._office.chance
        if chance.random() < mix.ADDED_TO:
            self._office.later(chance.randint(3, 15), lambda: self._add(reference))

    def _add(self, reference: str) -> None:
        addition = intake_commands.Addition(text="Here is the report that was missing.")
        self._office.ask(
            "referral-intake",
            self.sent_by[reference],
            "referral.add",
            lambda work: intake.add_to_referral(work, reference, addition),
        )


class Desk:
    """One agency's triagers: they work down their queue, each day as far as they get."""

    def __init__(self, office: Office, agency: Agency, referrers: Referrers, a_day: float) -> None:
        self._office, self.agency, self._referrers = office, agency, referrers
        self._a_day, self._carried = a_day, 0.0
        self._person = f"{agency}-triager"

    def sit(self, share: float) -> None:
        """Decide about the first entries of the queue, as many as this share of a day allows."""
        self._carried += self._a_day * share
        while self._carried >= 1:
            page = self._ask("queue.read", lambda work: triage.list_queue(work, self.agency, "queued", None))
            taken = page.entries[: int(self._carried)] if page else []
            if not taken:
                self._carried = 0.0
            self._carried -= len(taken)
            for entry in taken:
                self._decide(entry)

    def _ask(self, action: str, do: Callable[[Work], Answer]) -> Answer | None:
        return self._office.ask("triage-panel", self._person, action, do, self.agency)

    def _decide(self, entry: triage.Line) -> None:
        outcome = self._office.draw(mix.DECISIONS)
        body: dict[str, Any] = {"outcome": outcome, "version": entry.version}
        if outcome == "accept":
            body |= {"priority": self._office.draw(mix.PRIORITIES)} | self._therapy(entry.reference)
        else:
            body["reason_code"] = self._office.chance.choice(mix.REASONS[outcome])
        if outcome == "redirect":
            body["redirect_to"] = self._office.chance.choice([one for one in AGENCIES if one != self.agency])
        if self._send(entry.reference, **body):
            self._follow_up(entry.reference, outcome, has_therapy="therapy" in body)

    def _send(self, reference: str, **body: Any) -> triage.Decided | None:
        asked = sent(triage_commands.Decision, body)
        return self._ask("queue.decide", lambda work: triage.decide_entry(work, self.agency, reference, asked))

    def _therapy(self, reference: str) -> dict[str, Any]:
        chance, discipline = self._office.chance, self._referrers.therapy.get(reference)
        if self.agency != "health" or discipline is None or chance.random() > mix.THERAPY_AGREED:
            return {}
        mode = "group" if chance.random() < mix.IN_A_GROUP else "individual"
        return {"therapy": {"discipline": discipline, "sessions": mix.WEEKS, "mode": mode}}

    def _follow_up(self, reference: str, outcome: str, *, has_therapy: bool) -> None:
        chance, office = self._office.chance, self._office
        if outcome != "hold" and chance.random() < mix.TAKEN_BACK:
            self._send(reference, outcome="reopen", reason_code="awaiting_information")
        elif outcome == "return":
            self._referrers.asked_for_more(reference)
        elif outcome == "hold":
            office.later(chance.randint(5, 20), lambda: self._send(reference, outcome="resume"))
        elif outcome == "accept" and not has_therapy and chance.random() < mix.CLOSED:
            close = {"outcome": "close", "reason_code": "need_met"}
            office.later(chance.randint(20, 90), lambda: self._send(reference, **close))
