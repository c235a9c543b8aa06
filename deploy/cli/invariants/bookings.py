"""I9 to I11: nobody in two places at once, no more children than seats, blocks whole, money balanced.

Read from booking's tables in the order of who and when, however many there are. That the tables are what was said is
I4's; what the service shows under its own address is derived from its log alone.
"""

from collections import defaultdict
from collections.abc import Iterator
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import Any, cast

from sqlalchemy import ColumnElement, Row, Table, func, or_, select
from sqlmodel import Session

from all_in_one.assembly import Assembly
from cli.invariants.finding import Finding
from cli.invariants.walks import rows, side_by_side
from frontdoor.database import Database
from therapy_booking import store, tables

_TABLES = store.log.metadata.tables
SLOT, SEAT, BLOCK = _TABLES["slot"], _TABLES["seat"], _TABLES["block"]
BOOKING, POOL = _TABLES["booking"], _TABLES["pool"]
WHO: tuple[tuple[str, Table, ColumnElement[Any]], ...] = (
    ("therapist", SLOT, SLOT.c.therapist),
    ("room", SLOT, SLOT.c.room),
    ("child", SEAT, SEAT.c.child_id),
)
"""Who and what is in one place at a time, and the sessions that keep them busy."""


def _bookings(assembly: Assembly) -> Database:
    return assembly.parts["therapy-booking"].database


def no_double_booking(assembly: Assembly) -> Finding:
    """I9: no therapist, room or child is in two sessions at once."""
    finding = Finding("I9 no double booking")
    with _bookings(assembly).read() as session:
        for what, table, who in WHO:
            diary = select(who.label("who"), table.c.starts_at, table.c.ends_at).where(who.is_not(None))
            for name, spans in groupby(rows(session, diary.order_by(who, table.c.starts_at)), key=itemgetter(0)):
                for overlaps in _overlaps(spans):
                    finding.checked += 1
                    if overlaps:
                        finding.fault(f"{what} {name}")
    return finding


def _overlaps(spans: Iterator[Row[Any]]) -> Iterator[bool]:
    until = None
    for span in spans:
        yield until is not None and span.starts_at < until
        until = span.ends_at if until is None else max(until, span.ends_at)


def capacity(assembly: Assembly) -> Finding:
    """I10: each seat that is taken is one of its session's, whose block has that many; nobody else has it."""
    finding = Finding("I10 capacity")
    beside = SEAT.outerjoin(SLOT, SLOT.c.session == SEAT.c.session).outerjoin(BLOCK, BLOCK.c.block == SLOT.c.block)
    astray = or_(SLOT.c.session.is_(None), SLOT.c.block != SEAT.c.block, SEAT.c.seat < 1, SEAT.c.seat > BLOCK.c.seats)
    with _bookings(assembly).read() as session:
        finding.checked = session.connection().scalar(select(func.count()).select_from(SEAT)) or 0
        wanted = select(SEAT.c.session, SEAT.c.seat).select_from(beside).where(or_(astray, BLOCK.c.block.is_(None)))
        finding.fault_each(f"session {row.session} seat {row.seat}" for row in rows(session, wanted))
        taken = select(SEAT.c.session, SEAT.c.seat).group_by(SEAT.c.session, SEAT.c.seat).having(func.count() > 1)
        finding.fault_each(f"session {row.session} seat {row.seat} twice" for row in rows(session, taken))
    return finding


def whole_blocks(assembly: Assembly) -> Finding:
    """I11: a child has a seat in every session of a block or in none; each pool's charges add up to the penny."""
    finding = Finding("I11 whole blocks, balanced pools")
    with _bookings(assembly).read() as session:
        for block, slots, taken in side_by_side(_by_block(session, SLOT), _bookings_and_seats(session)):
            _look_at_block(finding, block, slots, taken)
        for pool, opened, bought in side_by_side(_by(session, POOL, POOL.c.pool), _by(session, BLOCK, BLOCK.c.pool)):
            finding.checked += 1
            if not opened or not _balances(opened[0], bought):
                finding.fault(f"pool {pool}")
    return finding


def _by(session: Session, table: Table, key: ColumnElement[Any]) -> Iterator[tuple[str, Row[Any]]]:
    for row in rows(session, select(key.label("by"), table).order_by(key, *table.primary_key)):
        yield row.by, row


def _by_block(session: Session, table: Table) -> Iterator[tuple[str, Row[Any]]]:
    return _by(session, table, table.c.block)


def _bookings_and_seats(session: Session) -> Iterator[tuple[str, Row[Any]]]:
    return merge(_by_block(session, BOOKING), _by_block(session, SEAT), key=itemgetter(0))


def _look_at_block(finding: Finding, block: str, slots: list[Row[Any]], taken: list[Row[Any]]) -> None:
    seats: dict[str, set[tuple[str, int]]] = defaultdict(set)
    bookings = [row for row in taken if hasattr(row, "status")]
    for row in taken:
        if not hasattr(row, "status"):
            seats[row.booking].add((row.session, row.seat))
    for booking in bookings:
        finding.checked += 1
        due = [slot for slot in slots if slot.starts_at > booking.booked_at]
        held = {(slot.session, booking.seat) for slot in due if _is_held(slot, booking)}
        if not due or seats.pop(booking.booking, set()) != held:
            finding.fault(f"booking {booking.booking}")
    finding.fault_each(f"block {block}: seats of booking {booking}, which is not there" for booking in sorted(seats))


def _is_held(slot: Row[Any], booking: Row[Any]) -> bool:
    """Say whether a booking keeps this session: all do, but those that were given up keep what had begun."""
    return booking.released_at is None or slot.starts_at <= booking.released_at


def _balances(pool: Row[Any], bought: list[Row[Any]]) -> bool:
    if any(sum(part["pence"] for part in block.charges) != block.price_pence for block in bought):
        return False
    # Rows have what it reads of pools and blocks.
    left = store.balances(cast(tables.Pool, pool), cast(list[tables.Block], bought))
    return all(part.left >= 0 for part in left.values())
