"""Notification's tables, what each event does to them, and the questions asked of them."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String, delete, func, select
from sqlalchemy.orm import registry
from sqlmodel import Field, Session, SQLModel, col

from frontdoor.database import DERIVED, KEPT, UtcDateTime
from frontdoor.event_log import EventLog, Recorded
from frontdoor.events import (
    Agency,
    CaseNoted,
    Channel,
    EntryStatus,
    NoticeAttempted,
    NoticeChanged,
    NoticeCreated,
    NoticeDelayed,
    NoticeFailed,
    NoticeSuppressed,
    RecipientLinkNoted,
    RecipientNoted,
)
from notification import domain


class Row(SQLModel, registry=registry()):
    """A row of this service's tables."""


class Case(Row, table=True):
    """A referral: whose it is, who has it, and by when they decide."""

    __tablename__ = "referral_case"
    __table_args__ = DERIVED
    reference: str = Field(primary_key=True)
    area: str
    child_id: str
    sent_by: str
    organisation: str | None
    setting: str | None
    agencies: list[Agency] = Field(sa_type=JSON)
    family: list[str] = Field(sa_type=JSON)
    standing: dict[Agency, EntryStatus] = Field(sa_type=JSON)
    due: dict[Agency, str] = Field(sa_type=JSON)


class Recipient(Row, table=True):
    """Somebody who is told, and how; `details` is the form's contact, still sealed."""

    __table_args__ = (Index("recipient_reference", "area", "reference"), DERIVED)
    contact_id: str = Field(primary_key=True)
    area: str
    reference: str
    child_id: str
    channel: Channel = Field(sa_type=String)
    language: str
    parental_responsibility: bool
    safe_to_contact: bool
    details: str


class RecipientLink(Row, table=True):
    """The generation of somebody's link that opens, once it was renewed."""

    __tablename__ = "recipient_link"
    __table_args__ = DERIVED
    reference: str = Field(primary_key=True)
    contact_id: str = Field(primary_key=True)
    area: str
    generation: int


class Notice(Row, table=True):
    """What one person is to be told of one event by one channel, and what became of it.

    `state` is the lifecycle's, `status` the contract's. `due_at` is when it may be sent, while it waits; `task` is why
    a person must see to it, as long as one must.
    """

    __table_args__ = (
        Index("notice_reference", "area", "reference", "created_at"),
        Index("notice_due", "area", "state", "due_at"),
        Index("notice_task", "area", "task", "created_at"),
        DERIVED,
    )
    notice: str = Field(primary_key=True)
    area: str
    reference: str
    child_id: str
    cause: str
    cause_type: str
    recipient: str
    channel: Channel = Field(sa_type=String)
    language: str
    template: str
    facts: dict[str, Any] = Field(sa_type=JSON)
    state: str
    status: str
    created_at: datetime = Field(sa_type=UtcDateTime)
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    attempts: int = 0
    attempted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    task: str | None = None
    version: int = 1


class Hold(Row, table=True):
    """While there is a row, nothing is sent: a restored service waits for somebody to release it."""

    __table_args__ = KEPT
    area: str = Field(primary_key=True)
    since: datetime = Field(sa_type=UtcDateTime)


# --- apply -----------------------------------------------------------------------------------------------------------


def apply(session: Session, record: Recorded) -> None:
    """Write what an event of our own says into the derived tables."""
    writer = _WRITERS.get(type(record.event))
    if writer is not None:
        writer(session, record)
    elif isinstance(record.event, NoticeChanged):
        _change_notice(session, record, record.event)


def _write_case(session: Session, record: Recorded) -> None:
    session.merge(Case(area=record.area, **record.data))


def _write_recipient(session: Session, record: Recorded) -> None:
    session.merge(Recipient(area=record.area, **record.data))


def _write_link(session: Session, record: Recorded) -> None:
    session.merge(RecipientLink(area=record.area, **record.data))


def _write_notice(session: Session, record: Recorded) -> None:
    row = Notice(area=record.area, state="created", status="created", created_at=record.time, **record.data)
    row.due_at, row.version = record.time, record.version
    session.add(row)


_WRITERS: dict[type, Callable[[Session, Recorded], None]] = {
    CaseNoted: _write_case,
    RecipientNoted: _write_recipient,
    RecipientLinkNoted: _write_link,
    NoticeCreated: _write_notice,
}


def _change_notice(session: Session, record: Recorded, event: NoticeChanged) -> None:
    row = session.get_one(Notice, event.notice)
    row.version = record.version
    row.state = domain.LIFECYCLES["notice"][record.type][1] or row.state
    row.status = domain.STATUSES.get(row.state, row.status)
    row.due_at = row.task = None
    if isinstance(event, NoticeAttempted):
        row.attempts, row.attempted_at = row.attempts + 1, record.time
    elif isinstance(event, NoticeDelayed):
        row.due_at = event.again_at
    elif isinstance(event, NoticeFailed):
        row.status = row.task = event.status
    elif isinstance(event, NoticeSuppressed):
        row.task = event.reason_code if event.reason_code in domain.FOR_A_PERSON else None
    elif row.state == "uncertain":
        row.task = "uncertain"
    session.add(row)


log = EventLog("notification", Row.metadata, apply)


# --- questions -------------------------------------------------------------------------------------------------------


def case(session: Session, reference: str) -> domain.Case | None:
    """A referral's case, once it has been heard of."""
    row = session.get(Case, reference)
    if row is None:
        return None
    return domain.Case(
        reference=row.reference,
        child_id=row.child_id,
        sent_by=row.sent_by,
        organisation=row.organisation,
        setting=row.setting,
        agencies=tuple(row.agencies),
        family=tuple(row.family),
        standing=dict(row.standing),
        due={agency: datetime.fromisoformat(at) for agency, at in row.due.items()},
    )


def area_of(session: Session, reference: str) -> str:
    """The area of a case that is known."""
    return session.get_one(Case, reference).area


def recipients(session: Session, area: str, reference: str) -> list[Recipient]:
    """Everybody who is told of a referral, in order of contact id."""
    found = select(Recipient).where(col(Recipient.area) == area, col(Recipient.reference) == reference)
    return list(session.scalars(found.order_by(col(Recipient.contact_id))))


def recipient(session: Session, contact_id: str) -> Recipient | None:
    """One recipient."""
    return session.get(Recipient, contact_id)


def link_generation(session: Session, reference: str, contact_id: str) -> int:
    """The generation of somebody's link that opens."""
    row = session.get(RecipientLink, (reference, contact_id))
    return row.generation if row else domain.FIRST_GENERATION


def notice(session: Session, notice_id: str) -> Notice | None:
    """One notice."""
    return session.get(Notice, notice_id)


def notices_of(session: Session, area: str, reference: str) -> list[Notice]:
    """Every notice about a referral, oldest first."""
    found = select(Notice).where(col(Notice.area) == area, col(Notice.reference) == reference)
    return list(session.scalars(found.order_by(col(Notice.created_at), col(Notice.notice))))


def due(session: Session, area: str, now: datetime, limit: int) -> list[Notice]:
    """Notices that wait and may be sent now, the longest due first."""
    waits = col(Notice.state).in_(("created", "delayed"))
    found = select(Notice).where(col(Notice.area) == area, waits, col(Notice.due_at) <= now)
    return list(session.scalars(found.order_by(col(Notice.due_at), col(Notice.notice)).limit(limit)))


def in_flight(session: Session, area: str) -> list[Notice]:
    """Notices whose attempt has no result: the process ended between the provider's answer and ours."""
    found = select(Notice).where(col(Notice.area) == area, col(Notice.state) == "sending")
    return list(session.scalars(found.order_by(col(Notice.notice))))


def tasks(session: Session, area: str, limit: int) -> list[Notice]:
    """Notices that a person must see to, the oldest first."""
    found = select(Notice).where(col(Notice.area) == area, col(Notice.task).is_not(None))
    return list(session.scalars(found.order_by(col(Notice.created_at), col(Notice.notice)).limit(limit)))


def was_restored(session: Session) -> bool:
    """Whether this history was ever put back from a copy: what it thinks unsent may have gone out before."""
    return log.epoch(session) > 1


def hold(session: Session, area: str, now: datetime) -> None:
    """Send nothing until released."""
    session.merge(Hold(area=area, since=now))


def release(session: Session, area: str) -> None:
    """Send again."""
    session.connection().execute(delete(Hold).where(col(Hold.area) == area))


def is_held(session: Session, area: str) -> bool:
    """Whether sending is held."""
    return session.get(Hold, area) is not None


# --- proofs ----------------------------------------------------------------------------------------------------------


def unsettled(session: Session, states: Sequence[str] = ("created", "sending")) -> int:
    """Count the notices on their way; those delayed by the provider are not among them unless asked for."""
    return session.scalar(select(func.count()).where(col(Notice.state).in_(states))) or 0


def told(session: Session) -> list[tuple[str, str]]:
    """Who has a notice about which event: (the event's id, contact id) of every notice."""
    found = session.connection().execute(select(col(Notice.cause), col(Notice.recipient)))
    return [(cause, contact_id) for cause, contact_id in found]


def notice_faults(session: Session) -> list[str]:
    """What contradicts "one notice for each event, recipient and channel, in a state that may be": one line each."""
    rows = session.scalars(select(Notice).execution_options(yield_per=500))
    counts: Counter[tuple[str, str, str]] = Counter()
    faults = []
    for row in rows:
        counts[row.cause, row.recipient, row.channel] += 1
        if row.notice != domain.notice_id(row.cause, row.recipient, row.channel):
            faults.append(f"{row.reference} {row.notice} is not named after its event, recipient and channel")
        if fault := domain.fault_of(row.state, row.status, row.attempts):
            faults.append(f"{row.reference} {row.notice} {fault}")
    twice = [key for key, count in counts.items() if count > 1]
    return faults + [f"{cause} has more than one notice to {to} by {channel}" for cause, to, channel in twice]
