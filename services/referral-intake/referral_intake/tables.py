"""Intake's tables, and `apply`, which writes what its own events say to them."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import registry
from sqlmodel import Field, Session, SQLModel

from frontdoor.database import DERIVED, KEPT, UtcDateTime, put
from frontdoor.event_log import EventLog, Recorded
from frontdoor.events import (
    AssessmentReady,
    ChildRegistered,
    ChildrenKeptApart,
    ChildrenLinked,
    ChildrenUnlinked,
    ConcernClosed,
    ConcernLogged,
    ConcernReferred,
    ContactAdded,
    ContactChanged,
    Event,
    PathwaysAdopted,
    ProgressNoted,
    ReferralAmended,
    ReferralSubmitted,
    ReferralWithdrawn,
    SenderLinkNoted,
)


class Row(SQLModel, registry=registry()):
    """A row of one of intake's tables."""


# --- derived ----------------------------------------------------------------------------------------------------------


class Child(Row, table=True):
    """A child, as registered: `identity` seals the form's `child`."""

    __table_args__ = DERIVED
    child_id: str = Field(primary_key=True)
    area: str
    identity: str


class Contact(Row, table=True):
    """Somebody who is told what happens: `details` seals the form's contact."""

    __table_args__ = (Index("contact_reference", "area", "reference"), DERIVED)
    contact_id: str = Field(primary_key=True)
    area: str
    reference: str
    child_id: str
    channel: str
    language: str
    parental_responsibility: bool
    safe_to_contact: bool
    details: str


class Referral(Row, table=True):
    """A referral. `flags`, `support` and `contacts` are codes and ids with spaces between; `story` is sealed."""

    __table_args__ = (
        Index("referral_sender", "area", "sent_by", "received_at", "reference"),
        Index("referral_setting", "area", "setting", "received_at", "reference"),
        Index("referral_organisation", "area", "organisation", "received_at", "reference"),
        Index("referral_child", "area", "child_id"),
        DERIVED,
    )
    reference: str = Field(primary_key=True)
    area: str
    child_id: str
    kind: str
    status: str
    received_at: datetime = Field(sa_type=UtcDateTime)
    acknowledge_by: datetime = Field(sa_type=UtcDateTime)
    flags: str
    support: str
    contacts: str
    sent_by: str
    family_raised: bool
    organisation: str | None = None
    setting: str | None = None
    concern_raised_on: date
    story: str
    version: int
    withdrawn_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    withdrawal: str | None = None


class ReferralAgency(Row, table=True):
    """An agency that a referral was sent to, and the rules that sent it (separated by spaces)."""

    __tablename__ = "referral_agency"
    __table_args__ = (Index("referral_agency_of", "area", "agency", "received_at", "reference"), DERIVED)
    reference: str = Field(primary_key=True)
    agency: str = Field(primary_key=True)
    area: str
    received_at: datetime = Field(sa_type=UtcDateTime)
    rules: str


class Progress(Row, table=True):
    """Where a referral stands with an agency, as triage has said."""

    __table_args__ = (Index("progress_agency", "area", "agency", "received_at", "reference"), DERIVED)
    reference: str = Field(primary_key=True)
    agency: str = Field(primary_key=True)
    area: str
    status: str
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    received_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class SenderLink(Row, table=True):
    """The generation of the sender's link that opens, once it was renewed."""

    __tablename__ = "sender_link"
    __table_args__ = DERIVED
    reference: str = Field(primary_key=True)
    area: str
    generation: int


class PathwayVersion(Row, table=True):
    """Pathways that somebody adopted: `rules` is the event's own JSON."""

    __tablename__ = "pathway_version"
    __table_args__ = (Index("pathway_adopted", "area", "adopted_at"), DERIVED)
    version: str = Field(primary_key=True)
    area: str
    adopted_at: datetime = Field(sa_type=UtcDateTime)
    adopted_by: str
    note: str
    rules: str


class WaitingAssessment(Row, table=True):
    """A support that a child is too young for, and the day on which it comes up again."""

    __tablename__ = "waiting_assessment"
    __table_args__ = (Index("waiting_ready", "is_ready", "ready_on"), DERIVED)
    reference: str = Field(primary_key=True)
    support: str = Field(primary_key=True)
    area: str
    child_id: str
    ready_on: date
    is_ready: bool = False


class Concern(Row, table=True):
    """A concern of a school's staff: `told` is sealed; `status` is logged, to_decide, referred or closed."""

    __table_args__ = (Index("concern_setting", "area", "setting", "logged_at"), DERIVED)
    concern: str = Field(primary_key=True)
    area: str
    child_id: str
    setting: str
    logged_by: str
    logged_at: datetime = Field(sa_type=UtcDateTime)
    raised_on: date
    area_of_need: str
    impact: str
    strategy_helped: bool | None = None
    status: str
    why: str | None = None
    reference: str | None = None
    told: str
    version: int


class ChildLink(Row, table=True):
    """Whether two children are one, as a person has said: linked, unlinked or apart."""

    __tablename__ = "child_link"
    __table_args__ = (Index("child_link_child", "child_id"), Index("child_link_other", "other_child_id"), DERIVED)
    link: str = Field(primary_key=True)
    area: str
    child_id: str
    other_child_id: str
    status: str
    version: int


class ReferralAddition(Row, table=True):
    """Something added to a referral: `text` is sealed; `evidence` are ids of uploads, separated by spaces."""

    __tablename__ = "addition"
    __table_args__ = DERIVED
    reference: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    area: str
    added_at: datetime = Field(sa_type=UtcDateTime)
    added_by: str
    text: str
    evidence: str


# --- kept -------------------------------------------------------------------------------------------------------------


class Draft(Row, table=True):
    """A form that somebody has begun: `values` is sealed with the draft's own key; `page` is where they were.

    `handed_to` is the school whose SENCO it was passed to and has not been taken up by; `drafted_by` who began it for
    the one who has it now.
    """

    __table_args__ = (
        Index("draft_person", "person", "updated_at"),
        Index("draft_handed_to", "area", "handed_to"),
        KEPT,
    )
    id: str = Field(primary_key=True)
    area: str
    person: str
    values: str
    page: str
    updated_at: datetime = Field(sa_type=UtcDateTime)
    active_seconds: int = 0
    drafted_by: str | None = None
    handed_to: str | None = None


class Upload(Row, table=True):
    """A file that somebody sent: `name` is sealed with the upload's own key, as is the file in the data folder."""

    __table_args__ = KEPT
    id: str = Field(primary_key=True)
    area: str
    person: str
    name: str
    kind: str
    digest: str | None = None
    uploaded_at: datetime = Field(sa_type=UtcDateTime)


class Alert(Row, table=True):
    """Immediate danger: `sent` seals what was sent with the alert's own key. Never a referral."""

    __table_args__ = (Index("alert_received", "area", "received_at"), KEPT)
    id: str = Field(primary_key=True)
    area: str
    sent_by: str
    digest: str
    sent: str
    received_at: datetime = Field(sa_type=UtcDateTime)
    read_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    read_by: str | None = None
    escalated_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class FormToken(Row, table=True):
    """A form that was sent, and the referral that it became: the same form is never two."""

    __tablename__ = "form_token"
    __table_args__ = KEPT
    person: str = Field(primary_key=True)
    token: str = Field(primary_key=True)
    reference: str


class SearchHash(Row, table=True):
    """A keyed hash of one thing by which a child can be found. Erasing a child empties its rows."""

    __tablename__ = "search_hash"
    __table_args__ = (Index("search_child", "child_id"), KEPT)
    area: str = Field(primary_key=True)
    hash: str = Field(primary_key=True)
    child_id: str = Field(primary_key=True)


class MatchKey(Row, table=True):
    """A keyed hash of what the same child would have in common with another form. Erasing a child empties its rows."""

    __tablename__ = "match_key"
    __table_args__ = (Index("match_child", "child_id"), KEPT)
    area: str = Field(primary_key=True)
    hash: str = Field(primary_key=True)
    child_id: str = Field(primary_key=True)


class ConcernKey(Row, table=True):
    """A keyed hash by which a school's concerns about one child are found together; erasing the child empties it."""

    __tablename__ = "concern_key"
    __table_args__ = (Index("concern_hash", "hash"), KEPT)
    concern: str = Field(primary_key=True)
    hash: str


class PossibleMatch(Row, table=True):
    """Two children who may be one: a task for a person. `why` are codes with spaces between."""

    __tablename__ = "possible_match"
    __table_args__ = (
        UniqueConstraint("earlier", "later"),
        Index("possible_match_open", "area", "decided_at", "found_at"),
        KEPT,
    )
    id: str = Field(primary_key=True)
    area: str
    earlier: str
    later: str
    strength: str
    why: str
    found_at: datetime = Field(sa_type=UtcDateTime)
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    decided_by: str | None = None
    link: str | None = None


# --- apply ------------------------------------------------------------------------------------------------------------


def apply(session: Session, recorded: Recorded) -> None:
    """Write what an own event says to the derived tables of its stream."""
    if write := _WRITES.get(type(recorded.event)):
        write(session, recorded, recorded.event)


_PLAIN = set(Referral.model_fields) & set(ReferralSubmitted.model_fields) - {"flags", "support", "contacts"}
"""Fields of a referral's event that its row has as they are."""


def _apply_submitted(session: Session, recorded: Recorded, event: ReferralSubmitted) -> None:
    plain = event.model_dump(include=_PLAIN)
    told = " ".join(contact.contact_id for contact in event.contacts)
    codes: dict[str, Any] = {"flags": " ".join(event.flags), "support": " ".join(event.support), "contacts": told}
    session.add(Referral(area=recorded.area, status="received", version=recorded.version, **plain, **codes))
    own: dict[str, Any] = {"reference": event.reference, "area": recorded.area, "received_at": event.received_at}
    for wait in event.waits:
        waiting = wait.model_dump(include={"support", "ready_on"})
        case = {"reference": event.reference, "area": recorded.area, "child_id": event.child_id}
        session.add(WaitingAssessment(is_ready=False, **(case | waiting)))
    for route in event.routes:
        session.add(ReferralAgency(agency=route.agency, rules=" ".join(route.rules), **own))


def _apply_amended(session: Session, recorded: Recorded, event: ReferralAmended) -> None:
    session.get_one(Referral, event.reference).version = recorded.version
    session.add(
        ReferralAddition(
            reference=event.reference,
            version=recorded.version,
            area=recorded.area,
            added_at=recorded.time,
            added_by=recorded.actor,
            text=event.text,
            evidence=" ".join(event.evidence),
        )
    )


def _apply_progress(session: Session, recorded: Recorded, event: ProgressNoted) -> None:
    row = session.get(Progress, (event.reference, event.agency))
    if row is None:
        row = Progress(reference=event.reference, agency=event.agency, area=recorded.area, status=event.status)
        session.add(row)
    row.status = event.status
    row.due_at = event.due_at or row.due_at
    row.received_at = event.received_at or row.received_at


def _apply_withdrawn(session: Session, recorded: Recorded, event: ReferralWithdrawn) -> None:
    row = session.get_one(Referral, event.reference)
    row.status, row.version = "withdrawn", recorded.version
    row.withdrawn_at, row.withdrawal = recorded.time, event.reason


def _apply_ready(session: Session, recorded: Recorded, event: AssessmentReady) -> None:
    session.get_one(Referral, event.reference).version = recorded.version
    session.get_one(WaitingAssessment, (event.reference, event.support)).is_ready = True


def _apply_registered(session: Session, recorded: Recorded, event: ChildRegistered) -> None:
    session.add(Child(child_id=event.child_id, area=recorded.area, identity=event.identity))


def _apply_said_of_children(session: Session, recorded: Recorded, event: ChildrenLinked | ChildrenKeptApart) -> None:
    status = "linked" if isinstance(event, ChildrenLinked) else "apart"
    facts = event.model_dump(include={"link", "child_id", "other_child_id"})
    session.add(ChildLink(area=recorded.area, status=status, version=recorded.version, **facts))


def _apply_concern(session: Session, recorded: Recorded, event: ConcernLogged) -> None:
    facts = event.model_dump(exclude={"escalated"})
    status = "to_decide" if event.escalated else "logged"
    when = {"area": recorded.area, "logged_at": recorded.time, "version": recorded.version}
    session.add(Concern(status=status, why=event.escalated, **(facts | when)))


def _apply_concern_end(session: Session, recorded: Recorded, event: ConcernReferred | ConcernClosed) -> None:
    row = session.get_one(Concern, event.concern)
    row.status, row.version = "closed", recorded.version
    if isinstance(event, ConcernReferred):
        row.status, row.reference = "referred", event.reference


def _apply_unlinked(session: Session, recorded: Recorded, event: ChildrenUnlinked) -> None:
    link = session.get_one(ChildLink, event.link)
    link.status, link.version = "unlinked", recorded.version


def _apply_contact(session: Session, recorded: Recorded, event: ContactAdded | ContactChanged) -> None:
    put(session, Contact, area=recorded.area, **event.model_dump())


def _apply_pathways(session: Session, recorded: Recorded, event: PathwaysAdopted) -> None:
    session.add(
        PathwayVersion(
            version=event.version,
            area=recorded.area,
            adopted_at=recorded.time,
            adopted_by=recorded.actor,
            note=event.note,
            rules=event.model_dump_json(),
        )
    )


def _apply_link_noted(session: Session, recorded: Recorded, event: SenderLinkNoted) -> None:
    session.merge(SenderLink(area=recorded.area, **event.model_dump()))


_WRITES: dict[type[Event], Callable[[Session, Recorded, Any], None]] = {
    ReferralSubmitted: _apply_submitted,
    ReferralAmended: _apply_amended,
    ReferralWithdrawn: _apply_withdrawn,
    AssessmentReady: _apply_ready,
    ChildRegistered: _apply_registered,
    ChildrenLinked: _apply_said_of_children,
    ChildrenKeptApart: _apply_said_of_children,
    ChildrenUnlinked: _apply_unlinked,
    ConcernLogged: _apply_concern,
    ConcernReferred: _apply_concern_end,
    ConcernClosed: _apply_concern_end,
    ContactAdded: _apply_contact,
    ContactChanged: _apply_contact,
    ProgressNoted: _apply_progress,
    PathwaysAdopted: _apply_pathways,
    SenderLinkNoted: _apply_link_noted,
}

log = EventLog("referral-intake", Row.metadata, apply)
