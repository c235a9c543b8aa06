"""Intake for programs: referrals, what follows them, uploads, search and alerts."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel

from frontdoor.calls import Call, may
from frontdoor.identifiers import short_id
from frontdoor.problems import RawJson, json_body, validate
from referral_intake import alerts, handlers, uploads
from referral_intake.commands import Addition, ChildSearch, ContactChange, ReferralForm, Withdrawal
from referral_intake.sent_files import SentFile, sent_file

router = APIRouter(tags=["referrals"])


# --- bodies -----------------------------------------------------------------------------------------------------------


def _raw_referral(sent: Annotated[Any, RawJson]) -> Any:
    return sent


def _raw_contacts(sent: Annotated[Any, RawJson]) -> Any:
    if isinstance(sent, list):
        return {"contacts": sent}
    return {"contacts": [sent]} if isinstance(sent, dict) and "contacts" not in sent else sent


_raw_referral.body_model = ReferralForm  # type: ignore[attr-defined]
_raw_contacts.body_model = ContactChange  # type: ignore[attr-defined]


# --- answers ----------------------------------------------------------------------------------------------------------


class AgencyAnswer(BaseModel):
    """Where a referral stands with an agency, and the rules that sent it there."""

    agency: str
    status: str
    due_at: str | None
    rules: list[str]


class ReferralInList(BaseModel):
    """Where a referral stands."""

    reference: str
    status: Literal["received", "withdrawn", "closed"]
    kind: str
    received_at: str
    acknowledge_by: str
    agencies: list[AgencyAnswer]
    flags: list[str]


class ReferralAnswer(ReferralInList):
    """A referral as far as the reader may see it: parts that their agreement does not open are left out."""

    child: dict[str, Any] = {}
    contacts: list[dict[str, Any]] = []
    referrer: dict[str, Any] = {}
    needs: list[dict[str, Any]] = []
    support: list[str] = []
    concern: str | None = None
    concern_raised_on: str | None = None
    tried: list[str] = []
    strengths: str | None = None
    child_voice: str | None = None
    family_voice: str | None = None
    involved: list[dict[str, Any]] = []
    previous_reference: str | None = None
    do_not_contact: list[dict[str, Any]] = []
    evidence: list[str] = []
    consent: dict[str, Any] = {}
    impact: str | None = None
    hoped_for: str | None = None
    urgent_because: str | None = None
    home_situation: str | None = None
    universal_offer: list[str] = []
    household: list[dict[str, Any]] = []
    medical: dict[str, Any] = {}
    setting_detail: dict[str, Any] = {}
    reports: list[dict[str, Any]] = []
    evidence_missing: list[str] = []
    visit_risk: str | None = None
    key_person: str | None = None
    discussed_with: str | None = None
    discussion_reference: str | None = None
    information_sharing: dict[str, Any] = {}
    competence: dict[str, Any] = {}
    arrived: dict[str, Any] = {}
    additions: list[dict[str, Any]] = []
    withdrawal: str | None = None


class ReferralList(BaseModel):
    """One page of referrals, the latest first; `next` is the cursor of the page behind it."""

    referrals: list[ReferralInList]
    next: str | None


class Withdrawn(BaseModel):
    """A referral that was taken back."""

    reference: str
    status: Literal["withdrawn"]


class Added(BaseModel):
    """Something that was added to a referral."""

    reference: str
    status: Literal["added"]
    added_at: str


class ContactsChanged(BaseModel):
    """The contacts as they are from now on; `contact` is the id of each."""

    reference: str
    contacts: list[dict[str, str]]


class Uploaded(BaseModel):
    """A file that is kept; name it in a form's `evidence`."""

    upload: str
    kind: str


class FoundChild(BaseModel):
    """A child, and the referrals in the searcher's reach."""

    references: list[str]
    given_name: str | None
    family_name: str | None
    date_of_birth: str | None


class Found(BaseModel):
    """Who was found."""

    children: list[FoundChild]


class AlertAnswer(BaseModel):
    """Somebody said that a child is in danger now; `sent` is what they sent."""

    alert: str
    received_at: str
    sent_by: str
    escalated: bool
    escalated_at: str | None
    read_at: str | None
    read_by: str | None
    sent: Any


class AlertRead(BaseModel):
    """Who read an alert first, and when."""

    alert: str
    read_at: str
    read_by: str


class Alerts(BaseModel):
    """The alerts, unread ones first."""

    alerts: list[AlertAnswer]


# --- referrals --------------------------------------------------------------------------------------------------------


def _created(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    return {201: {"model": model}}


@router.post("/api/referrals", status_code=201, responses=_created(handlers.Receipt), summary="Send a referral")
def send_referral(call: Annotated[Call, may("referral.submit")], sent: Annotated[Any, Depends(_raw_referral)]) -> Any:
    if alerts.is_danger(sent):
        raise alerts.raise_alert(call.parts, call.actor, sent)
    form = validate(ReferralForm, sent)
    child_id = short_id("C")
    return call.once(
        lambda work: handlers.receive_referral(work, form, child_id),
        location=lambda body: f"/api/referrals/{body['reference']}",
        prepare=lambda: handlers.prepare_child(call.parts, form, child_id),
    )


@router.get("/api/referrals", summary="List the referrals that you may see")
def list_referrals(
    call: Annotated[Call, may("referral.list")],
    mine: bool = False,
    setting: str | None = None,
    cursor: str | None = None,
) -> ReferralList:
    with call.work() as work:
        return ReferralList(**handlers.list_referrals(work, mine=mine, setting=setting, cursor=cursor))


@router.get(
    "/api/referrals/{reference}",
    response_model=ReferralAnswer,
    response_model_exclude_unset=True,
    summary="Show a referral as far as you may see it",
)
def show_referral(call: Annotated[Call, may("referral.read")], reference: str) -> Any:
    with call.work() as work:
        return handlers.show_referral(work, reference)


@router.get("/api/referrals/{reference}/evidence/{upload}", summary="Open a file of a referral")
def show_evidence(call: Annotated[Call, may("referral.read")], reference: str, upload: str) -> Response:
    with call.work() as work:
        data, kind, _ = handlers.show_evidence(work, reference, upload)
    # Always downloaded, never opened in our origin; the name may identify somebody, so it is not sent.
    return Response(data, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{upload}"'})


@router.post(
    "/api/referrals/{reference}/withdraw", responses={200: {"model": Withdrawn}}, summary="Withdraw a referral"
)
def withdraw_referral(
    call: Annotated[Call, may("referral.withdraw")], reference: str, asked: Annotated[Withdrawal, json_body(Withdrawal)]
) -> Any:
    return call.once(lambda work: handlers.withdraw_referral(work, reference, asked.reason), status=200)


@router.post(
    "/api/referrals/{reference}/additions", status_code=201, responses=_created(Added), summary="Add to a referral"
)
def add_to_referral(
    call: Annotated[Call, may("referral.add")], reference: str, addition: Annotated[Addition, json_body(Addition)]
) -> Any:
    return call.once(lambda work: handlers.add_to_referral(work, reference, addition))


@router.post(
    "/api/referrals/{reference}/contacts",
    status_code=201,
    responses=_created(ContactsChanged),
    summary="Change who is told what happens, and how",
)
def change_contacts(
    call: Annotated[Call, may("referral.contacts")], reference: str, sent: Annotated[Any, Depends(_raw_contacts)]
) -> Any:
    change = validate(ContactChange, sent)
    return call.once(lambda work: handlers.change_contacts(work, reference, change))


# --- files, search, alerts --------------------------------------------------------------------------------------------


@router.post("/api/uploads", status_code=201, responses=_created(Uploaded), summary="Send a file, to name as evidence")
def upload_file(call: Annotated[Call, may("referral.submit")], sent: Annotated[SentFile, Depends(sent_file)]) -> Any:
    upload_id = short_id("U")
    return call.once(
        lambda work: uploads.keep_upload(work, upload_id, sent.name, sent.data),
        prepare=lambda: uploads.store_file(call.parts, upload_id, sent.data),
    )


@router.post("/api/search", responses={200: {"model": Found}}, summary="Find a child in your own agency's reach")
def search_children(
    call: Annotated[Call, may("child.search")], ask: Annotated[ChildSearch, json_body(ChildSearch)]
) -> Any:
    return call.once(lambda work: Found(**handlers.search_children(work, ask)), status=200, personal=True)


@router.get("/api/alerts", summary="List alerts of immediate danger")
def list_alerts(call: Annotated[Call, may("alert.read", "care")]) -> Alerts:
    with call.work() as work:
        return Alerts(alerts=[AlertAnswer(**alert) for alert in alerts.show_alerts(work)])


@router.post("/api/alerts/{alert}/read", responses={200: {"model": AlertRead}}, summary="Say that you have read one")
def read_alert(call: Annotated[Call, may("alert.read", "care")], alert: str) -> Any:
    return call.once(lambda work: alerts.read_alert(work, alert), status=200)
