"""I6: what was said reaches Kafka within a minute, and no version of a stream overtakes an earlier one there."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from sqlalchemy import func, select, text

from all_in_one.assembly import Assembly
from cli.composed import Composed
from cli.invariants.finding import Finding
from frontdoor.delivery.topics import LARGEST, Brokers, is_signed, partitions_of, topics_of
from frontdoor.envelope import Undecodable, decode
from frontdoor.work import Parts

LIVELY = "60 seconds"
"""How long what was said may wait for Kafka while that is up."""
LAST = 20_000
"""Events that are looked at of each partition, the last ones: what stands before them was looked at before."""


def relay_is_lively(assembly: Assembly) -> Finding:
    """I6: nothing waits for Kafka for more than a minute while it is up; versions stand in their order in each topic.

    Repetitions are no fault: a relay that was stopped between sending and striking off sends again.
    """
    finding = Finding("I6 what was said is sent, in order")
    waiting = {name: _waiting(parts) for name, parts in assembly.parts.items()}
    if not isinstance(assembly, Composed):
        # Without Kafka the log itself is read: nobody would ever send these.
        finding.fault_each(
            f"{name}: {count} wait for a Kafka that is not there" for name, count in waiting.items() if count
        )
        return finding
    try:
        scans = asyncio.run(scan(assembly.brokers, list(assembly.parts), assembly.secret))
    except (KafkaError, OSError) as away:
        finding.remarks.append(f"Kafka does not answer ({type(away).__name__})")
        finding.on_their_way += sum(waiting.values())
        return finding
    finding.on_their_way += sum(waiting.values())
    for name, parts in assembly.parts.items():
        if late := _waiting(parts, f"since < current_timestamp - interval '{LIVELY}'"):
            finding.fault(f"{name}: {late} unsent for more than {LIVELY}")
    for seen in scans:
        finding.checked += seen.checked
        finding.fault_each(seen.overtaken)
    return finding


def _waiting(parts: Parts, how: str = "1 = 1") -> int:
    with parts.database.read() as session:
        counted = select(func.count()).select_from(parts.log.unrelayed).where(text(how))
        return session.connection().scalar(counted) or 0


@dataclass
class Scan:
    """What the end of a topic shows: `overtaken` are versions that stand before an earlier one; see `keys_astray`."""

    topic: str
    checked: int = 0
    overtaken: list[str] = field(default_factory=list)
    keys_astray: list[str] = field(default_factory=list)


async def scan(brokers: Brokers, services: list[str], secret: bytes, last: int = LAST) -> list[Scan]:
    """Read the last events of each partition of these services' topics; raises where Kafka does not answer."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=brokers.bootstrap,
        enable_auto_commit=False,
        max_partition_fetch_bytes=LARGEST,
        request_timeout_ms=10_000,
        # A question about the next partition stands behind the fetch of the last one, which waits for what may come.
        fetch_max_wait_ms=10,
    )
    async with consumer:
        there = await partitions_of(brokers, topics_of(services))
        places = ((brokers.topic(topic), numbers) for topic, numbers in there.items())
        return [await _scan_topic(consumer, topic, numbers, secret, last) for topic, numbers in places]


async def _scan_topic(consumer: AIOKafkaConsumer, topic: str, numbers: list[int], secret: bytes, last: int) -> Scan:
    seen = Scan(topic)
    for number in numbers:
        newest: dict[str, int] = {}
        async for record in _records(consumer, TopicPartition(topic, number), last):
            if is_signed(secret, record.value or b"", record.headers):
                _look_at(seen, record, newest)
    return seen


async def _records(consumer: AIOKafkaConsumer, place: TopicPartition, last: int) -> Any:
    consumer.assign([place])
    first = (await consumer.beginning_offsets([place]))[place]
    end = (await consumer.end_offsets([place]))[place]
    at = max(first, end - last)
    consumer.seek(place, at)
    while at < end:
        async with asyncio.timeout(20):
            found = await consumer.getmany(place, timeout_ms=1000, max_records=500)
        for record in found.get(place, ()):
            at = record.offset + 1
            if record.offset < end:
                yield record


def _look_at(seen: Scan, record: ConsumerRecord[Any, Any], newest: dict[str, int]) -> None:
    where = f"{seen.topic} {record.partition} at {record.offset}"
    try:
        event = decode(record.value or b"")
    except Undecodable:
        return  # hearers park it: I8
    seen.checked += 1
    if record.key != event.stream.encode():
        seen.keys_astray.append(where)
    # The first that is seen of a stream may be any: what was before it lies outside what is looked at.
    before = newest.get(event.stream, event.version)
    if event.version > before + 1:
        seen.overtaken.append(f"{where}: version {event.version} behind {before}")
    newest[event.stream] = max(before, event.version)
