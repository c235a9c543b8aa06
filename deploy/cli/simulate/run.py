"""Running a year: a folder of its own, progress while it lives, proof, a plot and what it all cost."""

import multiprocessing
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from io import StringIO
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, cast

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from all_in_one.assembly import assemble
from all_in_one.settings import Settings
from cli.simulate import mix, report
from cli.simulate.people import done_and_refused
from cli.simulate.year import Moment, Year, together
from cli.verify import verify
from frontdoor.alone import spare_the_collector
from frontdoor.service import data_folder
from frontdoor.settings import only_one

ENOUGH = 1_000
"""Referrals below which the fixed cost of a day hides that of a referral."""
JOURNAL = "references.txt"
"""In the folder: every reference that was given out, a line each, for `frontdoor verify --journal`."""


class BadWish(Exception):
    """This cannot be simulated, for a reason that a person can read."""


@dataclass(frozen=True)
class Wish:
    """What is to be simulated. `pace` is in days of the year a second; None: as fast as it goes.

    Each of the `areas` is a front door of its own, lived through by a process of its own.
    """

    area: str
    referrals: int
    days: int
    number: int
    into: Path
    pace: float | None
    report: Path
    areas: int = 1

    @property
    def shares(self) -> list["Wish"]:
        """What each area lives through: an equal part of the referrals, other people, a folder of its own."""
        if self.areas == 1:
            return [self]
        parts = [
            self.referrals * (at + 1) // self.areas - self.referrals * at // self.areas for at in range(self.areas)
        ]
        return [
            replace(self, referrals=part, number=self.number + at, into=self.into / str(at + 1), areas=1)
            for at, part in enumerate(parts)
        ]


def wish_of(
    area: str,
    speed: str,
    referrals: int | None,
    days: int,
    number: int,
    into: Path,
    report_to: Path | None,
    areas: int | None = None,
) -> Wish:
    """Read what was asked for on the command line; raises `BadWish`. England is as many areas as there are cores."""
    if area not in mix.SCALES:
        raise BadWish(f"--area is {' or '.join(mix.SCALES)}.")
    try:
        pace = None if speed == "max" else float(speed)
    except ValueError:
        pace = 0.0
    if pace is not None and not 0 < pace < 1e6:
        raise BadWish("--speed is max, or a number of days a second, such as 2 or 0.5.")
    wanted = referrals or mix.SCALES[area]
    areas = min(areas or ((os.cpu_count() or 1) if area == "england" else 1), wanted)
    return Wish(area, wanted, days, number, into, pace, report_to or into / "year.html", areas)


@dataclass(frozen=True)
class Cost:
    """What a year took. Seconds of wall time and CPU; bytes on disk."""

    referrals: int
    events: int
    wall: float
    cpu: float
    disk: int
    proof: float
    early: float
    late: float
    processes: int = 1

    @property
    def lines(self) -> list[str]:
        """The summary, with England's year extrapolated from what was measured."""
        each, a_second = self.events / self.referrals, self.referrals / self.wall
        early, late = 1e6 * self.early, 1e6 * self.late
        took = f"{self.referrals:,} referrals and {self.events:,} events ({each:.1f} a referral) in {_span(self.wall)}"
        spent = f"CPU: {1000 * self.cpu / self.referrals:,.1f} s per 1,000 referrals"
        an_event = (
            f"{1e6 * self.cpu / self.events:,.0f} µs an event ({early:,.0f} in the first half, {late:,.0f} after)"
        )
        disk = f"{self.disk / self.referrals / 1000:,.0f} kB on disk a referral"
        return [
            f"{took}: {a_second:,.1f} referrals a second.",
            f"{spent}, {an_event}; {disk}. Proving it took {_span(self.proof)}.",
            self._england(),
        ]

    def _england(self) -> str:
        if self.referrals < ENOUGH:
            return f"To say what England's {mix.ENGLAND:,} referrals would take, simulate {ENOUGH:,} or more."
        times = mix.ENGLAND / self.referrals
        wall, cpu, disk = self.wall * times, self.cpu * times, self.disk * times
        side_by_side = f"{self.processes} such processes" if self.processes > 1 else "one such process"
        whole = f"England's {mix.ENGLAND:,} referrals at this rate, in {side_by_side}: {_span(wall)}"
        how = f"measured on {self.referrals:,} and multiplied by {times:,.1f}, without HTTP and the reading of pages"
        return f"{whole}, {_span(cpu)} of CPU, {disk / 1e9:,.0f} GB; {how}."


def simulate(settings: Settings, wish: Wish, say: Console) -> int:
    """Live through the year in an empty folder, prove it and tell; gives back how many invariants do not hold."""
    folder = data_folder(wish.into)
    if any(folder.iterdir()):
        raise BadWish(f"Something is in {wish.into} already: name an empty folder, or a new one, with --into.")
    with _progress(wish, say) as show:
        moments, lived = _live_side_by_side(settings, wish.shares, show)
    for share, life in zip(wish.shares, lived, strict=True):
        if wish.areas > 1:
            say.print(f"Area {share.into.name}:")
        say.print(life.proof, markup=False, soft_wrap=True, end="")
    cost, failed = _cost(moments, lived), sum(life.failed for life in lived)
    report.write(wish.report, moments, cost.lines, failed)
    for line in (*cost.lines, *done_and_refused([life.office for life in lived])):
        say.print(line, soft_wrap=True)
    data = wish.shares[0].into
    say.print(f"The plot: {wish.report}   The data, to look at: FRONTDOOR_DATA={data} frontdoor run", soft_wrap=True)
    return failed


# --- living ----------------------------------------------------------------------------------------------------------


class Clock:
    """Business time, which the year moves."""

    now: datetime

    def __call__(self) -> datetime:
        """Tell the time."""
        return self.now


@dataclass(frozen=True)
class Lived:
    """What is left of an area's year: its proof in words and seconds, bytes on disk, what was done and refused."""

    proof: str
    proving: float
    failed: int
    disk: int
    office: tuple[Counter[str], Counter[str]]


Told = Moment | Lived
"""What one area's process tells: each day as it ends, at last what is left."""
Show = Callable[[Moment], None]


def live(settings: Settings, wish: Wish) -> Iterator[Told]:
    """Live through one area's year in its folder, and prove it."""
    clock, folder = Clock(), data_folder(wish.into)
    with (
        only_one(folder),
        closing(assemble(settings.model_copy(update={"data": folder, "env": "demo"}), clock)) as area,
    ):
        spare_the_collector()
        chance = random.Random(wish.number)  # noqa: S311  invented people, no secret
        year = Year(area, clock, wish.referrals, chance, wish.days)
        with (folder / JOURNAL).open("w") as journal:
            told = 0
            for moment in _paced(year.live(), wish.pace):
                given = list(year.referrers.sent_by)
                journal.writelines(f"{reference}\n" for reference in given[told:])
                told = len(given)
                yield moment
        began, said = time.monotonic(), Console(file=StringIO(), width=120)
        failed = verify(area, said, folder / JOURNAL)
        proof, took = cast(StringIO, said.file).getvalue(), time.monotonic() - began
        disk = sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
        yield Lived(proof, took, failed, disk, (year.office.done, year.office.refused))


def _live_side_by_side(settings: Settings, shares: list[Wish], show: Show) -> tuple[list[Moment], list[Lived]]:
    """Live through all areas' years, each in a process of its own, and show each day once all have lived it."""
    days: list[list[Moment]] = [[] for _ in shares]
    lived: dict[int, Lived] = {}
    moments: list[Moment] = []
    for at, told in _told_by(settings, shares):
        if isinstance(told, Lived):
            lived[at] = told
            continue
        days[at].append(told)
        if all(len(others) > len(moments) for others in days):
            moments.append(together([others[len(moments)] for others in days]))
            show(moments[-1])
    return moments, [lived[at] for at in range(len(shares))]


def _told_by(settings: Settings, shares: list[Wish]) -> Iterator[tuple[int, Told]]:
    """What the areas tell, as it comes: (which, what). One alone needs no other process."""
    if len(shares) == 1:
        yield from ((0, told) for told in live(settings, shares[0]))
        return
    processes = multiprocessing.get_context("spawn")
    ears: dict[Any, int] = {}
    for at, share in enumerate(shares):
        ear, mouth = processes.Pipe(duplex=False)
        processes.Process(target=_tell, args=(settings, share, mouth), daemon=True).start()
        mouth.close()
        ears[ear] = at
    while ears:
        for ear in cast(list[Connection], wait(list(ears))):
            try:
                told = ear.recv()
            except EOFError:
                raise BadWish(f"The process of {shares[ears[ear]].into} has ended before its year did.") from None
            yield ears[ear], told
            if isinstance(told, Lived):
                del ears[ear]


def _tell(settings: Settings, wish: Wish, mouth: Connection) -> None:
    for told in live(settings, wish):
        mouth.send(told)


def _paced(moments: Iterator[Moment], pace: float | None) -> Iterator[Moment]:
    began = time.monotonic()
    for number, moment in enumerate(moments, 1):
        yield moment
        if pace is not None:
            time.sleep(max(began + number / pace - time.monotonic(), 0))


def _cost(moments: list[Moment], lived: list[Lived]) -> Cost:
    last = moments[-1]
    half = next(moment for moment in moments if 2 * moment.events >= last.events)
    return Cost(
        referrals=last.referrals,
        events=last.events,
        wall=last.wall,
        cpu=last.cpu,
        disk=sum(life.disk for life in lived),
        proof=max(life.proving for life in lived),
        early=half.cpu / max(half.events, 1),
        late=(last.cpu - half.cpu) / max(last.events - half.events, 1),
        processes=len(lived),
    )


# --- telling while it goes -------------------------------------------------------------------------------------------


@contextmanager
def _progress(wish: Wish, say: Console) -> Iterator[Show]:
    whole = f"{wish.referrals:,} referrals of {wish.area}, seed {wish.number}"
    if wish.areas > 1:
        whole += f", {wish.areas} areas side by side"
    if not say.is_terminal:
        say.print(f"Living through a year: {whole}")
        yield _by_month(wish, say)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[told]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=say) as bars:
        bar = bars.add_task(whole, total=wish.referrals, told="")
        yield lambda moment: bars.update(bar, completed=moment.referrals, told=_told(moment))


def _by_month(wish: Wish, say: Console) -> Show:
    def show(moment: Moment) -> None:
        if moment.number % 30 == 0 or moment.number == wish.days:
            say.print(f"{moment.referrals:>9,} referrals   {_told(moment)}", soft_wrap=True)
        if moment.number == wish.days:
            say.print("Proving it …")

    return show


def _told(moment: Moment) -> str:
    rate = moment.referrals / moment.wall if moment.wall else 0.0
    queued = sum(moment.queued.values())
    return (
        f"{moment.day:%d %b %Y}  {rate:,.1f} a second  {queued:,} in queues, {moment.waiting:,} wait for therapy, "
        f"{moment.behind:,} events were on their way"
    )


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"
