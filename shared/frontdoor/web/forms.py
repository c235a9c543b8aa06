"""The bridge between an HTML form and a Pydantic model, which is the only rule book.

A form sends names and texts; a model takes nested data. `Form` keeps what was typed exactly as typed, turns it into
the data the model expects, and carries what is wrong with it back to the fields.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import Enum
from typing import Any, Protocol

from frontdoor.web.problems import FieldError, field_errors
from frontdoor.web.wording import label_of, sentence, starred

__all__ = ["FieldError", "Form", "field_errors", "identifier"]

PARTS = ("day", "month", "year")
# No page of ours sends longer or deeper names; what does is no form, and would only cost time.
LONGEST_NAME, DEEPEST_NAME = 200, 8
YES = frozenset({"yes", "true", "on", "1"})
NO = frozenset({"no", "false", "off", "0"})


class MultiDict(Protocol):
    """What Starlette's FormData and QueryParams have in common."""

    def multi_items(self) -> Iterable[tuple[str, Any]]: ...


@dataclass(frozen=True)
class Form:
    """What was typed, and what is wrong with it.

    `lists` are fields that are always a list (checkboxes), `booleans` fields answered yes or no (absent stays absent),
    `ticks` single checkboxes (absent is False). A `*` stands for a row number: "contacts.*.parental_responsibility".
    """

    values: Mapping[str, str | list[str]] = field(default_factory=dict)
    errors: Sequence[FieldError] = ()
    lists: Collection[str] = frozenset()
    booleans: Collection[str] = frozenset()
    ticks: Collection[str] = frozenset()

    @classmethod
    def from_multidict(
        cls,
        sent: MultiDict,
        *,
        lists: Collection[str] = frozenset(),
        booleans: Collection[str] = frozenset(),
        ticks: Collection[str] = frozenset(),
        labels: Mapping[str, str] | None = None,
    ) -> "Form":
        """A form from `await request.form()` or `request.query_params`; uploaded files are left aside."""
        values: dict[str, str | list[str]] = {}
        for name, value in sent.multi_items():
            if not isinstance(value, str) or len(name) > LONGEST_NAME or name.count(".") >= DEEPEST_NAME:
                continue
            seen = values.get(name)
            values[name] = value if seen is None else [*([seen] if isinstance(seen, str) else seen), value]
        form = cls(values=values, lists=lists, booleans=booleans, ticks=ticks)
        return replace(form, errors=tuple(form._date_errors(labels or {})))

    @classmethod
    def of(cls, data: Mapping[str, Any], *, lists: Collection[str] = frozenset()) -> "Form":
        """A form filled in beforehand from nested data, such as `model.model_dump()`."""
        return cls(values=_flat_all(data.items()), lists=lists)

    def value(self, name: str) -> str:
        """What was typed in one field, exactly; "" if nothing was."""
        found = self.values.get(name, "")
        return found if isinstance(found, str) else (found[0] if found else "")

    def all(self, name: str) -> list[str]:
        """Every value sent under one name, as checkboxes do."""
        found = self.values.get(name, [])
        return [found] if isinstance(found, str) else list(found)

    def error(self, name: str) -> str | None:
        """The message to show beside a field."""
        return next((error.message for error in self.errors if error.field == name), None)

    def anchor(self, name: str) -> str:
        """The id of the input that the error summary should lead to."""
        if self._is_date(name):
            return identifier(f"{name}-{self._wrong_part(name)}")
        if name in self.values:
            return identifier(name)
        within = next((key for key in self.values if name and key.startswith(f"{name}.")), name)
        return identifier(within)

    def wrong_parts(self, name: str) -> list[str]:
        """Which of day, month and year to mark as wrong; all three when it is the date as a whole."""
        if self.error(name) is None:
            return []
        return [part for part in PARTS if not self._part_is_possible(name, part)] or list(PARTS)

    def with_errors(self, errors: Iterable[FieldError]) -> "Form":
        """The same form with what the model found (paths of `data()`), one message a field, earlier ones first."""
        kept = {error.field: error for error in self.errors}
        rows = self._rows()
        for error in errors:
            name = self._field_of(error.field, rows)
            kept.setdefault(name, FieldError(name, error.message))
        return replace(self, errors=tuple(kept.values()))

    def data(self) -> dict[str, Any]:
        """Nested data for the model: trimmed, without empty fields and empty rows, dates as ISO strings."""
        tree: dict[str, Any] = {}
        places = {prefix: {row: str(at) for at, row in enumerate(rows)} for prefix, rows in self._rows().items()}
        for name, value in self._typed():
            _put(tree, _compacted(name, places), value)
        built = {key: _rows_to_lists(value) for key, value in tree.items()}
        for pattern in self.ticks:
            _untick(built, pattern.split("."))
        return built

    def _typed(self) -> Iterable[tuple[str, Any]]:
        """Every field that says something, as (name, value); the three inputs of a date are one field."""
        for name in dict.fromkeys(_without_part(name) for name in self.values):
            if not name.startswith("_"):
                value = self._date(name) if self._is_date(name) else self._one(name)
                if value is not None:
                    yield name, value

    def _one(self, name: str) -> str | bool | list[str] | None:
        texts = [tidy for text in self.all(name) if (tidy := _tidy(text))]
        if _declared(name, self.lists):
            return texts or None
        if not texts:
            return None
        if _declared(name, self.booleans) or _declared(name, self.ticks):
            return _yes_or_no(texts[-1])
        return texts if len(texts) > 1 else texts[0]

    def _is_date(self, name: str) -> bool:
        return any(f"{name}-{part}" in self.values for part in PARTS)

    def _parts(self, name: str) -> list[str]:
        return [_tidy(self.value(f"{name}-{part}")) for part in PARTS]

    def _date(self, name: str) -> str | None:
        """The ISO date of three inputs; None when all are empty or they make no real date."""
        day, month, year = self._parts(name)
        if not all(_digits(text) for text in (day, month, year)) or len(year) != 4:
            return None
        try:
            return date(int(year), int(month), int(day)).isoformat()
        except ValueError:
            return None

    def _date_errors(self, labels: Mapping[str, str]) -> Iterable[FieldError]:
        for name in dict.fromkeys(_without_part(name) for name in self.values):
            if any(self._parts(name)) and self._date(name) is None:
                yield FieldError(name, self._date_message(name, label_of(name, labels)))

    def _date_message(self, name: str, label: str) -> str:
        missing = [part for part, text in zip(PARTS, self._parts(name), strict=True) if not text]
        if missing:
            return f"{sentence(label)} must include a {' and a '.join(missing)}"
        if len(self._parts(name)[2]) != 4 and _digits(self._parts(name)[2]):
            return f"Year in {label} must have 4 numbers"
        wrong = [part for part in PARTS if not self._part_is_possible(name, part)]
        return f"{sentence(label)} must be a real date" + (f": check the {' and the '.join(wrong)}" if wrong else "")

    def _part_is_possible(self, name: str, part: str) -> bool:
        text = _tidy(self.value(f"{name}-{part}"))
        low, high = {"day": (1, 31), "month": (1, 12), "year": (1000, 9999)}[part]
        return _digits(text) and low <= int(text) <= high

    def _wrong_part(self, name: str) -> str:
        return next((part for part in PARTS if not self._part_is_possible(name, part)), "day")

    def _rows(self) -> dict[str, list[str]]:
        """The row numbers in which something was typed, in order, by prefix: {"contacts": ["0", "2"]}."""
        rows: dict[str, set[str]] = {}
        for name in self.values:
            if any(_tidy(text) for text in self.all(name)):
                parts = name.split(".")
                for at, part in enumerate(parts):
                    if at and _digits(part):
                        rows.setdefault(".".join(parts[:at]), set()).add(part)
        return {prefix: sorted(numbers, key=int) for prefix, numbers in rows.items()}

    def _field_of(self, path: str, rows: Mapping[str, Sequence[str]]) -> str:
        """The field on the page that a path of `data()` is about."""
        parts: list[str] = []
        for part in path.split("."):
            typed = rows.get(".".join(parts), ())
            parts.append(typed[int(part)] if _digits(part) and int(part) < len(typed) else part)
        names = [".".join(parts[:end]) for end in range(len(parts), 0, -1)]
        known = (name for name in names if name in self.values or self._is_date(name) or _declared(name, self.lists))
        return next(known, names[0])


def identifier(name: str) -> str:
    """The id of a field: dots would end an id in a selector."""
    return name.replace(".", "-")


def _tidy(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


def _digits(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 9


def _without_part(name: str) -> str:
    base, dash, part = name.rpartition("-")
    return base if dash and part in PARTS else name


def _yes_or_no(text: str) -> bool | str:
    lower = text.lower()
    return True if lower in YES else False if lower in NO else text


def _declared(name: str, patterns: Collection[str]) -> bool:
    return name in patterns or starred(name) in patterns


def _compacted(name: str, places: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The path of a field with its rows counted as if the empty ones were not there."""
    parts = name.split(".")
    return [places.get(".".join(parts[:at]), {}).get(part, part) for at, part in enumerate(parts)]


def _put(tree: dict[str, Any], path: list[str], value: Any) -> None:
    for part in path[:-1]:
        below = tree.setdefault(part, {})
        if not isinstance(below, dict):
            return
        tree = below
    tree.setdefault(path[-1], value)


def _rows_to_lists(tree: Any) -> Any:
    if not isinstance(tree, dict):
        return tree
    built = {key: _rows_to_lists(value) for key, value in tree.items()}
    if built and all(_digits(key) for key in built):
        return [built[key] for key in sorted(built, key=int)]
    return built


def _untick(tree: Any, path: list[str]) -> None:
    if path[0] == "*":
        for row in tree if isinstance(tree, list) else []:
            _untick(row, path[1:])
    elif isinstance(tree, dict) and len(path) == 1:
        tree.setdefault(path[0], False)
    elif isinstance(tree, dict) and path[0] in tree:
        _untick(tree[path[0]], path[1:])


def _flat(name: str, value: Any) -> dict[str, str | list[str]]:
    """The opposite of `Form.data`: the names and texts of the fields that would send this value."""
    if isinstance(value, Mapping):
        return _flat_all((f"{name}.{part}", below) for part, below in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        if any(isinstance(row, Mapping) for row in value):
            return _flat_all((f"{name}.{at}", row) for at, row in enumerate(value))
        return {name: [_shown(one) for one in value]}
    if isinstance(value, date):
        return {f"{name}-{part}": str(getattr(value, part)) for part in PARTS}
    return {} if value is None else {name: _shown(value)}


def _flat_all(pairs: Iterable[tuple[str, Any]]) -> dict[str, str | list[str]]:
    return {key: text for name, value in pairs for key, text in _flat(name, value).items()}


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value.value if isinstance(value, Enum) else value)
