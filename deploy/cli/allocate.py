"""`frontdoor allocate`: reads an instance, has it planned, shows how that goes, and writes the result."""

import gzip
import json
import math
import os
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from therapy_booking.allocation.columns import Columns
    from therapy_booking.allocation.explain import Left
    from therapy_booking.allocation.plan import Plan, Progress, Wanted

LARGEST = 1 << 28  # bytes of an instance, unpacked: twice what 100,000 requests and 300,000 blocks take
PIECE = 1 << 20
GZIP = b"\x1f\x8b"
EVERY = 1.0  # seconds between two plain lines


class Refused(Exception):
    """What was asked cannot be done; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was typed."""

    instance: Path
    out: Path
    seconds: float | None
    seed: int
    method: str
    order: str | None
    explain: tuple[int, ...]
    report: Path | None


def allocate(asked: Asked, say: Console) -> int:
    """Do it; gives the exit code."""
    began = time.monotonic()
    try:
        return planned(asked, say, began)
    except Refused as why:
        say.print(str(why), style="red", soft_wrap=True, markup=False)
        return 2


def planned(asked: Asked, say: Console, began: float) -> int:
    wanted, columns = prepared(asked, began)
    from therapy_booking.allocation.eligibility import TooMany
    from therapy_booking.allocation.explain import everybody_left
    from therapy_booking.allocation.plan import NotAFlow, make_plan

    watch = Watch(say, began)
    try:
        with watch:
            plan = make_plan(columns, wanted, watch.see)
    except (NotAFlow, TooMany) as why:
        raise Refused(f"{asked.instance}: {why}") from None
    left = everybody_left(columns, plan.assignment)
    write(asked.out, json.dumps(result(plan, left), separators=(",", ":")) + "\n")
    summarise(say, columns, plan, left, time.monotonic() - began)
    for request in asked.explain:
        say.print(explained(columns, plan, left, request), soft_wrap=True, markup=False)
    if asked.report is not None:
        from cli.allocation_report import page

        write(asked.report, page(columns, plan, left, watch.seen))
    return 0


def prepared(asked: Asked, began: float) -> tuple["Wanted", "Columns"]:
    """Check what was typed, and read the instance."""
    try:
        from therapy_booking.allocation.columns import columns
        from therapy_booking.allocation.instance import Malformed, parsed
        from therapy_booking.allocation.levels import LEVELS
        from therapy_booking.allocation.plan import METHODS, Wanted
    except ModuleNotFoundError as missing:
        raise Refused(f"{missing.name} is not installed here: pip install 'front-door[allocation]'") from None
    if asked.method not in METHODS:
        raise Refused(f"--method: there is no {asked.method}; choose one of {', '.join(METHODS)}.")
    order = LEVELS if asked.order is None else tuple(name.strip() for name in asked.order.split(","))
    if sorted(order) != sorted(LEVELS):
        raise Refused(f"--order: name each of these once, most important first: {','.join(LEVELS)}")
    for file in filter(None, (asked.out, asked.report)):
        if not file.parent.is_dir() or file.is_dir():
            raise Refused(f"{file}: this cannot be written; is the folder there?")
    try:
        instance = parsed(read(asked.instance))
    except Malformed as wrong:
        raise Refused(f"{asked.instance}: {wrong.where}: {wrong.reason}") from None
    for request in asked.explain:
        if not 0 <= request < len(instance.requests):
            raise Refused(
                f"--explain: there is no request {request}; they count from 0 to {len(instance.requests) - 1}."
            )
    end = math.inf if asked.seconds is None else began + asked.seconds
    return Wanted(asked.method, order, asked.seed, lambda: end - time.monotonic()), columns(instance)


def read(file: Path, most: int = LARGEST) -> bytes:
    """The bytes of a file, unpacked if it is gzipped, up to a limit."""
    try:
        with file.open("rb") as plain:
            packed = plain.read(2) == GZIP
        with gzip.open(file) if packed else file.open("rb") as source:
            pieces, size = [], 0
            while piece := source.read(PIECE):
                size += len(piece)
                if size > most:
                    raise Refused(f"{file}: this is more than {most >> 20} MB unpacked; that is not an instance.")
                pieces.append(piece)
    except (EOFError, zlib.error, gzip.BadGzipFile) as wrong:
        raise Refused(f"{file}: the gzip file is damaged or cut short: {wrong}") from None
    except OSError as wrong:
        raise Refused(f"{file}: this cannot be read: {wrong.strerror}") from None
    return b"".join(pieces)


def write(file: Path, text: str) -> None:
    """Write a file whole or not at all."""
    beside = file.with_name(f"{file.name}.{os.getpid()}.part")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(file)
    except OSError as wrong:
        beside.unlink(missing_ok=True)
        raise Refused(f"{file}: this cannot be written: {wrong.strerror}") from None


def result(plan: "Plan", left: list["Left"]) -> dict[str, object]:
    """The result as its file has it; the levels in their usual order."""
    objective, bound = plan.in_levels()
    return {
        "assignment": plan.assignment,
        "objective": objective,
        "bound": bound,
        "optimal": plan.optimal,
        "unplaced": [
            {"request": one.request, "why": one.why, "change": one.change, "start_weeks": one.start_weeks}
            for one in left
        ],
        "stopped_by": plan.stopped_by,
    }


class Watch:
    """Shows objective, bound and gap: a live line on a terminal, now and then a plain one elsewhere."""

    def __init__(self, say: Console, began: float) -> None:
        self.say, self.began, self.told = say, began, 0.0
        self.seen: list[tuple[float, Progress]] = []
        self.live = Live(console=say, transient=True, refresh_per_second=8) if say.is_terminal else None

    def __enter__(self) -> None:
        if self.live is not None:
            self.live.start()

    def __exit__(self, *_: object) -> None:
        if self.live is not None:
            self.live.stop()

    def see(self, progress: "Progress") -> None:
        now = time.monotonic() - self.began
        self.seen.append((now, progress))
        if self.live is not None:
            self.live.update(line(now, progress))
        elif now - self.told >= EVERY:
            self.told = now
            self.say.print(line(now, progress), soft_wrap=True)


def line(now: float, progress: "Progress") -> str:
    """How far, in one line."""
    done = round(progress.share * 20)
    pairs = zip(progress.objective, progress.bound, strict=True)
    values = "  ".join(f"{value:,} (≥ {'?' if bound is None else f'{bound:,}'})" for value, bound in pairs)
    return f"{now:6.1f} s {'█' * done}{'░' * (20 - done)} {values}"


def gap(value: int, bound: int | None) -> str:
    if bound is None:
        return "–"
    return "proven" if value == bound else f"{(value - bound) / max(abs(value), 1):.3%}"


def summarise(say: Console, columns: "Columns", plan: "Plan", left: list["Left"], seconds: float) -> None:
    """A table of levels, one of totals, one of reasons."""
    from therapy_booking.allocation.explain import totals

    levels = Table("level", "value", "at least", "gap", title=f"{len(plan.assignment):,} placed, {len(left):,} left")
    for name, value, bound in zip(plan.order, plan.objective, plan.bound, strict=True):
        levels.add_row(name, f"{value:,}", "–" if bound is None else f"{bound:,}", gap(value, bound))
    say.print(levels)
    used = Table("", "placed", "left", "pounds", "at most")
    for rows in totals(columns, plan.assignment).values():
        for row in rows[:12]:
            used.add_row(escape(row.name), f"{row.placed:,}", f"{row.left:,}", f"{row.pounds:,.0f}", row.most)
        if len(rows) > 12:
            used.add_row(f"and {len(rows) - 12} more", "", "", "", "")
        used.add_section()
    say.print(used)
    reasons = Table("left because of", "requests")
    for why in sorted({one.why for one in left}):
        reasons.add_row(why, f"{sum(one.why == why for one in left):,}")
    if left:
        say.print(reasons)
    say.print(f"Stopped by {plan.stopped_by} after {seconds:.1f} s.")


def explained(columns: "Columns", plan: "Plan", left: list["Left"], request: int) -> str:
    """What one request got, or why it got nothing and what would change that."""
    from therapy_booking.allocation.explain import why_this_block

    for one in left:
        if one.request == request:
            weeks = (
                ""
                if one.start_weeks is None
                else f" At this pace it starts in weeks {one.start_weeks[0]} to {one.start_weeks[1]}."
            )
            return f"Request {request} is left: {one.why}. It would take {one.change}.{weeks}"
    return f"Request {request} has {why_this_block(columns, plan.assignment, request)}."
