"""The queues' tables, how an event changes them, and the questions asked of them."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, func, literal, tuple_
from sqlalchemy.orm import registry
from sqlmodel import Field, Session, SQLModel, col, select

from frontdoor.database import DERIVED, UtcDateTime
from frontdoor.envelope import Recorded
from frontdoor.event_log import EventLog
from frontdoor.events import (
    AGENCIES,
    Agency,
    EntryAccepted,
    EntryBroughtUp,
    EntryChanged,
    EntryClaimed,
    EntryReopened,
    EntryRequeued,
    Priority,
    QueueChildNoted,
    ReferralQueued,
    StandardBreached,
    StandardMet,
)
from frontdoor.rows import insert_rows, put, table_of
from triage_panel import domain


class Row(SQLModel, registry=registry()):
    """The tables of this service."""


class Entry(Row, table=True):
    """One agency's entry of a referral, as its stream left it."""

    __table_args__ = (
        Index("entry_queue", "area", "agency", "open", "priority_order", "due_at", "received_at", "reference"),
        Index("entry_by_status", "area", "agency", "status", "priority_order", "due_at", "received_at", "reference"),
        Index("entry_clock", "area", "clock_runs", "due_at"),
        DERIVED,
    )

    area: str = Field(primary_key=True)
    reference: str = Field(primary_key=True)
    agency: str = Field(primary_key=True)
    version: int
    child_id: str
    kind: str
    status: str
    open: bool
    priority: str
    priority_order: int
    received_at: datetime = Field(sa_type=UtcDateTime)
    due_at: datetime = Field(sa_type=UtcDateTime)
    standard: str
    standard_version: str
    needs: list[str] = Field(sa_type=JSON)
    support: list[str] = Field(sa_type=JSON)
    rules: list[str] = Field(sa_type=JSON)
    flags: list[str] = Field(sa_type=JSON)
    waits: list[dict[str, Any]] = Field(default=[], sa_type=JSON)
    """What was asked for too early, each with the birthday and what is given meanwhile, as `Wait` says it."""
    old_enough_for: list[str] = Field(default=[], sa_type=JSON)
    """Supports that came up on a birthday and about which nothing has been decided since."""
    referrer_role: str | None = None
    sent_by: str
    organisation: str | None = None
    setting: str | None = None
    family: list[str] = Field(sa_type=JSON)
    out_of_area: bool
    to_be_sorted: bool
    redirected_from: str | None = None
    story: str
    holder: str | None = None
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    corrected_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    met: bool = False
    breached: bool = False
    clock_runs: bool = True

    @property
    def stream(self) -> str:
        """The name of its stream."""
        return stream_of(self.reference, self.agency)

    def standing(self) -> domain.Standing:
        """Where it stands, as a value that decisions take."""
        return domain.Standing(
            reference=self.reference,
            agency=_agency(self.agency),
            child_id=self.child_id,
            status=self.status,
            priority=_priority(self.priority),
            received_at=self.received_at,
            due_at=self.due_at,
            standard=self.standard,
            sent_by=self.sent_by,
            setting=self.setting,
            family=tuple(self.family),
            holder=self.holder,
            decided_at=self.decided_at,
            corrected_until=self.corrected_until,
            met=self.met,
            breached=self.breached,
        )


class Child(Row, table=True):
    """Who a child is, sealed as it was heard."""

    __table_args__ = DERIVED
    area: str = Field(primary_key=True)
    child_id: str = Field(primary_key=True)
    identity: str


_entries = table_of(Entry)


def stream_of(reference: str, agency: str) -> str:
    """Name the stream of an entry."""
    return f"entry/{reference}/{agency}"


def streams_of(reference: str) -> list[str]:
    """Name the streams of all entries that a referral may have."""
    return [stream_of(reference, agency) for agency in AGENCIES]


def child_stream(child_id: str) -> str:
    """Name the stream in which is noted who a child is."""
    return f"child-noted/{child_id}"


# --- what an event changes -------------------------------------------------------------------------------------------


def apply(session: Session, recorded: Recorded) -> None:
    """Write what one event of our own log changes; the only writer of the derived tables."""
    event = recorded.event
    match event:
        case ReferralQueued():
            # By Core, not as an object: most events heard are new referrals, and this hears a third more of them.
            insert_rows(session, _entries, [_new_entry(recorded, event)])
        case QueueChildNoted():
            put(session, Child, area=recorded.area, child_id=event.child_id, identity=event.identity)
        case _ if recorded.stream.startswith("entry/"):
            _, reference, agency = recorded.stream.split("/")
            entry = session.get_one(Entry, (recorded.area, reference, agency))
            _change(entry, recorded)
            session.add(entry)


def _new_entry(recorded: Recorded, event: ReferralQueued) -> dict[str, Any]:
    told = {name: value for name, value in event if name in _entries.columns}
    told |= {name: list(value) for name, value in told.items() if isinstance(value, tuple)}
    told["waits"] = [wait.model_dump(mode="json") for wait in event.waits]
    return told | {
        "area": recorded.area,
        "version": recorded.version,
        "status": "queued",
        "open": True,
        "priority_order": domain.PRIORITIES.index(event.priority),
        "old_enough_for": [],
        "met": False,
        "breached": False,
        "clock_runs": True,
    }


def _change(entry: Entry, recorded: Recorded) -> None:
    event, before = recorded.event, entry.status
    entry.version = recorded.version
    entry.status = domain.after(before, recorded.type)
    match event:
        case EntryClaimed():
            entry.holder = event.holder
        case EntryAccepted():
            entry.priority, entry.priority_order = event.priority, domain.PRIORITIES.index(event.priority)
        case EntryReopened() | EntryRequeued():
            # What was closed had been decided: its standard is not asked for again.
            entry.decided_at = entry.decided_at if before == "closed" else None
            entry.corrected_until = None
        case EntryBroughtUp():
            _bring_up(entry, event)
        case StandardMet():
            entry.met = True
        case StandardBreached():
            entry.breached = True
    if isinstance(event, EntryChanged):
        _note_decision(entry, recorded)
    entry.open = entry.status in domain.OPEN
    entry.clock_runs = domain.runs(entry.status, entry.decided_at, breached=entry.breached)


def _bring_up(entry: Entry, event: EntryBroughtUp) -> None:
    if event.due_at != entry.due_at:
        # A promise of its own, for what has been asked now: kept or missed once more.
        entry.due_at, entry.standard, entry.standard_version = event.due_at, event.standard, event.standard_version
        entry.decided_at, entry.met, entry.breached = None, False, False
    entry.corrected_until = None
    entry.old_enough_for = [*entry.old_enough_for, event.support]


def _note_decision(entry: Entry, recorded: Recorded) -> None:
    if recorded.type in (*domain.DECISIONS, "EntryClosed", "EntryWithdrawn"):
        entry.old_enough_for = []
    if recorded.type in (*domain.DECISIONS, "EntryWithdrawn"):
        entry.decided_at = entry.decided_at or recorded.time
    if recorded.type in domain.CORRECTABLE:
        entry.corrected_until = recorded.time + domain.CORRECTED_WITHIN


log = EventLog("triage-panel", Row.metadata, apply)


# --- questions -------------------------------------------------------------------------------------------------------

Place = tuple[int, datetime, datetime, str]
"""Where an entry stands in the order of a queue: priority, due, received, reference."""


def place_of(entry: Entry) -> Place:
    """Give an entry's place in the order of its queue."""
    return (entry.priority_order, entry.due_at, entry.received_at, entry.reference)


def entry(session: Session, area: str, reference: str, agency: str) -> Entry | None:
    """Find one agency's entry of a referral."""
    return session.get(Entry, (area, reference, agency))


def entries_of(session: Session, area: str, reference: str) -> list[Entry]:
    """List all agencies' entries of a referral, in alphabetical order."""
    wanted = select(Entry).where(col(Entry.area) == area, col(Entry.reference) == reference)
    return list(session.exec(wanted.order_by(col(Entry.agency))))


def queue(
    session: Session, area: str, agency: str, status: str | None, behind: Place | None, limit: int
) -> list[Entry]:
    """List an agency's entries of that status (None: those that have not ended) in order, behind a place."""
    order: list[Any] = [col(Entry.priority_order), col(Entry.due_at), col(Entry.received_at), col(Entry.reference)]
    wanted = select(Entry).where(col(Entry.area) == area, col(Entry.agency) == agency)
    wanted = wanted.where(col(Entry.status) == status) if status else wanted.where(col(Entry.open))
    if behind:
        place = [literal(value, column.type) for value, column in zip(behind, order, strict=True)]
        wanted = wanted.where(tuple_(*order) > tuple_(*place))
    return list(session.exec(wanted.order_by(*order).limit(limit)))


def overdue(session: Session, area: str, now: datetime, limit: int) -> list[Entry]:
    """List entries whose date has passed without a decision and of which that has not been said, longest ago first."""
    late = select(Entry).where(col(Entry.area) == area, col(Entry.clock_runs), col(Entry.due_at) < now)
    return list(session.exec(late.order_by(col(Entry.due_at)).limit(limit)))


def backlog(session: Session, area: str, now: datetime) -> dict[str, int]:
    """Count the entries whose date has passed and of which that has not been said."""
    late = (col(Entry.area) == area) & col(Entry.clock_runs) & (col(Entry.due_at) < now)
    return {"breaches_due": session.scalar(select(func.count()).select_from(Entry).where(late)) or 0}


def identities(session: Session, area: str, child_ids: list[str]) -> dict[str, str]:
    """Give the sealed identity of those of these children who have been heard of."""
    wanted = select(Child).where(col(Child.area) == area, col(Child.child_id).in_(child_ids))
    return {child.child_id: child.identity for child in session.exec(wanted)}


def _agency(text: str) -> Agency:
    return text  # type: ignore[return-value]  # written from an event, where it was checked


def _priority(text: str) -> Priority:
    return text  # type: ignore[return-value]  # written from an event, where it was checked
