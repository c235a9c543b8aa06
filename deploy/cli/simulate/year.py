"""A year, day by day: what people send, delivered in between, and what has become due."""

import random
import resource
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import text

from all_in_one.assembly import AllInOne
from cli import invented
from cli.simulate import mix
from cli.simulate.booking import Coordinator
from cli.simulate.people import Desk, MovedClock, Office, Referrers
from frontdoor.calendars import is_working_day
from frontdoor.events import AGENCIES
from referral_intake.domain import Pathways, find_routes

FIRST = date(2026, 9, 1)
DAYS = 365
COORDINATING = (0, 3)
"""Mondays and Thursdays: when the booking coordinator goes through the waiting lists."""
BATCH = 200
"""Referrals between two rounds of delivery."""
PATIENCE = 5.0
"""Seconds of work after which a batch ends: nobody waits for an answer here, so that batches may be whole."""


@dataclass(frozen=True)
class Moment:
    """How things stood at the end of a day (the first is number 1); `wall`, `cpu`: seconds since the year began.

    `behind` is the most events that were said and not yet carried on that day.
    """

    number: int
    day: date
    referrals: int
    events: int
    queued: dict[str, int]
    waiting: int
    behind: int
    wall: float
    cpu: float


def together(moments: Sequence[Moment]) -> Moment:
    """The same day in several areas, as one."""
    first = moments[0]
    return Moment(
        number=first.number,
        day=first.day,
        referrals=sum(moment.referrals for moment in moments),
        events=sum(moment.events for moment in moments),
        queued={agency: sum(moment.queued[agency] for moment in moments) for agency in first.queued},
        waiting=sum(moment.waiting for moment in moments),
        behind=sum(moment.behind for moment in moments),
        wall=max(moment.wall for moment in moments),
        cpu=sum(moment.cpu for moment in moments),
    )


@dataclass
class Year:
    """A year of an area."""

    assembly: AllInOne
    clock: MovedClock
    referrals: int
    chance: random.Random
    length: int = DAYS
    moments: list[Moment] = field(default_factory=list)
    _behind: int = 0
    _carried: int = 0

    def __post_init__(self) -> None:
        """Put everybody at their desks."""
        for hearer in self.assembly.hearers.values():
            hearer.patience = PATIENCE
        self.office = Office(self.assembly, self.clock, self.chance)
        self.referrers = Referrers(self.office)
        self.coordinator = Coordinator(self.office)
        working = sum(is_working_day(FIRST + timedelta(days=day)) for day in range(DAYS))
        a_day = mix.SPARE * self.referrals * DAYS / self.length / working
        shares = self._shares()
        self.desks = [Desk(self.office, agency, self.referrers, a_day * shares[agency]) for agency in AGENCIES]

    def _shares(self) -> dict[str, float]:
        """How many of an area's referrals come to each agency, by its pathways."""
        said = self.assembly.area.pathways
        pathways = Pathways(said.support, said.needs, said.catch_all)
        routes: list[Any] = [
            route
            for story in invented.STORIES
            for route in find_routes(pathways, story["needs"], story["support"])  # type: ignore[arg-type]
        ]
        again = 1 + (mix.DECISIONS["redirect"] + mix.DECISIONS["return"] + mix.DECISIONS["hold"]) / 100
        return {
            agency: again * sum(route.agency == agency for route in routes) / len(invented.STORIES)
            for agency in AGENCIES
        }

    def live(self) -> Iterator[Moment]:
        """Live through the year; gives how things stand at the end of each day."""
        self._began, self._spent = time.monotonic(), _cpu()
        for number, (day, arriving) in enumerate(zip(self.days(), self.arrivals(), strict=True), 1):
            self._live_through(day, arriving)
            self.moments.append(self._look(number, day))
            yield self.moments[-1]

    def days(self) -> list[date]:
        """The days that are lived through."""
        return [FIRST + timedelta(days=number) for number in range(self.length)]

    def arrivals(self) -> list[int]:
        """How many referrals come on each day: as many as were asked for, in all."""
        days = self.days()
        counts = dict.fromkeys(days, 0)
        for day in self.chance.choices(days, [self._busy(day) for day in days], k=self.referrals):
            counts[day] += 1
        return [counts[day] for day in days]

    def _busy(self, day: date) -> float:
        weight = mix.MONTHS[day.month] * (1 if self.is_term(day) else mix.OUT_OF_TERM)
        return weight * (1 if is_working_day(day) else mix.WEEKEND)

    def is_term(self, day: date) -> bool:
        """Say whether most schools are open around this day."""
        return any(term.starts <= day <= term.ends for term in self.assembly.area.terms)

    def _live_through(self, day: date, arriving: int) -> None:
        self._behind = 0
        self._receive(day, arriving)
        if is_working_day(day):
            self._work(day)
        self._tell_time(day, 18)
        self.assembly.settle()
        self._carried = self._said()

    def _receive(self, day: date, arriving: int) -> None:
        """Take what is sent between eight and four, delivered as it comes."""
        for number in range(arriving):
            self._tell_time(day, 8, 8 * 3600 * number // arriving)
            self.referrers.refer()
            if (number + 1) % BATCH == 0 or number + 1 == arriving:
                self._deliver()

    def _work(self, day: date) -> None:
        """Let everybody sit at their desks, one after the other."""
        self._tell_time(day, 16, 1800)
        self.office.work_off()
        for desk in self.desks:
            desk.sit(1 if self.is_term(day) else mix.IN_HOLIDAYS[desk.agency])
        self._deliver()
        if day.weekday() in COORDINATING:
            self._tell_time(day, 17)
            self.coordinator.sit()

    def _tell_time(self, day: date, hour: int, seconds: int = 0) -> None:
        self.clock.now = datetime(day.year, day.month, day.day, hour, tzinfo=UTC) + timedelta(seconds=seconds)

    def _deliver(self) -> None:
        said = self._said()
        if said > self._carried:
            self._behind = max(self._behind, said - self._carried)
            self.assembly.transport.drain()
            self._carried = self._said()

    def _said(self) -> int:
        return sum(self._ask(name, "select max(id) from log") for name in self.assembly.parts)

    def _look(self, number: int, day: date) -> Moment:
        area = self.assembly.area.id
        entries = "select count(*) from entry where area = :area and agency = :agency and status = 'queued'"
        return Moment(
            number=number,
            day=day,
            referrals=len(self.referrers.sent_by),
            events=self._carried,
            queued={agency: self._ask("triage-panel", entries, area=area, agency=agency) for agency in AGENCIES},
            waiting=self.coordinator.waiting,
            behind=self._behind,
            wall=time.monotonic() - self._began,
            cpu=_cpu() - self._spent,
        )

    def _ask(self, name: str, question: str, **values: Any) -> int:
        with self.assembly.parts[name].database.read() as session:
            return session.connection().scalar(text(question), values) or 0


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
