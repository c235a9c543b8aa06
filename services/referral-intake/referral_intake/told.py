"""What somebody sent, in the form's own words: for the duty team, and for whoever reads a referral."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from frontdoor.areas import Area
from frontdoor.web.wording import day, starred, words
from referral_intake.domain import ADDED_LATER
from referral_intake.questions import STAFF, Page, Question, Reader, Section, in_words, questions

_ADDED = "Added later"
_ABOUT = {"referrer": "Who filled in the form", ADDED_LATER: _ADDED}
_LABELS = {"who": "Who", "where": "Where they are now", "what": "What is happening"}
_NOT_TOLD = frozenset({"immediate_danger", "contact", "kind", "upload", "evidence"})
"""What no reader needs as a line: ids, and what the page says at its top."""
_CODE = re.compile(r"[a-z]+(_[a-z]+)*")
Line = tuple[str, list[str]]


def told(sent: Mapping[str, Any], area: Area, reader: Reader = STAFF) -> list[tuple[str, list[Line]]]:
    """Everything that was sent, in the form's own words and order: (heading, lines), a line being (label, texts).

    It may have been sent before anything was checked, and hold anything: what the form does not know is shown as it is.
    """
    found: dict[str, dict[str, list[str]]] = {}
    for path, value in _leaves(sent):
        if value is False and _is_tick(path, reader):
            continue
        texts = [text for one in _listed(value) for text in _told(path, one, area, reader).splitlines() if text.strip()]
        if texts:
            lines = found.setdefault(_heading(path, sent, reader), {})
            lines.setdefault(_label(path, reader), []).extend(texts)
    order = [_ADDED, *(_title(section, reader) for section in questions().sections)]
    placed = sorted(found, key=lambda heading: order.index(heading) if heading in order else len(order))
    return [(heading, list(found[heading].items())) for heading in placed]


def _leaves(sent: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value with its path; a list of texts is one, and so is each row that has no heading of its own."""
    name = path.rpartition(".")[2]
    if name in _NOT_TOLD:
        return
    if isinstance(sent, list) and any(isinstance(one, dict | list) for one in sent):
        for at, one in enumerate(sent):
            whole = path not in {"contacts", ADDED_LATER}
            yield from [(f"{path}.{at}", one)] if whole else _leaves(one, f"{path}.{at}")
    elif isinstance(sent, dict):
        for part, below in sent.items():
            yield from _leaves(below, f"{path}.{part}" if path else str(part))
    else:
        yield path, sent


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _heading(path: str, sent: Mapping[str, Any], reader: Reader) -> str:
    top, _, rest = path.partition(".")
    number = rest.partition(".")[0]
    if top == "contacts" and number.isdecimal():
        people = sent["contacts"] if isinstance(sent["contacts"], list) else []
        person = people[int(number)] if int(number) < len(people) else {}
        name = person.get("name") if isinstance(person, dict) else None
        return f"Person to tell: {name}" if name else f"Person to tell, number {int(number) + 1}"
    if top in _ABOUT:
        return _ABOUT[top]
    return next((_title(part, reader) for part, _, one in _asked() if _alike(one.name, path)), "Also")


def _title(section: Section, reader: Reader) -> str:
    return reader.say(section.told or section.title)


def _asked() -> Iterator[tuple[Section, Page, Question]]:
    return ((part, page, one) for part in questions().sections for page in part.pages for one in page.questions)


def _alike(name: str, path: str) -> bool:
    """Whether a question asks for a path, or for something in it."""
    asked, wanted = starred(name), starred(path)
    rows = wanted.endswith(".*") and (asked == wanted.removesuffix(".*") or asked.startswith(f"{wanted}."))
    return rows or asked in {wanted, f"{wanted}.*"}


def _question(path: str, reader: Reader) -> Question | None:
    alike = [(page, one) for _, page, one in _asked() if starred(one.name) in {starred(path), f"{starred(path)}.*"}]
    mine = [one for page, one in alike if reader.is_asked(page) and reader.is_asked(one)]
    return next(iter(mine or [one for _, one in alike]), None)


def _label(path: str, reader: Reader) -> str:
    top = path.partition(".")[0]
    name = next((part for part in reversed(path.split(".")) if not part.isdecimal()), path)
    if top == ADDED_LATER:
        return _LABELS.get(name, "Also")
    asked = _question(path, reader)
    if asked is None or top == "referrer":
        return "Needs" if top == "needs" else words(name)
    return reader.say(asked.short) or reader.say(asked.ask)


def _told(path: str, value: Any, area: Area, reader: Reader) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, dict):
        return _need(value, reader) if isinstance(value.get("code"), str) else _row(path, value, area, reader)
    text, asked = "" if value is None else str(value), _question(path, reader)
    if path.endswith("setting") and text in area.organisations:
        return area.organisations[text].name
    if asked and asked.kind == "date":
        return day(text)
    if asked and asked.kind == "select" and asked.choices:
        return str(questions().choices[asked.choices].get(text, words(text) if _CODE.fullmatch(text) else text))
    return str(questions().choices.get(asked.choices, {}).get(text, text)) if asked else text


def _is_tick(path: str, reader: Reader) -> bool:
    """Whether this is a box to tick: one that is not ticked says nothing."""
    asked = _question(path, reader)
    return asked is not None and asked.kind == "tick"


def _need(need: Mapping[str, Any], reader: Reader) -> str:
    first = " (main need)" if need.get("rank") == "primary" else ""
    name, detail = in_words("need", str(need["code"])), need.get("detail")
    if detail and reader.is_family:
        return str(detail)
    return f"{name}{first}: {detail}" if detail else f"{name}{first}"


def _row(path: str, row: Mapping[str, Any], area: Area, reader: Reader) -> str:
    """One row of a list as one line: what it is first, then what else is known of it."""
    said: list[str] = []
    for name, value in row.items():
        if name in _NOT_TOLD or value in (None, [], ""):
            continue
        below = f"{path}.{name}"
        text = ", ".join(_told(below, one, area, reader) for one in _listed(value))
        asked = _question(below, reader)
        is_named = said and asked is not None and asked.kind in {"yes_no", "date", "select"}
        said.append(f"{_label(below, reader).lower()}: {text}" if is_named else text)
    return "; ".join(said)
