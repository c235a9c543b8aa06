"""`frontdoor seed`: an invented area's term, made by sending the real services what people would send, day by day.

Nothing is written past the handlers: referrals, decisions, blocks, bookings and notices come about as they would have,
with the clock moved from ten weeks ago to now. It is made beside and put in place whole, so that a seed that was
interrupted leaves an empty folder and not half a term.
"""

import random
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any

from nhs_number.validate import is_valid
from rich.console import Console
from rich.progress import Progress
from starlette.testclient import TestClient

from all_in_one.assembly import AllInOne, assemble
from all_in_one.settings import Settings
from cli import invented
from frontdoor.app import wall_clock
from frontdoor.calendars import is_working_day, local_date

DAYS = 70
"""How long ago, in days, the invented term begins."""
DESK_DAYS = (0, 2, 4)
"""Mondays, Wednesdays and Fridays: when triagers and the coordinator are at their desks."""
REASONS = {"decline": "better_met_elsewhere", "return": "evidence_missing", "hold": "awaiting_information"}


class AlreadyFilled(Exception):
    """There is data in the folder already: seed an empty one, or set FRONTDOOR_DATA to another."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


def is_empty(settings: Settings) -> bool:
    """Say whether the data folder holds no database yet."""
    return not any(settings.data.glob("*.sqlite"))


def plant(settings: Settings, children: int = 60, number: int = 1, say: Console | None = None) -> None:
    """Make the invented term in an empty data folder; raises `AlreadyFilled` for another."""
    if not is_empty(settings):
        raise AlreadyFilled
    beside = settings.data.resolve() / "being-seeded"
    shutil.rmtree(beside, ignore_errors=True)
    with Progress(console=say or Console(), transient=False) as progress:
        steps = progress.add_task(f"Making an invented term with {children} children", total=DAYS + 1)
        _make(settings.model_copy(update={"data": beside}), children, number, lambda: progress.advance(steps))
    for file in beside.iterdir():
        file.rename(settings.data.resolve() / file.name)
    beside.rmdir()


def _make(settings: Settings, children: int, number: int, tick: Callable[[], None]) -> None:
    now = wall_clock()
    clock = _Clock(now - timedelta(days=DAYS))
    assembly = assemble(settings, clock)
    try:
        term = Term(assembly, clock, random.Random(number), children)  # noqa: S311  invented people, no secret
        term.prepare()
        for day in range(DAYS + 1):
            clock.now = _morning(now - timedelta(days=DAYS - day), now)
            term.live_through_a_day(last=day == DAYS)
            tick()
        _checkpoint(assembly)
    finally:
        assembly.close()


class _Clock:
    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def _nhs_number(child: int) -> str:
    """Give an invented child a valid number of the range that is never issued (999 …)."""
    candidates = (f"9992{child + shift:05d}{last}" for shift in (0, 50_000) for last in range(10))
    return next(candidate for candidate in candidates if is_valid(candidate))


def _morning(day: datetime, now: datetime) -> datetime:
    return min(datetime.combine(day.date(), time(9, 5), UTC), now)


def _checkpoint(assembly: AllInOne) -> None:
    for parts in assembly.parts.values():
        with parts.database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


class Term:
    """The invented term: who is referred when, and what the people of the area do about it."""

    def __init__(self, assembly: AllInOne, clock: _Clock, chance: random.Random, children: int) -> None:
        self._assembly, self._clock, self._chance = assembly, clock, chance
        self._web = TestClient(assembly.application(), base_url="http://inside")
        self._days = [self._chance.randrange(DAYS - 1) for _ in range(children)]
        self._children = 0
        self._open: list[dict[str, Any]] = []
        self._arriving: list[dict[str, Any]] = []
        self._stories: dict[str, dict[str, Any]] = {}
        self._blocks: list[tuple[str, str]] = []
        self._today = 0

    def _ask(self, person: str, method: str, path: str, body: Any = None) -> Any:
        answer = self._web.request(method, path, json=body, headers={"Authorization": f"Bearer demo-{person}"})
        return answer.json() if answer.is_success else None

    def prepare(self) -> None:
        """Register providers, therapists and places, and open the pool."""
        coordinator = "booking-coordinator"
        providers = [self._ask(coordinator, "POST", "/api/providers", body)["provider"] for body in invented.PROVIDERS]
        places = [self._ask(coordinator, "POST", "/api/places", body)["place"] for body in invented.PLACES]
        therapists = []
        for body in invented.THERAPISTS:
            sent = body | {"provider": providers[int(str(body["provider"]))]}
            therapists.append((self._ask(coordinator, "POST", "/api/therapists", sent)["therapist"], sent["provider"]))
        self._supply = therapists, places
        self._pool = self._open_pool()

    def _open_pool(self) -> str:
        contributions = [
            {"organisation": organisation, "discipline": discipline, "pence": pence}
            for organisation, share in (("sample-council", 6), ("sample-icb", 4))
            for discipline, pence in (("salt", share * 300_000), ("ot", share * 250_000))
        ]
        body = {"name": "Autumn therapies", "term": self._term().id, "contributions": contributions}
        return str(self._ask("booking-coordinator", "POST", "/api/pools", body)["pool"])

    def _term(self) -> Any:
        terms = self._assembly.area.terms
        day = local_date(self._clock.now + timedelta(days=DAYS // 2))
        return next((term for term in terms if term.ends >= day), terms[-1])

    def live_through_a_day(self, *, last: bool) -> None:
        """Send what people send on this day, let it arrive, and look at what is due."""
        day = local_date(self._clock.now)
        for _ in range(self._days.count(self._today)):
            self._refer()
        if (is_working_day(day) and day.weekday() in DESK_DAYS) or last:
            self._triage()
            self._book(day)
            self._assembly.settle()
            self._open, self._arriving = self._open + self._arriving, []
        self._today += 1

    # --- the form ---

    def _refer(self) -> None:
        person, role = self._chance.choice(invented.REFERRERS)
        story = self._chance.choice(invented.STORIES)
        self._children += 1
        form = self._form(person, role, story)
        sent = self._ask(person, "POST", "/api/referrals", form)
        if sent:
            self._stories[sent["reference"]] = story
            self._arriving += [{"reference": sent["reference"], "agency": agency} for agency in sent["agencies"]]

    def _form(self, person: str, role: str, story: dict[str, Any]) -> dict[str, Any]:
        chance, today = self._chance, local_date(self._clock.now)
        family = chance.choice(invented.FAMILY_NAMES)
        youngest = 2 if "NYK" in story["needs"] else 4
        birth = today - timedelta(days=365 * chance.randint(youngest, youngest + 8) + chance.randrange(365))
        child = {
            "given_name": chance.choice(invented.GIVEN_NAMES),
            "family_name": family,
            "date_of_birth": birth.isoformat(),
            "postcode": chance.choice(invented.DISTRICTS),
        }
        if person not in {"parent", "teacher"}:
            child["nhs_number"] = _nhs_number(self._children)
        if person in invented.SETTINGS:
            child["setting"] = invented.SETTINGS[person]
        needs = [
            {"code": code, "rank": "secondary" if place else "primary"} for place, code in enumerate(story["needs"])
        ]
        return {
            "child": child,
            "contacts": [self._contact(family)],
            "referrer": {"role": role},
            "needs": needs,
            "support": story["support"],
            "concern": story["concern"],
            "concern_raised_on": (today - timedelta(days=chance.randint(5, 90))).isoformat(),
            "tried": story["tried"],
            "strengths": story["strengths"],
            "child_voice": story["child_voice"],
            "consent": {
                "given": True,
                "by": "Parent",
                "on": (today - timedelta(days=chance.randint(0, 9))).isoformat(),
            },
            "immediate_danger": False,
        }

    def _contact(self, family: str) -> dict[str, Any]:
        given = self._chance.choice(invented.GIVEN_NAMES)
        channel = self._chance.choice(("sms", "sms", "email", "email", "phone", "letter"))
        return {
            "name": f"{given} {family}",
            "relationship": self._chance.choice(("mother", "father", "grandmother", "guardian")),
            "parental_responsibility": True,
            "channel": channel,
            "language": self._chance.choice(invented.LANGUAGES),
            "phone": f"07700 900{self._children:03d}",
            "email": f"{given.lower()}.{self._children}@example.org",
        }

    # --- the queues ---

    def _triage(self) -> None:
        waiting, self._open = self._open, []
        for entry in waiting:
            if self._chance.random() > 0.3:  # about a week and a half until somebody decides
                self._open.append(entry)
                continue
            self._decide(entry)

    def _decide(self, entry: dict[str, Any]) -> None:
        outcome = self._chance.choices(("accept", "decline", "return", "hold", "redirect"), (72, 9, 8, 6, 5))[0]
        body: dict[str, Any] = {"outcome": outcome}
        if outcome == "accept":
            body["priority"] = self._chance.choices(("routine", "soon", "urgent"), (70, 22, 8))[0]
            body |= self._therapy(entry)
        elif outcome == "redirect":
            body |= {"redirect_to": self._other(entry["agency"]), "reason_code": "better_met_elsewhere"}
        else:
            body["reason_code"] = REASONS[outcome]
        path = f"/api/queues/{entry['agency']}/{entry['reference']}/decisions"
        self._ask(f"{entry['agency']}-triager", "POST", path, body)
        if outcome == "redirect":
            self._arriving.append(entry | {"agency": self._other(entry["agency"])})

    def _therapy(self, entry: dict[str, Any]) -> dict[str, Any]:
        discipline = self._stories[entry["reference"]]["therapy"]
        if entry["agency"] != "health" or discipline is None:
            return {}
        return {
            "therapy": {"discipline": discipline, "sessions": 6, "mode": self._chance.choice(("individual", "group"))}
        }

    @staticmethod
    def _other(agency: str) -> str:
        return {"health": "education", "education": "health", "care": "education"}[agency]

    # --- the pool ---

    def _book(self, day: Any) -> None:
        if len(self._blocks) * 11 <= self._today and len(self._blocks) < len(invented.BLOCKS):
            self._commission(day)
        for discipline in ("salt", "ot"):
            if self._chance.random() < 0.5:  # the coordinator has other work as well
                self._book_next(discipline)

    def _commission(self, day: Any) -> None:
        plan = invented.BLOCKS[len(self._blocks)]
        therapists, places = self._supply
        therapist, provider = therapists[int(str(plan["therapist"]))]
        term = self._term()
        first = max(day + timedelta(days=14), term.starts)
        first += timedelta(days=(int(str(plan["weekday"])) - first.weekday()) % 7)
        body = {
            "provider": provider,
            "therapist": therapist,
            "discipline": plan["discipline"],
            "mode": plan["mode"],
            "place": places[int(str(plan["place"]))],
            "first_date": first.isoformat(),
            "time": plan["time"],
            "minutes": 45,
            "weeks": 6,
            "seats": plan["seats"],
            "price_pence": 54_000,
        }
        made = self._ask("booking-coordinator", "POST", f"/api/pools/{self._pool}/blocks", body)
        self._blocks.append((made["block"], str(plan["discipline"])) if made else ("", ""))

    def _book_next(self, discipline: str) -> None:
        waiting = self._ask("booking-coordinator", "GET", f"/api/waiting-list?discipline={discipline}")
        for entry in (waiting or {"entries": []})["entries"][:1]:
            for block, of in self._blocks:
                body = {"reference": entry["reference"], "block": block}
                if of == discipline and self._ask("booking-coordinator", "POST", "/api/bookings", body):
                    break
