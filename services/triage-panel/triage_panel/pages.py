"""The queues for people: lists, one entry with its decision form, and the standards in plain words."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from frontdoor import answers
from frontdoor.areas import Area
from frontdoor.calendars import age_on
from frontdoor.calls import Anybody, Call, Route, may
from frontdoor.envelope import Recorded
from frontdoor.events import AGENCIES, Agency
from frontdoor.web import FieldError, Form, Pages, field_errors
from frontdoor.web.wording import day, day_time, need, sentence, words
from frontdoor.work import Refused, Work
from triage_panel import domain, handlers, sheet
from triage_panel.commands import Decision


def _known_agency(request: Request) -> None:
    handlers.check_agency(request.path_params.get("agency"))


async def _sent(request: Request) -> Form:
    return Form.from_multidict(await request.form())


router = APIRouter(route_class=Route, dependencies=[Depends(_known_agency)])
pages = Pages("triage_panel")
Sent = Annotated[Form, Depends(_sent)]
Reader = Annotated[Call, may("queue.read")]
Decider = Annotated[Call, may("queue.decide")]

# --- words -----------------------------------------------------------------------------------------------------------

REASONS: dict[str, tuple[str, str]] = {
    "incomplete": ("Something is missing from the form", "Add what is missing. You keep your place in the queue."),
    "consent_missing": ("Consent is missing", "Tell us whether you agree to the referral. You keep your place."),
    "wrong_form": ("Another form is needed", "Fill in the form that this service uses: we tell you which."),
    "out_of_age": ("Outside the ages this service works with", "Ask about the services for your child's age."),
    "out_of_area": ("Lives outside the area", "Ask the front door of the area where you live: we tell you how."),
    "gp_not_registered": ("Not registered with a GP here", "Register with a GP in the area, then tell us."),
    "no_functional_impact": ("No effect on everyday life yet", "Use the advice we send. Come back if things change."),
    "in_line_with_learning": ("In line with other learning", "Talk to the school about support for learning."),
    "universal_first": ("Support open to everybody comes first", "Try the open support we name, then come back."),
    "interventions_not_tried": ("First steps have not been tried", "Try the first steps we name, then come back."),
    "evidence_missing": ("Evidence is missing", "Send the evidence we name. You keep your place in the queue."),
    "known_to_service": ("Already known to this service", "Speak to the person you already have there."),
    "better_met_elsewhere": ("Better met by another service", "Nothing: we pass it on, or tell you who can help."),
    "no_key_person": ("Nobody to be the key person", "Agree who will be the key person, and tell us."),
    "duplicate": ("The same referral is here already", "Nothing: the other referral goes on."),
    "parent_declined": ("The family does not want it", "Nothing. You can ask again whenever you want."),
    "awaiting_information": ("Waiting for information", "Nothing, unless we ask you for something."),
    "need_met": ("The need has been met", "Nothing. You can ask again whenever you want."),
    "other": ("Another reason, in the comment", "We tell you what to do now."),
}
"""Reason code -> what triagers choose, and what the family is told to do now."""
OUTCOMES = {
    "accept": ("Accept", "Your team takes it on"),
    "decline": ("Decline", "Your team does not take it on, and says what the family can do now"),
    "return": ("Return for more information", "The sender is asked; what they add puts it back on the same clock"),
    "redirect": ("Pass to another agency", "It joins their queue under the same reference"),
    "hold": ("Put on hold", "You are waiting for something; the clock goes on"),
    "resume": ("Take up again", "What you were waiting for has come"),
    "close": ("Close", "Your team's work is done"),
    "reopen": ("Take the decision back", "It was wrong; possible for 24 hours"),
}
HAPPENED = {
    "ReferralQueued": "Arrived in the queue",
    "EntryClaimed": "Taken in hand",
    "EntryAccepted": "Accepted",
    "EntryDeclined": "Declined",
    "EntryReturned": "Returned for more information",
    "EntryRedirected": "Passed to another agency",
    "EntryHeld": "Put on hold",
    "EntryResumed": "Taken up again",
    "EntryClosed": "Closed",
    "EntryReopened": "Decision taken back",
    "EntryRequeued": "Back in the queue",
    "EntryBroughtUp": "Back in the queue: old enough now",
    "EntryWithdrawn": "Withdrawn",
    "EntryAmended": "Added to",
    "TherapyAgreed": "Therapy agreed",
    "StandardMet": "Decided in time",
    "StandardBreached": "The due date passed without a decision",
}
TOLD = {
    "EntryAccepted": "The family will be told that {agency} has accepted the referral, and what comes next.",
    "EntryDeclined": "The family will be told that {agency} does not take the referral on, and why.",
    "EntryReturned": "The family and the sender will be told that {agency} needs more before it can decide.",
    "EntryRedirected": "The family will be told that {agency} has passed the referral to {to}.",
    "EntryHeld": "The family will be told that {agency} is waiting for something, and that the dates stay the same.",
    "EntryResumed": "The family will be told that {agency} has gone on with the referral.",
    "EntryClosed": "The family will be told that {agency} has finished.",
    "EntryReopened": "The family will be told that the decision of {agency} was taken back, and is being made again.",
}
UNITS = {"calendar_weeks": "weeks, holidays included", "working_days": "working days", "school_days": "school days"}
STARTS = {
    "received": "the day we receive the referral",
    "therapy_agreed": "the day therapy is agreed",
    "advice_requested": "the day the advice is asked for",
}

# --- routes ----------------------------------------------------------------------------------------------------------


@router.get("/queues")
def my_queue(call: Reader) -> Response:
    """Lead triagers and panel members to their own queue; a panel chair chooses."""
    if call.actor.agency in AGENCIES and "panel_chair" not in call.actor.roles:
        return RedirectResponse(f"/queues/{call.actor.agency}", 303)
    return pages.render(call.request, "queues.html", agencies=sorted(AGENCIES))


@router.get("/queues/{agency}")
def queue(call: Reader, agency: Agency, status: str = "", cursor: str = "") -> Response:
    """Show a page of the agency's queue."""
    with call.work() as work:
        listed = handlers.list_queue(work, agency, status or None, cursor or None)
    decides = "triager" in call.actor.roles and call.actor.agency == agency
    holders = {line.holder: _name(call.parts.area, line.holder) for line in listed.entries}
    return pages.render(
        call.request,
        "queue.html",
        agency=agency,
        listed=listed,
        chosen=Form.of({"status": status}),
        statuses=domain.STATUSES,
        holders=holders,
        decides=decides,
    )


@router.get("/queues/{agency}/{reference}")
def entry(call: Reader, agency: Agency, reference: str) -> Response:
    """Show one entry and what can be decided about it."""
    with call.work() as work:
        return _entry_page(call, work, agency, reference, Form())


@router.post("/queues/{agency}/{reference}")
def decide(call: Decider, agency: Agency, reference: str, form: Sent) -> Response:
    """Make the decision on the form, and show what came of it; or show what is wrong beside what was typed."""
    asked, form = _read(form)
    if asked is None:
        return _again(call, agency, reference, form, 422)
    try:
        _once(call, form, lambda work: handlers.decide_entry(work, agency, reference, asked))
    except Refused as refusal:
        error = FieldError(refusal.field or "outcome", _explained(refusal))
        return _again(call, agency, reference, form.with_errors([error]), refusal.status)
    return RedirectResponse(f"/queues/{agency}/{reference}?decided=yes", 303)


@router.post("/queues/{agency}/{reference}/claim")
def claim(call: Decider, agency: Agency, reference: str, form: Sent) -> Response:
    """Take the entry in hand, or let it go."""
    holder = None if form.value("do") == "release" else call.actor.person
    with call.work() as work:
        handlers.claim_entry(work, agency, reference, holder)
    return RedirectResponse(f"/queues/{agency}/{reference}", 303)


@router.get("/standards")
def standards(call: Anybody) -> Response:
    """Tell anybody what is promised, in plain words."""
    known = call.parts.area.standards.values()
    lines = [(one.title, f"{one.limit} {UNITS[one.unit]}", STARTS[one.starts_from], one.source) for one in known]
    return pages.render(call.request, "standards.html", standards=lines, area=call.parts.area)


# --- the decision form -----------------------------------------------------------------------------------------------


def _read(form: Form) -> tuple[Decision | None, Form]:
    """Make the decision of a form, numbers read from text; None and the errors where it makes none."""
    data = form.data()
    data["version"] = _number(data.get("version"))
    if isinstance(therapy := data.get("therapy"), dict) and "sessions" in therapy:
        therapy["sessions"] = _number(therapy["sessions"])
    try:
        asked = Decision.model_validate(data)
    except ValidationError as wrong:
        return None, form.with_errors(field_errors(wrong, _MESSAGES, labels=_LABELS, model=Decision))
    if asked.reason_code and asked.reason_code not in domain.FITTING[asked.outcome]:
        said = f"“{REASONS[asked.reason_code][0]}” does not fit this decision: select another reason"
        return None, form.with_errors([FieldError("reason_code", said)])
    return asked, form


_MESSAGES = {"outcome:missing": "Select what you decide"}
_LABELS = {
    "reason_code": "reason",
    "therapy.sessions": "number of sessions",
    "therapy.discipline": "the therapy agreed",
    "therapy.mode": "whether it is alone or in a group",
}


def _number(text: Any) -> Any:
    return int(text) if isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) < 10 else text


def _once(call: Call, form: Form, do: Callable[[Work], Any]) -> None:
    """Do it, but not again for the same form sent twice, as a double click does."""
    token, sent = form.value("_token")[:64] or secrets.token_hex(16), answers.digest(form.data(), call.parts.secret)
    key = f"form-{token}-{sent[:32]}"
    with call.work() as work:
        kept = answers.Answers(work.parts.log.metadata, call.actor.person, call.request.url.path, key)
        if kept.find(work.session, sent, work.now) is None:
            do(work)
            kept.keep(work, sent, 303, {}, None)


def _explained(refusal: Refused) -> str:
    changed: Mapping[str, Any] = refusal.more.get("changed", {})
    if not changed:
        return refusal.sentence
    now = f"It is now: {words(changed['status']).lower()}"
    who = f", by {changed['by']} on {day_time(changed['at'])}" if "by" in changed else ""
    return f"This changed after you opened it. {now}{who}. What you typed is still here: check it against what is new."


def _again(call: Call, agency: Agency, reference: str, form: Form, status: int) -> Response:
    with call.work() as work:
        return _entry_page(call, work, agency, reference, form, status)


# --- the entry's page ------------------------------------------------------------------------------------------------


def _entry_page(call: Call, work: Work, agency: Agency, reference: str, form: Form, status: int = 200) -> Response:
    opened = handlers.open_entry(work, agency, reference)
    area, today = call.parts.area, work.today.isoformat()
    waits = [wait for wait in opened.entry.waits if wait["ready_on"] > today and _sees(opened, "needs")]
    decided = "decided" in call.request.query_params
    context = {
        "opened": opened,
        "entry": opened.entry,
        "name": handlers.name_of(opened.child or {}),
        "facts": _facts(opened, area, work),
        "sections": sheet.sections(_form(opened, area), opened.allow.categories),
        "files": _files(opened),
        "waits": [_wait(wait) for wait in waits],
        "flags": [flag for flag in opened.entry.flags if waits or flag != "too_young_yet"],
        "asked": _asked(opened),
        "rules": [_rule(rule) for rule in opened.entry.rules],
        "history": [_step(record, comment, area) for record, comment in reversed(opened.history)],
        "told": _told(opened) if decided else None,
        "outcomes": [{"value": one, "text": OUTCOMES[one][0], "hint": OUTCOMES[one][1]} for one in opened.possible],
        "reasons": [(code, REASONS[code][0]) for code in domain.fitting(opened.possible)],
        "others": [(other, words(other)) for other in AGENCIES if other != agency],
        "holder": _name(area, opened.entry.holder),
        "token": secrets.token_hex(16),
        "form": replace(form, values={name: v for name, v in form.values.items() if name != "version"}),
    }
    return pages.render(call.request, "entry.html", status, **context)


def _form(opened: handlers.Opened, area: Area) -> dict[str, Any]:
    """What was sent, with the name of a setting that the area knows."""
    known = area.organisations.get(opened.entry.setting or "")
    child = opened.child or {}
    return {**(opened.story or {}), "child": child | ({"setting": known.name} if child and known else {})}


def _sees(opened: handlers.Opened, category: str) -> bool:
    return opened.allow.categories is None or category in opened.allow.categories


def _facts(opened: handlers.Opened, area: Area, work: Work) -> list[tuple[str, list[str]]]:
    """What the reader may know of the child; a date of birth with the age."""
    born = _birth(opened.child or {}, work)
    found = sheet.facts(_form(opened, area), opened.allow.categories)
    return [(label, [born] if label == "Date of birth" and born else texts) for label, texts in found]


def _files(opened: handlers.Opened) -> list[tuple[str, str]]:
    """The files that came with it, each with what to call it: (address, name)."""
    if not _sees(opened, "evidence"):
        return []
    story = opened.story or {}
    reports = [one for one in _list(story.get("reports")) if isinstance(one, dict) and one.get("upload")]
    named = {str(one["upload"]): str(one.get("title") or words(one.get("kind"))) for one in reports}
    rest = [str(one) for one in _list(story.get("evidence")) if str(one) not in named]
    named |= {one: f"File {at}" for at, one in enumerate(rest, 1)}
    return [(f"/api/referrals/{opened.entry.reference}/evidence/{one}", name) for one, name in named.items()]


def _wait(wait: Mapping[str, Any]) -> str:
    meanwhile = ", ".join(words(code).lower() for code in wait.get("interim", []))
    since = f"{words(wait['support'])}: from {day(wait['ready_on'])}"
    return f"{since}. Meanwhile: {meanwhile}" if meanwhile else since


def _birth(child: Mapping[str, Any], work: Work) -> str | None:
    try:
        born = date.fromisoformat(str(child.get("date_of_birth")))
    except ValueError:
        return None
    age = age_on(born, work.today)
    return f"{day(born)} ({age} {'year' if age == 1 else 'years'} old)"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []


def _asked(opened: handlers.Opened) -> list[str]:
    """The needs in words, the primary one first and with its detail where the story may be seen."""
    said = (opened.story or {}).get("needs") if _sees(opened, "concern") else None
    told = [one for one in _list(said) if isinstance(one, dict)]
    rows = told or [{"code": code} for code in opened.entry.needs]
    rows = sorted(rows, key=lambda one: one.get("rank") != "primary")
    return [_need(one) for one in rows]


def _need(one: Mapping[str, Any]) -> str:
    name = need(str(one.get("code", "")))
    rank = " (primary)" if one.get("rank") == "primary" else ""
    return f"{name}{rank}: {one['detail']}" if one.get("detail") else f"{name}{rank}"


def _rule(rule: str) -> str:
    kind, _, code = rule.partition(":")
    if kind == "support":
        return f"Support asked for: {words(code)}"
    if kind == "interim":
        return f"Meanwhile, until the child is old enough: {words(code)}"
    if kind == "need":
        return f"Need: {need(code)}"
    if kind == "redirect":
        return f"Passed on by {code}"
    if kind == "catch-all":
        return f"No pathway names this yet, so every agency sees it: {need(code)}"
    return words(f"{kind} {code}".strip())


def _step(record: Recorded, comment: str | None, area: Area) -> dict[str, Any]:
    event = record.event
    what = HAPPENED.get(record.type, record.type)
    if record.type == "EntryClaimed" and getattr(event, "holder", None) is None:
        what = "Let go"
    if to := getattr(event, "redirect_to", None):
        what = f"Passed to {to}"
    if record.type == "TherapyAgreed":
        what = f"{words(getattr(event, 'discipline', ''))}: {getattr(event, 'sessions', '')} sessions agreed"
    if record.type == "EntryBroughtUp":
        what = f"Back in the queue: old enough now for {words(getattr(event, 'support', '')).lower()}"
    reason = getattr(event, "reason_code", None)
    detail = ". ".join(part for part in (REASONS[reason][0] if reason in REASONS else "", comment or "") if part)
    return {"what": what, "at": record.time, "by": sentence(handlers.said_by(area, record.actor)), "detail": detail}


_ASKS_NOTHING = frozenset({"EntryAccepted", "EntryResumed", "EntryReopened"})


def _told(opened: handlers.Opened) -> str | None:
    """What the family is told of the last decision, and what they are told to do now."""
    said = next((record for record, _ in reversed(opened.history) if record.type in TOLD), None)
    if said is None:
        return None
    to = getattr(said.event, "redirect_to", None) or ""
    reason = getattr(said.event, "reason_code", None)
    now = f" What to do now: {REASONS[reason][1]}" if reason in REASONS and said.type not in _ASKS_NOTHING else ""
    return TOLD[said.type].format(agency=opened.entry.agency, to=to) + now


def _name(area: Area, person: str | None) -> str | None:
    known = area.people.get(person) if person else None
    return known.name if known else person
