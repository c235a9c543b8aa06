"""One database per service: SQLite in the embedded default, PostgreSQL in production, the same calls for both."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    DateTime,
    Dialect,
    Engine,
    Integer,
    MetaData,
    Table,
    TypeDecorator,
    create_engine,
    event,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from frontdoor.failpoints import reach

DERIVED: dict[str, Any] = {"info": {"kind": "derived"}}
"""Table arguments of a table written by `apply()` alone: `frontdoor rebuild` can make it again from the log."""
KEPT: dict[str, Any] = {"info": {"kind": "kept"}}
"""Table arguments of a table that is never rebuilt: positions, audit, drafts, answers, leases."""

BigId = BigInteger().with_variant(Integer, "sqlite")
WRITER_WAIT = 30.0
"""Seconds of machine time that a writer waits for its turn before it gives up."""

_writer_locks: dict[str, threading.Lock] = {}
_writer_locks_guard = threading.Lock()


class Busy(Exception):
    """The database is busy: nothing has been saved, try again."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: refused without a time zone, stored and given back in UTC (SQLite would lose the zone)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        if value.tzinfo is None:
            msg = "an instant needs a time zone"
            raise ValueError(msg)
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Database:
    """Sessions on one service's own database; each commit made through it is counted, and a bell is rung."""

    def __init__(self, url: str | URL) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = _sqlite_engine(self.url) if self.is_sqlite else _postgresql_engine(self.url)
        self._writer = self.engine.execution_options(**_WRITER[self.is_sqlite])
        self._reader = self.engine.execution_options(**_READER[self.is_sqlite])
        self._lock = _lock_of(str(self.url)) if self.is_sqlite else None
        self._bells: list[Callable[[], None]] = []
        self.commits = 0

    def create(self, metadata: MetaData) -> None:
        """Make the tables that are not there yet."""
        metadata.create_all(self._writer)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session that sees one consistent picture and changes nothing."""
        with Session(self._reader, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open one transaction; commit at the end, or leave nothing behind; then ring the bells."""
        with self._turn(), Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session
            session.flush()
            reach("commit.before")
        self.commits += 1
        reach("commit.after")
        for ring in self._bells:
            ring()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        # Without a queue in front of BEGIN IMMEDIATE, SQLite's writers starve one another for seconds.
        if self._lock is None:
            yield
            return
        if not self._lock.acquire(timeout=WRITER_WAIT):
            raise Busy
        try:
            yield
        finally:
            self._lock.release()

    def on_commit(self, ring: Callable[[], None]) -> None:
        """Call `ring` after each commit made here."""
        self._bells.append(ring)

    def answers(self) -> bool:
        """Say whether the database answers just now."""
        try:
            with self.read() as session:
                session.connection().execute(text("select 1"))
        except OperationalError:
            return False
        return True

    def dispose(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def upsert(session: Session, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert these rows, or replace those that have the same primary key."""
    if rows:
        session.connection().execute(_upsert_into(table, session.connection().dialect.name), rows)


@cache
def _upsert_into(table: Table, dialect: str) -> Any:
    statement = (sqlite if dialect == "sqlite" else postgresql).insert(table)
    keys = [column.name for column in table.primary_key]
    new = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=new)


def _lock_of(name: str) -> threading.Lock:
    with _writer_locks_guard:
        return _writer_locks.setdefault(name, threading.Lock())


_WRITER: dict[bool, dict[str, Any]] = {True: {"writer": True}, False: {}}
"""By whether it is SQLite: what makes a connection one that writes."""
_READER: dict[bool, dict[str, Any]] = {
    True: {},
    False: {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
}
"""By whether it is SQLite: what makes a connection one that sees one picture and changes nothing."""
_LIMITS = {
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
    "timezone": "UTC",
    "client_encoding": "UTF8",
}
"""What PostgreSQL is told of every session: nobody waits for ever, nobody holds others up for ever."""


def _postgresql_engine(url: URL) -> Engine:
    options = " ".join(f"-c {name}={value}" for name, value in _LIMITS.items())
    return create_engine(
        url,
        pool_size=8,
        max_overflow=24,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"options": options, "connect_timeout": 5, "application_name": "front-door"},
    )


def _sqlite_engine(url: URL) -> Engine:
    engine = create_engine(
        url,
        pool_size=8,
        max_overflow=56,
        connect_args={"timeout": 15, "check_same_thread": False},
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=15000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        writer = connection.get_execution_options().get("writer", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")

    return engine
