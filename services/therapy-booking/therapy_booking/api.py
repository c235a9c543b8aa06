"""Booking as JSON, for programs of partners: pooled therapy, the waiting list, bookings and their proof."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from frontdoor.calls import Call, Route, may
from frontdoor.problems import json_body
from therapy_booking import commands, handlers, store, supplies, tables

router = APIRouter(route_class=Route)

Managing = Annotated[Call, may("supply.manage")]
Pooling = Annotated[Call, may("pool.manage")]
Commissioning = Annotated[Call, may("block.manage")]
OfHealth = Annotated[Call, may("waiting.read", agency="health")]


class Part(BaseModel):
    """A session: its id, and when it starts."""

    session: str
    starts_at: str


class Commissioned(BaseModel):
    """A block that was bought."""

    block: str
    sessions: list[Part]
    charges: list[dict[str, Any]]


class Booked(BaseModel):
    """A child's place in a block: the same seat in each of these sessions."""

    booking: str
    block: str
    seat: int
    sessions: list[Part]


class Released(BaseModel):
    """A booking that was given up: the sessions that are free again, and the offer made of the place, if any."""

    booking: str
    status: Literal["released"]
    released: list[str]
    offer: str | None


class Waits(BaseModel):
    """A child on the waiting list."""

    reference: str
    discipline: str
    rank: int
    weeks_waiting: int
    standard_due: str
    why: str
    priority: str
    sessions: int
    mode: str
    status: Literal["waiting", "offered"]
    offer: str | None


class WaitingList(BaseModel):
    """Who waits, in order."""

    entries: list[Waits]


@router.post("/api/providers", summary="Register a provider", status_code=201)
def post_provider(
    call: Managing, wish: Annotated[commands.RegisterProvider, json_body(commands.RegisterProvider)]
) -> Response:
    """Answers `{"provider"}`."""
    return call.once(lambda work: supplies.register_provider(work, wish))


@router.get("/api/providers", summary="List providers, their therapists, and places")
def get_providers(call: Managing) -> dict[str, list[dict[str, Any]]]:
    """What can be commissioned, by name."""
    area = call.parts.area.id
    with call.look() as session:
        providers = store.supplies(session, tables.Provider, area)
        therapists = store.supplies(session, tables.Therapist, area)
        places = store.supplies(session, tables.Place, area)
    return {"providers": _plain(providers), "therapists": _plain(therapists), "places": _plain(places)}


def _plain(rows: Sequence[tables.Row]) -> list[dict[str, Any]]:
    return [row.model_dump(exclude={"area"}) for row in rows]


@router.post("/api/therapists", summary="Register a therapist of a provider", status_code=201)
def post_therapist(
    call: Managing, wish: Annotated[commands.RegisterTherapist, json_body(commands.RegisterTherapist)]
) -> Response:
    """Answers `{"therapist"}`."""
    return call.once(lambda work: supplies.register_therapist(work, wish))


@router.post("/api/places", summary="Register a place", status_code=201)
def post_place(call: Managing, wish: Annotated[commands.RegisterPlace, json_body(commands.RegisterPlace)]) -> Response:
    """Answers `{"place"}`."""
    return call.once(lambda work: supplies.register_place(work, wish))


@router.post("/api/pools", summary="Open a pool for a term", status_code=201)
def post_pool(call: Pooling, wish: Annotated[commands.OpenPool, json_body(commands.OpenPool)]) -> Response:
    """Answers `{"pool"}`."""
    return call.once(lambda work: supplies.open_pool(work, wish), location=lambda made: f"/api/pools/{made['pool']}")


@router.get("/api/pools", summary="List pools with what is left in them")
def get_pools(call: Pooling) -> dict[str, list[dict[str, Any]]]:
    """The latest term first."""
    with call.work() as work:
        rows = store.pools(work.session, work.area.id)
        return {"pools": [supplies.show_pool(work, row.pool) for row in rows]}


@router.get("/api/pools/{pool}", summary="Show what is committed, spent and left in a pool, in pence")
def get_pool(call: Pooling, pool: str) -> dict[str, Any]:
    """Per organisation and discipline, balancing exactly."""
    with call.work() as work:
        return supplies.show_pool(work, pool)


@router.post(
    "/api/pools/{pool}/blocks", summary="Commission a block", status_code=201, responses={201: {"model": Commissioned}}
)
def post_block(
    call: Commissioning, pool: str, wish: Annotated[commands.CommissionBlock, json_body(commands.CommissionBlock)]
) -> Response:
    """`409 clash` where therapist or room is busy, `409 over_budget` where more is charged than is left."""
    return call.once(lambda work: handlers.commission_block(work, pool, wish))


@router.get("/api/pools/{pool}/blocks", summary="List a pool's blocks with their places left")
def get_blocks(call: Commissioning, pool: str) -> dict[str, list[dict[str, Any]]]:
    """A provider's manager sees that provider's."""
    with call.work() as work:
        return {"blocks": handlers.show_blocks(work, pool)}


@router.get("/api/waiting-list", summary="Show who waits for therapy, in order")
def get_waiting_list(
    call: OfHealth, discipline: Annotated[Literal["salt", "ot"] | None, Query()] = None
) -> WaitingList:
    """Without `discipline`, of both; ranks count within each. A therapist sees the own caseload."""
    with call.work() as work:
        return WaitingList.model_validate({"entries": [line.entry for line in handlers.waiting_list(work, discipline)]})


@router.post("/api/bookings", summary="Book a child into a block", status_code=201, responses={201: {"model": Booked}})
def post_booking(
    call: Annotated[Call, may("booking.make")], wish: Annotated[commands.Book, json_body(commands.Book)]
) -> Response:
    """All to come or none; `409` full, clash, too_short, other_mode (each with alternatives), past, not_allowed."""
    return call.once(lambda work: handlers.book(work, wish), location=lambda made: f"/api/bookings/{made['booking']}")


@router.get("/api/bookings/{booking}", summary="Show a booking")
def get_booking(call: Annotated[Call, may("booking.read")], booking: str) -> dict[str, Any]:
    """When, where and with whom; for the coordinator, the family and the therapist who holds it."""
    with call.work() as work:
        return handlers.show_booking(work, booking)[0]


@router.post("/api/bookings/{booking}/cancel", summary="Give a booking up", responses={200: {"model": Released}})
def post_cancellation(
    call: Annotated[Call, may("booking.cancel")],
    booking: str,
    wish: Annotated[commands.Cancel, json_body(commands.Cancel)],
) -> Response:
    """Frees its seats in all sessions to come and offers the place on; nothing is reserved by an offer."""
    return call.once(lambda work: handlers.cancel(work, booking, wish), status=200)


@router.post(
    "/api/offers/{offer}/accept",
    summary="Take up an offered place",
    status_code=201,
    responses={201: {"model": Booked}},
)
def post_acceptance(call: Annotated[Call, may("offer.accept")], offer: str) -> Response:
    """Books it; `409` with `reason` where the offer has ended."""
    return call.once(lambda work: handlers.accept_offer(work, offer))


@router.get("/api/verify/bookings", summary="Prove that nobody is booked twice and all money balances")
def get_faults(call: Annotated[Call, may("operations.read")]) -> dict[str, Any]:
    """Counts derived anew from the log: all are 0 where all is well."""
    with call.look() as session:
        found = asdict(store.booking_faults(session))
    return {name: what if name == "checked" else len(what) for name, what in found.items()}
