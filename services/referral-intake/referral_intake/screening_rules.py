"""Screening of young children each half-term: which half-terms there are, and which a setting has missed."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from frontdoor.calendars import SchoolTerm

Result = Literal["on_track", "watch", "flag"]
Year = Literal["nursery", "reception", "year_1"]
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class HalfTerm:
    """One half of a term: `2026-autumn-1`, its first and its last day."""

    id: str
    starts: date
    ends: date

    @property
    def name(self) -> str:
        """As people call it: "Autumn 2026, first half"."""
        year, season, number = self.id.rsplit("-", 2)
        halves = {"1": "first half", "2": "second half", "3": "third part"}
        return f"{season.capitalize()} {year}, {halves.get(number, number)}"


def half_terms(terms: Iterable[SchoolTerm]) -> list[HalfTerm]:
    """Cut each term of a setting at its half-term holidays, in order."""
    found = []
    for term in terms:
        starts = [term.starts, *(holiday.ends + ONE_DAY for holiday in term.half_terms)]
        ends = [*(holiday.starts - ONE_DAY for holiday in term.half_terms), term.ends]
        parts = zip(starts, ends, strict=True)
        found += [HalfTerm(f"{term.id}-{at}", first, last) for at, (first, last) in enumerate(parts, 1)]
    return found


def latest(known: Iterable[HalfTerm], today: date) -> HalfTerm | None:
    """Give the half-term that runs, or in a holiday the one that ended last; None before the first."""
    return max((one for one in known if one.starts <= today), key=lambda one: one.starts, default=None)


def overdue(known: Iterable[HalfTerm], recorded: Collection[str], since: date, today: date) -> list[HalfTerm]:
    """Name the half-terms from `since` on that have ended and for which nothing was recorded."""
    return [one for one in known if since <= one.starts and one.ends < today and one.id not in recorded]


def takes_part_since(known: Iterable[HalfTerm], recorded: Collection[str], today: date, *, always: bool) -> date:
    """Say from when a setting owes results: its first ones; where it `always` does, the school year at the latest."""
    first = min((one.starts for one in known if one.id in recorded), default=date.max)
    september = date(today.year if today.month >= 9 else today.year - 1, 8, 1)
    return min(first, september) if always else first


def flagged(results: Mapping[str, str]) -> list[str]:
    """Name the domains in which a child was flagged: each opens a concern."""
    return [domain for domain, result in results.items() if result == "flag"]
