"""Running a year: a folder of its own, progress while it lives, proof, a plot and what it all cost."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from all_in_one.assembly import AllInOne, assemble
from all_in_one.settings import Settings
from cli.simulate import mix, report
from cli.simulate.year import Moment, Year
from cli.verify import verify
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
    """What is to be simulated. `pace` is in days of the year a second; None: as fast as it goes."""

    area: str
    referrals: int
    days: int
    number: int
    into: Path
    pace: float | None
    report: Path


def wish_of(
    area: str, speed: str, referrals: int | None, days: int, number: int, into: Path, report_to: Path | None
) -> Wish:
    """Read what was asked for on the command line; raises `BadWish`."""
    if area not in mix.SCALES:
        raise BadWish(f"--area is {' or '.join(mix.SCALES)}.")
    try:
        pace = None if speed == "max" else float(speed)
    except ValueError:
        pace = 0.0
    if pace is not None and not 0 < pace < 1e6:
        raise BadWish("--speed is max, or a number of days a second, such as 2 or 0.5.")
    return Wish(area, referrals or mix.SCALES[area], days, number, into, pace, report_to or into / "year.html")


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
        whole = f"England's {mix.ENGLAND:,} referrals at this rate, in one such process: {_span(wall)}"
        how = f"measured on {self.referrals:,} and multiplied by {times:,.1f}, without HTTP and the reading of pages"
        return f"{whole}, {_span(cpu)} of CPU, {disk / 1e9:,.0f} GB; {how}."


def simulate(settings: Settings, wish: Wish, say: Console) -> int:
    """Live through the year in an empty folder, prove it and tell; gives back how many invariants do not hold."""
    folder = data_folder(wish.into)
    if any(folder.iterdir()):
        raise BadWish(f"Something is in {wish.into} already: name an empty folder, or a new one, with --into.")
    clock = Clock()
    with only_one(folder):
        assembly = assemble(settings.model_copy(update={"data": folder, "env": "demo"}), clock)
        try:
            return _simulate(assembly, clock, wish, say)
        finally:
            assembly.close()


class Clock:
    """Business time, which the year moves."""

    now: datetime

    def __call__(self) -> datetime:
        """Tell the time."""
        return self.now


def _simulate(assembly: AllInOne, clock: Clock, wish: Wish, say: Console) -> int:
    chance = random.Random(wish.number)  # noqa: S311  invented people, no secret
    year = Year(assembly, clock, wish.referrals, chance, wish.days)
    with (assembly.folder / JOURNAL).open("w") as journal, _progress(wish, say) as show:
        told = 0
        for moment in _paced(year.live(), wish.pace):
            given = list(year.referrers.sent_by)
            journal.writelines(f"{reference}\n" for reference in given[told:])
            told = len(given)
            show(moment)
    say.print("Proving it …")
    began = time.monotonic()
    failed = verify(assembly, say, assembly.folder / JOURNAL)
    cost = _cost(year.moments, assembly, time.monotonic() - began)
    report.write(wish.report, year.moments, cost.lines, failed)
    for line in (*cost.lines, *year.office.lines):
        say.print(line, soft_wrap=True)
    say.print(
        f"The plot: {wish.report}   The data, to look at: FRONTDOOR_DATA={wish.into} frontdoor run", soft_wrap=True
    )
    return failed


def _paced(moments: Iterator[Moment], pace: float | None) -> Iterator[Moment]:
    began = time.monotonic()
    for number, moment in enumerate(moments, 1):
        yield moment
        if pace is not None:
            time.sleep(max(began + number / pace - time.monotonic(), 0))


def _cost(moments: list[Moment], assembly: AllInOne, proof: float) -> Cost:
    last = moments[-1]
    half = next(moment for moment in moments if 2 * moment.events >= last.events)
    return Cost(
        referrals=last.referrals,
        events=last.events,
        wall=last.wall,
        cpu=last.cpu,
        disk=sum(file.stat().st_size for file in assembly.folder.iterdir() if file.is_file()),
        proof=proof,
        early=half.cpu / max(half.events, 1),
        late=(last.cpu - half.cpu) / max(last.events - half.events, 1),
    )


# --- telling while it goes -------------------------------------------------------------------------------------------

Show = Callable[[Moment], None]


@contextmanager
def _progress(wish: Wish, say: Console) -> Iterator[Show]:
    whole = f"{wish.referrals:,} referrals of {wish.area}, seed {wish.number}"
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
