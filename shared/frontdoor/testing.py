"""What tests need: one service on a temporary folder, a clock that is moved by hand, and other services' voices."""

import io
import json
import logging
import socket
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import structlog
import uvicorn
from fastapi import FastAPI
from sqlalchemy import MetaData, text
from sqlmodel import Session
from starlette.testclient import TestClient

from frontdoor import access
from frontdoor.areas import Area, areas_folder, load_area
from frontdoor.database import Database, claim
from frontdoor.envelope import Recorded
from frontdoor.event_log import EventLog, Occasion, Saying
from frontdoor.events import Event
from frontdoor.identifiers import FamilyLinks
from frontdoor.logs import set_up_logs
from frontdoor.seal import TABLE, KeyStore
from frontdoor.service import ChoreRunner, Service, build
from frontdoor.work import Parts, Work

postgres: str | None = None
"""The address of a superuser of PostgreSQL, where services are to stand there and not on SQLite."""
NOW = datetime(2026, 11, 18, 9, 30, tzinfo=UTC)
"""A Wednesday morning in the autumn term."""


@cache
def sample_area() -> Area:
    """The sample area, read once for all tests of a process."""
    return load_area(areas_folder() / "sample")


@cache
def empty_database(metadata: MetaData) -> bytes:
    """Make tables once for all tests of a process: an SQLite file without a row."""
    with TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/empty.sqlite")
        database.create(metadata)
        with database.engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.exec_driver_sql("BEGIN")
        database.dispose()
        return Path(folder, "empty.sqlite").read_bytes()


@contextmanager
def logged(level: str = "INFO") -> Iterator[Callable[[], list[Any]]]:
    """Log as a service does, for a while; gives what reads the lines."""
    file, root = io.StringIO(), logging.getLogger()
    handlers, was, hooks = root.handlers[:], root.level, (sys.excepthook, threading.excepthook, sys.unraisablehook)
    set_up_logs(level, file)
    try:
        yield lambda: [json.loads(line) for line in file.getvalue().splitlines()]
    finally:
        structlog.reset_defaults()
        logging.captureWarnings(capture=False)
        logging.raiseExceptions = True
        root.handlers[:] = handlers
        root.setLevel(was)
        sys.excepthook, threading.excepthook, sys.unraisablehook = hooks


def _address(service: Service, folder: Path) -> str:
    """Find a folder's database of a service, made where it is not there: its tables, and no row."""
    if postgres:
        from frontdoor.testing_real import address_of, copied  # noqa: PLC0415  containers are for those who ask

        kept = folder / f"{service.name}.database"
        if not kept.exists():
            kept.write_text(copied(postgres, _template(postgres, service)))
        return address_of(postgres, kept.read_text())
    return _file(folder / f"{service.name}.sqlite", service.metadata)


def _file(file: Path, metadata: MetaData) -> str:
    if not file.exists():
        file.write_bytes(empty_database(metadata))
    return f"sqlite:///{file}"


@cache
def _log_of(source: str) -> EventLog:
    return EventLog(source, MetaData(), lambda _session, _record: None)


@cache
def _template(admin: str, service: Service) -> str:
    """Make a service's tables once for all tests of a process: a database to copy."""
    from frontdoor.testing_real import address_of, copied  # noqa: PLC0415

    name = copied(admin)
    database = Database(address_of(admin, name))
    database.create(service.metadata)
    database.dispose()
    return name


class MovedClock:
    """Business time that moves only when it is told to."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Tell the time."""
        return self.now

    def forward(self, **by: float) -> None:
        """Move on, by `days=…`, `hours=…`."""
        self.now += timedelta(**by)


@contextmanager
def served(app: FastAPI, **told: Any) -> Iterator[str]:
    """Serve an application from a thread, on a port of this machine; give its address. `told`: more for uvicorn."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, **{"log_level": "error", "lifespan": "off", **told}))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(timeout=10)


class Owners:
    """Logs of other services, to say what they would say."""

    def __init__(self, folder: Path, clock: MovedClock, area: str) -> None:
        self._folder, self._clock, self._area = folder, clock, area
        self._logs: dict[str, tuple[Database, EventLog]] = {}

    def say(self, stream: str, *events: Event) -> list[Recorded]:
        """Append events to their owner's log and give them as they stand there."""
        database, log = self._log(events[0].source)
        occasion = Occasion(self._clock(), "somebody", self._area, "a-correlation")
        with database.write() as session:
            claim(session, stream)
            return log.append(session, stream, None, events, Saying(session, occasion))

    def _log(self, source: str) -> tuple[Database, EventLog]:
        if source not in self._logs:
            log = _log_of(source)
            database = Database(_file(self._folder / f"{source}-owner.sqlite", log.metadata))
            self._logs[source] = (database, log)
        return self._logs[source]


class Stage:
    """One service alone on a stage: it hears what the test says, and answers the people the test sends."""

    def __init__(self, service: Service, folder: Path, now: datetime = NOW) -> None:
        self.service, self.clock = service, MovedClock(now)
        area = sample_area()
        database = Database(_address(service, folder))
        weakref.finalize(self, database.dispose)
        self.keys = KeyStore(Database(_file(folder / "keys.sqlite", TABLE.metadata)))
        self.parts = Parts(
            service=service.name,
            database=database,
            log=service.log,
            area=area,
            keys=self.keys,
            links=FamilyLinks(b"a secret of the tests"),
            secret=b"another secret of the tests",
            receipts=bytes(range(32)),
            clock=self.clock,
            folder=folder,
            public_url="http://testserver",
            demo=True,
        )
        self.hearer = service.hearer(self.parts)
        self.hearer.pause = lambda _seconds: None
        self.owners = Owners(folder, self.clock, area.id)
        self.app = build(service, self.parts, lambda: {"ok": True})
        self._chores = ChoreRunner([(chore, self.parts) for chore in service.chores])

    def hears(self, stream: str, *events: Event) -> list[Recorded]:
        """Let another service say these events on a stream, and this one hear them."""
        records = self.owners.say(stream, *events)
        for record in records:
            self.hearer.deliver(events[0].source, [record.payload])
        return records

    def hears_again(self, *records: Recorded) -> None:
        """Deliver events once more."""
        for record in records:
            self.hearer.deliver(record.source.removeprefix("front-door/"), [record.payload])

    def chores(self) -> int:
        """Do what is due, once."""
        return self._chores.once()

    def said(self, stream: str | None = None) -> list[Event]:
        """List what the service has said: all, or on one stream."""
        with self.parts.database.read() as session:
            records = [record for _, record in self.service.log.all(session)]
        return [record.event for record in records if stream in {None, record.stream}]

    def as_person(self, person: str | None) -> TestClient:
        """Give a client that is signed in as this sample person (None: nobody)."""
        headers = {"Authorization": f"Bearer demo-{person}"} if person else {}
        return TestClient(self.app, headers=headers, raise_server_exceptions=False, follow_redirects=False)

    @contextmanager
    def work(self, person: str) -> Iterator[Work]:
        """Open a piece of work of this sample person."""
        with self.parts.work(access.of_person(self.parts.area.people[person])) as work:
            yield work

    def empty(self) -> None:
        """Take every row away: making a stage takes longer than most tests."""
        with self.parts.database.write() as session:
            if not self.parts.database.is_sqlite:  # as a superuser, who may: for everybody else, some tables only grow
                session.connection().execute(text("set local session_replication_role = replica"))
            for table in self.service.metadata.sorted_tables:
                session.connection().execute(table.delete())

    @contextmanager
    def look(self) -> Iterator[Session]:
        """Open a session to look at the service's tables."""
        with self.parts.database.read() as session:
            yield session
