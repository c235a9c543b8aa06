"""The relay: it sends to Kafka what the log's trigger has noted as not sent, in log order, and strikes it off.

One relay leads for each service, under an advisory lock of its database that a direct connection holds. A leader that
is frozen loses its connection, and with it the lead, after `LEASE`; what it may still send is a repetition, which
every hearer skips. The order within a stream holds because its versions are committed one after another.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import psycopg
import structlog
from aiokafka import AIOKafkaProducer
from psycopg.conninfo import make_conninfo
from psycopg.rows import namedtuple_row

from frontdoor import metrics, tracing
from frontdoor.delivery.topics import LARGEST, SIGNATURE, Brokers, ensure_topics, signature, topics_of
from frontdoor.engines import NEVER_SILENT
from frontdoor.event_log import GREW
from frontdoor.failpoints import reach
from frontdoor.work import Parts

log = structlog.get_logger()
AT_ONCE, BYTES_AT_ONCE = 1000, 16 * 2**20
"""Events that are on their way to Kafka at the same time, and about how large they may be together."""
LOOK_AGAIN = 1.0
"""Seconds after which the leader looks by itself, and another looks whether it may lead."""
LEASE = 8
"""Seconds without a sign of life after which PostgreSQL takes the lead away."""
_LEAD = "select pg_try_advisory_lock(7, 1) as leads"
_UNSENT = """
select log_id, topic, stream, payload
from (
  select u.log_id, l.topic, l.stream, l.payload,
    sum(octet_length(l.payload)) over (order by u.log_id rows between unbounded preceding and 1 preceding) before
  from (select log_id from unrelayed order by log_id limit %s) u join log l on l.id = u.log_id
) waiting
where coalesce(before, 0) < %s order by log_id
"""
_STRIKE_OFF = "delete from unrelayed where log_id = any(%s)"


class LostLead(Exception):
    """Another relay leads now."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


@dataclass
class Relay:
    """One service's relay. `leads` says whether this one sends; `trouble` names what keeps it from that."""

    parts: Parts
    brokers: Brokers
    lease: int = LEASE
    leads: bool = False
    trouble: str | None = None
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _loop: asyncio.AbstractEventLoop | None = None

    async def run(self) -> None:
        """Send until stopped; after any trouble, begin anew with another connection and another producer."""
        self._loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            try:
                await self._lead()
            except Exception as trouble:  # noqa: BLE001  whatever it is: nothing is struck off, so nothing is lost
                self.trouble = type(trouble).__name__
                metrics.counts_of(self.parts.service).trouble("relay")
                log.warning("relay_failed", service=self.parts.service, error=self.trouble)
                await self._wait(1.0)
            finally:
                self.leads = False

    def stop(self) -> None:
        """Finish what is being sent, and stop."""
        if self._loop is None or self._loop.is_closed():
            self._stopping.set()
        else:
            self._loop.call_soon_threadsafe(self._stopping.set)

    async def drain(self) -> int:
        """Send until nothing is left; give back how many events were sent."""
        await ensure_topics(self.brokers, topics_of([self.parts.service]))
        async with await self._connect() as connection, self._producer() as producer:
            sent = 0
            while count := await self._send(connection, producer):
                sent += count
            return sent

    async def _lead(self) -> None:
        async with await self._connect() as connection:
            if not await self._is_leader(connection):
                self.trouble = None
                await self._wait(LOOK_AGAIN)
                return
            await connection.execute(f"listen {GREW}")
            await ensure_topics(self.brokers, topics_of([self.parts.service]))
            async with self._producer() as producer:
                self.leads, self.trouble = True, None
                while not self._stopping.is_set():
                    if not await self._send(connection, producer):
                        await self._rung(connection)

    async def _connect(self) -> psycopg.AsyncConnection[Any]:
        url = self.parts.database.url.set(drivername="postgresql").render_as_string(hide_password=False)
        limits = f"-c idle_session_timeout={self.lease}s -c statement_timeout=30s -c client_encoding=UTF8"
        return await psycopg.AsyncConnection.connect(
            make_conninfo(url, **NEVER_SILENT),
            autocommit=True,
            row_factory=namedtuple_row,
            options=limits,
            application_name=f"front-door relay {self.parts.service}",
        )

    @staticmethod
    async def _is_leader(connection: psycopg.AsyncConnection[Any]) -> bool:
        found = await (await connection.execute(_LEAD)).fetchone()
        return bool(found and found.leads)

    def _producer(self) -> AIOKafkaProducer:
        return AIOKafkaProducer(
            bootstrap_servers=self.brokers.bootstrap,
            client_id=f"front-door-relay-{self.parts.service}",
            acks="all",
            enable_idempotence=True,
            max_request_size=LARGEST,
            max_batch_size=256 * 1024,
            request_timeout_ms=10_000,
        )

    async def _send(self, connection: psycopg.AsyncConnection[Any], producer: AIOKafkaProducer) -> int:
        rows = await (await connection.execute(_UNSENT, (AT_ONCE, BYTES_AT_ONCE), binary=True)).fetchall()
        if not rows:
            return 0
        reach("relay.read")
        with tracing.relayed(self.parts.service, [row.payload for row in rows]):
            await self._hand_over(producer, rows)
        reach("relay.acked")
        struck = await connection.execute(_STRIKE_OFF, ([row.log_id for row in rows],))
        reach("relay.struck")
        if struck.rowcount < len(rows):  # somebody else has sent them too: there must not be two leaders
            raise LostLead
        return len(rows)

    async def _hand_over(self, producer: AIOKafkaProducer, rows: Sequence[Any]) -> None:
        on_their_way = [
            await producer.send(
                self.brokers.topic(row.topic),
                row.payload,
                key=row.stream.encode(),
                headers=[(SIGNATURE, signature(self.parts.secret, row.payload))],
            )
            for row in rows
        ]
        reach("relay.sent")
        await asyncio.gather(*on_their_way)

    async def _rung(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Wait until the log has grown; look again by ourselves too: that is also the sign of life."""
        async for _ in connection.notifies(timeout=LOOK_AGAIN, stop_after=1):
            pass

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
