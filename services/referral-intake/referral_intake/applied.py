"""What intake's own events write to its derived tables: `apply`, and the log whose events it is called for."""

from collections.abc import Callable
from typing import Any

from sqlmodel import Session

from frontdoor.envelope import Recorded
from frontdoor.event_log import EventLog, Stale
from frontdoor.events import (
    AssessmentReady,
    ChildAdopted,
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
    ScreeningRecorded,
    SenderLinkNoted,
)
from frontdoor.rows import insert_rows, is_taken, put, table_of
from referral_intake.tables import (
    Adoption,
    Child,
    ChildLink,
    Concern,
    Contact,
    PathwayVersion,
    Progress,
    Referral,
    ReferralAddition,
    ReferralAgency,
    Row,
    Screening,
    SenderLink,
    WaitingAssessment,
)


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
    state = {"area": recorded.area, "status": "received", "version": recorded.version}
    table = table_of(Referral)
    # A reference is drawn by chance: where it is taken, whoever tries again draws another.
    taken = Stale(recorded.stream)
    insert_rows(session, table, [state | plain | codes], lambda clash: taken if is_taken(clash, table) else None)
    own: dict[str, Any] = {"reference": event.reference, "area": recorded.area, "received_at": event.received_at}
    for wait in event.waits:
        waiting = wait.model_dump(include={"support", "ready_on"})
        case = {"reference": event.reference, "area": recorded.area, "child_id": event.child_id}
        session.add(WaitingAssessment(is_ready=False, **(case | waiting)))
    routes = [own | {"agency": route.agency, "rules": " ".join(route.rules)} for route in event.routes]
    insert_rows(session, table_of(ReferralAgency), routes)


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
    child = {"child_id": event.child_id, "area": recorded.area, "identity": event.identity}
    insert_rows(session, table_of(Child), [child])


def _apply_said_of_children(session: Session, recorded: Recorded, event: ChildrenLinked | ChildrenKeptApart) -> None:
    status = "linked" if isinstance(event, ChildrenLinked) else "apart"
    facts = event.model_dump(include={"link", "child_id", "other_child_id"})
    session.add(ChildLink(area=recorded.area, status=status, version=recorded.version, **facts))


def _apply_screening(session: Session, recorded: Recorded, event: ScreeningRecorded) -> None:
    session.add(Screening(area=recorded.area, recorded_at=recorded.time, **event.model_dump()))


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


def _apply_adopted(session: Session, recorded: Recorded, event: ChildAdopted) -> None:
    session.add(Adoption(area=recorded.area, adoption=event.adoption, child_id=event.child_id))


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
    ChildAdopted: _apply_adopted,
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
    ScreeningRecorded: _apply_screening,
    SenderLinkNoted: _apply_link_noted,
}

log = EventLog("referral-intake", Row.metadata, apply)
