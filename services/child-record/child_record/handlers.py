"""What the shared record does: it notes what it hears, shows it to those who may see it, and renews links."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from sqlmodel import Session

from child_record import domain, store
from child_record.commands import RenewLink
from child_record.domain import FAMILY, Line, Reader, Stand
from frontdoor import access, events
from frontdoor.delivery.hearer import Heard, NotYet
from frontdoor.events import Agency
from frontdoor.identifiers import FamilyLink, normal_reference
from frontdoor.work import Parts, Refused, Work

NO_REFERENCE = "no reference"
"""What the audit keeps of an address that names nothing a reference could be."""

# --- hearing ---------------------------------------------------------------------------------------------------------


def open_record(work: Work, heard: Heard) -> None:
    """Open a referral's record with its first line. Twice is harmless: the record is there already."""
    event = cast(events.ReferralSubmitted, heard.event)
    work.claim(store.stream_of(event.reference))
    if store.record(work.session, work.occasion.area, event.reference):
        return
    organisation = work.area.organisations.get(event.organisation or event.setting or "")
    sender = domain.sender_words(event.referrer_role, organisation.name if organisation else None)
    opened = events.RecordOpened(
        reference=event.reference,
        child_id=event.child_id,
        kind=event.kind,
        agencies=event.agencies,
        received_at=event.received_at,
        acknowledge_by=event.acknowledge_by,
        sent_by=event.sent_by,
        sender=sender,
        organisation=event.organisation,
        setting=event.setting,
        family=(event.sent_by,) if event.family_raised else (),
        contacts=tuple(contact.contact_id for contact in event.contacts),
        needs=tuple(need.code for need in event.needs),
    )
    facts = {"kind": event.kind, "agencies": event.agencies}
    work.append(
        store.stream_of(event.reference), 0, opened, _step(heard, event.reference, "received", None, sender, facts)
    )


def note_step(work: Work, heard: Heard, reference: str, what: str, agency: Agency | None, facts: domain.Facts) -> None:
    """Note that something happened. Twice is harmless: one event leads to one line, named after that event."""
    work.claim(store.stream_of(reference))
    record = store.record(work.session, work.occasion.area, reference)
    if record is None:
        raise NotYet("referral-intake", f"referral/{reference}")
    by = _by(work, heard, record)
    work.append(store.stream_of(reference), None, _step(heard, reference, what, agency, by, facts))


def note_child(work: Work, event: events.ChildRegistered) -> None:
    """Note who a child is, still sealed. Twice is harmless: it says the same again."""
    noted = events.RecordChildNoted(child_id=event.child_id, identity=event.identity)
    stream = store.child_stream(event.child_id)
    work.claim(stream)
    work.append(stream, None, noted)


def note_link(work: Work, event: events.ChildrenLinked | events.ChildrenUnlinked) -> None:
    """Note whether two children are one. Twice is harmless: it says the same again."""
    is_linked = isinstance(event, events.ChildrenLinked)
    pair = {"child_id": event.child_id, "other_child_id": event.other_child_id}
    stream = f"child-link-noted/{event.link}"
    work.claim(stream)
    work.append(stream, None, events.RecordLinkNoted(link=event.link, is_linked=is_linked, **pair))


def _by(work: Work, heard: Heard, record: store.Record) -> str:
    person = work.area.people.get(heard.record.actor)
    organisation = work.area.organisations.get(person.organisation) if person and person.organisation else None
    name = organisation.name if organisation else None
    return domain.said_by(heard.event, heard.record.actor, record.sent_by, record.sender, name)


def _step(
    heard: Heard, reference: str, what: str, agency: Agency | None, by: str, facts: domain.Facts
) -> events.StepNoted:
    return events.StepNoted(
        reference=reference,
        at=heard.record.time,
        service=type(heard.event).source,
        what=what,
        agency=agency,
        by=by,
        facts=dict(facts),
        stream=heard.record.stream,
        version=heard.record.version,
    )


# --- links -----------------------------------------------------------------------------------------------------------


def renew_link(work: Work, reference: str, form: RenewLink) -> dict[str, Any]:
    """Replace somebody's link. Twice renews twice, each time without harm; only the last link opens."""
    record = _found(work, "link.renew", reference)
    work.may("link.renew", store.subject(work.session, record))
    stream = store.link_stream_of(record.reference, form.recipient)
    work.claim(stream)
    known = {domain.SENDER, *record.contacts}
    now = store.generation(work.session, work.occasion.area, record.reference, form.recipient)
    try:
        renewed = domain.renewed(record.reference, form.recipient, known, now)
    except domain.NotAllowed as why:
        raise Refused(why.code, why.sentence, status=422, field="recipient") from None
    work.append(stream, work.version(stream), renewed)
    link = FamilyLink(record.reference, form.recipient, renewed.generation)
    return {"status_url": work.parts.links.path(link)}


# --- reading ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shown:
    """As much of a record as its reader may see."""

    record: store.Record
    reader: Reader
    agencies: frozenset[str]
    lines: Sequence[Line]
    stands: Sequence[Stand]
    child: dict[str, Any]
    others: Sequence["Shown"] = ()


STAFF = frozenset({"triager", "caseload"})
"""Relations in which somebody sees the other referrals of the same child, each by their own right to it."""


def read_record(work: Work, reference: str) -> Shown:
    """Read a record as far as the actor may see it, and leave the audit row; 404 for everybody else.

    Staff see the other records of the same child with it: those that they may read, each with a row of its own.
    """
    record = _found(work, "timeline.read", reference)
    shown = _shown(work, record, work.may("timeline.read", store.subject(work.session, record)))
    if shown.reader.relation not in STAFF:
        return shown
    others = []
    for other in store.records_of_same_child(work.session, record):
        subject = store.subject(work.session, other)
        answer = access.decide(work.actor, "timeline.read", subject, work.area.agreements, work.now)
        if isinstance(answer, access.Allow) and answer.relation in STAFF:
            work.shown("timeline.read", [other.reference], answer)
            others.append(_shown(work, other, answer))
    return replace(shown, others=others)


def _shown(work: Work, record: store.Record, answer: access.Allow) -> Shown:
    subject = store.subject(work.session, record)
    reader = Reader(answer.relation, work.actor.agency, answer.categories)
    lines = store.lines(work.session, record.area, [record.reference])[record.reference]
    seen = domain.visible(lines, reader)
    child: dict[str, Any] = {}
    if reader.sees("identity"):
        child = work.keys.unseal_or(store.identity(work.session, record.area, record.child_id), {})
    return Shown(
        record, reader, subject.agencies, seen, domain.stands(subject.agencies, record.received_at, seen), child
    )


def list_records(work: Work, before: store.Place | None, limit: int) -> tuple[list[Shown], store.Record | None]:
    """List the latest records that the actor may read, with an audit row; and the last one if more follow."""
    rows = store.latest(work.session, work.area.id, _ways(work.actor), before, limit + 1)
    page = rows[:limit]
    timelines = store.lines(work.session, work.area.id, [row.reference for row in page])
    sealed = store.identities(work.session, work.area.id, [row.child_id for row in page])
    shown = []
    for row in page:
        subject = store.subject(work.session, row)
        answer = access.decide(work.actor, "timeline.read", subject, work.area.agreements, work.now)
        if isinstance(answer, access.Allow):
            reader = Reader(answer.relation, work.actor.agency, answer.categories)
            seen = domain.visible(timelines[row.reference], reader)
            found = domain.stands(subject.agencies, row.received_at, seen)
            child = work.keys.unseal_or(sealed.get(row.child_id), {}) if reader.sees("identity") else {}
            shown.append(Shown(row, reader, subject.agencies, seen, found, child))
    work.shown("record.list", [one.record.reference for one in shown], access.Allow("list"))
    return shown, page[-1] if len(rows) > limit else None


def _ways(actor: access.Actor) -> list[tuple[str, str]]:
    ways = [("sender", actor.person), ("family", actor.person)]
    if "therapist" in actor.roles:
        ways.append(("therapist", actor.person))
    if "triager" in actor.roles and actor.agency:
        ways.append(("agency", actor.agency))
    if "senco" in actor.roles and actor.organisation:
        ways.append(("school", actor.organisation))
    return ways


def _found(work: Work, action: str, reference: str) -> store.Record:
    known = normal_reference(reference)
    record = store.record(work.session, work.area.id, known) if known else None
    if record is None:
        # The same answer, the same questions asked and the same row in the audit as for somebody who may not know of
        # it, so that it takes as long. What is no reference may be anything that somebody typed: it is not kept.
        store.ways_to(work.session, work.area.id, known or NO_REFERENCE)
        raise access.Denied(access.Deny(404, "unknown"), asked=(action, known or NO_REFERENCE))
    return record


def may_wait(parts: Parts, session: Session, actor: access.Actor, reference: str, after: str) -> bool:
    """Say whether somebody may wait for what `after` names: this very referral's own event, and nothing else of it.

    Where the record is here, they must be able to read it. Where it is not, nobody knows yet whose it will be: they
    must have a role that could have sent it. Nothing is learned by waiting, then, but that one's own has arrived.
    """
    known = normal_reference(reference)
    if known is None or not re.fullmatch(rf"referral-intake:referral/{known}:[1-9][0-9]{{0,5}}", after):
        return False
    record = store.record(session, parts.area.id, known)
    if record is None:
        senders = access.WHO_MAY["referral.submit"].roles or {}
        return actor.area == parts.area.id and not actor.roles.isdisjoint(senders)
    subject = store.subject(session, record)
    answer = access.decide(actor, "timeline.read", subject, parts.area.agreements, parts.clock())
    return isinstance(answer, access.Allow)


@dataclass(frozen=True)
class Status:
    """What a family's link shows: agencies, steps and dates, and nothing that names a child."""

    reference: str
    version: int
    stands: Sequence[Stand]
    lines: Sequence[Line]
    next: str
    contact: str
    now: datetime

    @property
    def is_heard(self) -> bool:
        """Whether the referral has arrived here yet."""
        return self.version > 0


def open_link(parts: Parts, session: Session, token: str) -> FamilyLink:
    """Read a family's link; one that is not ours, or not the current one, gets the same 404."""
    link = parts.links.read(token)
    if link is None:
        raise access.Denied(access.Deny(404, "token"))
    renewed_to = store.generation(session, parts.area.id, link.reference, link.recipient)
    if not domain.is_current(link.generation, renewed_to):
        raise access.Denied(access.Deny(404, "generation"))
    return link


def read_status(parts: Parts, session: Session, token: str) -> Status:
    """Read what a family's link shows; before the referral has arrived here, that it was received."""
    reference = open_link(parts, session, token).reference
    now = parts.clock()
    record = store.record(session, parts.area.id, reference)
    stands, seen = [Stand(None, "received")], []
    if record:
        lines = store.lines(session, record.area, [reference])[reference]
        seen = domain.visible(lines, FAMILY)
        agencies = store.subject(session, record).agencies
        stands = domain.stands(agencies, record.received_at, seen)
    lead, ask = parts.area.organisations[parts.area.lead].name, parts.area.contacts
    advice = ask.advice_name, ask.advice_phone, ask.advice_email, ask.advice_link
    return Status(
        reference=reference,
        version=store.version_of(session, reference),
        stands=stands,
        lines=seen,
        next=domain.next_sentence(stands, record.acknowledge_by if record else None, now),
        contact=domain.contact(lead, parts.area.name, reference, (ask.send_team_phone, ask.send_team_email), advice),
        now=now,
    )
