"""A line: an owner that says things, a transport, and a hearer that writes down what it heard.

The suite asks a line for nothing that belongs to one transport: each transport is one more `Line` in `LINES`.
"""

import asyncio
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from sqlalchemy.orm import registry
from sqlmodel import Field, Session, SQLModel, col, select

from frontdoor import failpoints, tracing
from frontdoor.areas import areas_folder, load_area
from frontdoor.database import DERIVED, Database, claim
from frontdoor.delivery import parking
from frontdoor.delivery.ears import Ears
from frontdoor.delivery.hearer import Handler, Heard, Hearer, NotYet
from frontdoor.delivery.local import LocalTransport, Owner
from frontdoor.delivery.relay import Relay
from frontdoor.delivery.topics import Brokers, ensure_topics, topics_of
from frontdoor.envelope import Recorded
from frontdoor.event_log import EventLog, Occasion, Saying
from frontdoor.events import Event, LinkRenewed, NoticeSent, OfferEnded, RecordRefused
from frontdoor.identifiers import FamilyLinks
from frontdoor.seal import KeyStore
from frontdoor.service import Service
from frontdoor.testing import MovedClock
from frontdoor.work import Parts, Refused, Work

AREA = load_area(areas_folder() / "sample")


Outcome = Literal["accepted", "place_gone", "no_longer_waiting"]


class Killed(KeyboardInterrupt):
    """The process is gone, as after kill -9."""


class Row(SQLModel, registry=registry()):
    """The hearer's tables."""


class Note(Row, table=True):
    """What was heard, in the order in which it was applied on its stream."""

    __table_args__ = DERIVED
    stream: str = Field(primary_key=True)
    number: int = Field(primary_key=True)


def apply(session: Session, record: Recorded) -> None:
    """Write a note down."""
    event = record.event
    if isinstance(event, LinkRenewed):
        session.add(Note(stream=event.reference, number=event.generation))


class Line:
    """Two owners and one hearer over the local transport."""

    def __init__(self, folder: Path, _request: pytest.FixtureRequest) -> None:
        self.folder, self.clock = folder, MovedClock()
        self.trouble: dict[str, Callable[[], None]] = {}
        self.calls: list[str] = []
        self._open()

    def _open(self) -> None:
        self.logs = {name: EventLog(name, Row.metadata.__class__(), lambda *_: None) for name in self.owner_names}
        self.owners = {name: self._owner(name, log) for name, log in self.logs.items()}
        self._hearer()

    owner_names = ("therapy-booking", "notification")

    def _owner(self, name: str, log: EventLog) -> Owner:
        database = self._database(name)
        database.create(log.metadata)
        return Owner(database, log)

    def _database(self, name: str) -> Database:
        return Database(f"sqlite:///{self.folder / name}.sqlite")

    def _hearer(self, name: str = "child-record") -> None:
        subscriptions: dict[type[Event], Handler] = {OfferEnded: self.write_down, NoticeSent: self.only_after_its_offer}
        database = self._database(name)
        database.create(_SERVICE.metadata)
        self.parts = self._parts("child-record", database, _LOG)
        self.hearer = Hearer(self.parts, subscriptions, RecordRefused, self.decides_about)
        self._connect()
        self.hearer.pause = lambda _seconds: None

    def _parts(self, service: str, database: Database, log: EventLog) -> Parts:
        keys = KeyStore(Database(f"sqlite:///{self.folder / 'keys'}.sqlite"))
        links = FamilyLinks(b"secret")
        return Parts(
            service, database, log, AREA, keys, links, b"secret", self.clock, self.folder, public_url="", demo=True
        )

    def _connect(self) -> None:
        self.transport = LocalTransport(self.owners, [self.hearer], batch=7)

    # --- what the hearer does ---

    def write_down(self, work: Work, heard: Heard) -> None:
        """Say a note of each event."""
        event = heard.event
        assert isinstance(event, OfferEnded)
        self.calls.append(f"{event.offer}/{heard.record.version}")
        self.trouble.get(f"{event.offer}/{heard.record.version}", lambda: None)()
        note = LinkRenewed(reference=event.offer, recipient="note", generation=heard.record.version)
        work.claim(f"link/{event.offer}/note")
        work.append(f"link/{event.offer}/note", None, note)

    @staticmethod
    def decides_about(event: Event) -> list[str]:
        """Name the notes that hearing an event writes."""
        assert isinstance(event, OfferEnded | NoticeSent)
        return [f"link/{event.offer if isinstance(event, OfferEnded) else event.notice}/note"]

    def only_after_its_offer(self, work: Work, heard: Heard) -> None:
        """Say a note of a notice, once the offer that it names has been heard."""
        event = heard.event
        assert isinstance(event, NoticeSent)
        if work.version(f"link/{event.reference}/note") == 0:
            raise NotYet("therapy-booking", f"offer/{event.reference}")
        note = LinkRenewed(reference=event.notice, recipient="note", generation=heard.record.version)
        work.claim(f"link/{event.notice}/note")
        work.append(f"link/{event.notice}/note", None, note)

    # --- what a test may do ---

    def say(self, stream: str, count: int = 1, outcome: Outcome = "accepted") -> list[Recorded]:
        """Let booking say that this offer ended, `count` times."""
        said = [OfferEnded(offer=stream, reference="R1", child_id="C1", outcome=outcome) for _ in range(count)]
        return self._say("therapy-booking", f"offer/{stream}", said)

    def say_notice(self, notice: str, about: str) -> list[Recorded]:
        """Let notification say that a notice about an offer was sent."""
        sent = NoticeSent(notice=notice, reference=about, child_id="C1")
        return self._say("notification", f"notice/{notice}", [sent])

    def _say(self, source: str, stream: str, events: Sequence[Event]) -> list[Recorded]:
        owner = self.owners[source]
        occasion = Occasion(self.clock(), "somebody", "sample", "correlation", traceparent=tracing.current())
        with owner.database.write() as session:
            claim(session, stream)
            return owner.log.append(session, stream, None, events, Saying(session, occasion))

    def carry(self) -> None:
        """Let the transport carry until nothing is left."""
        self.transport.drain()

    def hand_over(self, *records: Recorded | bytes) -> None:
        """Hand these over, as a transport that repeats, loses or reorders would."""
        for record in records:
            payload = record if isinstance(record, bytes) else record.payload
            self.hearer.deliver("therapy-booking", [payload])

    def notes(self) -> dict[str, list[int]]:
        """Give what was written down, by stream."""
        with self.parts.database.read() as session:
            rows = session.exec(select(Note).order_by(col(Note.stream), col(Note.number))).all()
        found: dict[str, list[int]] = {}
        for row in rows:
            found.setdefault(row.stream, []).append(row.number)
        return found

    def parked(self) -> list[tuple[str, int, str]]:
        """Give (stream, version, reason) of what is parked."""
        with self.parts.database.read() as session:
            rows = parking.of(self.parts.log.metadata).open(session)
        return sorted((row.stream, row.version, row.reason) for row in rows)

    def refusals(self) -> list[str]:
        """Give the codes that the hearer has said it refused with."""
        with self.parts.database.read() as session:
            said = [record.event for _, record in self.parts.log.all(session)]
        return [event.code for event in said if isinstance(event, RecordRefused)]

    def kill_at(self, place: str, nth: int) -> None:
        """Let the process die when it reaches a place for the nth time."""

        def die() -> None:
            raise Killed

        failpoints.arm(place, nth, die)

    def start_again(self) -> None:
        """Start the hearer anew on what is on disk."""
        failpoints.disarm()
        self.parts.database.dispose()
        self._hearer()

    def copy(self, name: str) -> Path:
        """Make a backup of one service's database."""
        self._close(name)
        backup = self.folder / f"{name}.backup"
        shutil.copy(self.folder / f"{name}.sqlite", backup)
        self._open()
        return backup

    def restore(self, name: str, backup: Path) -> None:
        """Put a backup in the place of a service's database."""
        self._close(name)
        shutil.copy(backup, self.folder / f"{name}.sqlite")
        self._open()

    def late_starter(self) -> None:
        """Let a hearer that has heard nothing take the place of this one."""
        self._hearer("late")

    def _close(self, _name: str) -> None:
        for database in (self.parts.database, *(owner.database for owner in self.owners.values())):
            with database.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            database.dispose()

    def refuse(self, name: str) -> None:
        """Let the hearer refuse this event."""

        def trouble() -> None:
            raise Refused("not_wanted", "This is not wanted.")

        self.trouble[name] = trouble

    def fail(self, name: str, times: int = 1000) -> None:
        """Let the hearer fail on this event, so many times."""
        left = [times]

        def trouble() -> None:
            if left[0]:
                left[0] -= 1
                raise ValueError("broken")

        self.trouble[name] = trouble


_LOG = EventLog("child-record", Row.metadata, apply)
_SERVICE = Service("child-record", (), (), _LOG, {}, RecordRefused, {})


class KafkaLine(Line):
    """The same over Kafka: each service has a database of its own on PostgreSQL, each owner its relay."""

    def __init__(self, folder: Path, request: pytest.FixtureRequest) -> None:
        self.postgres, kafka = request.getfixturevalue("postgres"), request.getfixturevalue("kafka")
        self.brokers = Brokers(kafka.bootstrap, prefix=f"t{uuid4().hex[:8]}.", partitions=2, patience=3)
        self.urls: dict[str, str] = {}
        super().__init__(folder, request)

    def _database(self, name: str) -> Database:
        if name not in self.urls:
            self.urls[name] = self.postgres.fresh()
        return Database(self.urls[name])

    def _connect(self) -> None:
        self.relays = [
            Relay(self._parts(name, owner.database, owner.log), self.brokers) for name, owner in self.owners.items()
        ]
        self.ears = Ears(self.hearer, self.brokers, "1", self._say_again)

    def _say_again(self, source: str, stream: str, since: int) -> list[bytes]:
        owner = self.owners[source]
        with owner.database.read() as session:
            return [record.payload for record in owner.log.stream(session, stream, since)]

    def committed(self) -> dict[TopicPartition, int]:
        """Give what Kafka keeps of the hearer's group."""

        async def ask() -> dict[TopicPartition, int]:
            admin = AIOKafkaAdminClient(bootstrap_servers=self.brokers.bootstrap)
            await admin.start()
            try:
                kept = await admin.list_consumer_group_offsets(self.brokers.group("child-record"))
            finally:
                await admin.close()
            return {place: told.offset for place, told in kept.items() if told.offset > 0}

        return asyncio.run(ask())

    def carry(self) -> None:
        """Let every relay send, and the ears hear, until nothing is left."""

        async def everything() -> None:
            for relay in self.relays:
                await relay.drain()
            await self.ears.drain()

        asyncio.run(everything())

    @contextmanager
    def carrying(self, *also: Relay | Ears) -> Iterator[None]:
        """Let relays and ears run in the background, as in a running service; `also`: others beside them."""
        those = [*self.relays, self.ears, *also]

        async def everything() -> None:
            await asyncio.gather(*(one.run() for one in those))

        thread = threading.Thread(target=asyncio.run, args=(everything(),))
        thread.start()
        try:
            yield
        finally:
            for one in those:
                one.stop()
            thread.join()

    def another_member(self, number: str = "2") -> Ears:
        """Give the ears of another process of the same service."""
        hearer = Hearer(self.parts, self.hearer.subscriptions, RecordRefused, self.decides_about)
        return Ears(hearer, self.brokers, number, self._say_again)

    def eventually(self, there: Callable[[], bool], seconds: float = 60) -> bool:
        """Wait until it is there; give back whether it is."""
        until = time.monotonic() + seconds
        while not there():
            if time.monotonic() > until:
                return False
            time.sleep(0.1)
        return True

    def unrelayed(self) -> int:
        """Count what Kafka has not got."""
        counted = 0
        for owner in self.owners.values():
            with owner.database.read() as session:
                counted += session.connection().execute(owner.log.unrelayed.select()).rowcount
        return counted

    def send(self, topic: str, value: bytes | None, key: str, headers: Sequence[tuple[str, bytes]] = ()) -> None:
        """Send a record to a topic as anybody could who reaches the brokers."""

        async def sending() -> None:
            await ensure_topics(self.brokers, [topic])
            async with AIOKafkaProducer(bootstrap_servers=self.brokers.bootstrap) as producer:
                wait = self.brokers.topic(topic), value, key.encode()
                await producer.send_and_wait(*wait, headers=list(headers))

        asyncio.run(sending())

    def lose_topics(self) -> None:
        """Let Kafka lose everything."""

        async def losing() -> None:
            admin = AIOKafkaAdminClient(bootstrap_servers=self.brokers.bootstrap)
            await admin.start()
            await admin.delete_topics([self.brokers.topic(name) for name in topics_of(self.owner_names)])
            await admin.close()

        asyncio.run(losing())

    def copy(self, name: str) -> str:  # type: ignore[override]
        """Make a copy of one service's database."""
        self._close(name)
        copy: str = self.postgres.fresh(self.urls[name].rpartition("/")[2])
        self._open()
        return copy

    def restore(self, name: str, backup: str) -> None:  # type: ignore[override]
        """Put a copy in the place of a service's database."""
        self._close(name)
        self.urls[name] = backup
        self._open()

    def _close(self, _name: str) -> None:
        for database in (self.parts.database, *(owner.database for owner in self.owners.values())):
            database.dispose()


LINES = {"local": Line, "kafka": KafkaLine}


@pytest.fixture
def kafka_line(request, tmp_path):
    """A fresh line over Kafka."""
    made = KafkaLine(tmp_path, request)
    yield made
    failpoints.disarm()
    made._close("")


@pytest.fixture(params=["local", pytest.param("kafka", marks=pytest.mark.containers)])
def line(request, tmp_path):
    """A fresh line over each transport."""
    made = LINES[request.param](tmp_path, request)
    yield made
    failpoints.disarm()
    made._close("")
