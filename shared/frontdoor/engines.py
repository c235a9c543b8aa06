"""How each kind of database is connected to: what every connection is told, and how it is found that one has gone."""

import select
import time
from typing import Any

import psycopg
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import InvalidatePoolError

SYNCHRONOUS = "FULL"
"""When SQLite says that a commit is done: when it is on disk. Tests that cut no power need not wait for that."""
LIMITS = {
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
    "timezone": "UTC",
    "client_encoding": "UTF8",
}
"""What PostgreSQL is told of every session: nobody waits for ever, nobody holds others up for ever."""
NEVER_SILENT: dict[str, int] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
"""How libpq finds that a server is gone that said no goodbye, within half a minute: seconds, the last milliseconds."""
LOOKED_AFTER = 30.0
"""Seconds without use after which a connection is asked whether it is still there, though nothing tells otherwise."""


def postgresql_engine(url: URL) -> Engine:
    """Make the engine of a PostgreSQL database."""
    options = " ".join(f"-c {name}={value}" for name, value in LIMITS.items())
    engine = create_engine(
        url,
        pool_size=16,
        max_overflow=16,
        hide_parameters=True,
        connect_args={"options": options, "application_name": "front-door", **NEVER_SILENT},
    )

    @event.listens_for(engine, "checkout")
    def _look(connection: Any, record: Any, _proxy: Any) -> None:
        # A server that ends a connection says so, which a look at the socket finds; asking would be one more round
        # trip for each transaction.
        now = time.monotonic()
        used, record.info["used"] = record.info.get("used", now), now
        if now - used < LOOKED_AFTER and not _has_something_to_say(connection):
            return
        try:
            engine.dialect.do_ping(connection)
        except psycopg.Error as gone:
            raise InvalidatePoolError from gone

    return engine


def _has_something_to_say(connection: Any) -> bool:
    if connection.closed:
        return True
    line = select.poll()
    line.register(connection.fileno(), select.POLLIN)
    return bool(line.poll(0))


def sqlite_engine(url: URL) -> Engine:
    """Make the engine of an SQLite file."""
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
        for pragma in ("journal_mode=WAL", f"synchronous={SYNCHRONOUS}", "foreign_keys=ON", "busy_timeout=15000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        writer = connection.get_execution_options().get("writer", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")

    return engine
