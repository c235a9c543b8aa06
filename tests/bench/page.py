"""The page of results: a bar for each ratio against its goal, and the figures in a table."""

from math import log10
from pathlib import Path

from jinja2 import Environment

WIDTH, LINE = 520, 26

PAGE = Environment(autoescape=True).from_string((Path(__file__).parent / "page.html").read_text())


def written(results):
    """Write the page."""
    bars = [_bar(row) for row in results["rows"] if row.get("goal")]
    return PAGE.render(results=results, bars=bars, width=WIDTH, line=LINE, figure=figure)


def figure(value):
    """Write a figure with three places, and none where it is large."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _bar(row):
    """A bar from the middle: to the right where the goal is reached, ten times as far at the end."""
    better = row["goal"] / row["ratio"] if row["less"] else row["ratio"] / row["goal"]
    length = max(min(abs(log10(better)), 1.5) / 1.5 * WIDTH / 2, 1)
    middle = 320 + WIDTH / 2
    reached = better >= 1
    told = f"{better:.2g} times as good" if reached else f"{better:.2g} of it"
    return {
        "name": row["name"],
        "x": round(middle if reached else middle - length, 1),
        "width": round(length, 1),
        "fill": "#00703c" if reached else "#d4351c",
        "label": round(middle + (-6 if reached else 6), 1),
        "anchor": "end" if reached else "start",
        "told": told,
    }
