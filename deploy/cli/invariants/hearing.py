"""I7 and I8: each event has its effect once, and none vanishes between its owner and a hearer."""

from collections.abc import Iterator
from itertools import groupby, pairwise
from typing import Any

from sqlalchemy import Row, Select, and_, select
from sqlmodel import Session

from all_in_one.assembly import Assembly, Unheard
from cli.invariants.finding import Finding
from cli.invariants.under_way import lost
from cli.invariants.walks import beside, pages, rows, there
from frontdoor.delivery import parking
from frontdoor.delivery.positions import Place
from frontdoor.work import Parts


def effect_once(assembly: Assembly) -> Finding:
    """I7: no cause led twice to the same event, and each was heard; what each hearer heard is the owner's history."""
    finding = Finding("I7 effect once")
    for name, parts in assembly.parts.items():
        with parts.database.read() as session:
            finding.fault_each(f"{name} {key[1]} {key[2]} twice" for key in _twice(session, parts))
            for causes in pages(_causes(session, parts)):
                finding.checked += len(causes)
                unknown = set(causes) - _said(assembly, name, causes)
                finding.fault_each(f"{name} {_effect(session, parts, cause)} of no cause" for cause in sorted(unknown))
    for hearer, ears in assembly.hearers.items():
        for source in ears.sources:
            with assembly.parts[hearer].database.read() as heard:
                for stream, place, events in beside(assembly, hearer, source, heard):
                    finding.checked += place.version > 0
                    if not _is_the_same(place, events):
                        finding.fault(f"{hearer} heard another {stream}")
    return finding


def _effects(session: Session, parts: Parts) -> Iterator[tuple[Any, ...]]:
    table = parts.log.table.c
    columns = (table.caused_by, table.stream, table.type, table.ordinal)
    yield from map(tuple, rows(session, select(*columns).where(table.caused_by.is_not(None)).order_by(*columns)))


def _twice(session: Session, parts: Parts) -> Iterator[tuple[Any, ...]]:
    return (one for one, another in pairwise(_effects(session, parts)) if one == another)


def _causes(session: Session, parts: Parts) -> Iterator[str]:
    return (cause for cause, _ in groupby(_effects(session, parts), key=lambda effect: str(effect[0])))


def _said(assembly: Assembly, hearer: str, causes: list[str]) -> set[str]:
    """Say which of these are events in the logs that a service hears."""
    found: set[str] = set()
    for source in assembly.hearers[hearer].sources:
        parts = assembly.parts[source]
        with parts.database.read() as session:
            found |= there(session, parts.log.table.c.event_id, causes)
    return found


def _effect(session: Session, parts: Parts, cause: str) -> str:
    stream, kind, _ = min(parts.log.said_before(session, [cause])[cause], default=("?", "", 0))
    return f"{stream} {kind}".rstrip()


def _is_the_same(place: Place, events: list[Row[Any]]) -> bool:
    last = events[-1].version if events else 0
    heard = (row for row in events if row.version <= place.version)
    return place.version <= last and all(place.knows(row.version, row.hash) for row in heard)


def no_event_vanishes(assembly: Assembly) -> Finding:
    """I8: each event, for each hearer, is heard, parked (an open task: a fault to look at) or on its way.

    What a stranger wrote into a topic is kept parked too: it is said, and is no fault of ours.
    """
    finding = Finding("I8 no event vanishes")
    strangers = 0
    for name, hearer in assembly.hearers.items():
        strangers += _look_at_parked(assembly, name, finding)
        finding.fault_each(assembly.look_between(hearer, []).astray)
        for some in pages(lost(assembly, name, _unheard(assembly, name, finding), finding)):
            held = _parked_streams(assembly, name, some)
            finding.fault_each(
                f"{name} never heard {event.stream} version {event.version}"
                for event in some
                if (event.source, event.stream) not in held
            )
    if strangers:
        finding.remarks.append(f"{strangers} from strangers parked")
    return finding


def _look_at_parked(assembly: Assembly, name: str, finding: Finding) -> int:
    """Count what is parked as a fault or as on its way; give back how much of it a stranger wrote."""
    strangers = 0
    parts = assembly.parts[name]
    wanted = _parked_and_how_far_their_causes_are(parts)
    with parts.database.read() as session:
        for row in rows(session, wanted):
            if row.payload.startswith(parking.STRANGER):
                strangers += 1
            elif row.heard:
                finding.fault(f"{name} parked {row.stream}: what it waits for has been heard")
            elif row.reason in parking.PASSING_REASONS:
                finding.on_their_way += 1
            else:
                finding.fault(f"{name} parked {row.stream}: {row.reason}")
    return strangers


def _parked_and_how_far_their_causes_are(parts: Parts) -> Select[Any]:
    """All that is parked, each with the version that has been `heard` of the stream that it waits for: one picture."""
    parked, places = parking.of(parts.log.metadata).table, parts.log.metadata.tables["stream_position"]
    its_cause = and_(places.c.source == parked.c.waits_source, places.c.stream == parked.c.waits_stream)
    columns = (parked.c.stream, parked.c.reason, parked.c.payload, places.c.version.label("heard"))
    both = select(*columns).join_from(parked, places, its_cause, isouter=True)
    return both.where(parked.c.state == "open").order_by(parked.c.id)


def _unheard(assembly: Assembly, name: str, finding: Finding) -> Iterator[Unheard]:
    parts = assembly.parts[name]
    for source in assembly.hearers[name].sources:
        with parts.database.read() as heard:
            for stream, place, events in beside(assembly, name, source, heard):
                finding.checked += len(events)
                behind = [row for row in events if row.version > place.version]
                if behind and not parking.of(parts.log.metadata).blocked_streams(heard, source, [stream]):
                    yield from (Unheard(source, row.id, stream, row.version, row.type) for row in behind)


def _parked_streams(assembly: Assembly, name: str, events: list[Unheard]) -> set[tuple[str, str]]:
    parts = assembly.parts[name]
    with parts.database.read() as session:
        return {
            (source, stream)
            for source in {event.source for event in events}
            for stream in parking.of(parts.log.metadata).blocked_streams(
                session, source, [event.stream for event in events if event.source == source]
            )
        }
