"""Intake's tables: what `apply` writes of its own events, what is kept beside them, and the questions asked of them."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Index, delete, func, select, tuple_
from sqlalchemy.orm import registry
from sqlmodel import Field, Session, SQLModel, col

from frontdoor.access import Subject
from frontdoor.database import DERIVED, KEPT, UtcDateTime, upsert
from frontdoor.event_log import EventLog, Recorded
from frontdoor.events import (
    ChildRegistered,
    ContactAdded,
    ContactChanged,
    ProgressNoted,
    ReferralAmended,
    ReferralSubmitted,
    ReferralWithdrawn,
    SenderLinkNoted,
)
from referral_intake.domain import FIRST_GENERATION, Relations, Standing

PAGE = 50
"""Referrals on one page of a list."""
MOST_CHILDREN, MOST_ALERTS = 200, 200


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
    """A form that somebody has begun: `values` is sealed with the draft's own key; `page` is where they were."""

    __table_args__ = (Index("draft_person", "person", "updated_at"), KEPT)
    id: str = Field(primary_key=True)
    area: str
    person: str
    values: str
    page: str
    updated_at: datetime = Field(sa_type=UtcDateTime)


class Upload(Row, table=True):
    """A file that somebody sent: `name` is sealed with the upload's own key, as is the file in the data folder."""

    __table_args__ = KEPT
    id: str = Field(primary_key=True)
    area: str
    person: str
    name: str
    kind: str
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


# --- apply ------------------------------------------------------------------------------------------------------------


def apply(session: Session, recorded: Recorded) -> None:
    """Write what an own event says to the derived tables of its stream."""
    event = recorded.event
    match event:
        case ReferralSubmitted():
            _apply_submitted(session, recorded, event)
        case ReferralAmended():
            _apply_amended(session, recorded, event)
        case ReferralWithdrawn():
            row = session.get_one(Referral, event.reference)
            row.status, row.version = "withdrawn", recorded.version
            row.withdrawn_at, row.withdrawal = recorded.time, event.reason
        case ChildRegistered():
            session.add(Child(child_id=event.child_id, area=recorded.area, identity=event.identity))
        case ContactAdded() | ContactChanged():
            upsert(session, Contact.__table__, [{"area": recorded.area, **event.model_dump()}])  # type: ignore[attr-defined]
        case ProgressNoted():
            _apply_progress(session, recorded, event)
        case SenderLinkNoted():
            session.merge(SenderLink(area=recorded.area, **event.model_dump()))


_PLAIN = set(Referral.model_fields) & set(ReferralSubmitted.model_fields) - {"flags", "support", "contacts"}
"""Fields of a referral's event that its row has as they are."""


def _apply_submitted(session: Session, recorded: Recorded, event: ReferralSubmitted) -> None:
    plain = event.model_dump(include=_PLAIN)
    told = " ".join(contact.contact_id for contact in event.contacts)
    codes: dict[str, Any] = {"flags": " ".join(event.flags), "support": " ".join(event.support), "contacts": told}
    session.add(Referral(area=recorded.area, status="received", version=recorded.version, **plain, **codes))
    own: dict[str, Any] = {"reference": event.reference, "area": recorded.area, "received_at": event.received_at}
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


log = EventLog("referral-intake", Row.metadata, apply)


# --- drafts -----------------------------------------------------------------------------------------------------------


def find_draft(session: Session, draft_id: str, person: str) -> Draft | None:
    """Give this person's draft; None where there is none, or it is somebody else's."""
    draft = session.get(Draft, draft_id)
    return draft if draft is not None and draft.person == person else None


def save_draft(
    session: Session, *, draft_id: str, area: str, person: str, values: str, page: str, now: datetime
) -> None:
    """Keep a draft as it is now. `values` is sealed with the draft's own key (`keys.seal(draft_id, …)`)."""
    draft = session.get(Draft, draft_id)
    if draft is None:
        session.add(Draft(id=draft_id, area=area, person=person, values=values, page=page, updated_at=now))
    elif draft.person == person:
        draft.values, draft.page, draft.updated_at = values, page, now


def drop_draft(session: Session, draft_id: str, person: str) -> None:
    """Forget a draft: it was sent, or is not wanted."""
    session.connection().execute(delete(Draft).where(col(Draft.id) == draft_id, col(Draft.person) == person))


def drafts_of(session: Session, person: str) -> Sequence[Draft]:
    """List somebody's drafts, the latest first."""
    mine = select(Draft).where(col(Draft.person) == person)
    return session.scalars(mine.order_by(col(Draft.updated_at).desc())).all()


def reference_of_token(session: Session, person: str, token: str) -> str | None:
    """Give the referral that this person's form became; None where it has not been sent."""
    sent = session.get(FormToken, (person, token))
    return sent.reference if sent else None


def keep_token(session: Session, person: str, token: str, reference: str) -> None:
    """Remember which referral this person's form became."""
    session.add(FormToken(person=person, token=token, reference=reference))


# --- referrals --------------------------------------------------------------------------------------------------------


def find_referral(session: Session, area: str, reference: str) -> Referral | None:
    """Give a referral of this area."""
    row = session.get(Referral, reference)
    return row if row is not None and row.area == area else None


def standings_of(session: Session, references: Sequence[str]) -> dict[str, Standing]:
    """Say of each of these referrals where it stands."""
    found = {reference: Standing() for reference in references}
    for route in session.scalars(select(ReferralAgency).where(col(ReferralAgency.reference).in_(references))):
        found[route.reference].rules[route.agency] = route.rules
    for progress in session.scalars(select(Progress).where(col(Progress.reference).in_(references))):
        found[progress.reference].said[progress.agency] = (progress.status, progress.due_at)
    return found


def progress_with(session: Session, reference: str, agency: str) -> Progress | None:
    """Say where a referral stands with one agency."""
    return session.get(Progress, (reference, agency))


def link_generation(session: Session, reference: str) -> int:
    """Say which generation of the sender's link opens."""
    link = session.get(SenderLink, reference)
    return link.generation if link else FIRST_GENERATION


def subject_of(referral: Referral, agencies: Iterable[str]) -> Subject:
    """Give the facts by which access to a referral is decided."""
    return Subject(
        reference=referral.reference,
        area=referral.area,
        sent_by=referral.sent_by,
        organisation=referral.organisation,
        setting=referral.setting,
        agencies=frozenset(agencies),
        family=frozenset({referral.sent_by} if referral.family_raised else ()),
    )


def child_of(session: Session, child_id: str) -> Child | None:
    """Give a child as registered."""
    return session.get(Child, child_id)


def contacts_of(session: Session, referral: Referral) -> Sequence[Contact]:
    """List who is told what happens: in the form's order, then whoever was added later."""
    told = select(Contact).where(col(Contact.area) == referral.area, col(Contact.reference) == referral.reference)
    order = referral.contacts.split()
    rows = session.scalars(told.order_by(col(Contact.contact_id)))
    return sorted(rows, key=lambda row: order.index(row.contact_id) if row.contact_id in order else len(order))


def additions_to(session: Session, reference: str) -> Sequence[ReferralAddition]:
    """List what was added to a referral, in order."""
    added = select(ReferralAddition).where(col(ReferralAddition.reference) == reference)
    return session.scalars(added.order_by(col(ReferralAddition.version))).all()


Place = tuple[datetime, str]
"""Where a page of a list ended: received at, reference."""


def find_referrals(
    session: Session, area: str, by: Relations, setting: str | None, behind: Place | None
) -> list[Referral]:
    """Find the latest `PAGE` + 1 referrals that stand in one of these relations, behind a place: a look for each."""
    places: set[Place] = set()
    for table, condition in _looks(by):
        at, reference = col(table.received_at), col(table.reference)
        look = select(at, reference).where(col(table.area) == area, condition)
        if setting and table is not Referral:
            look = look.join(Referral, col(Referral.reference) == reference)
        if setting:
            look = look.where(col(Referral.setting) == setting)
        if behind:
            look = look.where(tuple_(at, reference) < tuple_(*behind))
        latest = look.order_by(at.desc(), reference.desc()).limit(PAGE + 1)
        places |= {(row[0], row[1]) for row in session.connection().execute(latest)}
    found = [reference for _, reference in sorted(places, reverse=True)[: PAGE + 1]]
    rows = session.scalars(select(Referral).where(col(Referral.reference).in_(found)))
    known = {row.reference: row for row in rows}
    return [known[reference] for reference in found]


def _looks(by: Relations) -> Iterable[tuple[Any, ColumnElement[bool]]]:
    if by.person:
        yield Referral, col(Referral.sent_by) == by.person
    if by.school:
        yield Referral, col(Referral.setting) == by.school
        yield Referral, col(Referral.organisation) == by.school
    if by.agency:
        yield ReferralAgency, col(ReferralAgency.agency) == by.agency
        yield Progress, col(Progress.agency) == by.agency


# --- finding a child --------------------------------------------------------------------------------------------------


def keep_search_hashes(session: Session, area: str, child_id: str, hashes: Iterable[str]) -> None:
    """Keep what a child can be found by."""
    session.add_all(SearchHash(area=area, hash=value, child_id=child_id) for value in sorted(set(hashes)))


def find_children(session: Session, area: str, hashes: Collection[str]) -> list[str]:
    """Find the children that all of these hashes belong to, at most `MOST_CHILDREN`."""
    matching = (
        select(col(SearchHash.child_id))
        .where(col(SearchHash.area) == area, col(SearchHash.hash).in_(hashes))
        .group_by(col(SearchHash.child_id))
        .having(func.count() == len(hashes))
        .order_by(col(SearchHash.child_id))
        .limit(MOST_CHILDREN)
    )
    return list(session.scalars(matching))


def referrals_of_children(session: Session, area: str, child_ids: Sequence[str]) -> Sequence[Referral]:
    """List these children's referrals, the latest first."""
    theirs = select(Referral).where(col(Referral.area) == area, col(Referral.child_id).in_(child_ids))
    return session.scalars(theirs.order_by(col(Referral.received_at).desc(), col(Referral.reference))).all()


# --- uploads ----------------------------------------------------------------------------------------------------------


def keep_upload(session: Session, area: str, person: str, upload_id: str, name: str, kind: str, now: datetime) -> None:
    """Keep what is known of a file that is stored; `name` is sealed."""
    session.add(Upload(id=upload_id, area=area, person=person, name=name, kind=kind, uploaded_at=now))


def find_uploads(session: Session, ids: Collection[str]) -> dict[str, Upload]:
    """Give these uploads, by id."""
    rows = session.scalars(select(Upload).where(col(Upload.id).in_(ids)))
    return {row.id: row for row in rows}


# --- alerts -----------------------------------------------------------------------------------------------------------


def keep_alert(session: Session, area: str, sent_by: str, alert_id: str, digest: str, sent: str, now: datetime) -> None:
    """Keep an alert; `sent` is sealed."""
    session.add(Alert(id=alert_id, area=area, sent_by=sent_by, digest=digest, sent=sent, received_at=now))


def find_alert(session: Session, area: str, alert_id: str) -> Alert | None:
    """Give an alert of this area."""
    row = session.get(Alert, alert_id)
    return row if row is not None and row.area == area else None


def alerts_of(session: Session, area: str) -> Sequence[Alert]:
    """List the latest `MOST_ALERTS` alerts: unread ones first, each group the latest first."""
    here = select(Alert).where(col(Alert.area) == area)
    order = (col(Alert.read_at).is_not(None), col(Alert.received_at).desc(), col(Alert.id))
    return session.scalars(here.order_by(*order).limit(MOST_ALERTS)).all()


def backlog(session: Session, area: str) -> dict[str, int]:
    """Count the alerts that nobody has read."""
    unread = (col(Alert.area) == area) & col(Alert.read_at).is_(None)
    return {"alerts_unread": session.scalar(select(func.count()).select_from(Alert).where(unread)) or 0}


def same_alert(session: Session, area: str, sent_by: str, digest: str, since: datetime) -> Alert | None:
    """Find an unread alert of the same person that says the same, received since then."""
    same = select(Alert).where(
        col(Alert.area) == area,
        col(Alert.sent_by) == sent_by,
        col(Alert.digest) == digest,
        col(Alert.received_at) >= since,
        col(Alert.read_at).is_(None),
    )
    return session.scalars(same.limit(1)).first()


def alerts_to_escalate(session: Session, received_before: datetime) -> Sequence[Alert]:
    """List the alerts that nobody has read, received before then and not escalated yet."""
    late = select(Alert).where(
        col(Alert.read_at).is_(None), col(Alert.escalated_at).is_(None), col(Alert.received_at) <= received_before
    )
    return session.scalars(late.order_by(col(Alert.received_at))).all()
