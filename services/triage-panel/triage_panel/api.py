"""The queues for partner systems, as JSON."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from frontdoor.areas import StandardUnit
from frontdoor.calls import Anybody, Call, Route, may
from frontdoor.events import Agency
from frontdoor.problems import json_body
from triage_panel import handlers
from triage_panel.commands import Claim, Decision


def _known_agency(request: Request) -> None:
    handlers.check_agency(request.path_params.get("agency"))


router = APIRouter(route_class=Route, dependencies=[Depends(_known_agency)])


class Standard(BaseModel):
    """A promise with a clock: the step is done within the limit."""

    code: str
    step: str
    title: str
    limit: int
    unit: StandardUnit
    version: str
    starts_from: str
    statutory: bool
    source: str


@router.get("/api/standards", summary="The service standards and their limits")
def standards(call: Anybody) -> list[Standard]:
    """Tell anybody what is promised, and by which rule."""
    known = call.parts.area.standards.values()
    return [Standard.model_validate(one.model_dump(exclude={"applies_to"})) for one in known]


@router.get("/api/queues/{agency}", summary="An agency's queue, in its order")
def queue(
    call: Annotated[Call, may("queue.read")], agency: Agency, status: str = "", cursor: str = ""
) -> handlers.Queue:
    """List 50 entries; `next` is the cursor of the page behind. Without a status, all that have not ended."""
    with call.work() as work:
        return handlers.list_queue(work, agency, status or None, cursor or None)


@router.post(
    "/api/queues/{agency}/{reference}/decisions",
    summary="Decide about an entry",
    status_code=201,
    response_class=Response,
    responses={201: {"model": handlers.Decided}},
)
def decide(
    call: Annotated[Call, may("queue.decide")],
    agency: Agency,
    reference: str,
    asked: Annotated[Decision, json_body(Decision)],
) -> Response:
    """Accept, decline, return, pass on, hold, take up again, close or reopen it."""
    return call.once(lambda work: asdict(handlers.decide_entry(work, agency, reference, asked)))


@router.post(
    "/api/queues/{agency}/{reference}/claim",
    summary="Take an entry in hand, or let it go",
    status_code=201,
    response_class=Response,
    responses={201: {"model": handlers.Claimed}},
)
def claim(
    call: Annotated[Call, may("queue.decide")],
    agency: Agency,
    reference: str,
    asked: Annotated[Claim, json_body(Claim)],
) -> Response:
    """Name who has it in hand: the caller where nobody is named, nobody where `holder` is null."""
    holder = asked.holder if "holder" in asked.model_fields_set else call.actor.person
    return call.once(lambda work: asdict(handlers.claim_entry(work, agency, reference, holder)))
