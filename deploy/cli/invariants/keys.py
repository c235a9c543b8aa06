"""I24: nobody seems erased who was not, and of whoever was erased nothing is left by which they could be known."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Table, func, select
from sqlmodel import Session

from all_in_one.assembly import Assembly
from cli.erasures import erased_tables, names
from cli.invariants.finding import Finding
from cli.invariants.walks import Tally, rows
from frontdoor.envelope import decode


def keys_are_there(assembly: Assembly) -> Finding:
    """I24: each child's key is there, or was destroyed on purpose: without one, a person would seem erased."""
    finding = Finding("I24 keys are there")
    keys = assembly.parts["referral-intake"].keys
    for some in Tally(_children(assembly)).names():
        finding.checked += len(some)
        finding.fault_each(sorted(set(some) - keys.known(some)))
    return finding


def erased_is_gone(assembly: Assembly) -> Finding:
    """I24: no table still has by what somebody who was erased could be known again: `erasures apply` empties them."""
    finding = Finding("I24 erased stays erased")
    gone = assembly.parts["referral-intake"].keys.destroyed()
    finding.remarks.append(f"{len(gone)} erased")
    for name, service in assembly.services.items():
        with assembly.parts[name].database.read() as session:
            for table in erased_tables(service.metadata.tables.values()):
                finding.checked += 1
                if count := sum(_left(session, table, gone[at : at + 500]) for at in range(0, len(gone), 500)):
                    finding.fault(f"{count} in {table.name}")
    return finding


def _left(session: Session, table: Table, ids: Sequence[str]) -> int:
    return session.connection().scalar(select(func.count()).select_from(table).where(names(table, ids))) or 0


def _children(assembly: Assembly) -> Iterator[str]:
    intake = assembly.parts["referral-intake"]
    with intake.database.read() as session:
        for row in rows(session, select(intake.log.table).order_by(intake.log.table.c.id)):
            data = decode(row.payload).data
            if "child_id" in data:
                yield str(data["child_id"])
