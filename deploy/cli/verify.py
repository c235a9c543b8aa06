"""`frontdoor verify`: what must always hold, derived again from the logs and tables of all services, read only.

One line for each invariant, with counts and references, never personal data. What is between an owner's log and a
hearer, and a notice not yet attempted, is on its way and not a fault, unless `--wait S` has passed and it still is.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from sqlalchemy import Row, select

from all_in_one.assembly import Assembly, Between
from cli.rebuild import compare
from frontdoor.delivery import parking
from frontdoor.delivery.positions import Place
from frontdoor.event_log import Recorded, decode
from frontdoor.events import ReferralQueued, ReferralSubmitted
from frontdoor.service import Lifecycle
from notification import channels as notification_channels
from notification import store as notification_store
from therapy_booking import store as booking_store

EXAMPLES = 5


@dataclass
class Finding:
    """One invariant: what was looked at, what does not hold (references), and what is on its way."""

    name: str
    checked: int = 0
    faults: list[str] = field(default_factory=list)
    on_their_way: int = 0

    @property
    def line(self) -> str:
        """The finding as a person reads it."""
        if not self.faults:
            waiting = f", {self.on_their_way} on their way" if self.on_their_way else ""
            return f"{self.name} … ok {self.checked} checked{waiting}"
        named = ", ".join(self.faults[:EXAMPLES]) + (" …" if len(self.faults) > EXAMPLES else "")
        return f"{self.name} … FAILED {len(self.faults)} of {self.checked}: {named}"


def verify(assembly: Assembly, say: Console, journal: Path | None = None, wait: float = 0.0) -> int:
    """Check every invariant and print its line; give back how many do not hold."""
    until = time.monotonic() + wait
    findings = _check(assembly, journal)
    while wait and any(finding.on_their_way for finding in findings) and time.monotonic() < until:
        time.sleep(0.2)
        findings = _check(assembly, journal)
    failed = 0
    for finding in findings:
        if wait and finding.on_their_way:
            finding.faults.append(f"{finding.on_their_way} still on their way")
        say.print(finding.line, markup=False, soft_wrap=True)
        failed += bool(finding.faults)
    say.print(f"{len(findings) - failed} passed, {failed} failed")
    return failed


def _check(assembly: Assembly, journal: Path | None) -> list[Finding]:
    checks: list[Callable[[Assembly], Finding]] = [
        exactly_once_routing,
        partial(no_silent_drop, journal=journal),
        state_is_what_was_said,
        legal_transitions,
        effect_once,
        no_event_vanishes,
        no_double_booking,
        whole_blocks,
        told_once,
        keys_are_there,
    ]
    return [_safely(check, assembly) for check in checks]


def _safely(check: Callable[[Assembly], Finding], assembly: Assembly) -> Finding:
    try:
        return check(assembly)
    except Exception as failure:  # noqa: BLE001  what cannot be checked does not hold
        name = getattr(check, "__name__", "a check").replace("_", " ")
        return Finding(f"{name} could not be checked", 0, [type(failure).__name__])


def _log(assembly: Assembly, name: str) -> Iterator[tuple[int, Recorded]]:
    parts = assembly.parts[name]
    with parts.database.read() as session:
        yield from parts.log.all(session)


class _Heard:
    """How far a hearer has come in every stream. It is looked at before what the hearer made of it."""

    def __init__(self, assembly: Assembly, hearer: str) -> None:
        self._versions = {(source, stream): place.version for source, stream, place in _places_of(assembly, hearer)}

    def knows(self, source: str, record: Recorded) -> bool:
        """Say whether an event has been settled by the hearer."""
        return record.version <= self._versions.get((source, record.stream), 0)


Unheard = tuple[str, int, Recorded]
"""(source, log id, event)"""


def _lost(
    assembly: Assembly, hearer: str, unheard: Sequence[Unheard], between: Between, finding: Finding
) -> list[Unheard]:
    """Sort out, of events that seemed unheard, those on their way (which are counted) and those heard meanwhile.

    What is on its way was looked at `between`; what has been heard is looked at again after that: an event that is
    neither is lost.
    """
    now = _Heard(assembly, hearer) if unheard else None
    still = [event for event in unheard if now and not now.knows(event[0], event[2])]
    lost = [event for event in still if not between.holds(*event)]
    finding.on_their_way += len(still) - len(lost)
    return lost


def exactly_once_routing(assembly: Assembly) -> Finding:
    """I1: each referral has one entry in each queue that its pathways name, and no entry is without a referral."""
    finding = Finding("I1 exactly-once routing")
    heard = _Heard(assembly, "triage-panel")
    entries, redirected = _entries(assembly)
    known = set()
    unheard: list[Unheard] = []
    for log_id, record in _log(assembly, "referral-intake"):
        if not isinstance(record.event, ReferralSubmitted):
            continue
        known.add(record.event.reference)
        counts = {agency: entries.pop((record.event.reference, agency), 0) for agency in record.event.agencies}
        finding.checked += len(counts)
        if not any(counts.values()) and not heard.knows("referral-intake", record):
            unheard.append(("referral-intake", log_id, record))
            continue
        finding.faults += [
            f"{record.event.reference} in {agency}: {found}" for agency, found in counts.items() if found != 1
        ]
    between = assembly.look_between(assembly.hearers["triage-panel"])
    lost = _lost(assembly, "triage-panel", unheard, between, finding)
    finding.faults += [f"{record.stream}: in no queue" for _, _, record in lost]
    finding.faults += [f"{reference} in {agency}: nobody sent it there" for reference, agency in sorted(entries)]
    finding.faults += [
        f"{reference} redirected to {agency}: {found}"
        for (reference, agency), found in sorted(redirected.items())
        if found != 1 or reference not in known
    ]
    return finding


def _entries(assembly: Assembly) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    """Count the entries that triage has made, by (reference, agency): of referrals, and of redirects."""
    sent: Counter[tuple[str, str]] = Counter()
    redirected: Counter[tuple[str, str]] = Counter()
    for _, record in _log(assembly, "triage-panel"):
        if isinstance(record.event, ReferralQueued):
            counted = sent if record.event.redirected_from is None else redirected
            counted[record.event.reference, record.event.agency] += 1
    return sent, redirected


def no_silent_drop(assembly: Assembly, journal: Path | None = None) -> Finding:
    """I2: every reference that was given out is in intake's log."""
    finding = Finding("I2 no silent drop")
    if journal is None:
        return finding
    known = {
        record.event.reference
        for _, record in _log(assembly, "referral-intake")
        if isinstance(record.event, ReferralSubmitted)
    }
    for reference in _references(journal):
        finding.checked += 1
        if reference not in known:
            finding.faults.append(reference)
    return finding


def _references(journal: Path) -> Iterator[str]:
    for line in journal.read_text().splitlines():
        text = line.strip()
        if text.startswith("{"):
            yield str(json.loads(text)["reference"])
        elif text:
            yield text


def state_is_what_was_said(assembly: Assembly) -> Finding:
    """I4: each stream is numbered 1 … n, each naming the hash of the one before; tables are the log replayed."""
    finding = Finding("I4 state and events agree")
    for name in assembly.services:
        heads: dict[str, tuple[int, str]] = {}
        for row in _rows(assembly, name):
            finding.checked += 1
            record = decode(row.payload)
            version, digest = heads.get(record.stream, (0, None))
            if record.version != version + 1 or record.previous != digest or not _says_the_same(row, record):
                finding.faults.append(f"{name} {record.stream} version {record.version}")
            heads[record.stream] = (record.version, record.hash.hex())
        for comparison in compare(assembly, name):
            if comparison.different:
                finding.faults.append(f"{name} table {comparison.table}: {comparison.different} rows")
    return finding


def _rows(assembly: Assembly, name: str) -> Iterator[Row[Any]]:
    parts = assembly.parts[name]
    with parts.database.read() as session:
        rows = select(parts.log.table).order_by(parts.log.table.c.id).execution_options(yield_per=500)
        yield from session.connection().execute(rows)


def _says_the_same(row: Row[Any], record: Recorded) -> bool:
    """Say whether the columns by which a row is found are those of its payload."""
    columns = (row.event_id, row.stream, row.version, row.type, row.area, row.hash)
    envelope = (record.id, record.stream, record.version, record.type, record.area, record.hash)
    return columns == envelope and row.caused_by in {None, record.causation}


def legal_transitions(assembly: Assembly) -> Finding:
    """I5: every stream went only ways that its lifecycle allows."""
    finding = Finding("I5 legal transitions")
    for name, service in assembly.services.items():
        states: dict[str, str] = {}
        for _, record in _log(assembly, name):
            lifecycle: Lifecycle | None = service.lifecycles.get(record.stream.split("/", 1)[0])
            if lifecycle is None:
                continue
            finding.checked += 1
            allowed, leads_to = lifecycle.get(record.type, (frozenset(), None))
            state = states.get(record.stream, "")
            if state not in allowed:
                finding.faults.append(f"{record.stream}: {record.type} while {state or 'new'}")
            states[record.stream] = state if leads_to is None else leads_to
    return finding


def effect_once(assembly: Assembly) -> Finding:
    """I7: no cause led twice to the same event; what each hearer heard is each owner's history, event by event."""
    finding = Finding("I7 effect once")
    for name, parts in assembly.parts.items():
        table = parts.log.table.c
        with parts.database.read() as session:
            because = select(table.caused_by, table.stream, table.type, table.ordinal)
            rows = session.connection().execute(because.where(table.caused_by.is_not(None))).all()
        counted = Counter(tuple(row) for row in rows)
        finding.checked += len(counted)
        finding.faults += [f"{name} {key[1]} {key[2]}" for key, times in counted.items() if times > 1]
    for hearer, source, stream, place in _places(assembly):
        with assembly.parts[source].database.read() as session:
            said = assembly.parts[source].log.stream(session, stream)
        finding.checked += 1
        known = all(place.knows(record.version, record.hash) for record in said[: place.version])
        if place.version > len(said) or not known:
            finding.faults.append(f"{hearer} heard another {stream}")
    return finding


def _places(assembly: Assembly) -> Iterator[tuple[str, str, str, Place]]:
    for name in assembly.parts:
        for source, stream, place in _places_of(assembly, name):
            if source in assembly.parts:
                yield name, source, stream, place


def _places_of(assembly: Assembly, hearer: str) -> Iterator[tuple[str, str, Place]]:
    parts = assembly.parts[hearer]
    table = parts.log.metadata.tables["stream_position"].c
    with parts.database.read() as session:
        rows = session.connection().execute(select(table.source, table.stream, table.history)).all()
    for row in rows:
        yield row.source, row.stream, Place(row.history)


def no_event_vanishes(assembly: Assembly) -> Finding:
    """I8: each event, for each hearer, is heard, parked (an open task: a fault to look at) or on its way."""
    finding = Finding("I8 no event vanishes")
    for name, hearer in assembly.hearers.items():
        heard, parked = _Heard(assembly, name), _parked(assembly, name)
        finding.on_their_way += sum(reason in parking.PASSING_REASONS for _, reason in parked)
        stuck = sorted(pair for pair in parked if pair[1] not in parking.PASSING_REASONS)
        finding.faults += [f"{name} parked {stream}: {reason}" for stream, reason in stuck]
        held = {stream for stream, _ in parked}
        unheard = [event for event in _unheard(assembly, hearer.sources, heard, finding) if event[2].stream not in held]
        between = assembly.look_between(hearer)
        finding.faults += between.astray
        lost = _lost(assembly, name, unheard, between, finding)
        held = {stream for stream, _ in _parked(assembly, name)} if lost else set()
        finding.faults += [
            f"{name} never heard {record.stream} version {record.version}"
            for _, _, record in lost
            if record.stream not in held
        ]
    return finding


def _unheard(assembly: Assembly, sources: Sequence[str], heard: _Heard, finding: Finding) -> Iterator[Unheard]:
    for source in sources:
        for log_id, record in _log(assembly, source):
            finding.checked += 1
            if not heard.knows(source, record):
                yield source, log_id, record


def _parked(assembly: Assembly, name: str) -> set[tuple[str, str]]:
    parts = assembly.parts[name]
    with parts.database.read() as session:
        return {(row.stream, row.reason) for row in parking.of(parts.log.metadata).open(session)}


def no_double_booking(assembly: Assembly) -> Finding:
    """I9: no therapist, room or child is in two sessions at once; no session has more children than seats."""
    with assembly.parts["therapy-booking"].database.read() as session:
        faults = booking_store.booking_faults(session)
    return Finding("I9 no double booking", faults.checked["sessions"], [*faults.double_booked, *faults.over_capacity])


def whole_blocks(assembly: Assembly) -> Finding:
    """I11: a child has a seat in every session of a block or in none; each pool's charges add up to the penny."""
    with assembly.parts["therapy-booking"].database.read() as session:
        faults = booking_store.booking_faults(session)
    return Finding(
        "I11 whole blocks, balanced pools",
        faults.checked["bookings"],
        [*faults.partial_blocks, *faults.unbalanced_pools, *faults.seats_astray],
    )


def keys_are_there(assembly: Assembly) -> Finding:
    """I24: each child's key is there, or was destroyed on purpose: without one, a person would seem erased."""
    finding = Finding("I24 keys are there")
    keys = assembly.parts["referral-intake"].keys
    children = {
        str(record.data["child_id"]) for _, record in _log(assembly, "referral-intake") if "child_id" in record.data
    }
    finding.checked = len(children)
    finding.faults = sorted(children - keys.known(children))
    return finding


def told_once(assembly: Assembly) -> Finding:
    """I12: an event that families are told of has one notice for each of them; the provider took it at most once."""
    finding = Finding("I12 told once")
    # How far it has heard is read before what it has told: the other way round, what is heard between looks untold.
    place = _Heard(assembly, "notification")
    sources = assembly.hearers["notification"].sources
    heard = (record for source in sources for _, record in _log(assembly, source) if place.knows(source, record))
    with assembly.parts["notification"].database.read() as session:
        finding.faults += notification_store.untold(session, heard)
        finding.faults += notification_store.notice_faults(session)
        finding.on_their_way += notification_store.unsettled(session)
        finding.checked += sum(1 for _ in notification_store.told(session))
    for notice, times in notification_channels.ledger_counts(assembly.folder).items():
        if times > 1:
            finding.faults.append(f"notice {notice} sent {times} times")
    return finding
