"""How far a hearer has come in each stream of each source, and which history it has heard there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Column, Integer, LargeBinary, MetaData, Select, String, Table, bindparam, select, text
from sqlmodel import Session

from frontdoor.database import BigId
from frontdoor.rows import upsert

PREFIX = 16
"""Bytes kept of each event's SHA-256: enough that nobody can write another event with the same ones."""


@dataclass(frozen=True)
class Place:
    """A stream as far as it has been heard: `history` is the hash prefixes of its events, in order."""

    history: bytes = b""

    @property
    def version(self) -> int:
        """The last version that was settled."""
        return len(self.history) // PREFIX

    def knows(self, version: int, digest: bytes) -> bool:
        """Say whether the event heard as this version is the one with this hash."""
        return self.history[(version - 1) * PREFIX : version * PREFIX] == digest[:PREFIX]

    def leads_to(self, previous: str | None) -> bool:
        """Say whether an event that names `previous` (hex) follows on from here."""
        if previous is None:
            return not self.history
        return bool(self.history) and self.history[-PREFIX:].hex() == previous[: PREFIX * 2]

    def after(self, digest: bytes) -> "Place":
        """Give the place one event on."""
        return Place(self.history + digest[:PREFIX])


def define(metadata: MetaData) -> None:
    """Add the position tables to a service's metadata."""
    Table(
        "stream_position",
        metadata,
        Column("source", String, primary_key=True),
        Column("stream", String, primary_key=True),
        Column("version", Integer, nullable=False),
        Column("history", LargeBinary, nullable=False),
        info={"kind": "kept"},
    )
    Table(
        "log_position",
        metadata,
        Column("source", String, primary_key=True),
        Column("log_id", Integer, nullable=False),
        Column("event_id", String, nullable=False),
        info={"kind": "kept"},
    )
    Table(
        "kafka_position",
        metadata,
        Column("topic", String, primary_key=True),
        Column("partition", Integer, primary_key=True, autoincrement=False),
        Column("offset", BigId, nullable=False),
        Column("hash", LargeBinary, nullable=False),
        info={"kind": "kept"},
    )


_BEGINNING = text("""
insert into stream_position (source, stream, version, history)
select :source, stream, 0, '' from unnest(cast(:streams as text[])) stream order by stream
on conflict do nothing returning stream
""")


@cache
def _claiming(table: Table) -> Select[Any]:
    streams = table.c.stream.in_(bindparam("streams", expanding=True))
    wanted = select(table.c.stream, table.c.history).where(table.c.source == bindparam("source"), streams)
    return wanted.order_by(table.c.stream).with_for_update()


class Positions:
    """The stream positions of one source."""

    def __init__(self, metadata: MetaData, source: str) -> None:
        self._table, self._source = metadata.tables["stream_position"], source
        self._kept: dict[str, Place] = {}

    def claim(self, session: Session, streams: Sequence[str]) -> dict[str, Place]:
        """Lock the positions of these streams, in sorted order, and give them; unheard ones start at nothing."""
        places = dict.fromkeys(streams, Place())
        wanted = {"source": self._source, "streams": sorted(streams)}
        if session.connection().dialect.name != "sqlite":
            # Only a row can be locked: one that is not there yet would be claimed by two. SQLite's writers take turns.
            begun = set(session.connection().scalars(_BEGINNING, wanted))
            wanted["streams"] = [stream for stream in wanted["streams"] if stream not in begun]
        if wanted["streams"]:
            rows = session.connection().execute(_claiming(self._table), wanted)
            places |= {stream: Place(history) for stream, history in rows}
        self._kept |= places
        return places

    def look(self, session: Session, stream: str) -> Place:
        """Give how far a stream has been heard, without claiming it."""
        table = self._table.c
        history = select(table.history).where(table.source == self._source, table.stream == stream)
        return Place(session.connection().scalar(history) or b"")

    def keep(self, session: Session, places: Mapping[str, Place]) -> None:
        """Write the positions that have moved since they were claimed or last written."""
        moved = {stream: place for stream, place in places.items() if self._kept.get(stream, Place()) != place}
        rows = [
            {"source": self._source, "stream": stream, "version": place.version, "history": place.history}
            for stream, place in moved.items()
        ]
        upsert(session, self._table, rows)
        self._kept |= moved
