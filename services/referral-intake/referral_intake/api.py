"""Intake for programs: referrals, what follows them, uploads, search and alerts."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel

from frontdoor.calls import Call, Route, may
from frontdoor.identifiers import short_id
from frontdoor.problems import RawJson, json_body, validate
from referral_intake import alerts, handlers, identity, pathways, uploads
from referral_intake.commands import (
    Addition,
    ChildSearch,
    ContactChange,
    NewIdentity,
    PathwayChange,
    ReferralForm,
    SameChild,
    Withdrawal,
)
from referral_intake.sent_files import SentFile, sent_file

router = APIRouter(route_class=Route, tags=["referrals"])


# --- bodies -----------------------------------------------------------------------------------------------------------


async def _raw_referral(sent: Annotated[Any, RawJson]) -> Any:
    return sent


async def _raw_contacts(sent: Annotated[Any, RawJson]) -> Any:
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
    linked: list[dict[str, Any]] = []


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


class MatchedChild(BaseModel):
    """One of two children who may be one; nothing where the reader may not see their referral."""

    references: list[str]
    given_name: str | None = None
    family_name: str | None = None
    date_of_birth: str | None = None
    postcode: str | None = None
    setting: str | None = None


class MatchAnswer(BaseModel):
    """Two children who may be one, and by what."""

    match: str
    strength: str
    why: list[str]
    found_at: str
    children: list[MatchedChild]


class Matches(BaseModel):
    """Possible matches, the surest first."""

    matches: list[MatchAnswer]


class Decided(BaseModel):
    """What was said of two children."""

    match: str
    link: str
    status: Literal["linked", "kept_apart"]


class Unlinked(BaseModel):
    """A link that was taken back."""

    link: str
    status: Literal["unlinked"]


class Sealed(BaseModel):
    """That two identities are one child's is sealed: nobody is shown it."""

    status: Literal["sealed"]


class PathwaysAnswer(BaseModel):
    """The pathways in force, and the versions that were adopted, the latest first."""

    version: str
    support: dict[str, list[str]]
    needs: dict[str, list[str]]
    catch_all: list[str]
    minimum_ages: dict[str, dict[str, Any]]
    history: list[dict[str, str]]


class Previewed(BaseModel):
    """How many referrals there were, how many would have gone elsewhere, and up to fifty of these."""

    referrals: int
    changed: int
    examples: list[dict[str, Any]]


class Adopted(BaseModel):
    """Pathways that are in force from now on."""

    version: str
    based_on: str


class Alerts(BaseModel):
    """The alerts, unread ones first."""

    alerts: list[AlertAnswer]


# --- referrals --------------------------------------------------------------------------------------------------------


def created(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    return {201: {"model": model}}


@router.post("/api/referrals", status_code=201, responses=created(handlers.Receipt), summary="Send a referral")
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
    "/api/referrals/{reference}/additions", status_code=201, responses=created(Added), summary="Add to a referral"
)
def add_to_referral(
    call: Annotated[Call, may("referral.add")], reference: str, addition: Annotated[Addition, json_body(Addition)]
) -> Any:
    return call.once(lambda work: handlers.add_to_referral(work, reference, addition))


@router.post(
    "/api/referrals/{reference}/contacts",
    status_code=201,
    responses=created(ContactsChanged),
    summary="Change who is told what happens, and how",
)
def change_contacts(
    call: Annotated[Call, may("referral.contacts")], reference: str, sent: Annotated[Any, Depends(_raw_contacts)]
) -> Any:
    change = validate(ContactChange, sent)
    return call.once(lambda work: handlers.change_contacts(work, reference, change))


# --- files, search, alerts --------------------------------------------------------------------------------------------


@router.post("/api/uploads", status_code=201, responses=created(Uploaded), summary="Send a file, to name as evidence")
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


@router.get("/api/matches", summary="List children who may be known already, of those you may see")
def list_matches(call: Annotated[Call, may("child.link")]) -> Matches:
    with call.work() as work:
        return Matches(matches=[MatchAnswer(**match) for match in identity.list_matches(work)])


@router.post("/api/matches/{match}", responses={200: {"model": Decided}}, summary="Say whether two children are one")
def decide_match(
    call: Annotated[Call, may("child.link")], match: str, asked: Annotated[SameChild, json_body(SameChild)]
) -> Any:
    return call.once(lambda work: identity.decide_match(work, match, same=asked.same), status=200)


@router.post("/api/links/{link}/unlink", responses={200: {"model": Unlinked}}, summary="Take a link back")
def unlink(
    call: Annotated[Call, may("child.link")], link: str, asked: Annotated[Withdrawal, json_body(Withdrawal)]
) -> Any:
    return call.once(lambda work: identity.unlink(work, link, asked.reason), status=200)


@router.post(
    "/api/referrals/{reference}/adopted",
    responses={200: {"model": Sealed}},
    summary="Say that a child lives on under another identity: the two are never shown together",
)
def adopt(
    call: Annotated[Call, may("child.link")], reference: str, asked: Annotated[NewIdentity, json_body(NewIdentity)]
) -> Any:
    return call.once(lambda work: identity.adopt(work, reference, asked.new_reference), status=200)


@router.get("/api/pathways", summary="Show which need and support leads to which agency")
def show_pathways(call: Annotated[Call, may("pathways.read")]) -> PathwaysAnswer:
    with call.work() as work:
        return PathwaysAnswer(**pathways.show(work))


@router.post(
    "/api/pathways/preview",
    responses={200: {"model": Previewed}},
    summary="Say where last term's referrals would have gone",
)
def preview_pathways(
    call: Annotated[Call, may("pathways.manage")], change: Annotated[PathwayChange, json_body(PathwayChange)]
) -> Any:
    return call.once(lambda work: pathways.preview(work, change), status=200)


@router.post("/api/pathways", status_code=201, responses=created(Adopted), summary="Adopt other pathways")
def adopt_pathways(
    call: Annotated[Call, may("pathways.manage")], change: Annotated[PathwayChange, json_body(PathwayChange)]
) -> Any:
    return call.once(lambda work: pathways.adopt(work, change))


@router.get("/api/alerts", summary="List alerts of immediate danger")
def list_alerts(call: Annotated[Call, may("alert.read", "care")]) -> Alerts:
    with call.work() as work:
        return Alerts(alerts=[AlertAnswer(**alert) for alert in alerts.show_alerts(work)])


@router.post("/api/alerts/{alert}/read", responses={200: {"model": AlertRead}}, summary="Say that you have read one")
def read_alert(call: Annotated[Call, may("alert.read", "care")], alert: str) -> Any:
    return call.once(lambda work: alerts.read_alert(work, alert), status=200)
