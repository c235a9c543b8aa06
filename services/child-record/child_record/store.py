"""The record's tables, all derived from its own log, and the questions asked of them."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import JSON, Index, delete, func, tuple_
from sqlalchemy.orm import registry
from sqlmodel import Field, Session, SQLModel, col, select

from child_record.domain import Line
from frontdoor.access import Subject
from frontdoor.database import DERIVED, UtcDateTime
from frontdoor.envelope import Recorded
from frontdoor.event_log import EventLog
from frontdoor.events import (
    LinkRenewed,
    RecordChildNoted,
    RecordLinkNoted,
    RecordOpened,
    StepNoted,
    instant,
    read_instant,
)
from frontdoor.identifiers import normal_reference
from frontdoor.rows import insert_rows, put, table_of

SERVICE = "child-record"


class Row(SQLModel, registry=registry()):
    """Any row of this service."""


class Record(Row, table=True):
    """A referral's page in the shared record."""

    __table_args__ = (Index("record_child", "area", "child_id"), DERIVED)

    area: str = Field(primary_key=True)
    reference: str = Field(primary_key=True)
    child_id: str
    kind: str
    agencies: list[str] = Field(sa_type=JSON)
    received_at: datetime = Field(sa_type=UtcDateTime)
    acknowledge_by: datetime = Field(sa_type=UtcDateTime)
    sent_by: str
    sender: str
    organisation: str | None
    setting: str | None
    contacts: list[str] = Field(sa_type=JSON)
    needs: list[str] = Field(sa_type=JSON)


class Step(Row, table=True):
    """A line of a record's timeline; the heard event names it."""

    __table_args__ = DERIVED

    area: str = Field(primary_key=True)
    reference: str = Field(primary_key=True)
    stream: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime)
    service: str
    what: str
    agency: str | None
    by: str
    facts: dict[str, str | list[str] | None] = Field(sa_type=JSON)


class Reach(Row, table=True):
    """A way in which somebody stands to a record: `kind` sender, family, school, agency or therapist; `who` it is.

    `through` is the booking by which a therapist holds it, else empty.
    """

    __table_args__ = (Index("reach_latest", "area", "kind", "who", "received_at", "reference"), DERIVED)

    area: str = Field(primary_key=True)
    reference: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    who: str = Field(primary_key=True)
    through: str = Field(primary_key=True)
    received_at: datetime = Field(sa_type=UtcDateTime)


class Child(Row, table=True):
    """Who a child is, as heard, still sealed."""

    __table_args__ = DERIVED

    area: str = Field(primary_key=True)
    child_id: str = Field(primary_key=True)
    identity: str


class ChildLink(Row, table=True):
    """Whether two children are one, as was heard; the children themselves stay two."""

    __tablename__ = "child_link"
    __table_args__ = (
        Index("child_link_child", "area", "child_id"),
        Index("child_link_other", "area", "other_child_id"),
        DERIVED,
    )

    area: str = Field(primary_key=True)
    link: str = Field(primary_key=True)
    child_id: str
    other_child_id: str
    is_linked: bool


class Link(Row, table=True):
    """The generation of a link that has been renewed; older ones no longer open."""

    __table_args__ = DERIVED

    area: str = Field(primary_key=True)
    reference: str = Field(primary_key=True)
    recipient: str = Field(primary_key=True)
    generation: int


# --- apply -----------------------------------------------------------------------------------------------------------


def apply(session: Session, recorded: Recorded) -> None:
    """Write what an own event says into the derived tables."""
    match recorded.event:
        case RecordOpened() as opened:
            _open(session, recorded.area, opened)
        case StepNoted() as noted:
            _note(session, recorded.area, noted)
        case RecordChildNoted(child_id=child_id, identity=identity):
            put(session, Child, area=recorded.area, child_id=child_id, identity=identity)
        case RecordLinkNoted() as noted:
            put(session, ChildLink, area=recorded.area, **noted.model_dump())
        case LinkRenewed(reference=reference, recipient=recipient, generation=generation):
            put(session, Link, area=recorded.area, reference=reference, recipient=recipient, generation=generation)


def _open(session: Session, area: str, event: RecordOpened) -> None:
    lists = {"agencies": [*event.agencies], "contacts": [*event.contacts], "needs": [*event.needs]}
    insert_rows(session, table_of(Record), [dict(area=area, **event.model_dump(exclude={"family", *lists}), **lists)])
    ways = [("sender", event.sent_by), *(("family", person) for person in event.family)]
    ways += [("agency", agency) for agency in event.agencies]
    ways += [("school", school) for school in {event.organisation, event.setting} if school]
    named = {"area": area, "reference": event.reference, "through": "", "received_at": event.received_at}
    insert_rows(session, table_of(Reach), [named | {"kind": kind, "who": who} for kind, who in sorted(ways)])


def _note(session: Session, area: str, event: StepNoted) -> None:
    facts = {name: [*value] if isinstance(value, tuple) else value for name, value in event.facts.items()}
    insert_rows(session, table_of(Step), [dict(area=area, **event.model_dump(exclude={"facts"}), facts=facts)])
    booking, held_by = str(facts.get("booking")), facts.get("held_by")
    if event.what == "place_released":
        held = delete(Reach).where(col(Reach.area) == area, col(Reach.reference) == event.reference)
        session.connection().execute(held.where(col(Reach.kind) == "therapist", col(Reach.through) == booking))
    if event.what == "entry_queued":
        _reach(session, area, event.reference, "agency", str(event.agency))
    if held_by:
        _reach(session, area, event.reference, "therapist", str(held_by), booking)


def _reach(session: Session, area: str, reference: str, kind: str, who: str, through: str = "") -> None:
    record = session.get_one(Record, (area, reference))
    if kind == "agency" and who in record.agencies:
        return
    at = record.received_at
    put(session, Reach, area=area, reference=reference, kind=kind, who=who, through=through, received_at=at)


log = EventLog(SERVICE, Row.metadata, apply)


# --- questions -------------------------------------------------------------------------------------------------------


def link_stream_of(reference: str, recipient: str) -> str:
    """Name the stream that says when a link was renewed."""
    return f"link/{reference}/{recipient}"


def stream_of(reference: str) -> str:
    """Name the stream of a referral's record."""
    return f"record/{reference}"


def child_stream(child_id: str) -> str:
    """Name the stream in which is noted who a child is."""
    return f"child-noted/{child_id}"


def version_of(session: Session, reference: str) -> int:
    """Say how often a record has changed; 0 where it is not opened yet."""
    return log.version(session, stream_of(reference))


def versions_of(session: Session, streams: Collection[str]) -> dict[str, int]:
    """Say of each of these streams how often it has changed, in one query; 0 where it has not begun yet."""
    logged = log.table.c
    last = select(logged.stream, func.max(logged.version)).where(logged.stream.in_(streams)).group_by(logged.stream)
    log.write_out(session)
    found = {stream: version for stream, version in session.connection().execute(last)}  # noqa: C416  rows, unpacked
    return dict.fromkeys(streams, 0) | found


def record(session: Session, area: str, reference: str) -> Record | None:
    """Find a record."""
    return session.get(Record, (area, reference))


def records_of_same_child(session: Session, found: Record) -> list[Record]:
    """List the other records of the same child, as was said of them, the latest received first."""
    children, more = {found.child_id}, {found.child_id}
    while more := _linked(session, found.area, more) - children:
        children |= more
    theirs = select(Record).where(Record.area == found.area, col(Record.child_id).in_(children))
    others = theirs.where(Record.reference != found.reference)
    return list(session.exec(others.order_by(col(Record.received_at).desc(), col(Record.reference))))


def _linked(session: Session, area: str, children: Collection[str]) -> set[str]:
    found: set[str] = set()
    for ours, other in ((ChildLink.child_id, ChildLink.other_child_id), (ChildLink.other_child_id, ChildLink.child_id)):
        chosen = select(other).where(ChildLink.area == area, col(ours).in_(children), col(ChildLink.is_linked))
        found |= set(session.exec(chosen))
    return found


def lines(session: Session, area: str, references: Collection[str]) -> dict[str, list[Line]]:
    """Read the timelines of these records, each in no particular order."""
    found: dict[str, list[Line]] = {reference: [] for reference in references}
    chosen = select(Step).where(Step.area == area, col(Step.reference).in_(references))
    for row in session.exec(chosen):
        facts = {name: tuple(value) if isinstance(value, list) else value for name, value in row.facts.items()}
        line = Line(row.at, row.service, row.what, row.agency, row.by, facts, row.stream, row.version)
        found[row.reference].append(line)
    return found


def ways_to(session: Session, area: str, reference: str) -> set[tuple[str, str]]:
    """List the ways (kind, who) in which people stand to a record."""
    return set(session.exec(select(Reach.kind, Reach.who).where(Reach.area == area, Reach.reference == reference)))


def subject(session: Session, found: Record) -> Subject:
    """Say who stands how to a record, for the decision on access."""
    ways = ways_to(session, found.area, found.reference)
    return Subject(
        reference=found.reference,
        area=found.area,
        sent_by=found.sent_by,
        organisation=found.organisation,
        setting=found.setting,
        agencies=frozenset(who for kind, who in ways if kind == "agency"),
        family=frozenset(who for kind, who in ways if kind == "family"),
        therapists=frozenset(who for kind, who in ways if kind == "therapist"),
    )


def identity(session: Session, area: str, child_id: str) -> str | None:
    """Find who a child is, still sealed; None while that has not been heard."""
    child = session.get(Child, (area, child_id))
    return child.identity if child else None


def identities(session: Session, area: str, child_ids: Collection[str]) -> dict[str, str]:
    """Find who these children are, still sealed, by child id; those not heard of yet are left out."""
    rows = session.exec(select(Child).where(Child.area == area, col(Child.child_id).in_(child_ids)))
    return {row.child_id: row.identity for row in rows}


def generation(session: Session, area: str, reference: str, recipient: str) -> int | None:
    """Find the generation that a link was last renewed to; None where it never was."""
    link = session.get(Link, (area, reference, recipient))
    return link.generation if link else None


Place = tuple[datetime, str]
"""Where a page of records ended: when it was received, and its reference."""


def latest(
    session: Session, area: str, ways: Sequence[tuple[str, str]], before: Place | None, limit: int
) -> list[Record]:
    """List up to `limit` records that somebody stands to in one of these ways (kind, who), latest received first."""
    found: set[Place] = set()
    for kind, who in ways:  # one walk down the index each, so that nobody's whole area is sorted for one page
        chosen = select(Reach.received_at, Reach.reference).where(
            Reach.area == area, Reach.kind == kind, Reach.who == who
        )
        if before:
            chosen = chosen.where(tuple_(col(Reach.received_at), col(Reach.reference)) < before)
        chosen = chosen.distinct().order_by(col(Reach.received_at).desc(), col(Reach.reference).desc())
        found |= {(at, reference) for at, reference in session.exec(chosen.limit(limit))}
    references = [reference for _, reference in sorted(found, reverse=True)[:limit]]
    rows = session.exec(select(Record).where(Record.area == area, col(Record.reference).in_(references)))
    records = {row.reference: row for row in rows}
    return [records[reference] for reference in references]


def place_text(row: Record) -> str:
    """Write where a page ended, for the address of the next."""
    return f"{instant(row.received_at)}.{row.reference}"


def place(text: str | None) -> Place | None:
    """Read where a page ended; None for what is no such place."""
    at, _, reference = (text or "").rpartition(".")
    try:
        return (read_instant(at), reference) if normal_reference(reference) == reference else None
    except ValueError:
        return None
