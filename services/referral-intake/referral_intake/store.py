"""The questions asked of intake's tables, and what is kept in them beside the log."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, func, select, tuple_
from sqlmodel import Session, col

from frontdoor.access import Subject
from frontdoor.database import answers_to
from frontdoor.rows import insert_absent, insert_rows, table_of
from referral_intake.domain import FIRST_GENERATION, Standing
from referral_intake.tables import (
    Adoption,
    Alert,
    Child,
    Concern,
    ConcernKey,
    Contact,
    Draft,
    FormToken,
    PathwayVersion,
    Progress,
    Referral,
    ReferralAddition,
    ReferralAgency,
    Screening,
    SearchHash,
    SenderLink,
    Upload,
    UploadOf,
    WaitingAssessment,
)
from referral_intake.visibility import Relations

PAGE = 50
"""Referrals on one page of a list."""
MOST_CHILDREN, MOST_ALERTS = 200, 200
MOST_ROUTES = 10_000
LONGEST_PAUSE = timedelta(minutes=5)
"""Whoever keeps nothing for longer has left the form alone."""


# --- drafts -----------------------------------------------------------------------------------------------------------


def find_draft(session: Session, draft_id: str, person: str) -> Draft | None:
    """Give this person's draft; None where there is none, or it is somebody else's."""
    draft = session.get(Draft, draft_id)
    return draft if draft is not None and draft.person == person else None


def save_draft(
    session: Session, *, draft_id: str, area: str, person: str, values: str, page: str, now: datetime
) -> None:
    """Keep a draft as it is now. `values` is sealed with the draft's own key (`keys.seal(draft_id, …)`).

    The time since it was kept last counts as time spent on it, unless somebody has been away longer.
    """
    draft = session.get(Draft, draft_id)
    if draft is None:
        session.add(Draft(id=draft_id, area=area, person=person, values=values, page=page, updated_at=now))
    elif draft.person == person:
        draft.active_seconds += int(min(now - draft.updated_at, LONGEST_PAUSE).total_seconds())
        draft.values, draft.page, draft.updated_at = values, page, now


def drop_draft(session: Session, draft_id: str, person: str) -> None:
    """Forget a draft: it was sent, or is not wanted."""
    session.connection().execute(delete(Draft).where(col(Draft.id) == draft_id, col(Draft.person) == person))


def drafts_of(session: Session, person: str) -> Sequence[Draft]:
    """List somebody's drafts, the latest first."""
    mine = select(Draft).where(col(Draft.person) == person)
    return session.scalars(mine.order_by(col(Draft.updated_at).desc())).all()


def drafts_drafted_by(session: Session, person: str) -> Sequence[Draft]:
    """List the forms that somebody began and another has taken up, the latest first."""
    theirs = select(Draft).where(col(Draft.drafted_by) == person, col(Draft.person) != person)
    return session.scalars(theirs.order_by(col(Draft.updated_at).desc())).all()


def drafts_handed_to(session: Session, area: str, organisation: str) -> Sequence[Draft]:
    """List the forms that wait for the SENCO of a school, the latest first."""
    waiting = select(Draft).where(col(Draft.area) == area, col(Draft.handed_to) == organisation)
    return session.scalars(waiting.order_by(col(Draft.updated_at).desc())).all()


def find_handed_draft(session: Session, draft_id: str, area: str, organisation: str) -> Draft | None:
    """Give a form that waits for the SENCO of this school; None where it does not."""
    draft = session.get(Draft, draft_id)
    waits = draft is not None and draft.area == area and draft.handed_to == organisation
    return draft if waits else None


def give_uploads(session: Session, ids: Collection[str], giver: str, to: str) -> None:
    """Let somebody's files be another person's, as the form is that they belong to."""
    for upload in find_uploads(session, ids).values():
        if upload.person == giver:
            upload.person = to


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
    rows = [{"area": area, "hash": value, "child_id": child_id} for value in sorted(set(hashes))]
    insert_rows(session, table_of(SearchHash), rows)


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


def is_adopted(session: Session, child_id: str) -> bool:
    """Say whether a child lives on under another identity: nobody of the old one is told anything."""
    found = select(col(Adoption.adoption)).where(col(Adoption.child_id) == child_id)
    return session.scalars(found.limit(1)).first() is not None


# --- pathways ---------------------------------------------------------------------------------------------------------


def pathway_versions(session: Session, area: str) -> Sequence[PathwayVersion]:
    """List the pathways that were adopted, the latest first."""
    adopted = select(PathwayVersion).where(col(PathwayVersion.area) == area)
    return session.scalars(adopted.order_by(*_LATEST_VERSION)).all()


_LATEST_VERSION = (
    col(PathwayVersion.adopted_at).desc(),
    func.length(PathwayVersion.version).desc(),
    col(PathwayVersion.version).desc(),
)
"""The latest first; of two adopted at one moment, the one with the higher number."""


_adopted = select(*table_of(PathwayVersion).c["version", "rules"]).where(col(PathwayVersion.area) == bindparam("area"))
_latest_pathways = _adopted.order_by(*_LATEST_VERSION).limit(1)


def latest_pathways(session: Session, area: str) -> tuple[str, str] | None:
    """Give the version and the rules, as JSON, of the pathways that were adopted last."""
    row = answers_to(session, _latest_pathways, area=area).first()
    return (row.version, row.rules) if row else None


def routes_since(session: Session, area: str, since: datetime) -> Sequence[ReferralAgency]:
    """List where the referrals since then were sent, and by which rules: at most `MOST_ROUTES`, the latest."""
    sent = select(ReferralAgency).where(col(ReferralAgency.area) == area, col(ReferralAgency.received_at) >= since)
    order = (col(ReferralAgency.received_at).desc(), col(ReferralAgency.reference), col(ReferralAgency.agency))
    return session.scalars(sent.order_by(*order).limit(MOST_ROUTES)).all()


def waits_of(session: Session, reference: str) -> list[dict[str, Any]]:
    """Say what a referral asked for too early, the first birthday first: support, from when, whether it came up."""
    own = select(WaitingAssessment).where(col(WaitingAssessment.reference) == reference)
    rows = session.scalars(own.order_by(col(WaitingAssessment.ready_on), col(WaitingAssessment.support)))
    return [{"support": row.support, "ready_on": row.ready_on.isoformat(), "came_up": row.is_ready} for row in rows]


def ready_assessments(session: Session, on: date) -> Sequence[WaitingAssessment]:
    """List what children have become old enough for by that day, of referrals that still stand."""
    ready = (
        select(WaitingAssessment)
        .join(Referral, col(Referral.reference) == col(WaitingAssessment.reference))
        .where(
            col(WaitingAssessment.is_ready).is_(False),
            col(WaitingAssessment.ready_on) <= on,
            col(Referral.status) == "received",
        )
    )
    return session.scalars(ready.order_by(col(WaitingAssessment.ready_on)).limit(MOST_CHILDREN)).all()


# --- concerns ---------------------------------------------------------------------------------------------------------


def keep_concern_key(session: Session, concern: str, child_id: str, key: str) -> None:
    """Keep by what a school's concerns about one child are found together."""
    session.add(ConcernKey(concern=concern, child_id=child_id, hash=key))


def key_of_concern(session: Session, concern: str) -> str:
    """Give the key of the child that a concern is about; "" once it has been erased."""
    row = session.get(ConcernKey, concern)
    return row.hash if row else ""


def find_concern(session: Session, area: str, concern: str) -> Concern | None:
    """Give a concern of this area."""
    row = session.get(Concern, concern)
    return row if row is not None and row.area == area else None


def concerns_of_child(session: Session, area: str, key: str) -> Sequence[Concern]:
    """List a school's concerns about one child, the latest first."""
    theirs = select(Concern).join(ConcernKey, col(ConcernKey.concern) == col(Concern.concern))
    same = theirs.where(col(Concern.area) == area, col(ConcernKey.hash) == key)
    return session.scalars(same.order_by(col(Concern.raised_on).desc(), col(Concern.concern))).all()


def concerns_of_school(session: Session, area: str, setting: str) -> Sequence[Concern]:
    """List a school's latest `MOST_CHILDREN` concerns: those to decide first, each group the latest first."""
    here = select(Concern).where(col(Concern.area) == area, col(Concern.setting) == setting)
    order = (col(Concern.status) != "to_decide", col(Concern.logged_at).desc(), col(Concern.concern))
    return session.scalars(here.order_by(*order).limit(MOST_CHILDREN)).all()


# --- screening --------------------------------------------------------------------------------------------------------

MOST_SCREENINGS = 500


def find_screening(session: Session, area: str, screening: str) -> Screening | None:
    """Give a screening of this area."""
    row = session.get(Screening, screening)
    return row if row is not None and row.area == area else None


def screenings_of(session: Session, area: str, setting: str) -> Sequence[Screening]:
    """List a setting's latest `MOST_SCREENINGS` screenings, the latest first."""
    own = select(Screening).where(col(Screening.area) == area, col(Screening.setting) == setting)
    order = (col(Screening.recorded_at).desc(), col(Screening.screening))
    return session.scalars(own.order_by(*order).limit(MOST_SCREENINGS)).all()


# --- uploads ----------------------------------------------------------------------------------------------------------


def keep_upload(session: Session, upload: Upload) -> None:
    """Keep what is known of a file that is stored."""
    session.add(upload)


def note_uploads_of(session: Session, ids: Iterable[str], child_id: str) -> None:
    """Note whom these files are about. Twice is harmless."""
    rows = [{"upload": upload, "child_id": child_id} for upload in sorted(set(ids))]
    insert_absent(session, table_of(UploadOf), rows)


def same_upload(session: Session, ids: Collection[str], digest: str) -> str | None:
    """Find among these files one that holds the same."""
    return next((row.id for row in find_uploads(session, ids).values() if row.digest == digest), None)


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
    """Count the alerts that nobody has read, and the referrals of children under five without a health visitor."""
    unread = (col(Alert.area) == area) & col(Alert.read_at).is_(None)
    gap = (col(Referral.area) == area) & (col(Referral.status) == "received")
    gap &= col(Referral.flags).contains("no_health_visitor")
    return {
        "alerts_unread": session.scalar(select(func.count()).select_from(Alert).where(unread)) or 0,
        "no_health_visitor": session.scalar(select(func.count()).select_from(Referral).where(gap)) or 0,
    }


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
