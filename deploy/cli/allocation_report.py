"""One page about one plan: how near to the best it came while it was searched, and capacity against need by region."""

from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from therapy_booking.allocation.columns import Columns
    from therapy_booking.allocation.explain import Left
    from therapy_booking.allocation.plan import Plan, Progress

WIDE, HIGH, EDGE = 640, 160, 8
ROW, MOST_REGIONS = 54, 40
STYLE = """
body { font-family: system-ui, sans-serif; line-height: 1.4; color: #0b0c0c; margin: 0; }
main { max-width: 46rem; margin: 0 auto; padding: 1rem; }
svg { width: 100%; height: auto; background: #f3f2f1; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { padding: .25rem .75rem .25rem 0; text-align: left; border-bottom: 1px solid #b1b4b6; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
"""
NEED, SEATS, PLACED = "#1d70b8", "#505a5f", "#00703c"


def page(columns: "Columns", plan: "Plan", left: Sequence["Left"], seen: Sequence[tuple[float, "Progress"]]) -> str:
    """The page, complete in itself: no script, nothing fetched."""
    parts = [
        f"<h1>Allocation: {len(plan.assignment):,} placed, {len(left):,} left</h1>",
        f"<p>{verdict(plan)}</p>",
        "<h2>Levels, most important first</h2>",
        table(("Level", "Value", "At least"), levels(plan)),
        "<h2>Distance to the bound over time</h2>",
        *(graph(plan, seen, place) for place in range(len(plan.order))),
        "<h2>Capacity against need, by region</h2>",
        *regions(columns, plan),
        "<h2>Why requests are left</h2>",
        table(("Because of", "Requests"), reasons(left)) if left else "<p>Nobody is left.</p>",
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Allocation</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><main>{''.join(parts)}</main></body></html>\n"
    )


def verdict(plan: "Plan") -> str:
    if plan.optimal:
        return "No plan is better: this is proven for every level."
    return f"Stopped by {plan.stopped_by}. Where value and bound are equal, no plan is better in that level."


def levels(plan: "Plan") -> Iterator[tuple[str, str, str]]:
    for name, value, bound in zip(plan.order, plan.objective, plan.bound, strict=True):
        yield name, f"{value:,}", "not known" if bound is None else f"{bound:,}"


def reasons(left: Sequence["Left"]) -> Iterator[tuple[str, str]]:
    for why in sorted({one.why for one in left}):
        yield why, f"{sum(one.why == why for one in left):,}"


def table(heads: Sequence[str], rows: Iterator[tuple[str, ...]]) -> str:
    """A table whose first column is words and whose others are numbers."""
    kind = ["", *[' class="number"'] * (len(heads) - 1)]
    head = "".join(f'<th scope="col"{k}>{escape(text)}</th>' for k, text in zip(kind, heads, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{k}>{escape(text)}</td>" for k, text in zip(kind, row, strict=True)) + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(heads[0])}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def graph(plan: "Plan", seen: Sequence[tuple[float, "Progress"]], place: int) -> str:
    """One level over time: the value as a line, the bound dashed. Only what is seen of the whole plan is drawn."""
    name = escape(plan.order[place])
    points = [(at, one.objective[place], one.bound[place]) for at, one in seen]
    if len({value for _, value, _ in points}) < 2 and len({bound for _, _, bound in points}) < 2:
        return f"<h3>{name}</h3><p>{plan.objective[place]:,} from the first plan on.</p>"
    numbers = [number for _, value, bound in points for number in (value, bound) if number is not None]
    low, high, end = min(numbers), max(numbers), max(at for at, _, _ in points) or 1.0
    lines = [stepped([(at, value) for at, value, _ in points], low, high, end, f'stroke="{NEED}"')]
    known = [(at, bound) for at, _, bound in points if bound is not None]
    if known:
        lines.append(stepped(known, low, high, end, f'stroke="{SEATS}" stroke-dasharray="6 4"'))
    said = f"{name}: from {points[0][1]:,} to {plan.objective[place]:,} in {end:.1f} seconds"
    return (
        f"<h3>{name}</h3><svg viewBox='0 0 {WIDE} {HIGH}' role='img' aria-label='{said}'>{''.join(lines)}</svg>"
        f"<p>{said}; between {low:,} and {high:,}. Dashed: the bound.</p>"
    )


def stepped(points: Sequence[tuple[float, int]], low: int, high: int, end: float, style: str) -> str:
    """A line that stays as it is until the next point."""
    path, before = [], None
    for at, value in [*points, (end, points[-1][1])]:
        x = EDGE + (WIDE - 2 * EDGE) * at / end
        y = HIGH - EDGE - (HIGH - 2 * EDGE) * (value - low) / max(high - low, 1)
        path += [f"{x:.1f},{y if before is None else before:.1f}", f"{x:.1f},{y:.1f}"]
        before = y
    return f'<polyline fill="none" stroke-width="3" {style} points="{" ".join(path)}"/>'


def regions(columns: "Columns", plan: "Plan") -> Iterator[str]:
    """Three bars a region: requests, blocks that therapists are contracted for, requests placed; then the numbers."""
    ours = columns.requests
    names = np.unique(ours.region)
    therapist_region = [columns.instance.providers[row.provider].region for row in columns.instance.therapists]
    placed = ours.region[[request for request, _ in plan.assignment]]
    rows = [
        (
            int(region),
            int((ours.region == region).sum()),
            int(columns.contracted[np.array(therapist_region) == region].sum()),
            int((placed == region).sum()),
        )
        for region in names
    ]
    most = max((max(row[1:]) for row in rows), default=1) or 1
    bars = "".join(bar(at, row, most) for at, row in enumerate(rows[:MOST_REGIONS]))
    high = ROW * min(len(rows), MOST_REGIONS) + EDGE
    yield (
        f"<svg viewBox='0 0 {WIDE} {high}' role='img' "
        f"aria-label='Requests, contracted blocks, requests placed: the numbers are in the table below'>{bars}</svg>"
    )
    yield table(
        ("Region", "Requests (blue)", "Contracted blocks (grey)", "Placed (green)"),
        (tuple(map(str, row)) for row in rows),
    )


def bar(at: int, row: tuple[int, ...], most: int) -> str:
    """The bars of one region."""
    top = EDGE + at * ROW
    found = [f"<text x='{EDGE}' y='{top + 28}' font-size='14'>{row[0]}</text>"]
    for place, (number, colour) in enumerate(zip(row[1:], (NEED, SEATS, PLACED), strict=True)):
        width = (WIDE - 120) * number / most
        found.append(f"<rect x='60' y='{top + 14 * place}' width='{width:.1f}' height='12' fill='{colour}'/>")
        found.append(f"<text x='{66 + width:.1f}' y='{top + 14 * place + 11}' font-size='12'>{number:,}</text>")
    return "".join(found)
