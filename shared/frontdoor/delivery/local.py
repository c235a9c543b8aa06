"""The local transport: the owners' logs are the queues, read in id order; nothing waits in memory.

SQLite serialises writers, so id order is commit order. Each hearer keeps its place in each log in its own database, as
(log id, event id): where that place no longer holds that event, the owner has been restored from an older copy, and
the hearer starts from the first event again, which its stream positions then skip or find forked.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

import structlog
from sqlalchemy import Row, Select, Table, bindparam, select
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from frontdoor.database import Database
from frontdoor.delivery.hearer import Ask, Hearer
from frontdoor.event_log import EventLog
from frontdoor.rows import upsert

log = structlog.get_logger()
BATCH = 200
LOOK_AGAIN = 0.25
"""Seconds after which a hearer looks for events by itself: another process may have written."""


PATIENCE = 0.04
"""Seconds of work after which a batch ends: requests to the same service wait for its transaction."""
GATHER = 0.02
"""Seconds that a hearer leaves to others after a batch: the next one is larger then, and costs less an event."""
GIVE_WAY = 0.3
"""Seconds that it leaves at most while people are sending something: they wait for an answer, events do not."""


@dataclass(frozen=True)
class Owner:
    """A service whose log is heard."""

    database: Database
    log: EventLog


class LocalTransport:
    """Carries every owner's events to every hearer in this process."""

    def __init__(self, owners: Mapping[str, Owner], hearers: Sequence[Hearer], batch: int = BATCH) -> None:
        self._owners, self._hearers, self._batch = owners, hearers, batch
        self.busy: Callable[[], bool] = lambda: False
        self._asked: dict[str, list[tuple[str, str, int]]] = {hearer.parts.service: [] for hearer in hearers}
        self._bells = {hearer.parts.service: threading.Event() for hearer in hearers}
        self._read_to: dict[tuple[str, str], int] = {}
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._failing: set[str] = set()
        self._recovered: set[str] = set()
        for hearer in hearers:
            hearer.ask = self._asker(hearer.parts.service)
            hearer.patience = PATIENCE
        for owner in owners.values():
            owner.database.on_commit(self._ring)

    def start(self) -> None:
        """Begin to carry, one thread a hearer."""
        for hearer in self._hearers:
            thread = threading.Thread(target=self._run, args=(hearer,), name=f"hears-{hearer.parts.service}")
            thread.daemon = True
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Finish the batches in hand and stop."""
        self._stopping.set()
        self._ring()
        for thread in self._threads:
            thread.join(timeout=10)

    def hearing(self, service: str) -> dict[str, Any]:
        """Tell as `Progress.report`; a hearer runs while its thread lives and the last round went well."""
        hearer = next(hearer for hearer in self._hearers if hearer.parts.service == service)
        lives = any(thread.is_alive() for thread in self._threads if thread.name == f"hears-{service}")
        behind: dict[str, int | None] = dict.fromkeys(hearer.sources)
        with suppress(OperationalError):  # then nobody can say how far behind it is
            behind = {**self.backlog(hearer)}
        return hearer.progress.report(behind, running=lives and service not in self._failing)

    def drain(self) -> int:
        """Carry in the caller's thread until nothing is left; give back how many events were carried."""
        for hearer in self._hearers:
            self._recover(hearer)
        carried = moved = sum(self.pump(hearer) for hearer in self._hearers)
        while moved:
            moved = sum(self.pump(hearer, look_at_all=False) for hearer in self._hearers)
            carried += moved
        return carried

    def pump(self, hearer: Hearer, *, look_at_all: bool = True) -> int:
        """Hand one batch of each source to a hearer; give back how many events that was.

        Sources come in the order of the owners: causes first. While one has more to say, those behind it wait, for
        what they say would only have to wait for its cause. A source that this process has not written since its end
        was reached is left out, unless all are looked at.
        """
        carried = 0
        for source in self._sources(hearer):
            key, commits = (hearer.parts.service, source), self._owners[source].database.commits
            if not look_at_all and self._read_to.get(key) == commits:
                continue
            moved, more = self._pump_source(hearer, source)
            carried += moved
            if more:
                break
            self._read_to[key] = commits
        return carried + self._say_again(hearer)

    def _sources(self, hearer: Hearer) -> list[str]:
        return [source for source in self._owners if source in hearer.sources]

    @staticmethod
    def places(hearer: Hearer) -> dict[str, int]:
        """Give, by source, the log id of the last row that this hearer has come to."""
        with hearer.parts.database.read() as session:
            return {source: _place(session, hearer, source)[0] for source in hearer.sources}

    def backlog(self, hearer: Hearer) -> dict[str, int]:
        """Count, by source, the log rows that this hearer has not come to."""
        behind = {}
        for source, place in self.places(hearer).items():
            owner = self._owners[source]
            with owner.database.read() as session:
                behind[source] = max(owner.log.last_id(session) - place, 0)
        return behind

    def _pump_source(self, hearer: Hearer, source: str) -> tuple[int, bool]:
        """Hand over one batch: how many events it was, and whether more may stand behind it."""
        owner = self._owners[source]
        with hearer.parts.database.read() as session:
            place, event = _place(session, hearer, source)
        with owner.database.read() as session:
            rows = self._behind(session, owner, place, event)
            if rows is None:
                log.error("owner_restored", service=hearer.parts.service, source=source)
                rows = owner.log.after(session, 0, self._batch)
        if not rows:
            return 0, False

        def keep_place(session: Session, count: int) -> None:
            last = rows[count - 1]
            position = {"source": source, "log_id": last.id, "event_id": last.event_id}
            upsert(session, hearer.parts.log.metadata.tables["log_position"], [position])

        count = hearer.deliver(source, [row.payload for row in rows], keep_place)
        return count, count < len(rows) or len(rows) == self._batch

    def _behind(self, session: Session, owner: Owner, place: int, event: str | None) -> list[Row[Any]] | None:
        """Read what stands behind a place; None where the place no longer holds the event that was heard there."""
        if event is None:
            return owner.log.after(session, 0, self._batch)
        rows = owner.log.after(session, place - 1, self._batch + 1)
        return rows[1:] if rows and rows[0].event_id == event else None

    def _say_again(self, hearer: Hearer) -> int:
        asked = self._asked[hearer.parts.service]
        said = 0
        while asked:
            source, stream, since = asked[0]
            owner = self._owners[source]
            with owner.database.read() as session:
                records = owner.log.stream(session, stream, since)
            self._deliver_all(hearer, source, [record.payload for record in records])
            asked.remove((source, stream, since))
            said += len(records)
        return said

    @staticmethod
    def _deliver_all(hearer: Hearer, source: str, payloads: list[bytes]) -> None:
        while payloads:
            payloads = payloads[hearer.deliver(source, payloads) :]

    def _asker(self, service: str) -> Ask:
        def ask(source: str, stream: str, since: int) -> None:
            if (source, stream, since) not in self._asked[service]:
                self._asked[service].append((source, stream, since))

        return ask

    def _ring(self) -> None:
        for bell in self._bells.values():
            bell.set()

    def _run(self, hearer: Hearer) -> None:
        bell = self._bells[hearer.parts.service]
        rung = False
        while not self._stopping.is_set():
            bell.clear()
            try:
                self._recover(hearer)
                moved = self.pump(hearer, look_at_all=not rung)
                self._failing.discard(hearer.parts.service)
                hearer.progress.moved()
            except Exception:
                self._failing.add(hearer.parts.service)
                hearer.counts.trouble("round")
                log.exception("hearing_failed", service=hearer.parts.service)
                self._stopping.wait(1.0)
                continue
            if moved:
                self._give_way()
            rung = bool(moved) or bell.wait(LOOK_AGAIN)

    def _recover(self, hearer: Hearer) -> None:
        """Take up, once, what an earlier process left."""
        if hearer.parts.service not in self._recovered:
            hearer.recover()
            self._recovered.add(hearer.parts.service)

    def _give_way(self) -> None:
        until = time.monotonic() + GIVE_WAY
        self._stopping.wait(GATHER)
        while self.busy() and time.monotonic() < until and not self._stopping.is_set():
            self._stopping.wait(GATHER)


def _place(session: Session, hearer: Hearer, source: str) -> tuple[int, str | None]:
    placed = _placed(hearer.parts.log.metadata.tables["log_position"])
    row = session.connection().execute(placed, {"source": source}).one_or_none()
    return (row.log_id, row.event_id) if row else (0, None)


@cache
def _placed(table: Table) -> Select[Any]:
    return select(table.c.log_id, table.c.event_id).where(table.c.source == bindparam("source"))
