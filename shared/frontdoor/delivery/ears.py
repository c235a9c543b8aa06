"""Ears: one service's consumer of Kafka, which hands over batches and keeps its offsets in the service's own database.

FastStream reads in batches and acknowledges nothing by itself. Where to begin is what the database says, in the same
transaction as what was heard; what Kafka's group keeps only feeds gauges, so it is told now and then, and nobody waits
for that. Whatever goes wrong, the whole consumer is made anew from the kept offsets: nothing is stepped over.
"""

import asyncio
import hashlib
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from sqlalchemy import delete, select
from sqlmodel import Session

from frontdoor.delivery.hearer import Hearer
from frontdoor.delivery.parking import STRANGER
from frontdoor.delivery.topics import LARGEST, Brokers, ensure_topics, is_signed, topics_of
from frontdoor.envelope import Undecodable, decode
from frontdoor.failpoints import reach
from frontdoor.rows import upsert

log = structlog.get_logger()
BATCH = 500
"""Events that are read at once."""
LOOK = 2.0
"""Seconds between two looks at how far behind it is, which Kafka is told then."""
SayAgain = Callable[[str, str, int], list[bytes]]
"""(source, stream, from version) -> the owner's events, as they stand in its log."""
Source = Callable[[ConsumerRecord[Any, Any]], str]


class Stopping(BaseException):
    """The process is asked to stop: what is in hand is left as it was, and heard again by the next one."""


class Interrupted(Exception):
    """What was handed over has not been settled; the consumer must begin again where it stood."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


@dataclass
class Ears:
    """A hearer's ears on Kafka."""

    hearer: Hearer
    brokers: Brokers
    member: str
    say_again: SayAgain
    listening: bool = False
    trouble: str | None = None
    behind: dict[str, int | None] = field(default_factory=dict)
    fatal: BaseException | None = None
    _halt: threading.Event = field(default_factory=threading.Event)
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _places: dict[TopicPartition, int] = field(default_factory=dict)
    _told: dict[TopicPartition, int] = field(default_factory=dict)
    _passed: dict[TopicPartition, ConsumerRecord[Any, Any]] = field(default_factory=dict)
    _asked: list[tuple[str, str, int]] = field(default_factory=list)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _loop: asyncio.AbstractEventLoop | None = None

    def __post_init__(self) -> None:
        """Let the hearer's waits end, and its questions be asked, by us."""
        self.hearer.pause = self._pause
        self.hearer.ask = self._ask
        self.topics = [self.brokers.topic(name) for name in topics_of(self.hearer.sources)]

    # --- running ---

    async def run(self) -> None:
        """Listen until stopped; after any trouble, begin anew from the kept offsets."""
        while not self._halt.is_set():
            try:
                await self._listen(self._until_stuck)
            except Exception as trouble:  # noqa: BLE001  nothing has been kept that was not heard
                self.trouble = type(trouble).__name__
                self.hearer.counts.trouble("connection")
                log.warning("hearing_failed", service=self.service, error=self.trouble)
                await self._idle(1.0)

    def stop(self) -> None:
        """Finish the batch in hand, and stop."""
        self._halt.set()
        self._wake_up()

    async def drain(self) -> None:
        """Listen until nothing is left to hear or to ask for."""
        await self._listen(self._until_nothing_is_left)

    @property
    def service(self) -> str:
        """The service that hears."""
        return self.hearer.parts.service

    @property
    def hears_all(self) -> bool:
        """Whether every partition of its topics is its own by now."""
        return len(self._places) == len(self.topics) * self.brokers.partitions

    def report(self, *, running: bool) -> dict[str, Any]:
        """Tell as `Progress.report`, with what keeps it from listening."""
        counted = self.behind if self.listening else dict.fromkeys(self.topics)
        behind = {self._short(topic): count for topic, count in counted.items()}
        return self.hearer.progress.report(behind, running=running and self.listening) | {"trouble": self.trouble}

    async def _listen(self, meanwhile: Callable[[AIOKafkaConsumer], Any]) -> None:
        self._loop = asyncio.get_running_loop()
        await ensure_topics(self.brokers, topics_of(self.hearer.sources))
        await asyncio.to_thread(self.hearer.recover)
        broker, subscriber = self._broker()
        self.fatal = None
        self.hearer.progress.moved()
        try:
            await broker.start()
            self.trouble, self.listening = None, True
            await meanwhile(subscriber.consumer)
        finally:
            self.listening = False
            await broker.stop()
            for known in (self._places, self._told, self._passed):
                known.clear()

    async def _until_stuck(self, consumer: AIOKafkaConsumer) -> None:
        while not self._halt.is_set():
            await self._look(consumer)
            if self.fatal or not self.report(running=True)["ok"]:
                raise Interrupted from self.fatal
            await asyncio.to_thread(self._answer)
            await self._acknowledge(consumer)
            await self._idle(LOOK)

    async def _until_nothing_is_left(self, consumer: AIOKafkaConsumer) -> None:
        while not self._halt.is_set():
            if self.fatal:
                raise self.fatal
            await asyncio.to_thread(self._answer)
            await self._look(consumer)
            if self.hears_all and not any(self.behind.values()):
                await self._acknowledge(consumer)
                return
            await asyncio.sleep(0.02)

    async def _idle(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        if not self._halt.is_set():
            self._wake.clear()

    def _wake_up(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)

    async def _look(self, consumer: AIOKafkaConsumer) -> None:
        """Measure how far behind it is, by topic; it raises where the brokers do not answer."""
        mine = list(self._places)
        async with asyncio.timeout(10):
            ends = await consumer.end_offsets(mine) if mine else {}
        behind: dict[str, int | None] = dict.fromkeys(self.topics, 0)
        for partition, end in ends.items():
            behind[partition.topic] = (behind[partition.topic] or 0) + max(end - self._places.get(partition, end), 0)
        self.behind = behind

    async def _acknowledge(self, consumer: AIOKafkaConsumer) -> None:
        """Keep where it has passed by, and tell Kafka how far it has come, who may be told later if it is not there."""
        await asyncio.to_thread(self._keep_passed)
        places = dict(self._places)
        if places == self._told:
            return
        reach("hear.settled")
        with suppress(KafkaError):
            await consumer.commit(places)
            self._told = places
        reach("hear.acked")

    # --- FastStream ---

    def _broker(self) -> tuple[KafkaBroker, Any]:
        broker = KafkaBroker(
            self.brokers.bootstrap,
            client_id=f"front-door-{self.service}",
            ack_policy=AckPolicy.MANUAL,
            request_timeout_ms=10_000,
            graceful_timeout=10.0,
            logger=None,
            apply_types=False,
            allow_auto_create_topics=False,
        )
        places = _Places(self)
        subscriber = broker.subscriber(
            *self.topics,
            batch=True,
            max_records=BATCH,
            batch_timeout_ms=100,
            group_id=self.brokers.group(self.service),
            group_instance_id=f"{self.brokers.group(self.service)}-{self.member}",
            auto_offset_reset="earliest",
            session_timeout_ms=self.brokers.patience * 1000,
            heartbeat_interval_ms=self.brokers.patience * 300,
            fetch_max_wait_ms=250,
            max_partition_fetch_bytes=LARGEST,
            parser=_without_headers,
            decoder=_as_it_came,
            listener=places,
        )
        places.subscriber = subscriber
        subscriber(self._hear)
        return broker, subscriber

    async def _hear(self, message: KafkaMessage) -> None:
        records: Sequence[ConsumerRecord[Any, Any]] = message.raw_message
        reach("hear.read")
        await asyncio.to_thread(self._settle, records)

    # --- handing over, in a thread ---

    def _settle(self, records: Sequence[ConsumerRecord[Any, Any]]) -> None:
        """Hand a batch over; where that does not end well, nothing more is handed over until all begins anew."""
        if self.fatal or self._halt.is_set():
            raise Interrupted
        try:
            with self._turn:
                for source, run in groupby(self._in_order(records), key=self._source):
                    if source == self.service:
                        self._pass_by(list(run))
                    else:
                        self._hand_over(source, list(run))
        except BaseException as trouble:
            self.fatal = trouble
            raise Interrupted from trouble

    def _in_order(self, records: Iterable[ConsumerRecord[Any, Any]]) -> list[ConsumerRecord[Any, Any]]:
        """Put causes first, and leave out what has been heard already; a step over anything is refused."""
        order = {topic: number for number, topic in enumerate(self.topics)}
        wanted = sorted(records, key=lambda record: (order[record.topic], record.partition, record.offset))
        expected: dict[TopicPartition, int] = {}
        fresh = []
        for record in wanted:
            partition = TopicPartition(record.topic, record.partition)
            if partition not in self._places:  # it is another member's now
                continue
            place = expected.setdefault(partition, self._places[partition])
            if record.offset > place:
                raise Interrupted
            if record.offset == place:
                expected[partition] = place + 1
                fresh.append(record)
        return fresh

    def _source(self, record: ConsumerRecord[Any, Any]) -> str:
        if record.topic != self.brokers.topic("front-door.people.v1"):
            return self._short(record.topic)
        try:
            source = decode(record.value or b"").source
        except Undecodable:
            return "?"
        return source.removeprefix("front-door/")

    def _short(self, topic: str) -> str:
        return topic.removeprefix(self.brokers.topic("front-door.")).removesuffix(".v1")

    def _hand_over(self, source: str, records: list[ConsumerRecord[Any, Any]]) -> None:
        while records:
            count = self.hearer.deliver(source, [self._payload(record) for record in records], self._keeping(records))
            self._passed.clear()
            self._step(records[:count])
            records = records[count:]

    def _pass_by(self, records: list[ConsumerRecord[Any, Any]]) -> None:
        """Step over what we have said ourselves, in the topic that several services share; kept with the next batch."""
        self._passed |= _last_of_each(records)
        self._step(records)

    def _keep_passed(self) -> None:
        with self._turn:
            if self._passed:
                with self.hearer.parts.database.write() as session:
                    self._keeping(())(session, 0)
                self._passed.clear()

    def _payload(self, record: ConsumerRecord[Any, Any]) -> bytes:
        payload = record.value or b""
        return payload if is_signed(self.hearer.parts.secret, payload, record.headers) else STRANGER + payload

    def _keeping(self, records: Sequence[ConsumerRecord[Any, Any]]) -> Callable[[Session, int], None]:
        def keep_place(session: Session, count: int) -> None:
            last = self._passed | _last_of_each(records[:count])
            rows = [
                {"topic": topic, "partition": partition, "offset": record.offset + 1, "hash": _digest(record)}
                for (topic, partition), record in sorted(last.items())
            ]
            upsert(session, self._table, rows)

        return keep_place

    def _step(self, records: Sequence[ConsumerRecord[Any, Any]]) -> None:
        for record in records:
            partition = TopicPartition(record.topic, record.partition)
            if partition in self._places:
                self._places[partition] = record.offset + 1

    # --- asking ---

    def _ask(self, source: str, stream: str, since: int) -> None:
        self._asked.append((source, stream, since))
        self._wake_up()

    def _answer(self) -> None:
        """Ask the owners for what is missing; whoever does not answer is asked again later."""
        asked, self._asked = dict.fromkeys(self._asked), []
        for source, stream, since in asked:
            try:
                payloads = self.say_again(source, stream, since)
            except Exception as trouble:  # noqa: BLE001  the owner may be away
                log.warning("owner_away", service=self.service, source=source, error=type(trouble).__name__)
                self._asked.append((source, stream, since))
                continue
            with self._turn:
                while payloads:
                    payloads = payloads[self.hearer.deliver(source, payloads) :]

    def _pause(self, seconds: float) -> None:
        if self._halt.wait(seconds):
            raise Stopping

    # --- where to begin ---

    @property
    def _table(self) -> Any:
        return self.hearer.parts.log.metadata.tables["kafka_position"]

    def kept(self) -> dict[TopicPartition, tuple[int, bytes]]:
        """Give the kept offsets, each with the hash of the event before it."""
        with self.hearer.parts.database.read() as session:
            rows = session.connection().execute(select(self._table)).all()
        return {TopicPartition(row.topic, row.partition): (row.offset, row.hash) for row in rows}

    async def begin_at(self, consumer: AIOKafkaConsumer, assigned: set[TopicPartition]) -> None:
        """Seek to the kept offsets; a partition that no longer holds what was heard there is heard from its first."""
        kept = {place: row for place, row in (await asyncio.to_thread(self.kept)).items() if place in assigned}
        anew = await self._made_anew(kept) if kept else set()
        if anew:
            log.error("topic_made_anew", service=self.service, count=len(anew))
            await asyncio.to_thread(self._forget, anew)
        first = await consumer.beginning_offsets(list(assigned)) if assigned else {}
        for partition in assigned:
            place = kept[partition][0] if partition in kept and partition not in anew else 0
            place = max(place, first[partition])
            self._places[partition] = place
            consumer.seek(partition, place)

    async def _made_anew(self, kept: dict[TopicPartition, tuple[int, bytes]]) -> set[TopicPartition]:
        async with AIOKafkaConsumer(
            bootstrap_servers=self.brokers.bootstrap,
            enable_auto_commit=False,
            max_partition_fetch_bytes=LARGEST,
            request_timeout_ms=10_000,
        ) as consumer:
            consumer.assign(list(kept))
            ends = await consumer.end_offsets(list(kept))
            there = {partition for partition, (offset, _) in kept.items() if 0 < offset <= ends[partition]}
            for partition in kept:
                consumer.seek(partition, kept[partition][0] - 1 if partition in there else ends[partition])
            same: set[TopicPartition] = set()
            left = set(there)
            while left:
                found = await consumer.getmany(*left, timeout_ms=2000, max_records=len(left))
                for partition, records in found.items():
                    left.discard(partition)
                    if _digest(records[0]) == kept[partition][1]:
                        same.add(partition)
            return set(kept) - same

    def _forget(self, partitions: set[TopicPartition]) -> None:
        table = self._table
        with self.hearer.parts.database.write() as session:
            for topic, partition in partitions:
                gone = delete(table).where(table.c.topic == topic, table.c.partition == partition)
                session.connection().execute(gone)


class _Places(ConsumerRebalanceListener):  # type: ignore[misc]
    """Tells the ears which partitions are theirs."""

    subscriber: Any

    def __init__(self, ears: Ears) -> None:
        self._ears = ears

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        try:
            # Whoever has them next begins where they are kept, which is behind what is in hand until this is done.
            await asyncio.to_thread(self._ears._keep_passed)  # noqa: SLF001  its other half
        finally:
            for partition in revoked:
                self._ears._places.pop(partition, None)  # noqa: SLF001

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        await self._ears.begin_at(self.subscriber.consumer, assigned)


async def _without_headers(records: tuple[ConsumerRecord[Any, Any], ...], original: Any) -> Any:
    # One header that is not UTF-8 would otherwise drop the whole batch, without a word.
    message = await original(tuple(replace(record, headers=()) for record in records))
    message.raw_message = records
    return message


async def _as_it_came(message: KafkaMessage) -> KafkaMessage:
    # One body that cannot be decoded must not stop the batch either: we decode, event by event.
    return message


def _last_of_each(records: Iterable[ConsumerRecord[Any, Any]]) -> dict[TopicPartition, ConsumerRecord[Any, Any]]:
    return {TopicPartition(record.topic, record.partition): record for record in records}


def _digest(record: ConsumerRecord[Any, Any]) -> bytes:
    return hashlib.sha256(record.value or b"").digest()
