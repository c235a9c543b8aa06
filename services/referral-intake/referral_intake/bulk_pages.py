"""The pages for a file of referrals: choose, look through, send all or none. No decision is made here."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from frontdoor.calls import Call, Route, may
from frontdoor.identifiers import short_id
from frontdoor.problems import Problem
from frontdoor.web import FieldError, Form
from frontdoor.web.wording import day
from frontdoor.work import Refused
from referral_intake import bulk, drafts, store
from referral_intake.filled_form import refusal
from referral_intake.form_pages import Page, pages, see
from referral_intake.questions import first_values, in_words, questions
from referral_intake.sent_files import SentFile, sent_form

router = APIRouter(route_class=Route, include_in_schema=False)
Sending = Annotated[Call, may("referral.bulk")]
"""Where a draft keeps the rows of a file."""


async def _read(request: Request) -> SentFile | Problem:
    try:
        return await sent_form(request)
    except Problem as problem:
        return problem


@router.get("/refer/bulk")
def choose(request: Request, _call: Sending) -> Page:
    """Choose a file of referrals."""
    return _choose_page(request, Form())


@router.get("/refer/bulk/template.csv")
def template(_call: Sending) -> Response:
    """An empty file with the headings."""
    headers = {"Content-Disposition": 'attachment; filename="referrals.csv"'}
    return Response(bulk.template(), media_type="text/csv; charset=utf-8", headers=headers)


@router.post("/refer/bulk")
def preview(request: Request, call: Sending, sent: Annotated[SentFile | Problem, Depends(_read)]) -> Page:
    """Check every row; where all are right, keep them to be sent. Nothing is taken yet."""
    if isinstance(sent, Problem):
        return _choose_page(request, Form(errors=(FieldError("file", sent.title.rstrip(".")),)))
    if sent.texts.get("safe") != "yes":
        contacts = call.parts.area.contacts
        asked = (
            f"Call 999, or the duty team on {contacts.duty_team_day}, if a child is in danger. Otherwise tick this box"
        )
        return _choose_page(request, Form(errors=(FieldError("safe", asked),)))
    rows: list[bulk.Row] = []
    if not sent.data:
        return _choose_page(request, Form(values={"safe": "yes"}, errors=(FieldError("file", "Select a file"),)))
    if wrong := refusal(lambda: rows.extend(_rows(call, sent.data))):
        return _choose_page(request, Form(values={"safe": "yes"}, errors=tuple(wrong)))
    if any(row.errors for row in rows):
        lines = [(row, [(bulk.column_of(one.field), one.message) for one in row.errors]) for row in rows if row.errors]
        return pages.render(request, "bulk_wrong.html", 422, lines=lines, total=len(rows), **_codes(), form=Form())
    draft = short_id("D")
    call.parts.keys.create(draft, call.parts.clock())
    with call.work() as work:
        filled = drafts.filled(call, {drafts.ROWS: [_text(row) for row in rows]})
        drafts.keep(work, draft, filled, drafts.BULK)
    return see(f"/refer/bulk/{draft}")


def _text(row: bulk.Row) -> str:
    """Write a row as the draft keeps it."""
    return json.dumps({"name": row.name, "data": row.data})


def _rows(call: Call, data: bytes) -> list[bulk.Row]:
    own = call.parts.area.organisations.get(call.actor.organisation or "")
    known = first_values(call.actor, call.parts.area)
    referrer = {name.removeprefix("referrer."): said for name, said in known.items() if name.startswith("referrer.")}
    return bulk.read(data, referrer, own.id if own else None, call.parts.clock())


@router.get("/refer/bulk/{draft}")
def look(request: Request, call: Sending, draft: str) -> Page:
    """Look through the rows before they are sent; once they are, what became of them."""
    kept = _kept(call, draft)
    if kept is not None:
        rows = [_looked_through(row) for row in kept]
        return pages.render(request, "bulk_check.html", draft=draft, rows=rows)
    with call.work() as work:
        sent = bulk.sent_with(work, draft)
    if not sent:
        raise drafts.nothing_here()
    return pages.render(request, "bulk_sent.html", sent=sent)


@router.post("/refer/bulk/{draft}")
def send(request: Request, call: Sending, draft: str) -> Page:
    """Send every row, or none. Sent twice, or after Back, they are the same referrals."""
    kept = _kept(call, draft)
    if kept is None:
        return see(f"/refer/bulk/{draft}")
    try:
        bulk.send(call.parts, [row["data"] for row in kept], draft, call.work)
    except (Refused, Problem) as wrong:
        said = wrong.sentence if isinstance(wrong, Refused) else "; ".join(one.message for one in wrong.errors)
        return _choose_page(request, Form(errors=(FieldError("file", f"Nothing was sent. {said}"),)))
    return see(f"/refer/bulk/{draft}")


def _kept(call: Call, draft: str) -> list[dict[str, Any]] | None:
    with call.look() as session:
        row = store.find_draft(session, draft, call.actor.person)
        if row is None or row.page != drafts.BULK:
            return None
        return drafts.bulk_rows(call.parts.keys.unseal_or(row.values, {}))


def _choose_page(request: Request, form: Form) -> Page:
    return pages.render(request, "bulk.html", 422 if form.errors else 200, form=form, columns=bulk.COLUMNS, **_codes())


def _codes() -> dict[str, Any]:
    """The codes that a file uses for needs and support, each with its words."""
    known = questions().choices
    return {"needs": [pair for group in known["needs"].values() for pair in group.items()], "support": known["support"]}


def _looked_through(row: dict[str, Any]) -> list[str]:
    """One row of the preview: the child, born when, needs, support, who is told."""
    data = row["data"]
    needs = ", ".join(in_words("need", need["code"]) for need in data["needs"])
    support = ", ".join(in_words("support", code) for code in data.get("support", []))
    return [row["name"], day(data["child"].get("date_of_birth")), needs, support, data["contacts"][0]["name"]]
