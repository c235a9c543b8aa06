"""The shared record for partners' systems."""

from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import BaseModel

from child_record import domain, handlers
from child_record.commands import RenewLink
from frontdoor.calls import Call, Route, may
from frontdoor.events import instant
from frontdoor.problems import json_body
from frontdoor.work import Work

router = APIRouter(route_class=Route)


class TimelineLine(BaseModel):
    """One line of a timeline: `what` is a stable code, `text` says it in words, `by` is a role or an organisation.

    `reference` is the one asked for, or another referral of the same child that the reader may see.
    """

    reference: str
    at: str
    service: str
    what: str
    by: str
    agency: str | None
    text: str


class NewLink(BaseModel):
    """A link that was made anew: the path of the family's page."""

    status_url: str


@router.get("/api/records/{reference}/timeline", summary="What has happened to a referral, as far as you may see")
def timeline(call: Annotated[Call, may("timeline.read")], reference: str) -> list[TimelineLine]:
    """Give the timeline, ordered by time."""
    with call.work() as work:
        shown = handlers.read_record(work, reference)
    told = [(line, one) for one in (shown, *shown.others) for line in one.lines]
    return [
        TimelineLine(
            reference=one.record.reference,
            at=instant(line.at),
            service=line.service,
            what=line.what,
            by=line.by,
            agency=line.agency,
            text=domain.text_for(line, one.reader),
        )
        for line, one in sorted(told, key=lambda pair: pair[0].place)
    ]


@router.post(
    "/api/records/{reference}/links",
    summary="Replace somebody's family link: older ones no longer open",
    status_code=201,
    response_model=NewLink,
)
def renew(
    call: Annotated[Call, may("link.renew")], reference: str, form: Annotated[RenewLink, json_body(RenewLink)]
) -> Response:
    """Renew a link and give the new one."""

    def do(work: Work) -> dict[str, Any]:
        return handlers.renew_link(work, reference, form)

    return call.once(do, status=201)
