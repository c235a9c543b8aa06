"""I1 to I3: each referral is in each queue that it names, each reference that was given out is there, once a key."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Row, select
from sqlmodel import Session

from all_in_one.assembly import Assembly, Unheard
from cli.invariants.finding import Finding
from cli.invariants.under_way import lost
from cli.invariants.walks import Tally, beside, by_stream, pages, rows, side_by_side, there
from frontdoor.envelope import decode
from frontdoor.events import EntryRedirected, ReferralQueued, ReferralSubmitted
from frontdoor.work import Parts

MADE = {
    "/api/referrals": ("reference", "referral"),
    "/api/bookings": ("booking", "booking"),
    "/api/providers": ("provider", "provider"),
    "/api/therapists": ("therapist", "therapist"),
    "/api/places": ("place", "place"),
    "/api/pools": ("pool", "pool"),
}
"""By address: the field of the answer that names what was made, and the kind of its stream."""
Step = ReferralQueued | EntryRedirected


def exactly_once_routing(assembly: Assembly) -> Finding:
    """I1: each referral has one entry in each queue that its pathways, or a redirect, name; no entry is without one."""
    finding = Finding("I1 exactly-once routing")
    finding.fault_each(
        f"{event.stream}: in no queue"
        for event in lost(assembly, "triage-panel", _not_queued_yet(assembly, finding), finding)
    )
    return finding


def _not_queued_yet(assembly: Assembly, finding: Finding) -> Iterator[Unheard]:
    """Walk referrals beside their entries; give those that triage seems not to have heard of."""
    with assembly.parts["triage-panel"].database.read() as heard:
        entries, submitted = _entries(heard, assembly.parts["triage-panel"]), _submitted(assembly, heard)
        for reference, queued, sent in side_by_side(entries, submitted):
            counts = _queued(queued, is_redirected=False)
            wanted: set[str] = set()
            for row, is_heard in sent:
                if not counts and not is_heard:
                    yield Unheard("referral-intake", row.id, row.stream, row.version, row.type)
                    continue
                wanted |= set(cast(ReferralSubmitted, decode(row.payload).event).agencies)
            finding.checked += len(wanted)
            finding.fault_each(_wrong(reference, wanted, counts, queued, is_known=bool(sent)))


def _wrong(
    reference: str, wanted: set[str], counts: Counter[str], queued: Sequence[Step], *, is_known: bool
) -> Iterator[str]:
    yield from (f"{reference} in {agency}: {counts[agency]}" for agency in sorted(wanted) if counts[agency] != 1)
    yield from (f"{reference} in {agency}: nobody sent it there" for agency in sorted(counts.keys() - wanted))
    redirects = _queued(queued, is_redirected=True)
    sent_on = {step.redirect_to for step in queued if isinstance(step, EntryRedirected)}
    for agency in sorted(redirects.keys() | sent_on - counts.keys()):
        if redirects[agency] != 1 or not is_known:
            yield f"{reference} redirected to {agency}: {redirects[agency]}"


def _queued(steps: Sequence[Step], *, is_redirected: bool) -> Counter[str]:
    entries = (step for step in steps if isinstance(step, ReferralQueued))
    return Counter(entry.agency for entry in entries if (entry.redirected_from is not None) == is_redirected)


def _entries(session: Session, triage: Parts) -> Iterator[tuple[str, Step]]:
    kinds = {ReferralQueued.__name__, EntryRedirected.__name__}
    for stream, row in by_stream(session, triage, "entry"):
        if row.type in kinds:
            yield stream.split("/")[1], cast(Step, decode(row.payload).event)


def _submitted(assembly: Assembly, heard: Session) -> Iterator[tuple[str, tuple[Row[Any], bool]]]:
    for stream, place, events in beside(assembly, "triage-panel", "referral-intake", heard, "referral"):
        for row in events:
            if row.type == ReferralSubmitted.__name__:
                yield stream.split("/")[1], (row, row.version <= place.version)


def no_silent_drop(assembly: Assembly, journal: Path | None = None) -> Finding:
    """I2: every reference that was given out is in intake's log."""
    finding = Finding("I2 no silent drop")
    if journal is None:
        return finding
    with assembly.parts["referral-intake"].database.read() as session:
        for some in pages(_references(journal)):
            finding.checked += len(some)
            known = _referrals(session, assembly.parts["referral-intake"], some)
            finding.fault_each(reference for reference in some if reference not in known)
    return finding


def _references(journal: Path) -> Iterator[str]:
    with journal.open() as lines:
        for text in filter(None, map(str.strip, lines)):
            yield str(json.loads(text)["reference"]) if text.startswith("{") else text


def _referrals(session: Session, intake: Parts, references: Iterable[str]) -> set[str]:
    table = intake.log.table.c
    streams = [f"referral/{reference}" for reference in references]
    wanted = select(table.stream).where(table.stream.in_(streams), table.type == ReferralSubmitted.__name__)
    return {stream.split("/")[1] for stream in session.connection().scalars(wanted)}


def one_key_one_thing(assembly: Assembly) -> Finding:
    """I3: each kept answer names one thing, made by who holds the key, and no two keys name the same one."""
    finding = Finding("I3 one key, one referral")
    for name, parts in assembly.parts.items():
        with parts.database.read() as session:
            tally = Tally(_made(session, parts, finding, name))
            finding.fault_each(f"{name} {thing}: under {times} keys" for thing, times in tally.repeated())
    return finding


def _made(session: Session, parts: Parts, finding: Finding, name: str) -> Iterator[str]:
    table = parts.log.metadata.tables["answer"].c
    answers = select(table.address, table.person, table.body).where(table.address.in_(MADE), table.status == 201)
    for some in pages(rows(session, answers)):
        finding.checked += len(some)
        streams = [_stream(row) for row in some]
        known = there(session, parts.log.table.c.stream, [stream for stream in streams if stream])
        for row, stream in zip(some, streams, strict=True):
            if stream is not None and stream in known and _began(session, parts, stream) == row.person:
                yield stream
            else:
                finding.fault(f"{name} {stream or row.address}: an answer that names nothing of theirs")


def _stream(row: Row[Any]) -> str | None:
    field, kind = MADE[row.address]
    body = json.loads(row.body)
    return f"{kind}/{body[field]}" if isinstance(body, dict) and field in body else None


def _began(session: Session, parts: Parts, stream: str) -> str | None:
    said = parts.log.stream(session, stream, limit=1)
    return said[0].actor if said else None
