"""The plot of a year: one HTML page with drawings in SVG, which asks nobody else for anything."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cli.simulate.year import Moment

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 960, 300, 70, 20, 16, 40
COLOURS = ("#1d70b8", "#d4351c", "#00703c", "#4c2c92")
DASHES = ("", "8 4", "2 3", "12 3 2 3")
SMOOTH = 7
"""Days over which a rate is averaged."""
Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """One line of a chart: its name and its points, as SVG has them."""

    name: str
    points: str
    colour: str
    dash: str
    highest: str


@dataclass(frozen=True)
class Chart:
    """A drawing with its scales; `across` and `up` are (place, words) of the ticks."""

    title: str
    unit: str
    lines: Sequence[Line]
    across: Sequence[tuple[float, str]]
    up: Sequence[tuple[float, str]]


def write(file: Path, moments: Sequence[Moment], sentences: Sequence[str], failed: int) -> None:
    """Write the page."""
    pages = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined)
    page = pages.get_template("report.html").render(
        charts=charts(moments),
        sentences=sentences,
        failed=failed,
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=WIDTH - RIGHT,
        top=TOP,
        bottom=HEIGHT - BOTTOM,
        months=_months(moments),
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(page)


def charts(moments: Sequence[Moment]) -> list[Chart]:
    """Draw the year: what came, what waited, and how fast it went."""
    days = [float(moment.number) for moment in moments]
    arrived = [float(b - a) for a, b in pairwise([0, *(moment.referrals for moment in moments)])]
    waits = {agency: [float(moment.queued[agency]) for moment in moments] for agency in moments[0].queued}
    waits["therapy"] = [float(moment.waiting) for moment in moments]
    walls = [moment.wall / 60 for moment in moments]
    named = [(float(moment.number), f"{moment.day:%b}") for moment in moments if moment.day.day == 1]
    rates = {
        "referrals": _rate(moments, lambda moment: moment.referrals),
        "events": _rate(moments, lambda moment: moment.events),
    }
    return [
        _chart("Referrals a day", "a day", {"referrals": (days, arrived)}, named),
        _chart("Waiting at the end of each day", "in line", {name: (days, got) for name, got in waits.items()}, named),
        _chart("Referrals a second, over wall time", "a second", {"referrals": (walls, rates["referrals"])}),
        _chart("Events a second, over wall time", "a second", {"events": (walls, rates["events"])}),
    ]


def _rate(moments: Sequence[Moment], of: Callable[[Moment], int]) -> list[float]:
    """Give how many a second there were on each day and those before it; on the first, as on the second."""
    rates = []
    for at, moment in enumerate(moments[1:], 1):
        since = moments[max(at - SMOOTH, 0)]
        rates.append((of(moment) - of(since)) / (moment.wall - since.wall) if moment.wall > since.wall else 0.0)
    return [*rates[:1], *rates] or [0.0]


def _chart(
    title: str,
    unit: str,
    series: dict[str, tuple[Sequence[float], Sequence[float]]],
    named: Sequence[tuple[float, str]] | None = None,
) -> Chart:
    most_across = max(max(across) for across, _ in series.values()) or 1.0
    most_up = max(max(up) for _, up in series.values()) or 1.0
    step_up, step_across = _step(most_up), _step(most_across)

    def x(value: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * value / most_across, 1)

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / (step_up * 5), 1)

    lines = [
        Line(
            name,
            " ".join(f"{x(a)},{y(b)}" for a, b in zip(across, up, strict=True)),
            COLOURS[at],
            DASHES[at],
            f"{max(up):,.0f}" if max(up) >= 10 else f"{max(up):,.2f}",
        )
        for at, (name, (across, up)) in enumerate(series.items())
    ]
    minutes = [(step_across * at, f"{step_across * at:g} min") for at in range(6) if step_across * at <= most_across]
    return Chart(
        title,
        unit,
        lines,
        [(x(value), words) for value, words in named or minutes],
        [(y(step_up * at), f"{step_up * at:,g}") for at in range(6)],
    )


def _step(most: float) -> float:
    """Give a fifth of a scale that reaches as high as this, as a round number."""
    size: float = 10 ** len(str(int(most / 5))) / 10 if most >= 5 else 0.001
    while True:
        for factor in (1, 2, 2.5, 5, 10):
            if size * factor * 5 >= most:
                return size * factor
        size *= 10


def _months(moments: Sequence[Moment]) -> list[tuple[date, Moment]]:
    """Give the last moment of each month, for the table below the drawings."""
    return [(a.day, a) for a, b in pairwise(moments) if a.day.month != b.day.month] + [(moments[-1].day, moments[-1])]
