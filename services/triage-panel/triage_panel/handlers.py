"""What the queues do: each handler validates, loads, decides and appends; forms, programs and events use the same."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from frontdoor import access, events
from frontdoor.access import Allow, Denied, Deny, Subject
from frontdoor.areas import Area
from frontdoor.calendars import CALENDAR_VERSION, ClockState, local_date, received_on
from frontdoor.delivery.hearer import NotYet
from frontdoor.envelope import Recorded
from frontdoor.events import (
    Agency,
    AssessmentReady,
    Instant,
    ReferralAmended,
    ReferralQueued,
    ReferralSubmitted,
    ReferralWithdrawn,
)
from frontdoor.identifiers import normal_reference
from frontdoor.seal import Erased
from frontdoor.work import Refused, Work
from triage_panel import commands, domain, store

PAGE = 50
"""Entries on one page of a queue."""

# --- what is heard ---------------------------------------------------------------------------------------------------


def queue_referral(work: Work, referral: ReferralSubmitted) -> None:
    """Put a referral into the queue of every agency that must see it. Twice is harmless: an entry is made once."""
    _claim_entries(work, referral.reference)
    for route in referral.routes:
        if not work.version(store.stream_of(referral.reference, route.agency)):
            queued = ReferralQueued(
                reference=referral.reference,
                agency=route.agency,
                child_id=referral.child_id,
                kind=referral.kind,
                received_at=referral.received_at,
                **_due(work.area, route.agency, referral.support, received_on(referral.received_at), referral.setting),
                priority="routine",
                needs=tuple(need.code for need in referral.needs),
                support=referral.support,
                sent_by=referral.sent_by,
                organisation=referral.organisation,
                setting=referral.setting,
                out_of_area=referral.out_of_area,
                to_be_sorted=referral.to_be_sorted,
                family=(referral.sent_by,) if referral.family_raised else (),
                referrer_role=referral.referrer_role,
                rules=route.rules,
                flags=referral.flags,
                waits=referral.waits,
                story=referral.story,
            )
            work.append(store.stream_of(referral.reference, route.agency), 0, queued)


def note_child(work: Work, child: events.ChildRegistered) -> None:
    """Remember who a child is, still sealed. Twice is harmless: the same is written again."""
    noted = events.QueueChildNoted(child_id=child.child_id, identity=child.identity)
    stream = store.child_stream(child.child_id)
    work.claim(stream)
    work.append(stream, None, noted)


def amend_entries(work: Work, amended: ReferralAmended) -> None:
    """Add what was added to every entry of the referral. Twice is harmless: one cause says it once."""
    for entry in _heard_entries(work, amended.reference):
        work.append(entry.stream, entry.version, domain.amend(entry.standing(), amended.text))


def bring_up_again(work: Work, ready: AssessmentReady) -> None:
    """Bring a referral up again whose child is old enough now. Twice is harmless: one cause says it once.

    It stands in the queue of each agency that the support leads to, whatever was decided before.
    """
    ready_on = ready.ready_on or work.today
    for entry in _heard_entries(work, ready.reference):
        if entry.agency not in ready.agencies:
            continue
        standing = entry.standing()
        again = domain.Promised(**_due(work.area, standing.agency, (ready.support,), ready_on, entry.setting))
        before = domain.Promised(entry.due_at, entry.standard, entry.standard_version, CALENDAR_VERSION)
        if said := domain.bring_up(standing, ready.support, ready_on, before, again):
            work.append(entry.stream, entry.version, said)


def withdraw_entries(work: Work, withdrawn: ReferralWithdrawn) -> None:
    """End every open entry of the referral. Twice is harmless: what has ended is left alone."""
    for entry in _heard_entries(work, withdrawn.reference):
        if said := domain.withdraw(entry.standing(), withdrawn.reason, work.now):
            work.append(entry.stream, entry.version, *said)


def _claim_entries(work: Work, reference: str) -> None:
    """Let nobody else decide about any entry of a referral: a decision about one may rest on them all."""
    work.claim(*store.streams_of(reference))


def _heard_entries(work: Work, reference: str) -> list[store.Entry]:
    _claim_entries(work, reference)
    entries = store.entries_of(work.session, work.area.id, reference)
    if not entries:
        raise NotYet("referral-intake", f"referral/{reference}")
    return entries


# --- what is due -----------------------------------------------------------------------------------------------------


def notice_breaches(work: Work, limit: int) -> int:
    """Say of up to `limit` entries that their date has passed. Twice is harmless: each is said once, by its row."""
    seen = store.overdue(work.session, work.area.id, work.now, limit)
    claimed = {entry.stream for entry in seen}
    work.claim(*claimed)
    late = [entry for entry in store.overdue(work.session, work.area.id, work.now, limit) if entry.stream in claimed]
    for entry in late:
        with work.following(entry.stream):
            work.append(entry.stream, entry.version, *domain.missed(entry.standing(), work.now))
    return len(late)


# --- what people read ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One entry as its queue shows it; `rank` is its place in the order of the list, from 1."""

    reference: str
    status: str
    version: int
    priority: str
    rank: int
    received_at: Instant
    due_at: Instant
    clock: ClockState
    days_waiting: int
    holder: str | None
    kind: str
    needs: list[str]
    support: list[str]
    out_of_area: bool
    to_be_sorted: bool
    old_enough_for: list[str]
    child_name: str | None


@dataclass(frozen=True)
class Queue:
    """A page of a queue; `next` is the cursor of the page behind it."""

    entries: list[Line]
    next: str | None


def check_agency(agency: str | None) -> None:
    """Refuse the address of a queue that there is not."""
    if agency is not None and agency not in events.AGENCIES:
        raise Denied(Deny(404, "agency"))


def list_queue(work: Work, agency: str, status: str | None, cursor: str | None) -> Queue:
    """List a page of an agency's queue in its order; leaves one audit row that names the referrals shown."""
    if status and status not in domain.STATUSES:
        raise Refused("invalid", "Select a status that entries can have.", status=422, field="status")
    rank, behind = _read_cursor(cursor, status) if cursor else (0, None)
    allow = _may_list(work, agency)
    found = store.queue(work.session, work.area.id, agency, status, behind, PAGE + 1)
    shown = found[:PAGE]
    names = _names(work, shown) if _sees(allow, "identity") else {}
    lines = [_line(entry, rank + at, names, work, allow) for at, entry in enumerate(shown, 1)]
    work.shown("queue.read", [line.reference for line in lines], allow)
    more = len(found) > PAGE
    behind_last = commands.Cursor.behind(rank + PAGE, status, store.place_of(shown[-1])).text if more else None
    return Queue(lines, behind_last)


@dataclass(frozen=True)
class Opened:
    """One entry as its page shows it: `child` is None where it may not be seen, both are where they were erased.

    Of `story` a page shows what the categories of `allow` open.
    """

    entry: store.Entry
    allow: Allow
    clock: ClockState
    possible: list[domain.Outcome]
    child: dict[str, Any] | None
    story: dict[str, Any] | None
    history: list[tuple[Recorded, str | None]]
    others: list[store.Entry]


def open_entry(work: Work, agency: str, reference: str) -> Opened:
    """Open one entry with its child, story and history, as far as the reader may see; leaves an audit row."""
    entry = _find(work, agency, reference, "referral.read")
    everywhere = store.entries_of(work.session, work.area.id, reference)
    allow = work.may("referral.read", _subject(everywhere))
    standing = _standing(entry, everywhere)
    sealed = store.identities(work.session, work.area.id, [entry.child_id]).get(entry.child_id)
    records = work.parts.log.stream(work.session, entry.stream)
    return Opened(
        entry=entry,
        allow=allow,
        clock=domain.clock(standing, work.now),
        possible=domain.possible(standing, work.now),
        child=_table(work.keys.unseal_or(sealed, None)) if _sees(allow, "identity") else None,
        story=_table(work.keys.unseal_or(entry.story, None)),
        history=[(record, _comment(work, record, allow)) for record in records],
        others=[other for other in everywhere if other.agency != agency],
    )


def said_by(area: Area, actor: str) -> str:
    """Name the role of whoever said an event, in words, never the person."""
    if actor.startswith("service:"):
        return "Front Door"
    person = area.people.get(actor)
    if person is None:
        return "a triager"
    role = "triager" if "triager" in person.roles else min(person.roles).replace("_", " ")
    return f"{person.agency} {role}" if person.agency else role


def _may_list(work: Work, agency: str) -> Allow:
    whole = Subject(reference="", area=work.area.id, sent_by="", agencies=frozenset({agency}))
    answer = access.decide(work.actor, "queue.read", whole, work.area.agreements, work.now)
    if isinstance(answer, Deny):
        raise Denied(answer)
    return answer


def _line(entry: store.Entry, rank: int, names: dict[str, str], work: Work, allow: Allow) -> Line:
    return Line(
        reference=entry.reference,
        status=entry.status,
        version=entry.version,
        priority=entry.priority,
        rank=rank,
        received_at=entry.received_at,
        due_at=entry.due_at,
        clock=domain.clock(entry.standing(), work.now),
        days_waiting=(work.today - local_date(entry.received_at)).days,
        holder=entry.holder,
        kind=entry.kind,
        needs=entry.needs if _sees(allow, "needs") else [],
        support=entry.support if _sees(allow, "needs") else [],
        out_of_area=entry.out_of_area,
        to_be_sorted=entry.to_be_sorted,
        old_enough_for=entry.old_enough_for if _sees(allow, "needs") else [],
        child_name=names.get(entry.child_id),
    )


def _names(work: Work, entries: list[store.Entry]) -> dict[str, str]:
    sealed = store.identities(work.session, work.area.id, [entry.child_id for entry in entries])
    known = {child_id: _table(work.keys.unseal_or(identity, None)) for child_id, identity in sealed.items()}
    return {child_id: name for child_id, child in known.items() if child and (name := name_of(child))}


def name_of(child: dict[str, Any]) -> str | None:
    """Write a child's name; None where it is not known."""
    return " ".join(str(child[part]) for part in ("given_name", "family_name") if child.get(part)) or None


def _comment(work: Work, record: Recorded, allow: Allow) -> str | None:
    sealed = getattr(record.event, "comment", None)
    text = work.keys.unseal_or(sealed, None) if _sees(allow, "decision") else None
    return text if isinstance(text, str) else None


def _sees(allow: Allow, category: str) -> bool:
    return allow.categories is None or category in allow.categories


def _table(value: Any) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None


def _read_cursor(cursor: str, status: str | None) -> tuple[int, store.Place]:
    try:
        read = commands.Cursor.read(cursor)
        if read.status == (status or ""):
            return read.rank, read.place
    except ValueError:
        pass
    raise Refused("invalid", "This cursor is of another list: start again without it.", status=422, field="cursor")


# --- what people decide ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Decided:
    """What an entry has become."""

    reference: str
    agency: str
    status: str
    version: int


@dataclass(frozen=True)
class Claimed(Decided):
    """What an entry has become, and who has it in hand."""

    holder: str | None


def decide_entry(work: Work, agency: Agency, reference: str, asked: commands.Decision) -> Decided:
    """Decide about an entry. Twice is harmless: the second finds a newer version, or a state that forbids it."""
    _claim_entries(work, reference)
    entry = _find(work, agency, reference, "queue.decide")
    everywhere = store.entries_of(work.session, work.area.id, reference)
    work.may("queue.decide", _subject(everywhere))
    _check_version(work, entry, asked.version)
    wish = _wish(work, entry, asked)
    try:
        said = domain.decide(_standing(entry, everywhere), wish, work.now)
        work.append(entry.stream, entry.version, *said)
        if wish.redirect_to:
            _pass_on(work, entry, wish, wish.redirect_to)
    except domain.NotAllowed as refusal:
        raise _refused(refusal) from None
    return Decided(reference, agency, entry.status, entry.version)


def claim_entry(work: Work, agency: Agency, reference: str, holder: str | None) -> Claimed:
    """Take an entry in hand for somebody of the agency, or let it go. Twice is harmless: it is so already."""
    _claim_entries(work, reference)
    entry = _find(work, agency, reference, "queue.decide")
    work.may("queue.decide", _subject(store.entries_of(work.session, work.area.id, reference)))
    if holder is not None and holder != work.actor.person and not _is_triager(work.area, holder, agency):
        raise Refused("invalid", f"Name somebody who triages for {agency}.", status=422, field="holder")
    try:
        said = domain.claim(entry.standing(), holder)
    except domain.NotAllowed as refusal:
        raise _refused(refusal) from None
    if said:
        work.append(entry.stream, entry.version, *said)
    return Claimed(reference, agency, entry.status, entry.version, entry.holder)


def _find(work: Work, agency: str, reference: str, action: str) -> store.Entry:
    entry = store.entry(work.session, work.area.id, reference, agency)
    if entry is None:
        # Its row in the audit costs the same time as that of an entry which is there and may not be seen.
        raise Denied(Deny(404, "unknown"), asked=(action, normal_reference(reference) or ""))
    return entry


def _standing(entry: store.Entry, everywhere: list[store.Entry]) -> domain.Standing:
    return replace(entry.standing(), withdrawn=any(other.status == "withdrawn" for other in everywhere))


def _subject(entries: list[store.Entry]) -> Subject:
    """What is known of a referral, from all its entries: those of agencies that passed it on stay related."""
    first = entries[0]
    return Subject(
        reference=first.reference,
        area=first.area,
        sent_by=first.sent_by,
        organisation=first.organisation,
        setting=first.setting,
        agencies=frozenset(entry.agency for entry in entries),
        family=frozenset(person for entry in entries for person in entry.family),
    )


_FOLLOWS = frozenset({"StandardMet", "StandardBreached", "TherapyAgreed"})
"""What is said along with a change, or by the clock alone."""


def _check_version(work: Work, entry: store.Entry, seen: int | None) -> None:
    """Refuse a decision made on an older picture. A date that passed, or one's own claim, is nobody else's change."""
    if seen in {None, entry.version}:
        return
    since = work.parts.log.stream(work.session, entry.stream, since=(seen or 0) + 1)
    changes = [record for record in since if record.type not in _FOLLOWS]
    if since and all(record.type == "EntryClaimed" and record.actor == work.actor.person for record in changes):
        return
    changed: dict[str, Any] = {"status": entry.status, "version": entry.version}
    if changes:
        last = changes[-1]
        changed |= {"what": last.type, "by": said_by(work.area, last.actor), "at": events.instant(last.time)}
    raise Refused("stale", "Somebody else changed this in the meantime: look again.", changed=changed)


def _wish(work: Work, entry: store.Entry, asked: commands.Decision) -> domain.Wish:
    therapy = domain.Therapy(**asked.therapy.model_dump()) if asked.therapy else None
    comment = _sealed(work, entry.child_id, asked.comment)
    return domain.Wish(asked.outcome, asked.reason_code, comment, asked.redirect_to, asked.priority, therapy)


def _sealed(work: Work, child_id: str, text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return work.keys.seal(child_id, text)
    except Erased:  # nothing may be written about somebody who has been erased; the decision itself stands
        return None


def _pass_on(work: Work, entry: store.Entry, wish: domain.Wish, to: Agency) -> None:
    there = store.entry(work.session, work.area.id, entry.reference, to)
    if there is not None:
        work.append(there.stream, there.version, domain.join(there.standing(), wish))
        return
    queued = ReferralQueued(
        **entry.model_dump(include=_PASSED_ON),
        **_due(work.area, to, tuple(entry.support), received_on(entry.received_at), entry.setting),
        agency=to,
        redirected_from=entry.standing().agency,
        rules=(f"redirect:{entry.agency}",),
    )
    work.append(store.stream_of(entry.reference, to), 0, queued)


_PASSED_ON = {
    "reference",
    "child_id",
    "kind",
    "received_at",
    "priority",
    "needs",
    "support",
    "sent_by",
    "organisation",
    "setting",
    "out_of_area",
    "to_be_sorted",
    "family",
    "referrer_role",
    "flags",
    "waits",
    "story",
}


def _due(area: Area, agency: Agency, support: tuple[str, ...], since: date, setting: str | None) -> dict[str, Any]:
    standard = domain.standard_for(area.standards.values(), agency, support)
    calendar = area.calendar_of(setting)
    return {
        "due_at": domain.due(since, standard.limit, standard.unit, calendar),
        "standard": standard.code,
        "standard_version": standard.version,
        "calendar_version": CALENDAR_VERSION,
    }


def _is_triager(area: Area, holder: str, agency: str) -> bool:
    return area.knows(holder, "triager") and area.people[holder].agency == agency


def _refused(refusal: domain.NotAllowed) -> Refused:
    if refusal.field:
        return Refused("invalid", refusal.sentence, status=422, field=refusal.field)
    return Refused("not_allowed", refusal.sentence)
