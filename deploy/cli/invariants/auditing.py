"""I15 and I16: who saw or decided something stands in the audit, whole, and nobody has changed what stands there."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, and_, func, or_, select, text
from sqlmodel import Session

from all_in_one.assembly import Assembly
from cli.invariants.finding import Finding
from cli.invariants.walks import pages, rows
from frontdoor import audit_seal
from frontdoor.access import NEEDS_AGREEMENT, WHO_MAY
from frontdoor.envelope import decode
from frontdoor.work import Parts

BY_PEOPLE = {
    "ReferralAmended",
    "ReferralWithdrawn",
    "ContactChanged",
    "EntryClaimed",
    "EntryAccepted",
    "EntryDeclined",
    "EntryReturned",
    "EntryRedirected",
    "EntryHeld",
    "EntryResumed",
    "EntryClosed",
    "EntryReopened",
    "BlockBooked",
    "PlaceReleased",
    "LinkRenewed",
}
"""What a person does to a referral that is there already: allowed, and so in the audit, in the same transaction."""
AT_ONCE = 100
SEALED_WITHIN = timedelta(days=1)
"""Rows are sealed every ten minutes; one that has waited a day says that nobody does."""


def audit_is_complete(assembly: Assembly) -> Finding:
    """I15: each audit row is whole, and each decision of a person on a referral has its row in the same service."""
    finding = Finding("I15 audit is complete")
    for name, parts in assembly.parts.items():
        with parts.database.read() as session:
            for row in rows(session, select(parts.audit).order_by(parts.audit.c.id)):
                finding.checked += 1
                if missing := missing_from(row):
                    finding.fault(f"{name} audit {row.id}: no {missing}")
            for some in pages(_decisions(session, parts), AT_ONCE):
                finding.checked += len(some)
                finding.fault_each(f"{name} {stream} not in the audit" for stream in _unaudited(session, parts, some))
    return finding


def missing_from(row: Row[Any]) -> str | None:
    """Name what an audit row lacks of who, for whom, what, of whom, why, under which agreement, when and the answer."""
    lacking = [part for part in ("area", "person", "action", "purpose", "answer", "at") if not getattr(row, part)]
    if lacking:
        return lacking[0]
    if not _lists_references(row):
        return "references"
    if row.answer == "allow":
        return _missing_of_allowed(row)
    return None if re.fullmatch(r"deny:\w+", row.answer) else "answer"


def _missing_of_allowed(row: Row[Any]) -> str | None:
    permission = WHO_MAY.get(row.action)
    if permission is None:
        return "known action"
    needed = ["relation"]
    if permission.relations and row.relation in NEEDS_AGREEMENT:
        needed += ["agreement", "organisation"]
    return next((part for part in needed if not getattr(row, part)), None)


def _lists_references(row: Row[Any]) -> bool:
    """Say whether references are listed; a list of what may be seen may have been empty."""
    try:
        named = json.loads(row.references)
    except ValueError:
        return False
    return isinstance(named, list) and all(isinstance(one, str) and one for one in named)


Decision = tuple[Row[Any], str, str]
"""(log row, who, reference)"""


def _decisions(session: Session, parts: Parts) -> Iterator[Decision]:
    table = parts.log.table
    for row in rows(session, select(table).where(table.c.type.in_(BY_PEOPLE)).order_by(table.c.id)):
        record = decode(row.payload)
        if not record.actor.startswith("service:"):
            yield row, record.actor, record.data["reference"]


def _unaudited(session: Session, parts: Parts, decisions: list[Decision]) -> Iterator[str]:
    audit = parts.audit.c
    theirs = (
        and_(audit.area == row.area, audit.person == person, audit.at == row.time) for row, person, _ in decisions
    )
    found = session.connection().execute(
        select(audit.person, audit.at, audit.references).where(or_(*theirs), audit.answer == "allow")
    )
    seen = {(row.person, row.at, reference) for row in found for reference in json.loads(row.references)}
    for row, person, reference in decisions:
        if (person, row.time, reference) not in seen:
            yield f"{row.stream} version {row.version}"


def audit_is_unchanged(assembly: Assembly) -> Finding:
    """I16: the seals cover the audit from its first row on; each, made anew from its rows, is the same; none waits."""
    finding = Finding("I16 audit is unchanged")
    unsealed = 0
    for name, parts in assembly.parts.items():
        with parts.database.read() as session:
            last = _recompute(session, name, parts, finding)
            waiting = select(func.count(), func.min(parts.audit.c.at)).where(parts.audit.c.id > last)
            count, oldest = session.connection().execute(waiting).one()
            unsealed += count
            if count and oldest < parts.clock() - SEALED_WITHIN:
                finding.fault(f"{name}: {count} rows wait for a seal, the first for over a day")
            if not parts.database.is_sqlite and not _is_guarded(session):
                finding.fault(f"{name}: the audit may be changed")
    if unsealed:
        finding.remarks.append(f"{unsealed} not sealed yet")
    return finding


def _recompute(session: Session, name: str, parts: Parts, finding: Finding) -> int:
    """Make every seal again; give the id of the last row that one covers."""
    last, before = 0, b""
    seals = audit_seal.of(parts.log.metadata)
    for seal in rows(session, select(seals).order_by(seals.c.first_id)):
        finding.checked += seal.rows
        made = audit_seal.seal_over(session, parts.audit, seal.first_id, seal.last_id, before)
        if seal.first_id != last + 1 or (seal.rows, seal.digest) != made:
            finding.fault(f"{name} audit {seal.first_id} to {seal.last_id}")
        last, before = seal.last_id, seal.digest
    return last


def _is_guarded(session: Session) -> bool:
    """Say whether PostgreSQL itself refuses to change the audit and its seals."""
    stays = "select tgname from pg_trigger where tgname in ('audit_stays', 'audit_seal_stays') and tgenabled <> 'D'"
    return len(session.connection().execute(text(stays)).all()) == len(("audit", "audit_seal"))
