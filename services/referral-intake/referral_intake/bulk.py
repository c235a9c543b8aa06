"""A school's referrals in one file: every row is checked by the form's own rule book, and all are taken or none."""

import csv
import io
import json
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from pydantic import ValidationError

from frontdoor.events import Channel
from frontdoor.identifiers import short_id
from frontdoor.web import FieldError, field_errors
from frontdoor.web.wording import starred
from frontdoor.work import Parts, Refused, Work
from referral_intake import handlers, store
from referral_intake.commands import ReferralForm
from referral_intake.filled_form import refusal

MOST_ROWS = 100
LARGEST = 1024 * 1024
COLUMNS: dict[str, str] = {
    "First name": "child.given_name",
    "Last name": "child.family_name",
    "Date of birth": "child.date_of_birth",
    "Postcode": "child.postcode",
    "NHS number": "child.nhs_number",
    "UPN": "child.upn",
    "Needs": "needs",
    "Support asked for": "support",
    "Concern": "concern",
    "First raised": "concern_raised_on",
    "Tried so far": "tried",
    "Strengths": "strengths",
    "Child's own words": "child_voice",
    "Family's own words": "family_voice",
    "Person to tell": "contacts.0.name",
    "Relationship": "contacts.0.relationship",
    "Parental responsibility": "contacts.0.parental_responsibility",
    "Tell them by": "contacts.0.channel",
    "Email": "contacts.0.email",
    "Telephone": "contacts.0.phone",
    "Consent given by": "consent.by",
    "Consent given on": "consent.on",
}
"""Heading → the field of the form that its cells fill."""
_DATES = frozenset({"child.date_of_birth", "concern_raised_on", "consent.on"})
_LISTS = frozenset({"needs", "support", "tried"})
_ENGLISH_DATE = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})")
_FORMULA = re.compile(r"^'(?=[=+\-@])")


@dataclass(frozen=True)
class Row:
    """One row of a file: its line, what to call it, the form that it makes, and what is wrong with it."""

    line: int
    name: str
    data: dict[str, Any]
    errors: tuple[FieldError, ...] = ()


def template() -> str:
    """Give a file with the headings alone."""
    return ",".join(COLUMNS) + "\r\n"


def read(data: bytes, referrer: Mapping[str, Any], setting: str | None, now: datetime) -> list[Row]:
    """Read a file; `Refused` says what is wrong with it as a whole, each row carries what is wrong with it alone."""
    if len(data) > LARGEST:
        raise _refused("The file must be 1 MB or smaller")
    text = _decoded(data)
    table = list(csv.reader(io.StringIO(text), delimiter=_delimiter(text)))
    headings = [cell.strip() for cell in table[0]] if table else []
    known = {heading.casefold(): path for heading, path in COLUMNS.items()}
    if unknown := [heading for heading in headings if heading.casefold() not in known]:
        at = headings.index(unknown[0]) + 1
        raise _refused(f"Column {at} has a heading that is not in the list: take the headings of the empty file")
    if len(set(map(str.casefold, headings))) != len(headings):
        raise _refused("Two columns have the same heading: delete one")
    lines = [(at, cells) for at, cells in enumerate(table[1:], 2) if any(cell.strip() for cell in cells)]
    if not lines:
        raise _refused("The file has no row below its headings")
    if len(lines) > MOST_ROWS:
        raise _refused(f"The file must have {MOST_ROWS} rows or fewer: send it in parts")
    paths = [known[heading.casefold()] for heading in headings]
    return [_row(line, dict(zip(paths, cells, strict=False)), referrer, setting, now) for line, cells in lines]


def _decoded(data: bytes) -> str:
    """What a spreadsheet writes is UTF-8, or what Windows has used before it."""
    if b"\0" in data:
        raise _refused("The selected file must be a CSV file: save the sheet as CSV")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _delimiter(text: str) -> str:
    first = text.partition("\n")[0]
    return max(",;\t", key=first.count)


def _refused(sentence: str) -> Refused:
    return Refused("wrong_file", sentence, status=422, field="file")


def _row(line: int, cells: Mapping[str, str], referrer: Mapping[str, Any], setting: str | None, now: datetime) -> Row:
    data = _form(cells, referrer, setting)
    name = " ".join(data["child"].get(part, "") for part in ("given_name", "family_name")).strip()
    try:
        form = ReferralForm.model_validate_json(json.dumps(data))
        errors = refusal(lambda: handlers.check_form(form, now))
    except ValidationError as wrong:
        errors = field_errors(wrong, _MESSAGES, labels=_LABELS, model=ReferralForm)
    return Row(line, name or "no name", data, tuple(sorted(errors, key=lambda error: _place(error.field))))


_LABELS = {path: heading for heading, path in COLUMNS.items()}
_MESSAGES = {
    **{f"{starred(path)}:missing": "Fill in this cell" for path in COLUMNS.values()},
    "child.date_of_birth:rule": "Fill in this cell",
    "needs.*.code": "Use the codes that are listed under “Codes of needs and support”",
    "support.*": "Use the codes that are listed under “Codes of needs and support”",
    "contacts.*.parental_responsibility:bool_type": "Write yes or no",
    "contacts.*.channel": f"Write one of: {', '.join(get_args(Channel))}",
}
"""What to write in a cell, where the form's own sentence speaks of boxes and lists."""


def _place(field: str) -> int:
    """Where in the file a field stands, from the left."""
    headings = list(COLUMNS)
    column = column_of(field)
    return headings.index(column) if column in headings else len(headings)


def _form(cells: Mapping[str, str], referrer: Mapping[str, Any], setting: str | None) -> dict[str, Any]:
    data: dict[str, Any] = {
        "child": {"setting": setting} if setting else {},
        "contacts": [{}],
        "consent": {"given": True},
        "referrer": dict(referrer),
        "immediate_danger": False,
    }
    for path, cell in cells.items():
        text = _FORMULA.sub("", cell.strip())
        if text:
            _put(data, path.split("."), _value(path, text))
    return data


def _value(path: str, text: str) -> Any:
    if path in _DATES and (english := _ENGLISH_DATE.fullmatch(text)):
        day, month, year = english.groups()
        return f"{year}-{int(month):02}-{int(day):02}"
    if path.endswith("parental_responsibility"):
        return {"yes": True, "no": False}.get(text.casefold(), text)
    if path not in _LISTS:
        return text
    parts = [part.strip() for part in text.split(";") if part.strip()]
    if path == "needs":
        return [{"code": code.upper(), "rank": "secondary" if at else "primary"} for at, code in enumerate(parts)]
    return parts


def _put(tree: Any, path: list[str], value: Any) -> None:
    for part in path[:-1]:
        tree = tree[int(part)] if part.isdecimal() else tree[part]
    tree[path[-1]] = value


def column_of(field: str) -> str:
    """Name the column that a field of the form is filled from."""
    exact = next((heading for heading, path in COLUMNS.items() if path == field), None)
    return exact or next((heading for heading, path in COLUMNS.items() if field.startswith(f"{path}.")), "Row")


def send(
    parts: Parts, rows: list[dict[str, Any]], token: str, work_of: Callable[[], AbstractContextManager[Work]]
) -> list[str]:
    """Receive every row, in one transaction. Twice is harmless: each row has a token of its own.

    `work_of` opens the work; the children's keys are committed first, as for one referral.
    """
    forms = [ReferralForm.model_validate_json(json.dumps(row)) for row in rows]
    ids = [short_id("C") for _ in forms]
    for form, child_id in zip(forms, ids, strict=True):
        handlers.prepare_child(parts, form, child_id)
    tokens = [f"{token}-{at}" for at, _ in enumerate(forms)]
    with work_of() as work:
        handlers.claim_drafts(work, [token, *tokens], forms)
        sent = [
            handlers.receive_referral_once(work, of_row, form, child_id).reference
            for of_row, form, child_id in zip(tokens, forms, ids, strict=True)
        ]
        store.drop_draft(work.session, token, work.actor.person)
    return sent


def sent_with(work: Work, token: str) -> list[str]:
    """List the referrals that a file became, in the order of its rows."""
    found: list[str] = []
    while reference := store.reference_of_token(work.session, work.actor.person, f"{token}-{len(found)}"):
        found.append(reference)
    return found
