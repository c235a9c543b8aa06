"""I24: nobody seems erased who was not."""

from collections.abc import Iterator

from sqlalchemy import select

from all_in_one.assembly import Assembly
from cli.invariants.finding import Finding
from cli.invariants.walks import Tally, rows
from frontdoor.event_log import decode


def keys_are_there(assembly: Assembly) -> Finding:
    """I24: each child's key is there, or was destroyed on purpose: without one, a person would seem erased."""
    finding = Finding("I24 keys are there")
    keys = assembly.parts["referral-intake"].keys
    for some in Tally(_children(assembly)).names():
        finding.checked += len(some)
        finding.fault_each(sorted(set(some) - keys.known(some)))
    return finding


def _children(assembly: Assembly) -> Iterator[str]:
    intake = assembly.parts["referral-intake"]
    with intake.database.read() as session:
        for row in rows(session, select(intake.log.table).order_by(intake.log.table.c.id)):
            data = decode(row.payload).data
            if "child_id" in data:
                yield str(data["child_id"])
