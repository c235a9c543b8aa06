"""The questions asked of what is kept beside the referrals, and of what tells whom it is about."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, exists
from sqlmodel import Session, col, select

from frontdoor.rows import insert_absent, table_of
from referral_intake.tables import (
    NOT_NOTED,
    Alert,
    Child,
    Concern,
    Draft,
    Referral,
    ReferralAddition,
    Screening,
    Upload,
    UploadOf,
)

AT_ONCE = 500
"""Rows that are read at once."""

# --- kept for long enough ---------------------------------------------------------------------------------------------

KINDS: dict[str, Any] = {"draft": Draft, "upload": Upload, "alert": Alert}
"""What is forgotten after a time, by the word under which it is claimed."""


def kept_since(session: Session, kind: str, before: datetime) -> list[str]:
    """List what has been kept since before then: forms by when they were saved, alerts by when they were read."""
    return list(session.scalars(select(KINDS[kind].id).where(_is_old(kind, before)).limit(AT_ONCE)))


def still_kept_since(session: Session, kind: str, one: str, before: datetime) -> Any:
    """Give one of them, if it has not been used since."""
    return session.scalars(select(KINDS[kind]).where(KINDS[kind].id == one, _is_old(kind, before))).first()


def _is_old(kind: str, before: datetime) -> ColumnElement[bool]:
    if kind == "draft":
        return col(Draft.updated_at) <= before
    if kind == "alert":
        return col(Alert.read_at) <= before
    is_evidence = exists().where(col(UploadOf.upload) == col(Upload.id))
    still_fills_in = exists().where(col(Draft.person) == col(Upload.person))
    return (col(Upload.uploaded_at) <= before) & ~is_evidence & ~still_fills_in


# --- whom files are about ---------------------------------------------------------------------------------------------


def old_files(session: Session) -> set[str]:
    """Name the files of which it was not noted whom they are about."""
    return set(session.scalars(select(UploadOf.upload).where(col(UploadOf.child_id) == NOT_NOTED)))


def evidence_of(session: Session, uploads: Collection[str]) -> set[str]:
    """Name those of these files that a referral has."""
    return set(session.scalars(select(UploadOf.upload).where(col(UploadOf.upload).in_(uploads))))


def stories(session: Session) -> Iterable[tuple[str, str]]:
    """Go through all referrals: the child's id, and what was written, sealed."""
    return _rows(session, select(Referral.child_id, Referral.story))


def additions(session: Session) -> Iterable[tuple[str, str]]:
    """Go through all that was added to referrals: the child's id, and the files."""
    of = col(Referral.reference) == col(ReferralAddition.reference)
    return _rows(session, select(Referral.child_id, ReferralAddition.evidence).join(Referral, of))


def note_files(session: Session, about: Iterable[tuple[str, str]]) -> None:
    """Note which files are about which children, and that nothing is left to be noted."""
    rows = [{"upload": upload, "child_id": child} for upload, child in sorted(about)]
    insert_absent(session, table_of(UploadOf), rows)
    session.connection().execute(delete(UploadOf).where(col(UploadOf.child_id) == NOT_NOTED))


# --- what tells of a child --------------------------------------------------------------------------------------------


def identities(session: Session, children: Collection[str]) -> list[str]:
    """Say who these children are, sealed."""
    return list(session.scalars(select(Child.identity).where(col(Child.child_id).in_(children))))


def senders(session: Session, children: Collection[str]) -> set[str]:
    """Name who sent these children's referrals: people, organisations, settings."""
    sent = select(Referral.sent_by, Referral.organisation, Referral.setting)
    rows = session.connection().execute(sent.where(col(Referral.child_id).in_(children)))
    return {one for row in rows for one in row if one}


def drafts(session: Session) -> Iterable[tuple[str, str, str, str]]:
    """Go through all forms that nobody has sent: id, page, whose it is, what was typed, sealed."""
    return _rows(session, select(Draft.id, Draft.page, Draft.person, Draft.values))


def alerts(session: Session) -> Iterable[tuple[str, str, str]]:
    """Go through all alerts: id, who sent it, what was sent, sealed."""
    return _rows(session, select(Alert.id, Alert.sent_by, Alert.sent))


def seen_by_settings(session: Session, children: Collection[str] | None = None) -> Iterator[tuple[str, str, str]]:
    """Go through all concerns and screenings, or those of some children: the child's id, the setting, what was told."""
    for table in (Concern, Screening):
        wanted = select(table.child_id, table.setting, table.told)
        if children is not None:
            wanted = wanted.where(col(table.child_id).in_(children))
        yield from _rows(session, wanted)


def unread(session: Session, alerts: Collection[str]) -> list[str]:
    """Name those of these alerts that nobody has read."""
    asked = select(Alert.id).where(col(Alert.id).in_(alerts), col(Alert.read_at).is_(None))
    return sorted(session.scalars(asked))


def _rows(session: Session, wanted: Any) -> Iterable[Any]:
    return session.connection().execute(wanted.execution_options(yield_per=AT_ONCE))
