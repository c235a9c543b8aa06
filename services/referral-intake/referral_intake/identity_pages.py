"""The pages on which staff say whether two children are one. No decision is made here."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import ValidationError

from frontdoor.calls import Call, Route, may
from frontdoor.identifiers import normal_reference
from frontdoor.web import Form, field_errors
from referral_intake import identity
from referral_intake.commands import NewIdentity, Withdrawal
from referral_intake.form_pages import Page, Sent, pages, see

router = APIRouter(route_class=Route, include_in_schema=False)
Linking = Annotated[Call, may("child.link")]


@router.get("/matches")
def matches(request: Request, call: Linking) -> Page:
    """Children who may be known already, the surest first."""
    with call.work() as work:
        found = identity.list_matches(work)
    area = call.parts.area
    return pages.render(request, "matches.html", matches=found, settings=area.organisations)


@router.post("/matches/{match}")
def decide(call: Linking, match: str, sent: Sent) -> Page:
    """Say that two children are one, or two."""
    with call.work() as work:
        identity.decide_match(work, match, same=sent.value("same") == "yes")
    return see("/matches")


@router.get("/referrals/{reference}/adopted")
def adopted_page(request: Request, _call: Linking, reference: str) -> Page:
    """Ask under which referral a child lives on."""
    return pages.render(request, "adopted.html", reference=reference, form=Form())


@router.post("/referrals/{reference}/adopted")
def adopted(request: Request, call: Linking, reference: str, sent: Sent) -> Page:
    """Seal that two identities are one child's."""
    said = {"new_reference": normal_reference(sent.value("new_reference")) or ""}
    try:
        asked = NewIdentity.model_validate(said)
    except ValidationError as wrong:
        words = {"new_reference": "Enter the reference of the referral under the new identity, like R7K2-9QF4X"}
        form = sent.with_errors(field_errors(wrong, words))
        return pages.render(request, "adopted.html", 422, reference=reference, form=form)
    with call.work() as work:
        identity.adopt(work, reference, asked.new_reference)
    return see(f"/referrals/{reference}")


@router.get("/links/{link}/unlink")
def unlink_page(request: Request, _call: Linking, link: str) -> Page:
    """Ask why a link is wrong."""
    return pages.render(request, "unlink.html", link=link, form=Form())


@router.post("/links/{link}/unlink")
def unlink(request: Request, call: Linking, link: str, sent: Sent) -> Page:
    """Take a link back."""
    try:
        asked = Withdrawal.model_validate({"reason": sent.value("reason")})
    except ValidationError as wrong:
        form = sent.with_errors(field_errors(wrong, {"reason": "Enter why the two are not one child"}))
        return pages.render(request, "unlink.html", 422, link=link, form=form)
    with call.work() as work:
        identity.unlink(work, link, asked.reason)
    return see("/matches")
