"""What can be done in booking: each function carries one wish through, for pages, programs and heard events alike."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any, Literal, TypeVar

from frontdoor import access, calendars, events
from frontdoor.access import Subject
from frontdoor.event_log import Stale
from frontdoor.events import instant
from frontdoor.identifiers import short_id
from frontdoor.work import Refused, Work
from therapy_booking import commands, domain, store, tables

Answer = dict[str, Any]
Kind = TypeVar("Kind", bound=tables.Row)


@contextmanager
def deciding() -> Iterator[None]:
    """Turn what a decision does not allow into the answer that people get."""
    try:
        yield
    except domain.NotAllowed as no:
        raise Refused(no.code, no.sentence, status=no.status, field=no.field, **no.more) from None


def there(work: Work, kind: type[Kind], key: Any, asked: tuple[str, str] | None = None) -> Kind:
    """Find what the address names, or answer 404; `asked`: the action, and the referral or "", for the audit."""
    found = store.find(work.session, kind, work.area.id, key)
    if found is None:
        raise access.Denied(access.Deny(404, "unknown"), asked)
    return found


def named(work: Work, kind: type[Kind], key: str, field: str) -> Kind:
    """Find what a field names, or answer 422."""
    found = store.find(work.session, kind, work.area.id, key)
    if found is None:
        raise unknown(field)
    return found


def unknown(field: str, of: str = "") -> Refused:
    """Make the answer 422 to a field that names nothing."""
    what = field.rpartition(".")[2].replace("_", " ")
    return Refused("invalid", f"There is no such {what}{of}: check it, or register it first", status=422, field=field)


# --- blocks ----------------------------------------------------------------------------------------------------------


def is_own_provider(work: Work, provider: tables.Provider) -> bool:
    """Say whether a provider is the actor's organisation: by its name, else by where its therapists belong."""
    named = work.area.setting(provider.name)
    if named is not None:
        return named.id == work.actor.organisation
    people = store.people_of(work.session, work.area.id, provider.provider)
    known = {work.area.people[person].organisation for person in people if person in work.area.people}
    return work.actor.organisation is not None and work.actor.organisation in known


def _may_manage(work: Work, provider: tables.Provider) -> None:
    if "booking_coordinator" not in work.actor.roles and not is_own_provider(work, provider):
        raise access.Denied(access.Deny(403, "provider"))


def lay_out(
    work: Work, pool_id: str, wish: commands.CommissionBlock, block: str = "preview"
) -> tuple[events.Session, ...]:
    """Lay out the sessions that a block would have; changes nothing."""
    pool = there(work, tables.Pool, pool_id)
    term = work.area.term(pool.term)
    if term is None:
        raise unknown("term", " in this area")
    latest = min((other.ends for other in work.area.terms if other.starts > term.starts), default=None)
    pays = calendars.DateRange(term.starts, term.ends)
    season = domain.Season(term=pays, latest=latest, is_closed=work.area.calendar_of(None).is_closed)
    with deciding():
        return domain.plan(block, domain.Rhythm(wish.first_date, wish.time, wish.weeks, wish.minutes), season)


def commission_block(work: Work, pool_id: str, wish: commands.CommissionBlock) -> Answer:
    """Buy a block and charge it to its pool; a second time its therapist is busy, which refuses it."""
    provider = named(work, tables.Provider, wish.provider, "provider")
    _may_manage(work, provider)
    # Nobody spends the same money or books the same hour meanwhile.
    work.claim(f"pool/{pool_id}", f"therapist/{wish.therapist}", f"place/{wish.place}")
    pool = there(work, tables.Pool, pool_id)
    therapist = named(work, tables.Therapist, wish.therapist, "therapist")
    place = named(work, tables.Place, wish.place, "place")
    _check_therapist(therapist, wish)
    block = short_id("B")
    sessions = lay_out(work, pool.pool, wish, block)
    within = sessions[0].starts_at, sessions[-1].ends_at
    area = work.area.id
    room = place.place if place.kind in domain.ROOMS else None
    taken = store.busy_place(work.session, area, room, within) if room else []
    with deciding():
        domain.check_supply(sessions, store.busy_therapist(work.session, area, therapist.therapist, within), taken)
        known = store.balances(pool, store.blocks(work.session, area, pool.pool))
        charges = domain.charge(wish.price_pence, wish.discipline, known)
    said = events.BlockCommissioned(
        block=block,
        pool=pool.pool,
        held_by=therapist.person,
        room=room,
        charges=charges,
        sessions=sessions,
        calendar_version=f"{calendars.CALENDAR_VERSION}/{work.area.calendar_of(None).version}",
        **wish.model_dump(exclude={"first_date", "time", "weeks"}),
    )
    work.append(f"block/{block}", 0, said)
    return {"block": block, "sessions": starts(sessions), "charges": [part.model_dump() for part in charges]}


def _check_therapist(therapist: tables.Therapist, wish: commands.CommissionBlock) -> None:
    said = None
    if therapist.provider != wish.provider:
        said = "The therapist must work for the provider of the block"
    elif wish.discipline not in therapist.disciplines:
        said = "The therapist must practise the discipline of the block"
    if said:
        raise Refused("invalid", said, status=422, field="therapist")


def starts(sessions: tuple[events.Session, ...]) -> list[Answer]:
    """Name sessions and when they start."""
    return [{"session": part.session, "starts_at": instant(part.starts_at)} for part in sessions]


def show_blocks(work: Work, pool_id: str) -> list[Answer]:
    """Show a pool's blocks with their places left; to a provider's manager, that provider's."""
    pool = there(work, tables.Pool, pool_id)
    rows = store.blocks(work.session, work.area.id, pool.pool)
    if "provider_manager" in work.actor.roles:
        every = store.supplies(work.session, tables.Provider, work.area.id)
        own = {row.provider for row in every if is_own_provider(work, row)}
        rows = [row for row in rows if row.provider in own]
    return [show_block(work, row) for row in rows]


def show_block(work: Work, row: tables.Block) -> Answer:
    """Show what a block is, when, and how many places are left in it."""
    left = len(store.supply(work.session, row, work.now).free)
    sessions = starts(store.sessions(work.session, row.area, row.block))
    known = row.model_dump(exclude={"area", "held_by", "first_at", "last_at"})
    return known | {"seats_left": left, "sessions": sessions}


# --- the waiting list ------------------------------------------------------------------------------------------------


def subject_of(waiting: tables.Waiting, therapists: frozenset[str]) -> Subject:
    """Give what is known of a child's referral to those who decide on access."""
    return Subject(
        reference=waiting.reference,
        area=waiting.area,
        sent_by=waiting.sent_by,
        setting=waiting.setting,
        agencies=frozenset({"health"}),
        family=frozenset(waiting.family),
        therapists=therapists,
    )


@dataclass(frozen=True)
class InLine:
    """A child on the waiting list: what anybody who may see it sees, and whose name it is where that is shared."""

    entry: Answer
    child_id: str | None


def waiting_list(work: Work, discipline: str | None) -> list[InLine]:
    """Show who waits, in order, as far as the actor may see; ranks count everybody."""
    holders = store.holders(work.session, work.area.id)
    offers = {(row.reference, row.discipline): row.offer for row in store.offers(work.session, work.area.id)}
    ranks: Counter[str] = Counter()
    shown: list[InLine] = []
    allowed = None
    for row in store.in_line(work.session, work.area.id, discipline):
        ranks[row.discipline] += 1
        subject = subject_of(row, holders.get(row.reference, frozenset()))
        answer = access.decide(work.actor, "waiting.read", subject, work.area.agreements, work.now)
        if isinstance(answer, access.Allow):
            allowed = answer
            entry = _entry(work, row, ranks[row.discipline], offers.get((row.reference, row.discipline)))
            shown.append(InLine(entry, row.child_id if shares_names(answer) else None))
    if allowed:
        work.shown("waiting.read", [line.entry["reference"] for line in shown], allowed)
    return shown


def _entry(work: Work, row: tables.Waiting, rank: int, offer: str | None) -> Answer:
    known = row.model_dump(include={"reference", "discipline", "priority", "sessions", "mode"})
    waits = {"rank": rank, "weeks_waiting": domain.weeks_waiting(row.received_at, work.now), "offer": offer}
    why, status = domain.why(store.as_wait(row), work.now), "offered" if offer else "waiting"
    return known | waits | {"standard_due": instant(row.offer_due), "why": why, "status": status}


def shares_names(answer: access.Allow) -> bool:
    """Say whether the agreement behind an answer lets names be shown."""
    return answer.categories is None or "identity" in answer.categories


# --- bookings --------------------------------------------------------------------------------------------------------


def _claim_turn(
    work: Work, reference: str, child_id: str, block: str | None = None, *, offering: bool = False
) -> Sequence[Any]:
    """Let nobody else give, free or offer places in this block, or decide about this child or its offers, meanwhile.

    Always in this order, so that no two wait for one another: the offering on of places, which looks at the whole line
    and so has one hand at a time; then blocks; then children. Whoever holds a block holds its offers; whoever holds a
    child holds its diary and its waits. Gives the open offers of this block and to this child.
    """
    elsewhere = {offer.block for offer in store.offers(work.session, work.area.id, reference=reference)} - {block}
    if offering or elsewhere:
        work.claim("offering")
    work.claim(*(f"block/{one}" for one in {block, *elsewhere} if one), f"child/{child_id}")
    offers = store.offers(work.session, work.area.id, block=block, reference=reference)
    offered = {offer.block for offer in offers if offer.reference == reference}
    if offered - {block, *elsewhere}:  # it was offered another place meanwhile: whoever looks again finds it
        raise Stale(f"child/{child_id}")
    return offers


def book(work: Work, wish: commands.Book) -> Answer:
    """Book a child into a block, all or nothing; a second time it is already booked, which refuses it."""
    block = named(work, tables.Block, wish.block, "block")
    key: tuple[str, str] = (wish.reference, block.discipline)
    offers: Sequence[Any] = ()
    waiting = store.find(work.session, tables.Waiting, work.area.id, key)
    if waiting is not None:
        work.may("booking.make", subject_of(waiting, frozenset()))
        offers = _claim_turn(work, waiting.reference, waiting.child_id, block.block)
        block, waiting = named(work, tables.Block, wish.block, "block"), there(work, tables.Waiting, key)
    elif not store.knows_referral(work.session, wish.reference):
        raise unknown("reference")
    if wish.offer is not None:
        offer = named(work, tables.Offer, wish.offer, "offer")
        if (offer.reference, offer.block) != (wish.reference, wish.block):
            raise Refused("invalid", "The offer must be of this place to this child", status=422, field="offer")
        _check_open(offer)
    return _book(work, block, waiting, offers, shorter=wish.accept_shorter, other_mode=wish.accept_other_mode)


def _book(
    work: Work, block: tables.Block, waiting: tables.Waiting | None, offers: Sequence[Any], **accepts: bool
) -> Answer:
    """Give a child the first free seat; the caller has claimed the turn, which gave these open `offers`."""
    wait, busy = None, []
    supply = store.supply(work.session, block, work.now)
    if waiting is not None:
        wait = _wait(work, waiting)
        busy = _busy(work, waiting.child_id, supply)
    to_child = [row for row in offers if waiting and row.reference == waiting.reference]
    offer = next((row.offer for row in to_child if row.block == block.block), None)
    with _or_elsewhere(work, wait):
        said = domain.book(short_id("G"), wait, supply, busy, offer=offer, **accepts)
    work.append(f"booking/{said.booking}", 0, said)
    _drop_offers(work, to_child, said.discipline, accepted=offer)
    if len(supply.free) == 1:
        for row in store.offers(work.session, work.area.id, block=block.block):
            _end_offer(work, row, "place_gone")
    return {"booking": said.booking, "block": said.block, "seat": said.seat, "sessions": starts(said.sessions)}


def _wait(work: Work, waiting: tables.Waiting) -> domain.Wait:
    booked = store.active_booking(work.session, waiting.area, waiting.reference, waiting.discipline)
    return store.as_wait(waiting, is_booked=booked is not None)


def _busy(work: Work, child_id: str, supply: domain.Supply) -> list[domain.Span]:
    if not supply.to_come:
        return []
    within = supply.to_come[0].starts_at, supply.to_come[-1].ends_at
    return store.busy_child(work.session, work.area.id, child_id, within)


@contextmanager
def _or_elsewhere(work: Work, wait: domain.Wait | None) -> Iterator[None]:
    """Name the blocks that would fit where the one wished for does not."""
    try:
        with deciding():
            yield
    except Refused as no:
        if wait is not None and no.code != "not_allowed":
            fitting = islice(fitting_blocks(work, wait), 3)
            no.more["alternatives"] = [_alternative(found) for found in fitting]
        raise


def fitting_blocks(work: Work, wait: domain.Wait, *, shorter: bool = False) -> Iterator[domain.Supply]:
    """Walk the blocks that a child could be booked into, `shorter`: also those with too few sessions."""
    wished = replace(wait, sessions=1) if shorter else wait
    for supply in store.with_places(work.session, work.area.id, wait.discipline, work.now):
        if domain.fits(wished, supply, _busy(work, wait.child_id, supply)):
            yield supply


def _alternative(supply: domain.Supply) -> Answer:
    first = instant(supply.to_come[0].starts_at)
    return {"block": supply.block, "first_session": first, "mode": supply.mode, "seats_left": len(supply.free)}


def find_booking(work: Work, booking_id: str, action: str) -> tuple[tables.Booking, tables.Waiting, access.Allow]:
    """Find a booking that the actor may read or cancel; 404 for those who may not know of it."""
    row = there(work, tables.Booking, booking_id, asked=(action, ""))
    waiting = there(work, tables.Waiting, (row.reference, row.discipline))
    holder = frozenset({row.held_by} if row.held_by else ())
    return row, waiting, work.may(action, subject_of(waiting, holder))


def show_booking(work: Work, booking_id: str) -> tuple[Answer, str | None]:
    """Show when and where a booking is and whether it stands; and the child's id, where names are shared."""
    row, _, answer = find_booking(work, booking_id, "booking.read")
    block = there(work, tables.Block, row.block)
    place, therapist = there(work, tables.Place, block.place), there(work, tables.Therapist, block.therapist)
    known = row.model_dump(include={"booking", "reference", "block", "discipline", "seat", "status", "reason_code"})
    where = place.model_dump(include={"name", "kind", "postcode"})
    sessions = starts(store.sessions(work.session, row.area, row.block, row.booked_at))
    held = {"mode": block.mode, "minutes": block.minutes, "therapist": therapist.name, "place": where}
    return known | held | {"sessions": sessions}, row.child_id if shares_names(answer) else None


def who_is_in(work: Work, block: tables.Block) -> list[tuple[tables.Booking, tables.Waiting, str | None]]:
    """Show who is booked into a block, each with the child's id where names are shared."""
    shown = []
    for row in store.bookings_of(work.session, block.area, block.block, "booked"):
        waiting = there(work, tables.Waiting, (row.reference, row.discipline))
        answer = work.may("booking.read", subject_of(waiting, frozenset()))
        shown.append((row, waiting, row.child_id if shares_names(answer) else None))
    return shown


def cancel(work: Work, booking_id: str, wish: commands.Cancel) -> Answer:
    """Give a booking up and offer its place on; a second time it is released already, which refuses it."""
    row, waiting, _ = find_booking(work, booking_id, "booking.cancel")
    _claim_turn(work, row.reference, row.child_id, row.block, offering=True)
    stream = f"booking/{booking_id}"
    work.claim(stream)
    block = there(work, tables.Block, row.block)
    sessions = store.sessions(work.session, row.area, row.block, row.booked_at)
    booked = events.BlockBooked(sessions=sessions, **row.model_dump(include=set(events.BlockBooked.model_fields)))
    with deciding():
        released = domain.release(booked, row.status, wish.reason_code, work.now)
    work.append(stream, 1, released)
    if wish.reason_code in domain.ENDS_THE_WAIT:
        _end_wait(work, waiting, wish.reason_code)
    freed = [part.session for part in sessions if part.starts_at > work.now]
    return {"booking": booking_id, "status": "released", "released": freed, "offer": _offer_on(work, block)}


# --- offers ----------------------------------------------------------------------------------------------------------


def _offer_on(work: Work, block: tables.Block) -> str | None:
    """Offer a free place to the next child whom it fits as agreed, never to one who gave up a place in this block.

    The caller has claimed the offering and the block.
    """
    session, area = work.session, work.area.id
    supply = store.supply(session, block, work.now)
    offered = store.offers(session, area)
    if len(supply.free) <= sum(row.block == block.block for row in offered):
        return None
    passed_over = {row.child_id for row in store.bookings_of(session, area, block.block, "released")}
    passed_over |= {row.child_id for row in offered if row.discipline == block.discipline}
    line = store.in_line(session, area, block.discipline)
    for row in (row for row in line if row.mode == block.mode and row.child_id not in passed_over):
        if domain.fits(store.as_wait(row), supply, _busy(work, row.child_id, supply)) and _still_fits(
            work, row, supply
        ):
            offer = short_id("F")
            place: Answer = {"child_id": row.child_id, "block": block.block, "discipline": block.discipline}
            work.append(f"offer/{offer}", 0, events.PlaceOffered(offer=offer, reference=row.reference, **place))
            return offer
    return None


def _still_fits(work: Work, row: tables.Waiting, supply: domain.Supply) -> bool:
    """Look again once nobody else decides about the child."""
    work.claim(f"child/{row.child_id}")
    wait = _wait(work, row)
    return wait.is_open and not wait.is_booked and domain.fits(wait, supply, _busy(work, row.child_id, supply))


def accept_offer(work: Work, offer_id: str) -> Answer:
    """Book the place that was offered; a second time the offer has ended, which refuses it."""
    offer = there(work, tables.Offer, offer_id, asked=("offer.accept", ""))
    waiting = there(work, tables.Waiting, (offer.reference, offer.discipline))
    work.may("offer.accept", subject_of(waiting, frozenset()))
    offers = _claim_turn(work, offer.reference, offer.child_id, offer.block)
    _check_open(offer)
    return _book(work, there(work, tables.Block, offer.block), waiting, offers, shorter=False)


_WHY_ENDED = {
    "accepted": "This offer has already been accepted.",
    "place_gone": "Somebody else has been given this place. The child keeps its place on the waiting list.",
    "no_longer_waiting": "The child no longer waits for this therapy.",
}


def _check_open(offer: tables.Offer) -> None:
    if not domain.may_happen("offer", "open" if offer.status == "open" else "ended", events.OfferEnded):
        raise Refused("not_allowed", _WHY_ENDED[offer.status], reason=offer.status)


def _drop_offers(work: Work, offers: Sequence[Any], discipline: str, accepted: str | None = None) -> None:
    """End these offers to a child who needs none any more, and offer on the places that it leaves."""
    for row in offers:
        if row.discipline != discipline:
            continue
        if row.offer == accepted:
            _end_offer(work, row, "accepted")
        else:
            _end_offer(work, row, "no_longer_waiting")
            _offer_on(work, there(work, tables.Block, row.block))


def _end_offer(work: Work, row: Any, outcome: Literal["accepted", "place_gone", "no_longer_waiting"]) -> None:
    ended = events.OfferEnded(offer=row.offer, reference=row.reference, child_id=row.child_id, outcome=outcome)
    stream = f"offer/{row.offer}"
    work.claim(stream)
    work.append(stream, 1, ended)


# --- what other services say -----------------------------------------------------------------------------------------


def list_waiting(work: Work, agreed: events.TherapyAgreed, at: datetime) -> None:
    """Put a child on the waiting list; once it waits on the same terms, a second time changes nothing."""
    stream = f"waiting/{agreed.reference}/{agreed.discipline}"
    work.claim(f"child/{agreed.child_id}", stream)
    if store.find(work.session, tables.Withdrawn, work.area.id, agreed.reference):
        return
    standard = next(row for row in work.area.standards.values() if row.step == "offer")
    calendar = work.area.calendar_of(agreed.setting)
    listed = events.WaitingListed(
        offer_due=calendars.due_at(calendars.local_date(at), standard.limit, standard.unit, calendar),
        standard_version=standard.version,
        **agreed.model_dump(exclude={"agency"}),
    )
    row = store.find(work.session, tables.Waiting, work.area.id, (agreed.reference, agreed.discipline))
    taken_back = row is not None and row.reason_code == domain.TAKEN_BACK
    waits = row is not None and row.status == "waiting"
    again = domain.relist(listed, _listed(row) if row else None, waits=waits, taken_back=taken_back)
    work.append(stream, None, *again)


def _listed(row: tables.Waiting) -> events.WaitingListed:
    return events.WaitingListed.model_validate(row.model_dump(include=set(events.WaitingListed.model_fields)))


def end_waits(work: Work, reference: str, reason_code: str) -> None:
    """End every wait of a referral; a wait that has ended is left as it is. Bookings stand until a person decides."""
    rows = store.waits_of(work.session, work.area.id, reference)
    if rows:
        _claim_turn(work, reference, rows[0].child_id)
    for row in rows:
        _end_wait(work, row, reason_code)


def _end_wait(work: Work, row: tables.Waiting, reason_code: str) -> None:
    if not domain.may_happen("waiting", row.status, events.WaitingEnded):
        return
    ended = events.WaitingEnded(
        reference=row.reference, child_id=row.child_id, discipline=row.discipline, reason_code=reason_code
    )
    stream = f"waiting/{row.reference}/{row.discipline}"
    work.claim(stream)
    work.append(stream, None, ended)
    _drop_offers(work, store.offers(work.session, work.area.id, reference=row.reference), row.discipline)


def note_withdrawal(work: Work, withdrawn: events.ReferralWithdrawn) -> None:
    """End the waits of a withdrawn referral, and list none of it should an agreement arrive later; once noted, done."""
    _claim_turn(work, withdrawn.reference, withdrawn.child_id)
    if store.find(work.session, tables.Withdrawn, work.area.id, withdrawn.reference):
        return
    said = events.WithdrawalNoted(reference=withdrawn.reference, child_id=withdrawn.child_id)
    work.append(f"withdrawn/{withdrawn.reference}", 0, said)
    end_waits(work, withdrawn.reference, "withdrawn")


def note_child(work: Work, child: events.ChildRegistered) -> None:
    """Note who a child is; twice the row is written as it was."""
    noted = events.WaitingChildNoted(child_id=child.child_id, identity=child.identity)
    stream = f"child-noted/{child.child_id}"
    work.claim(stream)
    work.append(stream, None, noted)
