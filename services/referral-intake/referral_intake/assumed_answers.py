"""Acceptable answers for pages not filled in yet, so that one page can be judged by the whole rule book."""

from datetime import date
from typing import Any

from referral_intake.questions import Leaf


def assuming(data: dict[str, Any], today: date, leaf: Leaf) -> dict[str, Any]:
    """Put acceptable answers where other pages have none yet, so that rules across fields of this page are asked."""
    child = {"given_name": "A", "family_name": "B", "postcode": "SS1 1AA"}
    if "expected_date" not in data["child"]:
        child["date_of_birth"] = today.replace(year=today.year - 10, day=1).isoformat()
    person = {"name": "A", "relationship": "B", "parental_responsibility": True, "channel": "none"}
    filled: dict[str, Any] = _filled_up(data, {
        "child": child,
        "contacts": [person] * max(len(data.get("contacts", [])), 1),
        "referrer": {"role": "other"},
        "needs": [{"code": "NYK", "rank": "secondary"}],
        "concern": "A",
        "concern_raised_on": today.isoformat(),
        "consent": {"given": True, "by": "A", "on": today.isoformat()},
        "immediate_danger": False,
    }, leaf, "")  # fmt: skip
    return filled


def _filled_up(typed: Any, assumed: Any, leaf: Leaf, path: str) -> Any:
    if isinstance(assumed, dict):
        typed = typed if isinstance(typed, dict) else {}
        below = {name: f"{path}.{name}" if path else name for name in assumed}
        filled = {name: _filled_up(typed.get(name), assumed[name], leaf, below[name]) for name in assumed}
        return typed | {name: value for name, value in filled.items() if value is not None}
    if isinstance(assumed, list) and path == "contacts" and not leaf.owns(path):
        rows = typed or [None]
        return [_filled_up(row, assumed[0], leaf, f"{path}.{at}") for at, row in enumerate(rows)]
    return assumed if typed is None and not leaf.owns(path) else typed
