"""I4 and I5: each stream is one unbroken history that went only legal ways, and the tables say what the log says."""

from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Row

from all_in_one.assembly import Assembly
from cli.invariants.finding import Finding
from cli.invariants.walks import by_stream
from cli.rebuild import compare
from frontdoor.envelope import Recorded, Undecodable, decode
from frontdoor.service import Lifecycle


def state_is_what_was_said(assembly: Assembly) -> Finding:
    """I4: each stream is numbered 1 … n, each naming the hash of the one before; tables are the log replayed."""
    finding = Finding("I4 state and events agree")
    for name, parts in assembly.parts.items():
        with parts.database.read() as session:
            for stream, events in groupby(by_stream(session, parts), key=itemgetter(0)):
                version, digest = 0, None
                for _, row in events:
                    finding.checked += 1
                    version, digest = _follow(finding, f"{name} {stream}", row, version, digest)
        _compare(assembly, name, finding)
    return finding


def _follow(finding: Finding, stream: str, row: Row[Any], version: int, digest: str | None) -> tuple[int, str | None]:
    """Check that a row follows on from (version, hash) of the one before; give its own."""
    try:
        record = decode(row.payload)
    except Undecodable:
        finding.fault(f"{stream} version {row.version} cannot be read")
        return row.version, row.hash.hex()
    if record.version != version + 1 or record.previous != digest or not _says_the_same(row, record):
        finding.fault(f"{stream} version {record.version}")
    return record.version, record.hash.hex()


def _says_the_same(row: Row[Any], record: Recorded) -> bool:
    """Say whether the columns by which a row is found are those of its payload."""
    columns = (row.event_id, row.stream, row.version, row.type, row.area, row.hash)
    envelope = (record.id, record.stream, record.version, record.type, record.area, record.hash)
    return columns == envelope and row.caused_by in {None, record.causation}


def _compare(assembly: Assembly, name: str, finding: Finding) -> None:
    try:
        compared = compare(assembly, name)
    except Exception as trouble:  # noqa: BLE001  a log that cannot be replayed is a fault of this service's
        finding.fault(f"{name} cannot be replayed ({type(trouble).__name__})")
        return
    finding.fault_each(f"{name} table {table.table}: {table.different} rows" for table in compared if table.different)


def legal_transitions(assembly: Assembly) -> Finding:
    """I5: every stream went only ways that its lifecycle allows."""
    finding = Finding("I5 legal transitions")
    for name, service in assembly.services.items():
        parts = assembly.parts[name]
        with parts.database.read() as session:
            for stream, events in groupby(by_stream(session, parts), key=itemgetter(0)):
                lifecycle: Lifecycle | None = service.lifecycles.get(stream.split("/", 1)[0])
                if lifecycle is None:
                    finding.fault(f"{name} {stream}: a kind of stream that has no lifecycle")
                    continue
                _walk(finding, stream, lifecycle, [row.type for _, row in events])
    return finding


def _walk(finding: Finding, stream: str, lifecycle: Lifecycle, types: list[str]) -> None:
    state = ""
    for kind in types:
        finding.checked += 1
        allowed, leads_to = lifecycle.get(kind, (frozenset(), None))
        if state not in allowed:
            finding.fault(f"{stream}: {kind} while {state or 'new'}")
        state = state if leads_to is None else leads_to
