"""The product in many processes, as a command sees it: each service's database in its own role, and Kafka between."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import httpx2
from aiokafka import AIOKafkaConsumer, TopicPartition
from sqlalchemy import select

from all_in_one.assembly import Assembly, Between, Unheard, services
from cli.settings import Settings
from frontdoor.app import area_of, wall_clock, wire
from frontdoor.database import Database
from frontdoor.delivery.hearer import Hearer
from frontdoor.delivery.topics import Brokers, partitions_of, topics_of
from frontdoor.events import EVENTS, topic_of
from frontdoor.migrations import done
from frontdoor.seal import KeyStore
from frontdoor.service import ChoreRunner, Service, data_folder
from frontdoor.work import Clock

QUICKLY = httpx2.Timeout(2.0, connect=1.0)


class NotAtThisRelease(Exception):
    """A service's tables are not those that this release knows."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name}'s tables are not at this release: start it, or run `frontdoor migrate`.")


class StillRunning(Exception):
    """A service that must not run meanwhile answers."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is running: stop it first, and start it again afterwards.")


class NoDatabase(Exception):
    """The settings name no database of a service."""

    def __init__(self, name: str) -> None:
        super().__init__(f"FRONTDOOR_DATABASES: names no database of {name}.")


@dataclass(frozen=True)
class Composed(Assembly):
    """Five services that run each by itself."""

    brokers: Brokers

    def look_between(self, hearer: Hearer, unheard: Sequence[Unheard]) -> Between:
        """Look at what Kafka has not got yet, and then at which topics hold something unheard."""
        unrelayed = self._unrelayed(unheard)
        behind = asyncio.run(_behind(self.brokers, hearer))
        more = {topic for topic, counts in behind.items() if max(counts, default=0) > 0}
        astray = [
            f"{hearer.parts.service} stands behind the end of {topic}"
            for topic, counts in sorted(behind.items())
            if min(counts, default=0) < 0
        ]

        in_topics = {(event.source, event.log_id) for event in unheard if topic_of(EVENTS[event.type]) in more}
        return Between(frozenset(unrelayed | in_topics), astray)

    def _unrelayed(self, unheard: Sequence[Unheard]) -> set[tuple[str, int]]:
        found: set[tuple[str, int]] = set()
        for source in {event.source for event in unheard}:
            parts = self.parts[source]
            waits = parts.log.unrelayed.c.log_id
            ids = [event.log_id for event in unheard if event.source == source]
            with parts.database.read() as session:
                wanted = select(waits).where(waits.in_(ids))
                found |= {(source, log_id) for log_id in session.connection().scalars(wanted)}
        return found


async def _behind(brokers: Brokers, hearer: Hearer) -> dict[str, list[int]]:
    """Count by topic, for each partition, the events behind what a hearer has kept as heard."""
    table = hearer.parts.log.metadata.tables["kafka_position"]
    with hearer.parts.database.read() as session:
        rows = session.connection().execute(select(table)).all()
    kept = {TopicPartition(row.topic, row.partition): row.offset for row in rows}
    found = {}
    consumer = AIOKafkaConsumer(
        bootstrap_servers=brokers.bootstrap, enable_auto_commit=False, request_timeout_ms=10_000
    )
    async with consumer:
        for topic, numbers in (await partitions_of(brokers, topics_of(hearer.sources))).items():
            ends = await consumer.end_offsets([TopicPartition(brokers.topic(topic), number) for number in numbers])
            found[topic] = [end - kept.get(partition, 0) for partition, end in ends.items()]
    return found


def databases(settings: Settings, known: Mapping[str, Service]) -> dict[str, Database]:
    """Name every service's database; raises `NoDatabase`."""
    for name in known:
        if name not in settings.databases:
            raise NoDatabase(name)
    return {name: Database(settings.databases[name]) for name in known}


def stand_in(settings: Settings, clock: Clock = wall_clock) -> Composed:
    """Open every service's database in its role; raises `NotAtThisRelease`, `NoDatabase` or `SecretMissing`."""
    known = {service.name: service for service in services()}
    opened = databases(settings, known)
    for name, database in opened.items():
        if not done(database, name):
            raise NotAtThisRelease(name)
    area, folder, keys = area_of(settings), data_folder(settings.data), KeyStore(Database(str(settings.keys_url)))
    parts = {name: wire(service, settings, opened[name], keys, area, folder, clock) for name, service in known.items()}
    hearers = {name: service.hearer(parts[name]) for name, service in known.items()}
    jobs = [(chore, parts[name]) for name, service in known.items() for chore in service.chores]
    return Composed(known, parts, hearers, ChoreRunner(jobs), folder, area, Brokers(str(settings.kafka)))


def must_not_run(settings: Settings, names: Iterable[str]) -> None:
    """Raise `StillRunning` where one of these services answers."""
    for name in names:
        try:
            httpx2.get(f"{settings.peers.format(service=name)}/{name}/health/live", timeout=QUICKLY)
        except httpx2.HTTPError:
            continue
        raise StillRunning(name)
