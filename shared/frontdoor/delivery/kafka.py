"""The Kafka transport: a service's relay and ears, in a thread and an event loop of their own."""

import asyncio
import threading
from typing import Any

from frontdoor.delivery.ears import Ears, SayAgain
from frontdoor.delivery.hearer import Hearer
from frontdoor.delivery.relay import Relay
from frontdoor.delivery.topics import Brokers
from frontdoor.work import Parts

STOP_WITHIN = 20
"""Seconds in which the batch in hand ends when the process is asked to stop."""


class KafkaTransport:
    """Carries one service's events to Kafka, and the others' events to it."""

    def __init__(self, parts: Parts, hearer: Hearer, brokers: Brokers, member: str, say_again: SayAgain) -> None:
        self.relay = Relay(parts, brokers)
        self.ears = Ears(hearer, brokers, member, say_again)
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to carry; returns at once, whether Kafka and PostgreSQL are there or not."""
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="carries", daemon=True)
        self._thread.start()

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.relay.run())
            tasks.create_task(self.ears.run())

    def stop(self) -> None:
        """Finish what is in hand, and stop."""
        self.relay.stop()
        self.ears.stop()
        if self._thread is not None:
            self._thread.join(timeout=STOP_WITHIN)

    def drain(self) -> None:
        """Carry in the caller's thread until nothing is left: for tests and commands, while nobody else carries."""

        async def both() -> None:
            await self.relay.drain()
            await self.ears.drain()

        asyncio.run(both())

    def hearing(self) -> dict[str, Any]:
        """Tell how this service's delivery does."""
        running = self._thread is not None and self._thread.is_alive()
        told = self.ears.report(running=running)
        relay = {"leads": self.relay.leads, "trouble": self.relay.trouble}
        return told | {"ok": told["ok"] and self.relay.trouble is None, "relaying": relay}
