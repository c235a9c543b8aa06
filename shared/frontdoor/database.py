"""One database per service: SQLite in the embedded default, PostgreSQL in production, the same calls for both."""

import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any, cast

from sqlalchemy import (
    ARRAY,
    DDL,
    BigInteger,
    Connection,
    CursorResult,
    DateTime,
    Dialect,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
    bindparam,
    event,
    inspect,
    select,
    text,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.orm import ORMExecuteState, SessionTransaction
from sqlmodel import Session, SQLModel

from frontdoor import engines
from frontdoor.failpoints import reach
from frontdoor.rows import write_put_off, write_waiting

DERIVED: dict[str, Any] = {"info": {"kind": "derived"}}
"""Table arguments of a table written by `apply()` alone: `frontdoor rebuild` can make it again from the log."""
KEPT: dict[str, Any] = {"info": {"kind": "kept"}}
"""Table arguments of a table that is never rebuilt: positions, audit, drafts, answers, leases."""


def kept_until_erased(*columns: str) -> dict[str, Any]:
    """Give the table arguments of a kept table by which somebody could be known again.

    Erasing empties the rows that name the erased id in one of these columns: `frontdoor erasures`.
    """
    return {"info": {"kind": "kept", "erased_by": columns}}


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
        self.engine = engines.sqlite_engine(self.url) if self.is_sqlite else engines.postgresql_engine(self.url)
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
        with _Session(self._reader, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def glance(self) -> Iterator[Session]:
        """Open a session for one statement, which needs no transaction around it."""
        with (_Session if self.is_sqlite else _Glancing)(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self, *, one_statement: bool = False) -> Iterator[Session]:
        """Open one transaction; commit at the end, or leave nothing behind; then ring the bells.

        PostgreSQL commits `one_statement` by itself: nobody waits for a beginning and an end.
        """
        with self._turn(), self._session(one_statement=one_statement) as session, session.begin():
            yield session
            settle(session)
            reach("commit.before")
        self.commits += 1
        reach("commit.after")
        for ring in self._bells:
            ring()

    def _session(self, *, one_statement: bool) -> Session:
        # Where writers take turns nobody else changes what this one has loaded: it need not be loaded twice.
        if self.is_sqlite:
            return _Remembering(self._writer, expire_on_commit=False)
        return (_Glancing if one_statement else _Session)(self._writer, expire_on_commit=False)

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

    @contextmanager
    def alone(self, name: str) -> Iterator[bool]:
        """Be the only one that does this, of all threads, processes and machines; False: somebody else does.

        Held by a connection of its own, or a file beside SQLite's: a kill lets go of it.
        """
        with _file_lock(f"{self.url.database}.{name}") if self.is_sqlite else self._connection_lock(name) as held:
            yield held

    @contextmanager
    def _connection_lock(self, name: str) -> Iterator[bool]:
        with self.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            held = bool(connection.scalar(_TRY, {"name": name}))
            try:
                yield held
            finally:
                if held:
                    connection.scalar(_LET_GO, {"name": name})

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


# --- deciding ---------------------------------------------------------------------------------------------------------

_CLAIMED = "frontdoor_claimed"
_HELD = "frontdoor_held"
"""What was claimed outside any savepoint: undoing a savepoint lets go of what was claimed in it."""
_NAMES = bindparam("names", type_=ARRAY(String))
_CLAIM = text(
    "select pg_advisory_xact_lock(hashtextextended(name, 0)) from unnest(cast(:names as text[])) as name"
).bindparams(_NAMES)
_CLAIM_PATIENTLY = text(
    "select set_config('lock_timeout', :patience, true), pg_advisory_xact_lock(hashtextextended(name, 0)),"
    " set_config('lock_timeout', :usual, true) from unnest(cast(:names as text[])) as name"
).bindparams(_NAMES)
_TRY = text("select pg_try_advisory_lock(hashtextextended(:name, 0))")
_LET_GO = text("select pg_advisory_unlock(hashtextextended(:name, 0))")


def claim(session: Session, *names: str, patience: float | None = None) -> None:
    """Let nobody else decide about what these names stand for until the transaction ends; they wait for their turn.

    Claim first, then load: what was loaded before is loaded anew. What one decision needs is claimed in one call, in
    alphabetical order. `patience`: seconds until `OperationalError`, where the usual ones are too many. On SQLite the
    transaction itself is the turn.
    """
    session.info.setdefault(_CLAIMED, set()).update(names)
    if session.get_bind().dialect.name == "sqlite":
        return
    held: set[str] = session.info.setdefault(_HELD, set())
    wanted = sorted(set(names) - held)
    if not wanted:
        return
    if not session.in_nested_transaction():
        held.update(wanted)
    session.flush()
    connection = session.connection()
    if patience is None:
        connection.execute(_CLAIM, {"names": wanted})
    else:
        limits = {"patience": f"{patience:.3f}s", "usual": engines.LIMITS["lock_timeout"]}
        connection.execute(_CLAIM_PATIENTLY, {"names": wanted, **limits})
    session.expire_all()


def has_claimed(session: Session, name: str) -> bool:
    """Say whether this transaction has claimed a name."""
    return name in session.info.get(_CLAIMED, ())


_PASSING = {"40001", "40P01"}
"""PostgreSQL's codes for "the others were quicker": a serialization failure, a deadlock."""


def is_passing(error: Exception) -> bool:
    """Say whether it was only that somebody else was quicker, so that doing the same again may well succeed."""
    if isinstance(error, IntegrityError):
        return getattr(error.orig, "sqlstate", None) is not None
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _PASSING


def may_not(error: DBAPIError) -> bool:
    """Say whether the database refused this to our role: somebody has taken away what it needs."""
    return getattr(error.orig, "sqlstate", None) == "42501"


@contextmanager
def _file_lock(path: str) -> Iterator[bool]:
    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(lock)


class _Session(Session):
    """A session that writes waiting rows before it reads, and looks a row up by its key with one kept statement."""

    def connection(self, *told: Any, **options: Any) -> Connection:
        """Give the connection to read or write by."""
        write_waiting(self)
        return super().connection(*told, **options)

    def begin_nested(self) -> SessionTransaction:
        """Begin a savepoint, behind what has been written."""
        write_waiting(self)
        return super().begin_nested()

    def get(self, entity: Any, ident: Any, **options: Any) -> Any:
        """Give the row of this kind with this key, or None."""
        mapper, key = inspect(entity), ident if isinstance(ident, tuple) else (ident,)
        known = self.identity_map.get(mapper.identity_key_from_primary_key(key))
        if options or (known is not None and not inspect(known).expired):
            return super().get(entity, ident, **options)
        return self.scalars(*_by_key(entity, key)).one_or_none()

    def get_one(self, entity: Any, ident: Any, **options: Any) -> Any:
        """Give the row of this kind with this key; raises `NoResultFound`."""
        row = self.get(entity, ident, **options)
        return super().get_one(entity, ident, **options) if row is None else row


@event.listens_for(_Session, "do_orm_execute", propagate=True)
def _write_first(state: ORMExecuteState) -> None:
    write_waiting(cast(Session, state.session))


def _by_key(kind: type[SQLModel], key: tuple[Any, ...]) -> tuple[Any, dict[str, Any]]:
    return _selecting(kind), {f"key_{at}": value for at, value in enumerate(key)}


@cache
def _selecting(kind: type[SQLModel]) -> Any:
    keys = inspect(kind).primary_key
    return select(kind).where(*(column == bindparam(f"key_{at}") for at, column in enumerate(keys)))


def past_waiting(session: Session) -> Connection:
    """Give the connection to ask of tables in which no row that waits belongs."""
    return Session.connection(session)


class _Glancing(_Session):
    """A session on PostgreSQL for one statement, which is a transaction of its own."""

    def connection(self, *args: Any, **options: Any) -> Connection:
        """Give the connection."""
        return super().connection(*args, **{"execution_options": {"isolation_level": "AUTOCOMMIT"}, **options})


class _Remembering(_Session):
    """A session that keeps hold of what it has loaded or added, up to `MOST_REMEMBERED` rows, until it ends."""


MOST_REMEMBERED = 10_000
_REMEMBERED = "frontdoor_remembered"


@event.listens_for(_Remembering, "loaded_as_persistent")
@event.listens_for(_Remembering, "pending_to_persistent")
def _remember(session: Session, row: Any) -> None:
    remembered: list[Any] = session.info.setdefault(_REMEMBERED, [])
    if len(remembered) == MOST_REMEMBERED:
        remembered.clear()
    remembered.append(row)


def settle(session: Session) -> None:
    """Write what was put off, what waits, and what the session has not written yet."""
    write_put_off(session)
    write_waiting(session)
    session.flush()


def answers_to(session: Session, statement: Any, **asked: Any) -> CursorResult[Any]:
    """Ask a statement that is put together once, of what stands in the tables and what this session has changed."""
    session.flush()
    return session.connection().execute(statement, asked)


@contextmanager
def undone_alone(session: Session, *, careful: bool = True) -> Iterator[None]:
    """Undo only what is written in here, where it fails: a savepoint, which one that is not `careful` does without."""
    if not careful:
        yield
        return
    settle(session)
    with session.begin_nested():
        yield


# --- tables that only grow --------------------------------------------------------------------------------------------

_STAYS = """
create or replace function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'what stands in %% is never changed', tg_table_name using errcode = 'insufficient_privilege';
end $$;
create or replace trigger %(table)s_stays before update or delete or truncate on %(table)s
  for each statement execute function refuse_change();
"""


def never_changed(table: Table) -> None:
    """Let PostgreSQL refuse to change, remove or empty what stands in this table."""
    stays = DDL(_STAYS)  # type: ignore[no-untyped-call]
    event.listen(table, "after_create", stays.execute_if(dialect="postgresql"))


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
