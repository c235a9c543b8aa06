"""Booking's tables, what each event does to them, and the questions asked of them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import DDL, JSON, BigInteger, ColumnElement, Index, String, case, delete, exists, func, text, true
from sqlalchemy.event import listen
from sqlalchemy.orm import registry
from sqlmodel import Field, Session, SQLModel, col, select

from frontdoor import events
from frontdoor.database import DERIVED, UtcDateTime
from frontdoor.envelope import Recorded
from frontdoor.event_log import EventLog
from therapy_booking import domain

_BOOKED = text("status = 'booked'")


class Row(SQLModel, registry=registry()):
    """What all tables of this service have in common: their own registry, and the area."""

    area: str


class Provider(Row, table=True):
    """A provider that can be commissioned."""

    __table_args__ = (Index("provider_name", "area", "name"), DERIVED)
    provider: str = Field(primary_key=True)
    name: str
    kind: str


class Therapist(Row, table=True):
    """A therapist, of one provider."""

    __table_args__ = (Index("therapist_name", "area", "name"), DERIVED)
    therapist: str = Field(primary_key=True)
    provider: str
    name: str
    disciplines: list[str] = Field(sa_type=JSON)
    skills: list[str] = Field(sa_type=JSON)
    languages: list[str] = Field(sa_type=JSON)
    person: str | None


class Place(Row, table=True):
    """Where sessions can be held."""

    __table_args__ = (Index("place_name", "area", "name"), DERIVED)
    place: str = Field(primary_key=True)
    name: str
    kind: str
    postcode: str | None


class Pool(Row, table=True):
    """Money for a term."""

    __table_args__ = (Index("pool_term", "area", "term", "name"), DERIVED)
    pool: str = Field(primary_key=True)
    name: str
    term: str
    contributions: list[dict[str, Any]] = Field(sa_type=JSON)


class Block(Row, table=True):
    """A block that was commissioned."""

    __table_args__ = (
        Index("block_pool", "area", "pool", "first_at"),
        Index("block_discipline", "area", "discipline", "last_at"),
        DERIVED,
    )
    block: str = Field(primary_key=True)
    pool: str
    provider: str
    therapist: str
    held_by: str | None
    discipline: events.Discipline = Field(sa_type=String)
    mode: events.Mode = Field(sa_type=String)
    place: str
    minutes: int
    seats: int
    price_pence: int = Field(sa_type=BigInteger)
    charges: list[dict[str, Any]] = Field(sa_type=JSON)
    first_at: datetime = Field(sa_type=UtcDateTime)
    last_at: datetime = Field(sa_type=UtcDateTime)


class Slot(Row, table=True):
    """A session of a block, with whom and what it keeps busy; `room`: the place, where it holds one at a time."""

    __table_args__ = (
        Index("slot_block", "area", "block", "starts_at"),
        Index("slot_therapist", "area", "therapist", "starts_at"),
        Index("slot_place", "area", "place", "starts_at"),
        DERIVED,
    )
    session: str = Field(primary_key=True)
    block: str
    therapist: str
    place: str
    room: str | None = None
    starts_at: datetime = Field(sa_type=UtcDateTime)
    ends_at: datetime = Field(sa_type=UtcDateTime)


_ONE_AT_A_TIME = """
create extension if not exists btree_gist;
alter table slot add constraint slot_therapist_once
  exclude using gist (area with =, therapist with =, tstzrange(starts_at, ends_at) with &&);
alter table slot add constraint slot_room_once
  exclude using gist (area with =, room with =, tstzrange(starts_at, ends_at) with &&);
"""
"""A second wall behind the claims: PostgreSQL itself lets nobody be in two places at once. A seat's key is another."""
_once = DDL(_ONE_AT_A_TIME)  # type: ignore[no-untyped-call]
listen(Row.metadata.tables["slot"], "after_create", _once.execute_if(dialect="postgresql"))


class Waiting(Row, table=True):
    """Therapy that was agreed. The child waits while `status` is waiting and no booking of it is active."""

    __table_args__ = (
        Index("waiting_line", "area", "discipline", "status"),
        Index("waiting_child", "area", "child_id"),
        DERIVED,
    )
    reference: str = Field(primary_key=True)
    discipline: events.Discipline = Field(primary_key=True, sa_type=String)
    child_id: str
    sessions: int
    mode: events.Mode = Field(sa_type=String)
    priority: events.Priority = Field(sa_type=String)
    received_at: datetime = Field(sa_type=UtcDateTime)
    offer_due: datetime = Field(sa_type=UtcDateTime)
    standard_version: str
    sent_by: str
    setting: str | None
    family: list[str] = Field(sa_type=JSON)
    status: str
    reason_code: str | None = None


class Booking(Row, table=True):
    """A child's place in a block: `booked`, or `released` once given up."""

    __table_args__ = (
        Index("booking_reference", "area", "reference"),
        Index("booking_once", "reference", "discipline", unique=True, sqlite_where=_BOOKED, postgresql_where=_BOOKED),
        Index("booking_block", "area", "block", "status"),
        DERIVED,
    )
    booking: str = Field(primary_key=True)
    reference: str
    child_id: str
    block: str
    discipline: events.Discipline = Field(sa_type=String)
    seat: int
    held_by: str | None
    offer: str | None
    status: str
    booked_at: datetime = Field(sa_type=UtcDateTime)
    released_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reason_code: str | None = None


class Seat(Row, table=True):
    """A seat taken in one session: its key lets nobody else take it."""

    __table_args__ = (
        Index("seat_block", "area", "block", "starts_at"),
        Index("seat_child", "area", "child_id", "starts_at"),
        Index("seat_booking", "area", "booking"),
        DERIVED,
    )
    session: str = Field(primary_key=True)
    seat: int = Field(primary_key=True)
    booking: str
    block: str
    child_id: str
    starts_at: datetime = Field(sa_type=UtcDateTime)
    ends_at: datetime = Field(sa_type=UtcDateTime)


class Offer(Row, table=True):
    """A freed place that was offered on: `open`, or how it ended."""

    __table_args__ = (
        Index("offer_block", "area", "block", "status"),
        Index("offer_reference", "area", "reference", "discipline", "status"),
        DERIVED,
    )
    offer: str = Field(primary_key=True)
    reference: str
    child_id: str
    block: str
    discipline: events.Discipline = Field(sa_type=String)
    status: str
    offered_at: datetime = Field(sa_type=UtcDateTime)


class Child(Row, table=True):
    """Who a child is, sealed."""

    __table_args__ = DERIVED
    child_id: str = Field(primary_key=True)
    identity: str


class Withdrawn(Row, table=True):
    """A referral that was withdrawn."""

    __table_args__ = DERIVED
    reference: str = Field(primary_key=True)


# --- what each event does --------------------------------------------------------------------------------------------


def apply(session: Session, recorded: Recorded) -> None:
    """Write an event of this service into its derived tables."""
    event, area = recorded.event, recorded.area
    match event:
        case events.ProviderRegistered():
            session.add(Provider(area=area, **event.model_dump()))
        case events.TherapistRegistered():
            session.add(Therapist(area=area, **event.model_dump(mode="json")))
        case events.PlaceRegistered():
            session.add(Place(area=area, **event.model_dump()))
        case events.PoolOpened():
            session.add(Pool(area=area, **event.model_dump(mode="json")))
        case events.BlockCommissioned():
            _apply_block(session, area, event)
        case events.WaitingChildNoted():
            session.merge(Child(area=area, child_id=event.child_id, identity=event.identity))
        case events.WithdrawalNoted():
            session.add(Withdrawn(area=area, reference=event.reference))
        case _:
            _apply_place(session, recorded)


def _apply_block(session: Session, area: str, event: events.BlockCommissioned) -> None:
    row = event.model_dump(mode="json", exclude={"sessions", "calendar_version", "room"})
    session.add(Block(area=area, first_at=event.sessions[0].starts_at, last_at=event.sessions[-1].starts_at, **row))
    busy: dict[str, Any] = {"area": area, "block": event.block, "therapist": event.therapist}
    busy |= {"place": event.place, "room": event.room}
    session.add_all(Slot(**busy, **part.model_dump()) for part in event.sessions)


def _apply_place(session: Session, recorded: Recorded) -> None:
    event, area, at = recorded.event, recorded.area, recorded.time
    match event:
        case events.WaitingListed():
            session.merge(Waiting(area=area, status="waiting", **event.model_dump(mode="python") | _lists(event)))
        case events.WaitingEnded():
            waiting = session.get_one(Waiting, (event.reference, event.discipline))
            waiting.status, waiting.reason_code = "ended", event.reason_code
        case events.BlockBooked():
            row = event.model_dump(exclude={"sessions"})
            session.add(Booking(area=area, status="booked", booked_at=at, **row))
            taken = {"area": area, **event.model_dump(include={"seat", "booking", "block", "child_id"})}
            session.add_all(Seat(**taken, **part.model_dump()) for part in event.sessions)
        case events.PlaceReleased():
            booking = session.get_one(Booking, event.booking)
            booking.status, booking.released_at, booking.reason_code = "released", at, event.reason_code
            freed = col(Seat.area) == area, col(Seat.booking) == event.booking, col(Seat.starts_at) > at
            # Fetched first, so that the session forgets them too: the same seat may be taken again in it.
            session.exec(delete(Seat).where(*freed), execution_options={"synchronize_session": "fetch"})
        case events.PlaceOffered():
            session.add(Offer(area=area, status="open", offered_at=at, **event.model_dump()))
        case events.OfferEnded():
            session.get_one(Offer, event.offer).status = event.outcome


def _lists(event: events.WaitingListed) -> dict[str, Any]:
    return {"family": list(event.family), "reason_code": None}


log = EventLog("therapy-booking", Row.metadata, apply)


# --- questions -------------------------------------------------------------------------------------------------------

Kind = TypeVar("Kind", bound=Row)
Named = TypeVar("Named", Provider, Therapist, Place)


def find(session: Session, kind: type[Kind], area: str, key: Any) -> Kind | None:
    """Find a row of this area by its key."""
    found = session.get(kind, key)
    return found if found is not None and found.area == area else None


def _all(session: Session, kind: type[Kind], where: Iterable[ColumnElement[bool]], *by: Any) -> list[Kind]:
    return list(session.exec(select(kind).where(*where).order_by(*by)).all())


def supplies(session: Session, kind: type[Named], area: str) -> list[Named]:
    """List providers, therapists or places by name."""
    return _all(session, kind, [col(kind.area) == area], kind.name)


def people_of(session: Session, area: str, provider: str) -> set[str]:
    """Name the sign-ins of a provider's therapists."""
    own = select(Therapist.person).where(Therapist.area == area, Therapist.provider == provider)
    return {person for person in session.exec(own) if person}


def pools(session: Session, area: str) -> list[Pool]:
    """List pools, the latest term first."""
    return _all(session, Pool, [col(Pool.area) == area], col(Pool.term).desc(), Pool.name, Pool.pool)


def balances(pool: Pool, bought: Iterable[Block]) -> domain.Balances:
    """Give a pool's balance by (organisation, discipline), in pence."""
    spent: Counter[tuple[str, str]] = Counter()
    for block in bought:
        spent.update({(part["organisation"], block.discipline): part["pence"] for part in block.charges})
    return domain.balances((events.Contribution(**part) for part in pool.contributions), spent)


def blocks(session: Session, area: str, pool: str) -> list[Block]:
    """List a pool's blocks by their first session."""
    return _all(session, Block, [col(Block.area) == area, col(Block.pool) == pool], Block.first_at, Block.block)


def sessions(session: Session, area: str, block: str, after: datetime | None = None) -> tuple[events.Session, ...]:
    """List a block's sessions, or those that start after an instant."""
    where = [col(Slot.area) == area, col(Slot.block) == block]
    where += [col(Slot.starts_at) > after] if after else []
    found = _all(session, Slot, where, Slot.starts_at)
    return tuple(events.Session(session=s.session, starts_at=s.starts_at, ends_at=s.ends_at) for s in found)


def busy_therapist(session: Session, area: str, therapist: str, within: domain.Span) -> list[domain.Span]:
    """List when a therapist has sessions that overlap a stretch of time."""
    return _spans(session, Slot, (col(Slot.area) == area, col(Slot.therapist) == therapist), within)


def busy_place(session: Session, area: str, place: str, within: domain.Span) -> list[domain.Span]:
    """List when there are sessions at a place that overlap a stretch of time."""
    return _spans(session, Slot, (col(Slot.area) == area, col(Slot.place) == place), within)


def busy_child(session: Session, area: str, child_id: str, within: domain.Span) -> list[domain.Span]:
    """List when a child has sessions that overlap a stretch of time."""
    return _spans(session, Seat, (col(Seat.area) == area, col(Seat.child_id) == child_id), within)


def _spans(
    session: Session, kind: type[Slot] | type[Seat], whose: Iterable[ColumnElement[bool]], within: domain.Span
) -> list[domain.Span]:
    overlapping = col(kind.starts_at) < within[1], col(kind.ends_at) > within[0]
    return list(session.exec(select(kind.starts_at, kind.ends_at).where(*whose, *overlapping)))


def supply(session: Session, block: Block, now: datetime) -> domain.Supply:
    """Give what is to come of a block, and which seats are taken in it."""
    to_come = col(Seat.area) == block.area, col(Seat.block) == block.block, col(Seat.starts_at) > now
    return domain.Supply(
        block=block.block,
        discipline=block.discipline,
        mode=block.mode,
        seats=block.seats,
        held_by=block.held_by,
        to_come=sessions(session, block.area, block.block, now),
        taken=frozenset(session.exec(select(Seat.seat).where(*to_come).distinct())),
    )


def with_places(session: Session, area: str, discipline: str, now: datetime) -> Iterator[domain.Supply]:
    """Walk the blocks of a discipline that have sessions to come and a place left, by their first session."""
    active = col(Booking.area) == area, col(Booking.block) == col(Block.block), col(Booking.status) == "booked"
    taken = select(func.count()).select_from(Booking).where(*active).scalar_subquery()
    open_ones = (
        select(Block)
        .where(Block.area == area, Block.discipline == discipline, Block.last_at > now, taken < col(Block.seats))
        .order_by(col(Block.first_at), col(Block.block))
        .limit(100)
    )
    for block in session.exec(open_ones).all():
        yield supply(session, block, now)


def knows_referral(session: Session, reference: str) -> bool:
    """Say whether this referral has been heard of: as therapy agreed, or at all."""
    if session.exec(select(Waiting.reference).where(Waiting.reference == reference).limit(1)).first():
        return True
    heard = Row.metadata.tables["stream_position"].c
    submitted = heard.source == "referral-intake", heard.stream == f"referral/{reference}"
    return bool(session.connection().scalar(select(heard.version).where(*submitted)))


def waits_of(session: Session, area: str, reference: str) -> list[Waiting]:
    """List the therapy that was agreed for a referral, whether or not the child still waits."""
    where = [col(Waiting.area) == area, col(Waiting.reference) == reference]
    return _all(session, Waiting, where, Waiting.discipline)


def active_booking(session: Session, area: str, reference: str, discipline: str) -> str | None:
    """Name the booking that a child has for this therapy, if any."""
    own = Booking.area == area, Booking.reference == reference, Booking.discipline == discipline
    return session.exec(select(Booking.booking).where(*own, Booking.status == "booked").limit(1)).first()


def _in_line(area: str, discipline: str | None) -> list[ColumnElement[bool]]:
    same = col(Booking.reference) == col(Waiting.reference), col(Booking.discipline) == col(Waiting.discipline)
    booked = exists().where(col(Booking.area) == area, *same, col(Booking.status) == "booked")
    of_kind = col(Waiting.discipline) == discipline if discipline else true()
    return [col(Waiting.area) == area, of_kind, col(Waiting.status) == "waiting", ~booked]


def in_line(session: Session, area: str, discipline: str | None = None) -> list[Waiting]:
    """List who waits, first come first: by discipline, priority, date promised, date received, reference."""
    urgency = case({code: at for at, code in enumerate(domain.PRIORITIES)}, value=col(Waiting.priority))
    by = (col(Waiting.discipline).desc(), urgency, Waiting.offer_due, Waiting.received_at, Waiting.reference)
    return _all(session, Waiting, _in_line(area, discipline), *by)


def as_wait(row: Waiting, *, is_booked: bool = False) -> domain.Wait:
    """Give a row of the waiting list as the value that decisions are made on."""
    return domain.Wait(
        reference=row.reference,
        child_id=row.child_id,
        discipline=row.discipline,
        sessions=row.sessions,
        mode=row.mode,
        priority=row.priority,
        received_at=row.received_at,
        offer_due=row.offer_due,
        is_open=row.status == "waiting",
        is_booked=is_booked,
    )


def holders(session: Session, area: str, reference: str | None = None) -> Mapping[str, frozenset[str]]:
    """Name the therapists' sign-ins by reference: who hold or held a booking of it (None: of all who wait)."""
    theirs = [Booking.reference == reference] if reference else [_waits()]
    found: dict[str, frozenset[str]] = {}
    held = select(Booking.reference, Booking.held_by).where(Booking.area == area, *theirs).distinct()
    for name, person in session.exec(held):
        found[name] = found.get(name, frozenset()) | ({person} if person else set())
    return found


def _waits() -> ColumnElement[bool]:
    return exists().where(col(Waiting.reference) == col(Booking.reference), col(Waiting.status) == "waiting")


def bookings_of(session: Session, area: str, block: str, status: str) -> list[Booking]:
    """List a block's bookings, by seat."""
    where = [col(Booking.area) == area, col(Booking.block) == block, col(Booking.status) == status]
    return _all(session, Booking, where, Booking.seat, Booking.booked_at)


def offers(session: Session, area: str, *, block: str | None = None, reference: str | None = None) -> list[Offer]:
    """List open offers: of a block, of a referral, or all."""
    where = [col(Offer.area) == area, col(Offer.status) == "open"]
    where += [col(Offer.block) == block] if block else []
    where += [col(Offer.reference) == reference] if reference else []
    return _all(session, Offer, where, Offer.offered_at, Offer.offer)


def identities(session: Session, child_ids: Iterable[str]) -> dict[str, str]:
    """Give children's sealed identities, by child id."""
    wanted = sorted(set(child_ids))
    found: dict[str, str] = {}
    for at in range(0, len(wanted), 500):
        some = select(Child.child_id, Child.identity).where(col(Child.child_id).in_(wanted[at : at + 500]))
        found.update(dict(session.exec(some).all()))
    return found


OF_PLACES = {"PlaceRegistered", "PoolOpened", "BlockCommissioned", "BlockBooked", "PlaceReleased"}


def booking_faults(session: Session) -> domain.Faults:
    """Find what must not be, from the log's events, and seats of the table that the log does not know, or misses."""
    history = (record for _, record in log.all(session) if record.type in OF_PLACES)
    ledger = domain.Ledger.of(domain.Said(record.event, record.time) for record in history)
    taken = {(row.session, row.seat, row.booking) for row in session.exec(select(Seat)).all()}
    return ledger.faults(taken)
