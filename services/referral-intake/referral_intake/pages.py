"""The pages people see: home and sign-in, and what became of a referral; the form's are in `form_pages.py`.

No decision is made here.
"""

import re
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from pydantic import ValidationError

from frontdoor import access, answers, limits, navigation, signin
from frontdoor.areas import Person
from frontdoor.calendars import clock_state
from frontdoor.calls import Anybody, Call, Route, may
from frontdoor.events import read_instant
from frontdoor.identifiers import FamilyLink, normal_reference, short_id
from frontdoor.web import FieldError, Form, field_errors
from frontdoor.web.wording import words
from frontdoor.work import Work
from referral_intake import (
    alerts,
    bulk_pages,
    concern_pages,
    domain,
    drafts,
    evidence_pages,
    form_pages,
    handlers,
    identity_pages,
    pathway_pages,
    screening_pages,
    store,
)
from referral_intake.commands import Addition, ReferralForm, Withdrawal
from referral_intake.form_pages import Page, Sent, lines, pages, see
from referral_intake.questions import STAFF, in_words, reader_of
from referral_intake.told import told

router = APIRouter(route_class=Route, include_in_schema=False)
router.routes.extend(bulk_pages.router.routes)
router.routes.extend(concern_pages.router.routes)
router.routes.extend(evidence_pages.router.routes)
router.routes.extend(form_pages.router.routes)
router.routes.extend(identity_pages.router.routes)
router.routes.extend(pathway_pages.router.routes)
router.routes.extend(screening_pages.router.routes)
Reading = Annotated[Call, may("referral.read")]
Adding = Annotated[Call, may("referral.add")]
Withdrawing = Annotated[Call, may("referral.withdraw")]
OnDuty = Annotated[Call, may("alert.read", agency="care")]
_INSIDE = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]{0,1000}")


# --- home and sign-in -------------------------------------------------------------------------------------------------


@router.get("/")
def home(request: Request, call: Anybody) -> Page:
    """What Front Door is; for somebody signed in, their tasks."""
    links = [link for link in navigation.links(call.actor, "/") if link["href"] != "/refer"]
    may_refer = bool(call.actor.roles & access.REFERRERS.keys())
    begun = drafts.listed(call) if may_refer else []
    passed: dict[str, Any] = {"waiting": drafts.waiting(call), "passed_on": drafts.passed_on(call)} if may_refer else {}
    contacts = call.parts.area.contacts
    context = passed | {"drafts": begun, "links": links, "contacts": contacts}
    return pages.render(request, "home.html", may_refer=may_refer, **context)


@router.get("/accessibility")
def accessibility(request: Request, _call: Anybody) -> Page:
    """How accessible the pages are."""
    return pages.render(request, "accessibility.html")


@router.get("/sign-in")
def sign_in_page(request: Request, call: Anybody) -> Page:
    """Choose a sample person; only where the demo sign-in is on."""
    return _sign_in_page(request, call, request.query_params.get("next", "/"))


@router.post("/sign-in")
def sign_in(request: Request, call: Anybody, sent: Sent) -> Page:
    """Sign a sample person in, and go where they wanted to go on this origin."""
    limits.take(call.parts, limits.SIGN_IN, limits.source_of(request))
    parts, person, wanted = call.parts, sent.value("person"), sent.value("next")
    if not parts.demo or person not in parts.area.people:
        missing = FieldError("person", "Select who you want to sign in as")
        return _sign_in_page(request, call, wanted, sent.with_errors([missing]))
    response = see(wanted if _INSIDE.fullmatch(wanted) else "/")
    signin.sign_in(response, person, parts, secure=parts.public_url.startswith("https:"))
    return response


@router.post("/sign-out")
def sign_out(_call: Anybody) -> Page:
    """Sign out."""
    response = see("/")
    signin.sign_out(response)
    return response


def _sign_in_page(request: Request, call: Call, wanted: str, form: Form | None = None) -> Page:
    people = [_choice(person, call) for person in call.parts.area.people.values()] if call.parts.demo else []
    status = 403 if not people else 422 if form else 200
    return pages.render(request, "sign_in.html", status, people=people, form=form or Form(), next=wanted)


def _choice(person: Person, call: Call) -> dict[str, str]:
    organisation = call.parts.area.organisations.get(person.organisation or "")
    roles = ", ".join(words(role) for role in sorted(person.roles))
    agency = f" for {person.agency}" if person.agency and person.roles & {"triager", "panel_member"} else ""
    hint = f"{roles}{agency}" + (f", {organisation.name}" if organisation else "")
    return {"value": person.person, "text": person.name, "hint": hint}


# --- what became of a referral ----------------------------------------------------------------------------------------


@router.get("/referrals")
def my_referrals(request: Request, call: Annotated[Call, may("referral.list")]) -> Page:
    """The referrals that somebody made; for a SENCO those of their school too."""
    mine = "senco" not in call.actor.roles
    with call.work() as work:
        found = handlers.list_referrals(work, mine=mine, setting=None, cursor=request.query_params.get("cursor"))
        names = {one["reference"]: _child_name(work, one["reference"]) for one in found["referrals"]}
    after = f"/referrals?cursor={quote(found['next'])}" if found["next"] else None
    shown = [_standing(one, call) for one in found["referrals"]]
    context: dict[str, Any] = {"referrals": shown, "names": names, "after": after, "mine": mine}
    may_refer = bool(call.actor.roles & access.REFERRERS.keys())
    return pages.render(request, "referrals.html", **context, may_refer=may_refer)


@router.get("/referrals/{reference}")
def one_referral(request: Request, call: Reading, reference: str) -> Page:
    """One referral: where it stands with each team, why it went there, what was written and added."""
    return pages.render(request, "referral.html", **_referral(call, reference))


@router.get("/referrals/{reference}/received")
def received(request: Request, call: Reading, reference: str) -> Page:
    """The receipt: the reference, who has it, what happens next and by when."""
    return pages.render(request, "received.html", **_referral(call, reference))


@router.get("/referrals/{reference}/add")
def addition_page(request: Request, call: Adding, reference: str) -> Page:
    """Add something that was not known before."""
    _referral(call, reference)
    return pages.render(request, "referral_add.html", reference=reference, form=Form(), token=short_id("X"))


@router.post("/referrals/{reference}/add")
def add(request: Request, call: Adding, reference: str, sent: Sent) -> Page:
    """Add to a referral. The page's token makes a second press the same addition."""
    try:
        addition = Addition.model_validate({"text": sent.value("text")})
    except ValidationError as wrong:
        form = sent.with_errors(field_errors(wrong, {"text": "Enter what you want to add"}))
        token = sent.value("token")
        return pages.render(request, "referral_add.html", 422, reference=reference, form=form, token=token)
    said = answers.digest([sent.value("token"), addition.text], call.parts.secret)
    kept = answers.Answers(call.parts.log.metadata, call.actor.person, request.url.path, said)
    with call.work() as work:
        if not kept.find(work.session, said, work.now):
            done = handlers.add_to_referral(work, reference, addition)
            kept.keep(work, said, 201, done, None)
    return see(f"/referrals/{reference}")


@router.get("/referrals/{reference}/withdraw")
def withdrawal_page(request: Request, call: Withdrawing, reference: str) -> Page:
    """Ask before a referral is taken back, and why."""
    if not _referral(call, reference)["may_withdraw"]:
        raise access.Denied(access.Deny(403, "relation"))
    return pages.render(request, "referral_withdraw.html", reference=reference, form=Form())


@router.post("/referrals/{reference}/withdraw")
def withdraw(request: Request, call: Withdrawing, reference: str, sent: Sent) -> Page:
    """Take a referral back."""
    try:
        withdrawal = Withdrawal.model_validate({"reason": sent.value("reason")})
    except ValidationError as wrong:
        form = sent.with_errors(field_errors(wrong, {"reason": "Enter why you are taking the referral back"}))
        return pages.render(request, "referral_withdraw.html", 422, reference=reference, form=form)
    with call.work() as work:
        handlers.withdraw_referral(work, reference, withdrawal.reason)
    return see(f"/referrals/{reference}")


def _referral(call: Call, reference: str) -> dict[str, Any]:
    """What the pages of one referral show; the reading leaves its audit row."""
    known = normal_reference(reference) or ""
    with call.work() as work:
        shown = handlers.show_referral(work, known)
        row = store.find_referral(work.session, work.area.id, known)
        assert row is not None  # noqa: S101  it has just been shown
        subject = store.subject_of(row, [entry["agency"] for entry in shown["agencies"]])
        version = work.version(f"referral/{known}")
        files = handlers.files_of(work, shown)
        own_link = FamilyLink(known, domain.SENDERS_LINK, store.link_generation(work.session, known))
    area, now = call.parts.area, call.parts.clock()
    open_still = shown["status"] != "withdrawn"
    able = access.decide(call.actor, "referral.withdraw", subject, area.agreements, now)
    link = call.parts.links.path(own_link) if row.sent_by == call.actor.person else None
    return {
        "referral": _standing(shown, call),
        "reference": known,
        "status_url": link,
        "record_url": f"/records/{known}?after=referral-intake:referral/{known}:{version}",
        "may_add": open_still,
        "may_withdraw": open_still and isinstance(able, access.Allow),
        "files": files,
        "people": area.people,
        "written": _written(shown, call),
        "in_words": in_words,
        "lines": lines,
    }


def _written(shown: dict[str, Any], call: Call) -> list[tuple[str, list[tuple[str, list[str]]]]]:
    """All that was sent and may be seen, in the words of who reads it."""
    reader = reader_of(call.actor)
    sent = {name: value for name, value in shown.items() if name in ReferralForm.model_fields and value}
    return told(sent, call.parts.area, reader if reader.is_family else STAFF)


WAITING = frozenset({"queued", "on_hold", "returned"})
"""States of a team's part in which its clock still runs."""
FAMILY_WORDS = {
    "queued": "Waiting to be looked at",
    "accepted": "Agreed to help",
    "returned": "Needs to know more",
    "declined": "Not taking it on",
    "redirected": "Passed to another team",
    "withdrawn": "Taken back",
    "closed": "Finished",
}


def _standing(referral: dict[str, Any], call: Call) -> dict[str, Any]:
    """Where a referral stands, in words for who reads: the whole, and each team with the clock it shows."""
    now, spoken = call.parts.clock(), FAMILY_WORDS if reader_of(call.actor).is_family else {}
    teams = []
    for entry in referral["agencies"]:
        runs = entry["due_at"] if entry["status"] in WAITING else None
        clock = clock_state(read_instant(runs), now) if runs else None
        said = spoken.get(entry["status"]) or words(entry["status"])
        teams.append(entry | {"clock": clock, "runs": entry["status"] in WAITING, "said": said})
    return referral | {"agencies": teams, "said": _headline(referral["status"], {team["status"] for team in teams})}


def _headline(status: str, teams: set[str]) -> str:
    if status != "received":
        return words(status)
    if "returned" in teams:
        return "More information needed"
    if not teams & WAITING:
        return "With the teams"
    return "Received" if teams == {"queued"} else "Being looked at"


def _child_name(work: Work, reference: str) -> str:
    row = store.find_referral(work.session, work.area.id, reference)
    child = store.child_of(work.session, row.child_id) if row else None
    identity = work.keys.unseal_or(child.identity if child else None, {})
    return f"{identity.get('given_name', '')} {identity.get('family_name', '')}".strip() or "Name erased"


# --- immediate danger -------------------------------------------------------------------------------------------------


@router.get("/alerts")
def list_alerts(request: Request, call: OnDuty) -> Page:
    """Alerts of immediate danger, unread ones first."""
    with call.work() as work:
        found = alerts.show_alerts(work)
    return pages.render(request, "alerts.html", alerts=found, people=call.parts.area.people)


@router.get("/alerts/{alert}")
def one_alert(request: Request, call: OnDuty, alert: str) -> Page:
    """One alert with everything that was sent."""
    with call.work() as work:
        found = next((one for one in alerts.show_alerts(work) if one["alert"] == alert), None)
    if found is None:
        raise drafts.nothing_here()
    area = call.parts.area
    return pages.render(
        request, "alert.html", alert=found, people=area.people, told=told(found["sent"], area), lines=lines
    )


@router.post("/alerts/{alert}")
def take_alert(call: OnDuty, alert: str) -> Page:
    """Say that somebody of the duty team has read an alert and acts on it."""
    with call.work() as work:
        alerts.read_alert(work, alert)
    return see(f"/alerts/{alert}")
