"""Booking's tables. What its events do to them, and the questions asked of them, are in `store.py`."""

from datetime import datetime
from typing import Any

from sqlalchemy import DDL, JSON, BigInteger, ColumnElement, Index, String, literal_column
from sqlalchemy.event import listen
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from frontdoor import events
from frontdoor.database import DERIVED, UtcDateTime

_BOOKED: ColumnElement[bool] = literal_column("status = 'booked'")


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
