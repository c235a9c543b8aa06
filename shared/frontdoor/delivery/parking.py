"""The parked table: events that could not be applied, each an open task with a reason, until applied or given up."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    Select,
    String,
    Table,
    bindparam,
    insert,
    select,
    update,
)
from sqlmodel import Session

from frontdoor.database import BigId, UtcDateTime, past_waiting
from frontdoor.envelope import Recorded

WAITING_REASONS = ("gap", "behind")
"""Reasons that end by themselves when the missing event comes."""


PASSING_REASONS = (*WAITING_REASONS, "not_yet")
"""Reasons that are nobody's task while what is missing may still come."""


STRANGER = b"not sent by a relay of ours: "
"""What a record that nobody with our secret has sent is parked with: no event, and in no stream's way."""


@dataclass(frozen=True)
class Why:
    """Why an event is parked: gap, behind, not_yet, forked, poison, unknown or undecodable."""

    reason: str
    waits_for: tuple[str, str] | None = None
    error: str | None = None


def define(metadata: MetaData) -> None:
    """Add the parked table to a service's metadata."""
    parked = Table(
        "parked",
        metadata,
        Column("id", BigId, primary_key=True, autoincrement=True),
        Column("source", String, nullable=False),
        Column("stream", String, nullable=False),
        Column("version", Integer, nullable=False),
        Column("event_id", String, nullable=False),
        Column("type", String, nullable=False),
        Column("hash", LargeBinary, nullable=False),
        Column("payload", LargeBinary, nullable=False),
        Column("reason", String, nullable=False),
        Column("error", String, nullable=True),
        Column("waits_source", String, nullable=True),
        Column("waits_stream", String, nullable=True),
        Column("parked_at", UtcDateTime, nullable=False),
        Column("state", String, nullable=False, default="open"),
        Column("settled_at", UtcDateTime, nullable=True),
        info={"kind": "kept"},
    )
    Index("parked_stream", parked.c.source, parked.c.stream, parked.c.version, parked.c.hash, unique=True)
    Index("parked_waits", parked.c.state, parked.c.waits_source, parked.c.waits_stream)


def of(metadata: MetaData) -> "Parked":
    """Give the parked table of a service."""
    return Parked(metadata.tables["parked"])


# What each batch asks is put together once: that costs more than asking.


@cache
def _blocked(table: Table) -> Select[Any]:
    streams = table.c.stream.in_(bindparam("streams", expanding=True))
    return select(table.c.stream).where(table.c.source == bindparam("source"), table.c.state == "open", streams)


@cache
def _waiting(table: Table) -> Select[Any]:
    streams = table.c.waits_stream.in_(bindparam("streams", expanding=True))
    return select(table.c.source, table.c.stream).where(
        table.c.state == "open", table.c.waits_source == bindparam("source"), streams
    )


class Parked:
    """Questions and changes of one service's parked table; every call works in the caller's transaction."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def open(self, session: Session, ids: Iterable[int] | None = None) -> Sequence[Row[Any]]:
        """List what is parked, oldest first: all, or these."""
        rows = select(self.table).where(self.table.c.state == "open").order_by(self.table.c.id)
        if ids is not None:
            rows = rows.where(self.table.c.id.in_(list(ids)))
        return session.connection().execute(rows).all()

    def blocked_streams(self, session: Session, source: str, streams: Sequence[str]) -> set[str]:
        """Name those of these streams that have anything parked."""
        return set(session.connection().scalars(_blocked(self.table), {"source": source, "streams": list(streams)}))

    def gaps(self, session: Session) -> list[tuple[str, str]]:
        """Name the (source, stream) of which an event is missing."""
        table = self.table.c
        rows = select(table.source, table.stream).where(table.state == "open", table.reason == "gap").distinct()
        return [(row.source, row.stream) for row in session.connection().execute(rows)]

    def up_to(self, session: Session, source: str, stream: str, version: int) -> Sequence[Row[Any]]:
        """Give what is parked of a stream up to this version."""
        table = self.table.c
        rows = select(self.table).where(
            table.source == source, table.stream == stream, table.version <= version, table.state == "open"
        )
        return session.connection().execute(rows).all()

    def waiting_for(self, session: Session, source: str, streams: Iterable[str]) -> list[tuple[str, str]]:
        """Name the (source, stream) of the events that wait for any of these streams."""
        rows = past_waiting(session).execute(_waiting(self.table), {"source": source, "streams": list(streams)})
        return sorted({(row.source, row.stream) for row in rows})

    def only_a_gap(self, session: Session, source: str, stream: str) -> bool:
        """Say whether everything parked of this stream waits only for a missing earlier event."""
        table = self.table.c
        other = select(table.id).where(
            table.source == source,
            table.stream == stream,
            table.state == "open",
            table.reason.not_in(WAITING_REASONS),
        )
        return session.connection().execute(other.limit(1)).first() is None

    def at(self, session: Session, source: str, stream: str, version: int) -> Row[Any] | None:
        """Give what is parked as this version of a stream."""
        table = self.table.c
        row = select(self.table).where(
            table.source == source, table.stream == stream, table.version == version, table.state == "open"
        )
        return session.connection().execute(row.order_by(table.id).limit(1)).one_or_none()

    def park(self, session: Session, source: str, record: Recorded, why: Why, now: datetime) -> None:
        """Park an event; one that is parked already stays as it is."""
        self._insert(
            session,
            {
                "source": source,
                "stream": record.stream,
                "version": record.version,
                "event_id": record.id,
                "type": record.type,
                "hash": record.hash,
                "payload": record.payload,
            },
            why,
            now,
        )

    def park_bytes(self, session: Session, source: str, payload: bytes, now: datetime) -> None:
        """Park bytes that are no event of ours."""
        digest = hashlib.sha256(payload).digest()
        row = {"stream": "?", "version": 0, "event_id": digest.hex(), "type": "?", "hash": digest, "payload": payload}
        self._insert(session, {"source": source, **row}, Why("undecodable"), now)

    def _insert(self, session: Session, row: dict[str, Any], why: Why, now: datetime) -> None:
        table = self.table.c
        same = select(table.id, table.state).where(
            table.source == row["source"],
            table.stream == row["stream"],
            table.version == row["version"],
            table.hash == row["hash"],
        )
        found = session.connection().execute(same).one_or_none()
        waits_source, waits_stream = why.waits_for or (None, None)
        state = {
            "reason": why.reason,
            "error": why.error,
            "waits_source": waits_source,
            "waits_stream": waits_stream,
            "parked_at": now,
            "state": "open",
        }
        if found is None:
            session.connection().execute(insert(self.table).values(**row, **state))
        elif found.state == "applied":
            session.connection().execute(update(self.table).where(table.id == found.id).values(**state))

    def wait(self, session: Session, parked_id: int, source: str, stream: str) -> None:
        """Note that a parked event waits for this stream."""
        values = {"reason": "not_yet", "error": None, "waits_source": source, "waits_stream": stream}
        session.connection().execute(update(self.table).where(self.table.c.id == parked_id).values(**values))

    def blame(self, session: Session, parked_id: int, reason: str, error: str | None) -> None:
        """Note why a parked event could still not be applied."""
        values = {"reason": reason, "error": error, "waits_source": None, "waits_stream": None}
        session.connection().execute(update(self.table).where(self.table.c.id == parked_id).values(**values))

    def settle(self, session: Session, parked_id: int, state: str, now: datetime) -> None:
        """Close a parked event as applied or discarded."""
        values = {"state": state, "settled_at": now, "waits_source": None, "waits_stream": None}
        session.connection().execute(update(self.table).where(self.table.c.id == parked_id).values(**values))
