"""The numbered log: a service changes state only by appending here, and `apply()` follows in the same transaction.

A stream is one thing with a life and an end; its events are numbered from 1 without gaps, and each carries the SHA-256
of the one before it (`previous`), so that a missing, doubled or rewritten event shows. The payload is stored and sent
as the exact bytes that were hashed: a CloudEvents 1.0 envelope in JSON.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    DDL,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    String,
    Table,
    UniqueConstraint,
    and_,
    bindparam,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.event import listen
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from frontdoor.database import BigId, UtcDateTime, has_claimed, never_changed
from frontdoor.envelope import Recorded, decode, encode, envelope_of
from frontdoor.events import Event, instant, topic_of
from frontdoor.identifiers import event_id
from frontdoor.rows import insert_rows, put_off


class Stale(Exception):
    """Somebody else changed this in the meantime."""

    def __init__(self, stream: str) -> None:
        super().__init__(self.__doc__)
        self.stream = stream


class Unclaimed(RuntimeError):
    """A program's mistake: it appends to a stream that may be there already and that it has not claimed."""

    def __init__(self, stream: str) -> None:
        super().__init__(f"claim {stream} before you load what you decide on")


@dataclass(frozen=True)
class Occasion:
    """When, by whom and because of what something is said, and in which epoch of the service's history.

    `caused_by` is the heard event's id, in subscriptions.
    """

    now: datetime
    actor: str
    area: str
    correlation: str
    causation: str | None = None
    caused_by: str | None = None
    traceparent: str | None = None
    epoch: int = 1


Apply = Callable[[Session, Recorded], None]
Said = tuple[str, str, int]
"""What a cause has led to: (stream, event type, which one of its type on that stream)."""
GREW = "frontdoor_log_grew"
"""The PostgreSQL channel on which a log tells its relay that it has something to send."""
NOTE_UNRELAYED = """
create or replace function note_unrelayed() returns trigger language plpgsql as $$
begin
  insert into unrelayed (log_id) select id from fresh;
  perform pg_notify('frontdoor_log_grew', '');
  return null;
end $$;
create or replace trigger log_is_relayed after insert on log
  referencing new table as fresh for each statement execute function note_unrelayed();
"""
"""What makes PostgreSQL itself note each event that Kafka has not got: no way of writing the log can forget it."""


class EventLog:
    """One service's log: its table, and the only way to write it."""

    def __init__(self, source: str, metadata: MetaData, apply: Apply) -> None:
        self.source = source
        self.apply = apply
        self.metadata = metadata
        self.table = _log_table(metadata)
        columns = self.table.c
        # Written once: putting a statement together costs more than running it.
        self._last_of = (
            select(columns.version, columns.hash)
            .where(columns.stream == bindparam("stream"))
            .order_by(columns.version.desc())
            .limit(1)
        )
        self._behind = (
            select(columns.id, columns.event_id, columns.payload)
            .where(columns.id > bindparam("place"))
            .order_by(columns.id)
            .limit(bindparam("most"))
        )
        last = select(columns.stream, func.max(columns.version).label("version")).where(
            columns.stream.in_(bindparam("streams", expanding=True))
        )
        ends = last.group_by(columns.stream).subquery()
        at_its_end = and_(columns.stream == ends.c.stream, columns.version == ends.c.version)
        self._last_of_each = select(columns.stream, columns.version, columns.hash).join_from(
            self.table, ends, at_its_end
        )
        self._first_of = select(columns.payload).where(columns.stream == bindparam("stream"), columns.version == 1)
        self._said_because = select(columns.caused_by, columns.stream, columns.type, columns.ordinal).where(
            columns.caused_by.in_(bindparam("causes", expanding=True))
        )
        self.epochs = Table(
            "epoch",
            metadata,
            Column("number", Integer, primary_key=True),
            Column("opened_at", UtcDateTime, nullable=False),
            info={"kind": "kept"},
        )
        self.unrelayed = Table(
            "unrelayed",
            metadata,
            Column("log_id", BigId, primary_key=True, autoincrement=False),
            # Machine time: an old event that is to be sent again waits only since then.
            Column("since", UtcDateTime, nullable=False, server_default=text("CURRENT_TIMESTAMP")),
            info={"kind": "kept"},
        )
        note = DDL(NOTE_UNRELAYED)  # type: ignore[no-untyped-call]
        listen(self.table, "after_create", note.execute_if(dialect="postgresql"))
        never_changed(self.table)

    def append(
        self, session: Session, stream: str, expected_version: int | None, events: Sequence[Event], said: "Saying"
    ) -> list[Recorded]:
        """Append events to a stream and apply them, in the caller's transaction.

        `expected_version` is the stream's version that the decision was made on (0: it must not exist; None: any);
        `Stale` where it is another. An event that this cause has said already is left out, and not applied again.
        A stream that may be there already must have been claimed, before what the decision rests on was loaded.
        """
        if expected_version != 0 and not has_claimed(session, stream):
            raise Unclaimed(stream)
        new = [
            (event, ordinal)
            for event in events
            if not said.already(self, stream, event, ordinal := said.number(stream, event))
        ]
        if not new:
            return []
        version, previous = self._head(session, stream, begins=expected_version == 0)
        if expected_version is not None and version != expected_version:
            raise Stale(stream)
        records = []
        for event, ordinal in new:
            version += 1
            record = self._record(event, stream, version, previous, said)
            previous = record.hash
            records.append(record)
            self._unwritten(session).rows.append(_row(record, said.occasion.caused_by, ordinal))
        self._unwritten(session).heads[stream] = version, previous
        session.info.get(_HEADS, {}).pop(stream, None)
        if session.in_nested_transaction():
            self.write_out(session)
        for record in records:
            self.apply(session, record)
        return records

    def _unwritten(self, session: Session) -> "_Unwritten":
        unwritten = session.info.get(_UNWRITTEN)
        if unwritten is None:
            unwritten = session.info[_UNWRITTEN] = _Unwritten()
            put_off(session, lambda: self.write_out(session))
        return unwritten

    def write_out(self, session: Session) -> None:
        """Insert what has been appended in this transaction, before somebody looks for it in the table."""
        unwritten: _Unwritten | None = session.info.pop(_UNWRITTEN, None)
        if unwritten is None:
            return
        # Whoever clashes: somebody else has said this version, or the same because of the same cause, since we looked.
        # Whoever looks again finds it.
        stream = unwritten.rows[0]["stream"]
        insert_rows(session, self.table, unwritten.rows, lambda clash: Stale(stream) if _is_stale(clash) else None)

    def _write_out_of(self, session: Session, stream: str) -> None:
        unwritten: _Unwritten | None = session.info.get(_UNWRITTEN)
        if unwritten is not None and stream in unwritten.heads:
            self.write_out(session)

    def _record(self, event: Event, stream: str, version: int, previous: bytes | None, said: "Saying") -> Recorded:
        kind, occasion = type(event), said.occasion
        record = Recorded(
            id=event_id(occasion.now),
            source=f"front-door/{self.source}",
            type=kind.__name__,
            schema_version=kind.schema_version,
            stream=stream,
            version=version,
            time=datetime.fromisoformat(instant(occasion.now)),
            area=occasion.area,
            epoch=occasion.epoch,
            actor=occasion.actor,
            correlation=occasion.correlation,
            causation=occasion.causation,
            traceparent=occasion.traceparent,
            previous=previous.hex() if previous else None,
            data=event.model_dump(mode="json"),
            payload=b"",
        )
        # Frozen for everybody else: what is hashed is what is here, and the event need not be read back from it.
        record.__dict__.update(payload=encode(envelope_of(record)), event=event)
        return record

    def said_before(self, session: Session, causes: Sequence[str]) -> dict[str, set[Said]]:
        """Say what each of these causes has led to. What a batch is about is looked for at once, and remembered."""
        known: dict[str, set[Said]] = session.info.setdefault(_SAID, {})
        unknown = [cause for cause in causes if cause not in known]
        if unknown:
            known |= {cause: set() for cause in unknown}
            for row in session.connection().execute(self._said_because, {"causes": unknown}):
                known[row.caused_by].add((row.stream, row.type, row.ordinal))
        return known

    def epoch(self, session: Session) -> int:
        """Give the epoch of the service's history: 1, and one more after each restore from an older copy."""
        return session.connection().scalar(select(func.max(self.epochs.c.number))) or 1

    def open_epoch(self, session: Session, now: datetime) -> int:
        """Begin a new epoch, after a restore from an older copy; give its number."""
        number = self.epoch(session) + 1
        session.connection().execute(insert(self.epochs).values(number=number, opened_at=now))
        return number

    def look_ahead(self, session: Session, streams: Collection[str]) -> None:
        """Look at where these streams stand, at once: claimed, they stay there until this transaction moves them."""
        heads: dict[str, tuple[int, bytes | None]] = session.info.setdefault(_HEADS, {})
        unwritten: _Unwritten | None = session.info.get(_UNWRITTEN)
        streams = set(streams) - set(unwritten.heads if unwritten else ())  # the table does not know these yet
        heads |= dict.fromkeys(streams, (0, None))
        for row in session.connection().execute(self._last_of_each, {"streams": list(streams)}):
            heads[row.stream] = row.version, row.hash

    def _head(self, session: Session, stream: str, *, begins: bool = False) -> tuple[int, bytes | None]:
        """Give a stream's last version and its hash; whether one that `begins` was there, the index says later."""
        unwritten: _Unwritten | None = session.info.get(_UNWRITTEN)
        if unwritten is not None and stream in unwritten.heads:
            return unwritten.heads[stream]
        if stream in session.info.get(_HEADS, ()):
            head: tuple[int, bytes | None] = session.info[_HEADS][stream]
            return head
        found = None if begins else session.connection().execute(self._last_of, {"stream": stream}).one_or_none()
        return (found.version, found.hash) if found else (0, None)

    def version(self, session: Session, stream: str) -> int:
        """Give the stream's version, 0 where it does not exist."""
        return self._head(session, stream)[0]

    def stream(self, session: Session, stream: str, since: int = 1, limit: int | None = None) -> list[Recorded]:
        """Read a stream's events from version `since` on, up to `limit` of them."""
        table = self.table.c
        found = select(table.payload).where(table.stream == stream, table.version >= since).order_by(table.version)
        found = found.limit(limit)
        self._write_out_of(session, stream)
        return [decode(payload) for payload in session.connection().scalars(found)]

    def traceparent(self, session: Session, stream: str) -> str | None:
        """Give the traceparent of a stream's first event; None where there is none."""
        self._write_out_of(session, stream)
        payload = session.connection().scalar(self._first_of, {"stream": stream})
        return decode(payload).traceparent if payload else None

    def after(self, session: Session, log_id: int, limit: int) -> list[Row[Any]]:
        """Read up to `limit` rows (id, event_id, payload) behind a place in the log, in log order."""
        self.write_out(session)
        return list(session.connection().execute(self._behind, {"place": log_id, "most": limit}))

    def keep_others_out(self, session: Session) -> None:
        """Let nobody else append until this transaction ends; whoever reads goes on. SQLite has one writer anyway."""
        if session.connection().dialect.name == "postgresql":
            session.connection().execute(text(f"lock table {self.table.name} in exclusive mode"))

    def all(self, session: Session, since: int = 1, page: int = 500) -> Iterator[tuple[int, Recorded]]:
        """Walk the whole log from id `since` on, in bounded memory."""
        place = since - 1
        while rows := self.after(session, place, page):
            for row in rows:
                yield row.id, decode(row.payload)
            place = rows[-1].id

    def last_id(self, session: Session) -> int:
        """Give the id of the log's last row, 0 for an empty log."""
        self.write_out(session)
        return session.connection().scalar(select(func.max(self.table.c.id))) or 0


class Saying:
    """What one piece of work says: it numbers the events that one cause leads to, so that none is said twice."""

    def __init__(self, session: Session, occasion: Occasion) -> None:
        self._session = session
        self.occasion = occasion
        self._counts: Counter[tuple[str, str]] = Counter()
        self._before: set[Said] | None = None

    def number(self, stream: str, event: Event) -> int | None:
        """Number this event among those of its type that the cause leads to on its stream; None without a cause."""
        if self.occasion.caused_by is None:
            return None
        key = (stream, type(event).__name__)
        self._counts[key] += 1
        return self._counts[key]

    def already(self, log: EventLog, stream: str, event: Event, ordinal: int | None) -> bool:
        """Say whether this cause has led to this event before."""
        if self.occasion.caused_by is None or ordinal is None:
            return False
        if self._before is None:
            self._before = log.said_before(self._session, [self.occasion.caused_by])[self.occasion.caused_by]
        return (stream, type(event).__name__, ordinal) in self._before


@dataclass
class _Unwritten:
    """What has been appended in a transaction and not inserted yet, and where its streams stand."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    heads: dict[str, tuple[int, bytes | None]] = field(default_factory=dict)


_UNWRITTEN = "frontdoor_unwritten"
_HEADS = "frontdoor_heads"
"""Where claimed streams stand, as long as nothing has been appended to them here."""
_SAID = "frontdoor_said_before"
_STALE = {"log_stream_version", "log_once_per_cause", "log.stream, log.version"}
"""Names, PostgreSQL's and SQLite's, of the rules that only somebody quicker can make us break."""


def _is_stale(clash: IntegrityError) -> bool:
    told = getattr(clash.orig, "diag", None)
    return (told.constraint_name if told else str(clash.orig).partition("failed: ")[2]) in _STALE


def _row(record: Recorded, caused_by: str | None, ordinal: int | None) -> dict[str, Any]:
    return {
        "area": record.area,
        "event_id": record.id,
        "stream": record.stream,
        "version": record.version,
        "type": record.type,
        "topic": topic_of(type(record.event)),
        "time": record.time,
        "caused_by": caused_by,
        "ordinal": ordinal,
        "hash": record.hash,
        "payload": record.payload,
    }


def _log_table(metadata: MetaData) -> Table:
    return Table(
        "log",
        metadata,
        Column("id", BigId, primary_key=True, autoincrement=True),
        Column("area", String, nullable=False),
        Column("event_id", String, nullable=False, unique=True),
        Column("stream", String, nullable=False),
        Column("version", Integer, nullable=False),
        Column("type", String, nullable=False),
        Column("topic", String, nullable=False),
        Column("time", UtcDateTime, nullable=False),
        Column("caused_by", String, nullable=True),
        Column("ordinal", Integer, nullable=True),
        Column("hash", LargeBinary, nullable=False),
        Column("payload", LargeBinary, nullable=False),
        UniqueConstraint("stream", "version", name="log_stream_version"),
        Index("log_once_per_cause", "caused_by", "stream", "type", "ordinal", unique=True),
        info={"kind": "log"},
        sqlite_autoincrement=True,
    )
