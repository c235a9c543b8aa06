"""Hearing: what a service does with the events that a transport hands over. Both transports use this and nothing else.

A batch is one transaction: the positions of its streams are claimed first, then each event is compared with what is
kept of its stream and is applied, skipped or parked. However often, in whatever order and after whatever crash events
are handed over, each is applied once, in its stream's order, or stands in the parked table for a person to see.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlmodel import Session

from frontdoor import metrics, tracing
from frontdoor.database import claim, undone_alone
from frontdoor.delivery import parking
from frontdoor.delivery.positions import Place, Positions
from frontdoor.delivery.progress import Progress
from frontdoor.envelope import Recorded, Undecodable, decode
from frontdoor.event_log import Stale
from frontdoor.events import EVENTS, Event, UnknownEvent
from frontdoor.failpoints import reach
from frontdoor.work import Parts, Refused, Work

log = structlog.get_logger()

Handler = Callable[[Work, "Heard"], None]
MOST = 200
"""Events heard in one transaction, at most."""
TRIES = 3
"""How often the same event may fail alone before it is poison."""


@dataclass(frozen=True)
class Heard:
    """An event as a handler receives it: the envelope, and the event itself."""

    record: Recorded

    @property
    def event(self) -> Event:
        """The event, lifted to today's version."""
        return self.record.event


class NotYet(Exception):
    """What caused this event has not arrived here yet: it is parked, and tried again when that stream advances."""

    def __init__(self, source: str, stream: str) -> None:
        super().__init__(self.__doc__)
        self.source, self.stream = source, stream


Subscriptions = Mapping[type[Event], Handler]
DecidesAbout = Callable[[Event], Iterable[str]]
"""Which streams hearing an event decides about, as its handler claims them."""
Ask = Callable[[str, str, int], None]
"""(source, stream, from version): ask the owner to say a stream again."""
KeepPlace = Callable[[Session, int], None]
"""(session, count): keep that so many events of the batch are settled."""


@dataclass
class Hearer:
    """One service's ears: its subscriptions, its positions, its parked events."""

    parts: Parts
    subscriptions: Subscriptions
    refusal: type[Event]
    decides_about: DecidesAbout = lambda _event: ()
    ask: Ask = lambda _source, _stream, _since: None
    pause: Callable[[float], None] = time.sleep
    patience: float = 0.2
    progress: Progress = field(default_factory=Progress)
    _within_reach: int = 32
    handlers: dict[str, Handler] = field(init=False)

    def __post_init__(self) -> None:
        """Name the handlers by event type."""
        self.handlers = {kind.__name__: handler for kind, handler in self.subscriptions.items()}
        self.counts = metrics.counts_of(self.parts.service)

    @property
    def sources(self) -> tuple[str, ...]:
        """The services that it hears, in alphabetical order."""
        return tuple(sorted({kind.source for kind in self.subscriptions}))

    def deliver(
        self, source: str, payloads: Sequence[bytes], keep_place: KeepPlace = lambda _session, _count: None
    ) -> int:
        """Hear a batch in one transaction; returns how many of its events are settled, however long that takes.

        A batch ends early after `patience` seconds of work, so that nobody waits long for the database behind it.
        `keep_place(session, count)` stores the transport's own position in the same transaction. Trouble is retried in
        place with back-off; after the third time event by event, where one that fails alone three times is poison.
        """
        # What patience leaves over is decoded and claimed again: so no more is taken up than may well be finished.
        payloads = payloads[: self._within_reach]
        for attempt in range(TRIES):
            try:
                return self._transaction(source, payloads, keep_place, careful=attempt > 0)
            except HalfDone:
                continue
            except Exception as trouble:  # noqa: BLE001  what it was decides below; nothing may be lost here
                self.counts.trouble("batch", source)
                log.warning("batch_failed", service=self.parts.service, source=source, error=type(trouble).__name__)
                self.pause(_back_off(attempt))
        for count, payload in enumerate(payloads, 1):
            self._settle(source, payload, _always(keep_place, count))
        return len(payloads)

    def _settle(self, source: str, payload: bytes, keep_place: KeepPlace) -> None:
        attempt = 0
        while True:
            try:
                self._transaction(source, [payload], keep_place, careful=True, alone=True)
            except (OperationalError, IntegrityError, Stale) as trouble:
                self.counts.trouble("event", source)
                log.warning("retrying", service=self.parts.service, source=source, error=type(trouble).__name__)
                self.pause(_back_off(attempt))
                attempt += 1
            else:
                return

    def _transaction(
        self, source: str, payloads: Sequence[bytes], keep_place: KeepPlace, *, careful: bool, alone: bool = False
    ) -> int:
        with self.parts.database.write() as session:
            hearing = Hearing(self, session, source, alone=alone, careful=careful)
            count = hearing.hear(payloads)
            keep_place(session, count)
            reach("hear.placed")
        self._within_reach = min(max(2 * count, 8), MOST)
        self.progress.moved()
        for stream, since in hearing.missing:
            self.ask(source, stream, since)
        return count

    def recover(self) -> None:
        """Take up what an earlier process left: ask again for what is missing, try what was not known before."""
        with self.parts.database.read() as session:
            rows = parking.of(self.parts.log.metadata).open(session)
        if unknown := [row.id for row in rows if row.reason == "unknown"]:
            self.retry_parked(unknown)
        self._ask_for_gaps()

    def retry_parked(self, ids: Iterable[int] | None = None) -> int:
        """Try parked events again (all that are open, or these); give back how many were applied."""
        with self.parts.database.write() as session:
            rows = parking.of(self.parts.log.metadata).open(session, ids)
            hearings: dict[str, Hearing] = {}
            done = 0
            for source, stream in sorted({(row.source, row.stream) for row in rows}):
                hearing = hearings.get(source) or Hearing(self, session, source, alone=True, siblings=hearings)
                hearing.claim_also(stream)
                done += hearing.settle_heard(stream) + hearing.follow(stream)
            for hearing in hearings.values():
                hearing.keep()
        self._ask_for_gaps()
        return done

    def _ask_for_gaps(self) -> None:
        with self.parts.database.read() as session:
            gaps = parking.of(self.parts.log.metadata).gaps(session)
            places = {gap: Positions(self.parts.log.metadata, gap[0]).look(session, gap[1]) for gap in gaps}
        for (source, stream), place in places.items():
            self.ask(source, stream, place.version + 1)

    def discard_parked(self, parked_id: int) -> bool:
        """Give a parked event up: its stream goes on behind it as if it had been heard."""
        with self.parts.database.write() as session:
            table = parking.of(self.parts.log.metadata)
            row = next(iter(table.open(session, [parked_id])), None)
            if row is None:
                return False
            hearing = Hearing(self, session, row.source, alone=True)
            hearing.claim([row.stream])
            if not any(table.open(session, [parked_id])):  # somebody was quicker
                return False
            place = hearing.places[row.stream]
            if row.version == place.version + 1 and row.reason != "forked":
                hearing.advance(row.stream, decode(row.payload).hash)
            table.settle(session, row.id, "discarded", self.parts.clock())
            hearing.follow(row.stream)
            hearing.keep_all()
            return True


class Hearing:
    """One transaction's hearing of events from one source; `siblings` are its hearings of the others, by source.

    A `careful` one gives each event a savepoint. One that is not needs none as long as all goes well, or an event is
    refused before its handler has written anything; else it ends as `HalfDone`, and the batch is heard again carefully.
    """

    def __init__(
        self,
        hearer: Hearer,
        session: Session,
        source: str,
        *,
        alone: bool,
        careful: bool = True,
        siblings: "dict[str, Hearing] | None" = None,
    ) -> None:
        self.hearer, self.session, self.source, self.alone = hearer, session, source, alone
        self.careful = careful
        self.positions = Positions(hearer.parts.log.metadata, source)
        self.parked = parking.of(hearer.parts.log.metadata)
        self.places: dict[str, Place] = {}
        self.missing: list[tuple[str, int]] = []
        self.blocked: set[str] = set()
        self.siblings = {} if siblings is None else siblings
        self.siblings[source] = self
        self.moved: set[str] = set()

    def hear(self, payloads: Sequence[bytes]) -> int:
        """Claim, compare and settle event after event, until all are or patience ends; give back how many."""
        until = time.monotonic() + self.hearer.patience
        heard = [_decoded(payload) for payload in payloads]
        self.claim(sorted({record.stream for record in heard if record}))
        reach("hear.claimed")
        self._look_ahead([record for record in heard if record])
        count = 0
        for count, (record, payload) in enumerate(zip(heard, payloads, strict=True), 1):  # noqa: B007
            if record is None:
                self._park_undecodable(payload)
            else:
                self._hear_one(record)
            if time.monotonic() > until:
                break
        self.follow_waiters()
        self.keep_all()
        return count

    def _look_ahead(self, heard: Sequence[Recorded]) -> None:
        """Claim what the batch decides about, and look at what has been said of it, at once: handlers find it so."""
        log = self.hearer.parts.log
        log.said_before(self.session, [record.id for record in heard])
        names = {name for record in heard for name in self._decides_about(record)}
        if names:
            claim(self.session, *names)
            log.look_ahead(self.session, names)

    def _decides_about(self, record: Recorded) -> Iterable[str]:
        if record.version <= self.places[record.stream].version or record.type not in self.hearer.handlers:
            return ()
        try:
            return self.hearer.decides_about(record.event)
        except Exception:  # noqa: BLE001  whatever is wrong with it, its own turn tells
            return ()

    def claim(self, streams: Sequence[str]) -> None:
        """Claim the positions of these streams, in sorted order, before anything else is locked."""
        self.places |= self.positions.claim(self.session, streams)
        self.blocked |= self.parked.blocked_streams(self.session, self.source, streams)

    def claim_also(self, stream: str) -> None:
        """Claim one more stream, where it has not been claimed yet."""
        if stream not in self.places:
            self.claim([stream])

    def settle_heard(self, stream: str) -> int:
        """Close what is parked of a stream although it has been heard; give back how many."""
        place, closed = self.places[stream], 0
        for row in self.parked.up_to(self.session, self.source, stream, place.version):
            if place.knows(row.version, row.hash):
                self.parked.settle(self.session, row.id, "applied", self.hearer.parts.clock())
                closed += 1
        return closed

    def keep_all(self) -> None:
        """Write the positions that moved, of every source."""
        for hearing in self.siblings.values():
            hearing.keep()

    def keep(self) -> None:
        """Write the positions that moved."""
        self.positions.keep(self.session, self.places)

    def _hear_one(self, record: Recorded) -> None:
        place = self.places[record.stream]
        if record.version <= place.version:
            if not place.knows(record.version, record.hash):
                self._park(record, "forked")
        elif record.version > place.version + 1:
            self._park_ahead(record, place)
        elif record.stream in self.blocked and not self._fills_gap(record):
            self._park(record, "behind")
        elif not place.leads_to(record.previous):
            self._park(record, "forked")
        elif self._apply(record) and record.stream in self.blocked:
            self._follow_stream(record.stream)

    def _fills_gap(self, record: Recorded) -> bool:
        return self.parked.only_a_gap(self.session, self.source, record.stream)

    def _park_ahead(self, record: Recorded, place: Place) -> None:
        if record.stream in self.blocked:
            self._park(record, "behind")
            return
        self._park(record, "gap")
        self.missing.append((record.stream, place.version + 1))

    def _apply(self, record: Recorded) -> bool:
        """Run the handler; True where the stream moved on."""
        try:
            self._run(record)
        except NotYet as missing:
            self._park(record, "not_yet", waits_for=(missing.source, missing.stream))
            return False
        except UnknownEvent:
            self._park(record, "unknown")
            return False
        except Poison as poison:
            self._park(record, "poison", error=poison.error)
            return False
        self.advance(record.stream, record.hash)
        return True

    def _run(self, record: Recorded) -> None:
        if record.type not in EVENTS or record.schema_version > EVENTS[record.type].schema_version:
            raise UnknownEvent
        handler = self.hearer.handlers.get(record.type)
        if handler is None:
            return
        for attempt in range(TRIES if self.alone else 1):
            try:
                self._handle(handler, record)
            except (NotYet, UnknownEvent, OperationalError, HalfDone):
                raise
            except Exception as failure:
                if not self.alone:
                    raise
                if attempt == TRIES - 1:
                    raise Poison(type(failure).__name__) from failure
                self.hearer.pause(_back_off(attempt))
            else:
                return

    def _handle(self, handler: Handler, record: Recorded) -> None:
        with tracing.heard(self.hearer.parts.service, record) as span:
            work = self.hearer.parts.hearing(self.session, record)
            try:
                with self._held_apart(work):
                    reach("hear.before")
                    handler(work, Heard(record))
                    reach("hear.after")
                span.note(outcome="applied")
            except NotYet:
                span.note(outcome="not_yet")
                raise
            except Refused as refusal:
                span.note(outcome="refused")
                said = self.hearer.refusal.model_validate(
                    {"event": record.id, "event_type": record.type, "code": refusal.code}
                )
                self.hearer.parts.hearing(self.session, record).append(f"refusal/{record.id}", 0, said)

    @contextmanager
    def _held_apart(self, work: Work) -> Iterator[None]:
        """Leave nothing of an event that ends in a refusal or waits for its cause."""
        if self.careful:
            with undone_alone(self.session):
                yield
            return
        try:
            yield
        except (NotYet, Refused) as ended:
            if work.has_written:
                raise HalfDone from ended
            raise

    def advance(self, stream: str, digest: bytes) -> None:
        """Move the stream's position on by one event."""
        self.places[stream] = self.places[stream].after(digest)
        self.moved.add(stream)

    def follow(self, stream: str) -> int:
        """Apply what is parked of this stream, and what waits for it; give back how many."""
        self.moved.add(stream)
        return self._follow_stream(stream) + self.follow_waiters()

    def follow_waiters(self) -> int:
        """Apply what waits for streams that have moved on, of whatever source; give back how many.

        Asked when all that moved them is claimed: whoever parked an event meanwhile, because its cause had not been
        heard, has committed by now, and whoever looks for that cause from now on waits for us and finds it.
        """
        done = 0
        while moved := [hearing for hearing in self.siblings.values() if hearing.moved]:
            for hearing in moved:
                streams, hearing.moved = hearing.moved, set()
                for source, waiting in self.parked.waiting_for(self.session, hearing.source, streams):
                    other = self._sibling(source)
                    other.claim_also(waiting)
                    done += other._follow_stream(waiting)  # noqa: SLF001  one of ours
        return done

    def _follow_stream(self, stream: str) -> int:
        done = 0
        while row := self.parked.at(self.session, self.source, stream, self.places[stream].version + 1):
            record = decode(row.payload)
            if not self.places[stream].leads_to(record.previous):
                self.parked.blame(self.session, row.id, "forked", None)
                break
            if not self._try_parked(row.id, record):
                break
            done += 1
        self._refresh(stream)
        return done

    def _try_parked(self, parked_id: int, record: Recorded) -> bool:
        self._look_ahead([record])
        try:
            with undone_alone(self.session):
                self._run(record)
        except NotYet as missing:
            self.parked.wait(self.session, parked_id, missing.source, missing.stream)
            return False
        except OperationalError:
            raise
        except Exception as failure:
            if not self.alone:  # it may be passing trouble: the batch is tried again, then each event alone
                raise
            self.parked.blame(self.session, parked_id, _reason(failure), _name(failure))
            return False
        self.advance(record.stream, record.hash)
        self.parked.settle(self.session, parked_id, "applied", self.hearer.parts.clock())
        self._refresh(record.stream)
        return True

    def _sibling(self, source: str) -> "Hearing":
        # One hearing a source: two would each have their own picture of how far its streams have come.
        if source not in self.siblings:
            Hearing(self.hearer, self.session, source, alone=self.alone, careful=self.careful, siblings=self.siblings)
        return self.siblings[source]

    def _refresh(self, stream: str) -> None:
        self.blocked -= {stream}
        self.blocked |= self.parked.blocked_streams(self.session, self.source, [stream])

    def _park(
        self, record: Recorded, reason: str, waits_for: tuple[str, str] | None = None, error: str | None = None
    ) -> None:
        log.warning("parked", service=self.hearer.parts.service, stream=record.stream, reason=reason)
        why = parking.Why(reason, waits_for, error)
        self.parked.park(self.session, self.source, record, why, self.hearer.parts.clock())
        self.blocked |= {record.stream}

    def _park_undecodable(self, payload: bytes) -> None:
        log.warning("parked", service=self.hearer.parts.service, reason="undecodable")
        self.parked.park_bytes(self.session, self.source, payload, self.hearer.parts.clock())


class HalfDone(Exception):
    """An event was refused after its handler had written something: the batch is heard again, with savepoints."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class Poison(Exception):
    """This event failed alone, three times, in the same way."""

    def __init__(self, error: str) -> None:
        super().__init__(self.__doc__)
        self.error = error


def _always(keep_place: KeepPlace, count: int) -> KeepPlace:
    return lambda session, _settled: keep_place(session, count)


def _decoded(payload: bytes) -> Recorded | None:
    try:
        return decode(payload)
    except Undecodable:
        return None


def _reason(failure: Exception) -> str:
    return "unknown" if isinstance(failure, UnknownEvent) else "poison"


def _name(failure: Exception) -> str:
    return failure.error if isinstance(failure, Poison) else type(failure).__name__


def _back_off(attempt: int) -> float:
    return float(min(0.05 * 2**attempt, 5.0))
