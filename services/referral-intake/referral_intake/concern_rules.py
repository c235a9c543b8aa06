"""Concerns before referrals: when a school's SENCO is to decide about a child whom staff are concerned about."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

Area = Literal["communication", "cognition", "emotional", "physical", "not_known"]
Impact = Literal["a_little", "clearly", "a_lot"]
Why = Literal["much_impact", "several_concerns", "strategy_has_not_helped"]

LOOKED_BACK = timedelta(weeks=13)
"""About a term: concerns that are older do not add up. Source: local default."""
SEVERAL = 3
NEEDS: Mapping[Area, str] = {
    "communication": "SLCN",
    "cognition": "MLD",
    "emotional": "SEMH",
    "physical": "PD",
    "not_known": "NYK",
}
"""Broad area of need → the nearest need of the form, for the SENCO to put right."""


@dataclass(frozen=True)
class Concern:
    """One concern, as far as the rule looks at it."""

    raised_on: date
    area: Area
    impact: Impact
    strategy_helped: bool | None


def why_escalate(new: Concern, earlier: Iterable[Concern]) -> Why | None:
    """Say why the SENCO is to decide now; None where it is enough that they know."""
    recent = [one for one in earlier if new.raised_on - one.raised_on <= LOOKED_BACK]
    if new.impact == "a_lot":
        return "much_impact"
    if len(recent) + 1 >= SEVERAL:
        return "several_concerns"
    same = [one for one in recent if one.area == new.area]
    if new.strategy_helped is False and same:
        return "strategy_has_not_helped"
    return None


def as_form(concerns: Iterable[Mapping[str, Any]], setting: str) -> dict[str, str | list[str]]:
    """Fill a form in from a child's concerns, the earliest first, so that nothing is keyed again."""
    told = sorted(concerns, key=lambda one: one["raised_on"])
    child = told[-1]["child"]
    raised = date.fromisoformat(told[0]["raised_on"])
    needs = list(dict.fromkeys(NEEDS[one["area"]] for one in told))
    values: dict[str, str | list[str]] = {
        "child.given_name": child["given_name"],
        "child.family_name": child["family_name"],
        "child.setting": setting,
        "concern": "\n".join(f"{one['raised_on']}: {one['what']}" for one in told),
        "tried": "\n".join(f"{one['raised_on']}: {one['strategy']}" for one in told if one.get("strategy")),
        "needs": needs,
        **_date("concern_raised_on", raised),
    }
    if born := child.get("date_of_birth"):
        values |= _date("child.date_of_birth", date.fromisoformat(born))
    return values


def _date(name: str, day: date) -> dict[str, str]:
    return {f"{name}-{part}": str(getattr(day, part)) for part in ("day", "month", "year")}
