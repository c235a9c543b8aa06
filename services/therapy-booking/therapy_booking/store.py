"""What each of booking's events does to its tables, and the questions asked of them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    bindparam,
    case,
    delete,
    exists,
    func,
    or_,
    true,
)
from sqlalchemy import Row as Found
from sqlmodel import Session, col, select

from frontdoor import events
from frontdoor.database import answers_to
from frontdoor.envelope import Recorded
from frontdoor.event_log import EventLog
from frontdoor.rows import insert_rows, table_of
from therapy_booking import domain
from therapy_booking.tables import (
    Block,
    Booking,
    Child,
    Offer,
    Place,
    Pool,
    Provider,
    Row,
    Seat,
    Slot,
    Therapist,
    Waiting,
    Withdrawn,
)

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
            insert_rows(session, table_of(Booking), [row | {"area": area, "status": "booked", "booked_at": at}])
            taken = {"area": area, **event.model_dump(include={"seat", "booking", "block", "child_id"})}
            insert_rows(session, table_of(Seat), [taken | part.model_dump() for part in event.sessions])
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


_sessions = (
    select(Slot.session, Slot.starts_at, Slot.ends_at)
    .where(Slot.area == bindparam("area"), Slot.block == bindparam("block"), Slot.starts_at > bindparam("after"))
    .order_by(col(Slot.starts_at))
)


def sessions(session: Session, area: str, block: str, after: datetime | None = None) -> tuple[events.Session, ...]:
    """List a block's sessions, or those that start after an instant."""
    since = after or datetime.min.replace(tzinfo=UTC)
    found = answers_to(session, _sessions, area=area, block=block, after=since)
    return tuple(events.Session(session=s.session, starts_at=s.starts_at, ends_at=s.ends_at) for s in found)


def busy_therapist(session: Session, area: str, therapist: str, within: domain.Span) -> list[domain.Span]:
    """List when a therapist has sessions that overlap a stretch of time."""
    return _busy_slots(session, (col(Slot.area) == area, col(Slot.therapist) == therapist), within)


def busy_place(session: Session, area: str, place: str, within: domain.Span) -> list[domain.Span]:
    """List when there are sessions at a place that overlap a stretch of time."""
    return _busy_slots(session, (col(Slot.area) == area, col(Slot.place) == place), within)


_busy_child = select(Seat.starts_at, Seat.ends_at).where(
    Seat.area == bindparam("area"),
    Seat.child_id == bindparam("child"),
    Seat.starts_at < bindparam("until"),
    Seat.ends_at > bindparam("since"),
)


def busy_child(session: Session, area: str, child_id: str, within: domain.Span) -> list[domain.Span]:
    """List when a child has sessions that overlap a stretch of time."""
    found = answers_to(session, _busy_child, area=area, child=child_id, since=within[0], until=within[1])
    return [(row.starts_at, row.ends_at) for row in found]


def _busy_slots(session: Session, whose: Iterable[ColumnElement[bool]], within: domain.Span) -> list[domain.Span]:
    overlapping = col(Slot.starts_at) < within[1], col(Slot.ends_at) > within[0]
    return list(session.exec(select(Slot.starts_at, Slot.ends_at).where(*whose, *overlapping)))


_taken = (
    select(Seat.seat)
    .where(Seat.area == bindparam("area"), Seat.block == bindparam("block"), Seat.starts_at > bindparam("now"))
    .distinct()
)


def supply(session: Session, block: Block, now: datetime) -> domain.Supply:
    """Give what is to come of a block, and which seats are taken in it."""
    taken = answers_to(session, _taken, area=block.area, block=block.block, now=now)
    return domain.Supply(
        block=block.block,
        discipline=block.discipline,
        mode=block.mode,
        seats=block.seats,
        held_by=block.held_by,
        to_come=sessions(session, block.area, block.block, now),
        taken=frozenset(taken.scalars()),
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


_active_booking = (
    select(Booking.booking)
    .where(
        Booking.area == bindparam("area"),
        Booking.reference == bindparam("reference"),
        Booking.discipline == bindparam("discipline"),
        Booking.status == "booked",
    )
    .limit(1)
)


def active_booking(session: Session, area: str, reference: str, discipline: str) -> str | None:
    """Name the booking that a child has for this therapy, if any."""
    return answers_to(session, _active_booking, area=area, reference=reference, discipline=discipline).scalar()


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


_offers = (
    select(*table_of(Offer).c)
    .where(Offer.area == bindparam("area"), Offer.status == "open")
    .order_by(col(Offer.offered_at), col(Offer.offer))
)
_some_offers = _offers.where(
    or_(col(Offer.block) == bindparam("block"), col(Offer.reference) == bindparam("reference"))
)


def offers(
    session: Session, area: str, *, block: str | None = None, reference: str | None = None
) -> Sequence[Found[Any]]:
    """List open offers: of a block and to a referral, of one of these, or all."""
    if not (block or reference):
        return answers_to(session, _offers, area=area).all()
    return answers_to(session, _some_offers, area=area, block=block, reference=reference).all()


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
