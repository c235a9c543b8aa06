"""What was typed on the form, as data: numbers, dates, rows."""

from datetime import date
from typing import Any

from frontdoor.web.wording import day
from referral_intake.form_details import Screen

NUMBERS = ("setting_detail.attendance_percent", *(f"early_review.asq.{name}" for name in Screen.model_fields))


def as_number(data: dict[str, Any], path: list[str]) -> None:
    """Put a number in the place of digits; whatever else was typed stays, for the rule book to name."""
    inside = data.get(path[0])
    if len(path) > 1 and isinstance(inside, dict):
        as_number(inside, path[1:])
    elif isinstance(inside, str) and inside.isascii() and inside.isdecimal() and len(inside) <= 9:
        data[path[0]] = int(inside)


def moved_up(name: str, before: str, behind: str, gone: int) -> str | None:
    """Give the name of a row's field once row `gone` is gone: one less behind it, None for its own."""
    number, found, rest = name.removeprefix(before).partition(behind) if behind else (name.removeprefix(before), "", "")
    if not name.startswith(before) or not number.isdecimal() or int(number) < gone:
        return name
    return None if int(number) == gone else f"{before}{int(number) - 1}{found}{rest}"


def typed_day(parts: list[str]) -> str:
    """Put year, month and day in words; what is no date, as it was typed."""
    try:
        return day(date(*(int(part) for part in parts)))
    except ValueError:
        return " ".join(reversed(parts))


def listed(value: str | list[str]) -> list[str]:
    """Every text that was typed in one field."""
    return [value] if isinstance(value, str) else value


def whole(name: str) -> str:
    """The field that a part of a date belongs to."""
    base, dash, part = name.rpartition("-")
    return base if dash and part in {"day", "month", "year"} else name


def without_nothing(data: dict[str, Any]) -> dict[str, Any]:
    """Leave out what nobody has answered."""
    kept = {name: without_nothing(value) if isinstance(value, dict) else value for name, value in data.items()}
    return {name: value for name, value in kept.items() if value not in (None, [])}
