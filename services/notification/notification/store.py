"""Notification's tables, what each event does to them, and the questions asked of them."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, cast

from sqlalchemy import JSON, ColumnElement, Index, String, and_, bindparam, delete, func, select
from sqlalchemy.orm import registry
from sqlmodel import Field, Session, SQLModel, col

from frontdoor.database import DERIVED, KEPT, UtcDateTime
from frontdoor.envelope import Recorded
from frontdoor.event_log import EventLog
from frontdoor.events import (
    Agency,
    CaseNoted,
    Channel,
    EntryStatus,
    Event,
    NoticeAttempted,
    NoticeChanged,
    NoticeCreated,
    NoticeDelayed,
    NoticeFailed,
    NoticeSuppressed,
    RecipientLinkNoted,
    RecipientNoted,
)
from frontdoor.rows import put
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


def _said(record: Recorded) -> dict[str, Any]:
    """What an event says, as today's version of it would, in JSON's types."""
    return record.event.model_dump(mode="json")


def _write_case(session: Session, record: Recorded) -> None:
    put(session, Case, area=record.area, **_said(record))


def _write_recipient(session: Session, record: Recorded) -> None:
    put(session, Recipient, area=record.area, **_said(record))


def _write_link(session: Session, record: Recorded) -> None:
    put(session, RecipientLink, area=record.area, **_said(record))


def _write_notice(session: Session, record: Recorded) -> None:
    row = Notice(area=record.area, state="created", status="created", created_at=record.time, **_said(record))
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
    row.version, before = record.version, row.state
    row.state = domain.LIFECYCLES["notice"][record.type][1] or row.state
    row.status = domain.STATUSES.get(row.state, row.status)
    row.due_at = row.task = None
    if isinstance(event, NoticeAttempted):
        row.attempts, row.attempted_at = row.attempts + 1, record.time
    elif isinstance(event, NoticeDelayed):
        row.due_at = event.again_at
    elif isinstance(event, NoticeFailed):
        row.status, row.task = event.status, domain.task_after_failure(before, event.status)
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


def notices(session: Session, wanted: Sequence[str]) -> list[Notice]:
    """Load these notices at once: as long as the answer is held, each is found by its key without asking again."""
    return list(session.scalars(select(Notice).where(col(Notice.notice).in_(wanted))))


def people_and_cases(session: Session, of: Sequence[Notice]) -> list[Recipient | Case]:
    """Load whom these notices are to and what they are about, at once, as `notices` does."""
    people = select(Recipient).where(col(Recipient.contact_id).in_({row.recipient for row in of}))
    cases = select(Case).where(col(Case.reference).in_({row.reference for row in of}))
    return [*session.scalars(people), *session.scalars(cases)]


def made(session: Session, notices: Sequence[str]) -> set[str]:
    """Which of these notices are there."""
    return set(session.scalars(_MADE, {"notices": list(notices)}))


_MADE = select(col(Notice.notice)).where(col(Notice.notice).in_(bindparam("notices", expanding=True)))


def life_of(session: Session, notice_id: str) -> list[Event]:
    """Everything that was said of a notice, oldest first."""
    return [record.event for record in log.stream(session, f"notice/{notice_id}")]


def notices_of(session: Session, area: str, reference: str) -> list[Notice]:
    """Every notice about a referral, oldest first."""
    found = select(Notice).where(col(Notice.area) == area, col(Notice.reference) == reference)
    return list(session.scalars(found.order_by(col(Notice.created_at), col(Notice.notice))))


def _since(row: Notice) -> tuple[datetime, str]:
    assert row.due_at is not None  # noqa: S101  it waits
    return row.due_at, row.notice


_OLDEST = (
    select(Notice)
    .where(col(Notice.area) == bindparam("area"))
    .order_by(col(Notice.due_at), col(Notice.notice))
    .limit(bindparam("most"))
)
# A new one at once, even if it was made by a clock that was ahead of ours.
_DUE = (
    _OLDEST.where(col(Notice.state) == "created"),
    _OLDEST.where(col(Notice.state) == "delayed", col(Notice.due_at) <= bindparam("now", type_=UtcDateTime)),
)


def due(session: Session, area: str, now: datetime, limit: int) -> list[Notice]:
    """Notices that wait and may be sent now, the longest due first."""
    # Asked of each state by itself, as the index has them: else all that are due are sorted for the few that are taken.
    found = [row for wanted in _DUE for row in session.scalars(wanted, {"area": area, "now": now, "most": limit})]
    return sorted(found, key=_since)[:limit]


def backlog(session: Session, area: str, now: datetime) -> dict[str, int]:
    """Count the notices that are due, those whose attempt has no result, and those that a person must see to."""
    is_delayed = and_(col(Notice.state) == "delayed", col(Notice.due_at) <= now)
    counts = {
        "notices_due": _count(area, col(Notice.state) == "created") + _count(area, is_delayed),
        "notices_in_flight": _count(area, col(Notice.state) == "sending"),
        "notices_for_a_person": _count(area, col(Notice.task).is_not(None)),
    }
    return dict(session.execute(select(*(count.label(name) for name, count in counts.items()))).mappings().one())


def _count(area: str, rows: ColumnElement[bool]) -> ColumnElement[int]:
    return select(func.count()).select_from(Notice).where(col(Notice.area) == area, rows).scalar_subquery()


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


def notice_faults(session: Session) -> Iterator[str]:
    """What contradicts "one notice for each event, recipient and channel, in a state that may be": one line each."""
    about = (col(Notice.cause), col(Notice.recipient), col(Notice.channel))
    rows = session.scalars(select(Notice).order_by(*about).execution_options(yield_per=500))
    before = None
    for row in rows:
        if before == (before := (row.cause, row.recipient, row.channel)):
            yield f"{row.cause} has more than one notice to {row.recipient} by {row.channel}"
        if row.notice != domain.notice_id(row.cause, row.recipient, row.channel):
            yield f"{row.reference} {row.notice} is not named after its event, recipient and channel"
        if fault := domain.fault_of(row.state, row.status, row.attempts):
            yield f"{row.reference} {row.notice} {fault}"


def untold(session: Session, heard: Iterable[Recorded], at_a_time: int = 200) -> Iterator[str]:
    """Say of which heard events somebody was not told who should have been: `R7K2-9QF4Q EntryAccepted: told 0 of 1`.

    `heard` are records of other services' logs up to where this service has heard them, of any type: those that nobody
    is told of are passed over, and so are those that stand in the parked table, which are faults of their own. Who was
    added to the case after an event had been heard need not have been told of it. Up to `at_a_time`
    of them are held together.
    """
    kinds = {kind.__name__ for kind in domain.TELLING}
    telling = (record for record in heard if record.type in kinds)
    while some := list(islice(telling, at_a_time)):
        yield from _untold(session, some)


def _untold(session: Session, heard: Sequence[Recorded]) -> Iterator[str]:
    areas, causes = {record.area for record in heard}, [record.id for record in heard]
    references = {record.id: cast(domain.Telling, record.event).reference for record in heard}
    people = _known_people(session, areas, set(references.values()))
    opened = _first_places(session, [f"case-noted/{reference}" for reference in set(references.values())])
    led_to, told, parked = _led_to(session, causes), _told(session, areas, references), _parked(session, causes)
    for record in heard:
        reference = references[record.id]
        if record.id in parked:
            continue
        case_at, _ = opened.get(f"case-noted/{reference}", (0, record.time))
        wanted = domain.to_be_told(record.event, record.time, people[reference], case_at, led_to.get(record.id))
        if missing := len(wanted - told[record.id]):
            yield f"{reference} {record.type}: told {len(wanted) - missing} of {len(wanted)}"


def _known_people(session: Session, areas: set[str], references: set[str]) -> dict[str, list[domain.Known]]:
    """Everybody of these cases, and since when they are known."""
    found = select(Recipient).where(col(Recipient.area).in_(areas), col(Recipient.reference).in_(references))
    rows = session.scalars(found).all()
    noted = _first_places(session, [f"recipient/{row.contact_id}" for row in rows])
    people: dict[str, list[domain.Known]] = defaultdict(list)
    for row in rows:
        since = noted.get(f"recipient/{row.contact_id}")
        if since:  # a row that nobody said is a fault of its own
            people[row.reference].append(domain.Known(row.contact_id, *since))
    return people


def _first_places(session: Session, streams: Sequence[str]) -> dict[str, tuple[int, datetime]]:
    """Where in the log each of these streams begins, and when it did."""
    table = log.table.c
    found = select(table.stream, table.id, table.time).where(table.stream.in_(streams), table.version == 1)
    return {row.stream: (row.id, row.time) for row in session.connection().execute(found)}


def _led_to(session: Session, causes: Sequence[str]) -> dict[str, int]:
    """Where in the log each of these events first led to something; those that led to nothing are left out."""
    table = log.table.c
    found = (
        select(table.caused_by, func.min(table.id).label("place"))
        .where(table.caused_by.in_(causes))
        .group_by(table.caused_by)
    )
    return {row.caused_by: row.place for row in session.connection().execute(found)}


def _told(session: Session, areas: set[str], references: Mapping[str, str]) -> dict[str, set[str]]:
    """Who has a notice of each of these events (id -> reference)."""
    of_them = (col(Notice.area).in_(areas), col(Notice.reference).in_(set(references.values())))
    found = select(col(Notice.cause), col(Notice.recipient)).where(*of_them, col(Notice.cause).in_(list(references)))
    recipients: dict[str, set[str]] = defaultdict(set)
    for cause, contact_id in session.connection().execute(found):
        recipients[cause].add(contact_id)
    return recipients


def _parked(session: Session, causes: Sequence[str]) -> set[str]:
    """Which of these events stand in the parked table, or were given up there."""
    table = log.metadata.tables["parked"].c
    found = select(table.event_id).where(table.event_id.in_(causes), table.state != "applied")
    return set(session.connection().scalars(found))
