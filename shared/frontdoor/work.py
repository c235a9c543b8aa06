"""One piece of work: the transaction that a handler works in, with what it may need and nothing else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import Table
from sqlmodel import Session

from frontdoor import access, tracing
from frontdoor.areas import Area
from frontdoor.calendars import local_date
from frontdoor.database import Database, claim
from frontdoor.envelope import Recorded
from frontdoor.event_log import EventLog, Occasion, Saying
from frontdoor.events import Event
from frontdoor.identifiers import FamilyLinks
from frontdoor.replicas import Replicas
from frontdoor.scanning import Scan, nothing
from frontdoor.seal import KeyStore


class Refused(Exception):
    """This cannot be done, for a reason that a person can read; it is never tried again by itself.

    `code` is stable, `status` is the HTTP answer, `field` names what to put right, `more` goes into the answer.
    """

    def __init__(self, code: str, sentence: str, *, status: int = 409, field: str | None = None, **more: Any) -> None:
        super().__init__(sentence)
        self.code, self.sentence, self.status, self.field, self.more = code, sentence, status, field, more


Clock = Callable[[], datetime]


class Work:
    """A session with one transaction open, and who works when, where and why."""

    def __init__(self, parts: "Parts", session: Session, occasion: Occasion, actor: access.Actor) -> None:
        self.parts, self.session, self.occasion, self.actor = parts, session, occasion, actor
        self._saying = Saying(session, occasion)
        self._has_appended = False

    @property
    def now(self) -> datetime:
        """Business time, in UTC."""
        return self.occasion.now

    @property
    def today(self) -> date:
        """Business date, in Europe/London."""
        return local_date(self.occasion.now)

    @property
    def area(self) -> Area:
        """The area's organisations, pathways, standards and calendars."""
        return self.parts.area

    @property
    def keys(self) -> KeyStore:
        """The children's data keys."""
        return self.parts.keys

    @property
    def has_written(self) -> bool:
        """Whether anything may have been written in this work: the session's or the log's."""
        session = self.session
        return self._has_appended or bool(session.new or session.dirty or session.deleted)

    def claim(self, *names: str) -> None:
        """Claim what is to be decided about, before it is loaded; see `database.claim`."""
        claim(self.session, *names)

    def append(self, stream: str, expected_version: int | None, *events: Event) -> list[Recorded]:
        """Append to this service's log; see `EventLog.append`."""
        self._has_appended = True
        records = self.parts.log.append(self.session, stream, expected_version, events, self._saying)
        tracing.said(records)
        return records

    @contextmanager
    def following(self, stream: str) -> Iterator[None]:
        """Carry on, within this, the trace in which a stream began: for chores, which nobody has asked for."""
        before = self._saying.occasion
        with tracing.working(self.parts.service, self.parts.log.traceparent(self.session, stream)):
            self._saying.occasion = replace(before, traceparent=tracing.current())
            try:
                yield
            finally:
                self._saying.occasion = before

    def version(self, stream: str) -> int:
        """Give a stream's version, 0 where it does not exist."""
        return self.parts.log.version(self.session, stream)

    def may(self, action: str, subject: access.Subject) -> access.Allow:
        """Decide whether the actor may do this to this child's data, and leave the audit row in this transaction.

        Raises `access.Denied`, whose status is the one that the table of permissions names.
        """
        answer = access.decide(self.actor, action, subject, self.area.agreements, self.now)
        if isinstance(answer, access.Deny):
            raise access.Denied(answer, asked=(action, subject.reference))
        self._leave_audit_row(action, [subject.reference], answer)
        return answer

    def shown(self, action: str, references: list[str], answer: access.Allow) -> None:
        """Leave one audit row for a list that was shown."""
        self._leave_audit_row(action, references, answer)

    def _leave_audit_row(self, action: str, references: list[str], answer: access.Allow) -> None:
        access.leave_audit_row(self.session, self.parts.audit, self.actor, action, references, answer, self.now)


@dataclass(frozen=True)
class Parts:
    """The real parts of one running service, wired by its `app.py`."""

    service: str
    database: Database
    log: EventLog
    area: Area
    keys: KeyStore
    links: FamilyLinks
    secret: bytes
    clock: Clock
    folder: Path
    public_url: str
    demo: bool
    receipts: bytes = b""
    replicas: Replicas = field(default_factory=Replicas)
    scan: Scan = nothing

    @property
    def audit(self) -> Table:
        """This service's audit table."""
        return self.log.metadata.tables["audit"]

    @cached_property
    def epoch(self) -> int:
        """The epoch of this service's history, as it was when the process first said something."""
        with self.database.read() as session:
            return self.log.epoch(session)

    @contextmanager
    def work(self, actor: access.Actor, correlation: str | None = None) -> Iterator[Work]:
        """Open a transaction in which this person changes or reads something."""
        now, caller = self.clock(), correlation or str(uuid4())
        try:
            with tracing.working(self.service), self.database.write() as session:
                traceparent = tracing.current()
                occasion = Occasion(now, actor.person, self.area.id, caller, traceparent=traceparent, epoch=self.epoch)
                yield Work(self, session, occasion, actor)
        except access.Denied as denied:
            self._leave_denial(denied, actor, now)
            raise

    def _leave_denial(self, denied: access.Denied, actor: access.Actor, now: datetime) -> None:
        # What was begun is undone, and the audit row with it: the refusal itself is kept all the same.
        if denied.asked is not None:
            action, reference = denied.asked
            with self.database.write() as session:
                access.leave_audit_row(session, self.audit, actor, action, [reference], denied.answer, now)

    def hearing(self, session: Session, heard: Recorded) -> Work:
        """Make the work of a subscription, in delivery's transaction, caused by the heard event."""
        actor = access.machine(self.service, heard.area)
        occasion = Occasion(
            now=self.clock(),
            actor=actor.person,
            area=heard.area,
            correlation=heard.correlation,
            causation=heard.id,
            caused_by=heard.id,
            traceparent=tracing.current() or heard.traceparent,
            epoch=self.epoch,
        )
        return Work(self, session, occasion, actor)
