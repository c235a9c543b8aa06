"""Seals on the audit: each closes a range of its rows with a hash over them and over the seal before.

Whoever changes, removes or slips in a row behind a seal breaks that seal and cannot make another that fits, unless all
that follow are made anew. Made now and then, and not a row at a time: a chain through every row would let those who
write the audit take turns.
"""

import hashlib
from typing import Any

import structlog
from pydantic_core import to_json
from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, func, insert, select, text
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from frontdoor.database import BigId, UtcDateTime, claim, never_changed
from frontdoor.events import instant
from frontdoor.work import Parts

log = structlog.get_logger()
EVERY = 600.0
"""Seconds of machine time between two looks whether there is anything to seal."""
MOST = 5_000
"""Rows under one seal, at most."""
_COLUMNS = ("person", "organisation", "action", "purpose", "answer", "relation", "agreement", "references")
_PATIENCE = text("set local lock_timeout = '500ms'")
_STAND_STILL = text("lock table audit in share mode")


def define(metadata: MetaData) -> None:
    """Add the seals' table to a service's metadata."""
    seals = Table(
        "audit_seal",
        metadata,
        Column("first_id", BigId, primary_key=True, autoincrement=False),
        Column("last_id", BigId, nullable=False),
        Column("rows", Integer, nullable=False),
        Column("digest", LargeBinary, nullable=False),
        Column("sealed_at", UtcDateTime, nullable=False),
        info={"kind": "kept"},
    )
    never_changed(seals)


def of(metadata: MetaData) -> Table:
    """Give the seals' table of a service."""
    return metadata.tables["audit_seal"]


def seal_audit(parts: Parts) -> int:
    """Seal the rows that have no seal yet; give back how many seals were made."""
    made = 0
    end = _end(parts)
    while end is not None and _seal_some(parts, end):
        made += 1
    return made


def seal_over(session: Session, audit: Table, first_id: int, last_id: int, before: bytes) -> tuple[int, bytes]:
    """Hash the rows of a range behind the digest of the seal before: (how many rows, SHA-256)."""
    digest, count = hashlib.sha256(before), 0
    wanted = select(audit).where(audit.c.id.between(first_id, last_id)).order_by(audit.c.id)
    for row in session.connection().execute(wanted.execution_options(yield_per=500)):
        said: list[Any] = [row.id, row.area, instant(row.at), *(getattr(row, name) for name in _COLUMNS)]
        digest.update(to_json(said) + b"\n")
        count += 1
    return count, digest.digest()


def _end(parts: Parts) -> int | None:
    """Give the id up to which no row can come any more; None where all are sealed, or nobody would stand still."""
    newest = select(func.max(parts.audit.c.id))
    with parts.database.read() as session:
        connection = session.connection()
        last = connection.scalar(select(func.max(of(parts.log.metadata).c.last_id))) or 0
        end: int | None = connection.scalar(newest)
    if end is None or end <= last:
        return None
    if parts.database.is_sqlite:  # ids are drawn in the order of commits
        return end
    try:
        with parts.database.write() as session:
            # An id is drawn before its row is seen. For a moment nobody is between the two: then all up to the newest
            # are there, or never will be.
            session.connection().execute(_PATIENCE)
            session.connection().execute(_STAND_STILL)
            settled: int | None = session.connection().scalar(newest)
            return settled
    except OperationalError:
        return None  # next time


def _seal_some(parts: Parts, end: int) -> bool:
    seals = of(parts.log.metadata)
    with parts.database.write() as session:
        claim(session, "audit-seal")
        connection = session.connection()
        before = connection.execute(select(seals).order_by(seals.c.first_id.desc()).limit(1)).one_or_none()
        first = before.last_id + 1 if before else 1
        wanted = select(parts.audit.c.id).where(parts.audit.c.id.between(first, end)).order_by(parts.audit.c.id)
        last = connection.scalar(select(func.max(wanted.limit(MOST).subquery().c.id)))
        if last is None:
            return False
        count, digest = seal_over(session, parts.audit, first, last, before.digest if before else b"")
        row = {"first_id": first, "last_id": last, "rows": count, "digest": digest, "sealed_at": parts.clock()}
        connection.execute(insert(seals).values(**row))
    # The newest seal, outside the database: with it, whoever makes all of them anew is found out too.
    log.info("audit_sealed", service=parts.service, last=last, digest=digest.hex())
    return True
