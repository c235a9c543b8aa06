"""Kafka as a place: where the brokers are, which topics there are, and how a record shows that a relay of ours sent it.

Topics keep everything (`retention.ms=-1`), and their partitions are fixed when they are made: a stream's events all go
to the partition of its name, which is what keeps them in order.
"""

import asyncio
import hmac
from collections.abc import Iterable
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from frontdoor.events import EVENTS, topic_of

PARTITIONS = 6
LARGEST = 4 * 2**20
"""Bytes of the largest event: a body of 1 MiB, sealed and in its envelope, is well below."""
SIGNATURE = "front-door-signature"
"""The header that only somebody with the installation's secret can write."""


@dataclass(frozen=True)
class Brokers:
    """A Kafka cluster; `prefix` keeps installations that share one apart, `groups` begins the consumer groups' names.

    `patience` is the seconds of silence after which a member loses its partitions to the others.
    """

    bootstrap: str
    prefix: str = ""
    partitions: int = PARTITIONS
    patience: int = 10
    groups: str = ""

    def topic(self, name: str) -> str:
        """Name a topic as this cluster knows it."""
        return f"{self.prefix}{name}"

    def group(self, service: str) -> str:
        """Name a service's consumer group."""
        return f"{self.prefix}{self.groups}{service}"


def topics_of(sources: Iterable[str]) -> list[str]:
    """Name the topics that carry what these services say, causes first: people before what happens to them."""
    wanted = set(sources)
    found = {topic_of(kind) for kind in EVENTS.values() if kind.source in wanted}
    return sorted(found, key=lambda topic: (topic != "front-door.people.v1", topic))


async def ensure_topics(brokers: Brokers, names: Iterable[str]) -> None:
    """Make the topics that are not there yet, and wait until the cluster knows all of them."""
    wanted = [brokers.topic(name) for name in names]
    admin = AIOKafkaAdminClient(bootstrap_servers=brokers.bootstrap, request_timeout_ms=10_000)
    try:
        await admin.start()
        there = set(await admin.list_topics())
        missing = [name for name in wanted if name not in there]
        if missing:
            await _make(admin, missing, brokers.partitions)
        while not await _known(admin, wanted):  # noqa: ASYNC110  Kafka rings no bell
            await asyncio.sleep(0.05)
    finally:
        await admin.close()


async def partitions_of(brokers: Brokers, names: Iterable[str]) -> dict[str, list[int]]:
    """Give the partitions of those of these topics that the cluster has, by the topic's name without the prefix."""
    wanted = {brokers.topic(name): name for name in names}
    admin = AIOKafkaAdminClient(bootstrap_servers=brokers.bootstrap, request_timeout_ms=10_000)
    try:
        await admin.start()
        there = [topic for topic in await admin.list_topics() if topic in wanted]
        found = await admin.describe_topics(there) if there else []
    finally:
        await admin.close()
    return {wanted[topic["topic"]]: sorted(part["partition"] for part in topic["partitions"]) for topic in found}


async def _make(admin: AIOKafkaAdminClient, names: list[str], partitions: int) -> None:
    # The broker's own time: it would refuse records from whoever's clock is an hour ahead of its own.
    configs = {"retention.ms": "-1", "max.message.bytes": str(LARGEST), "message.timestamp.type": "LogAppendTime"}
    new = [NewTopic(name, partitions, -1, {}, configs) for name in names]
    answer = await admin.create_topics(new)
    for _topic, code, *_ in answer.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise error


async def _known(admin: AIOKafkaAdminClient, names: list[str]) -> bool:
    try:
        return all(topic["error_code"] == 0 for topic in await admin.describe_topics(names))
    except KafkaError:
        return False


def signature(secret: bytes, payload: bytes) -> bytes:
    """Sign an event's bytes."""
    return hmac.digest(secret, b"event:" + payload, "sha256")


def is_signed(secret: bytes, payload: bytes, headers: Iterable[tuple[str, bytes | None]]) -> bool:
    """Say whether a relay of ours sent these bytes."""
    given = next((value for name, value in headers if name == SIGNATURE), None)
    return hmac.compare_digest(signature(secret, payload), given or b"")
