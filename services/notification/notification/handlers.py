"""What notification does: it notes whom to tell, says what each is to be told, and sends it."""

import re
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import date, datetime
from typing import TypeVar

import structlog
from sqlalchemy.exc import OperationalError

from frontdoor import access
from frontdoor.calendars import due_on, local_date
from frontdoor.database import undone_alone
from frontdoor.delivery.hearer import Heard, NotYet
from frontdoor.event_log import Stale
from frontdoor.events import (
    ContactAdded,
    ContactChanged,
    Event,
    LinkRenewed,
    NoticeSettled,
    RecipientNoted,
    ReferralQueued,
    ReferralSubmitted,
    instant,
)
from frontdoor.failpoints import reach
from frontdoor.identifiers import FamilyLink
from frontdoor.work import Parts, Refused, Work
from notification import domain, store, wording
from notification.channels import Channel, Message

log = structlog.get_logger()

Result = TypeVar("Result")
INTAKE = "referral-intake"
BATCH = 50
"""Notices taken at a time: in one transaction before the provider is called for each, in one after."""
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SENDER = "sender"
"""Whoever holds this name is the only one that sends, of all threads, processes and machines."""


# --- hearing ---------------------------------------------------------------------------------------------------------


def note_recipient(work: Work, said: ContactAdded | ContactChanged) -> None:
    """Note how somebody wishes to be told. Twice is harmless: it is the whole new state."""
    noted = RecipientNoted.model_validate(said.model_dump())
    stream = recipient_stream(said.contact_id)
    # The case too: who is told of a step is settled before or after somebody joins, never meanwhile.
    work.claim(case_stream(said.reference), stream)
    work.append(stream, None, noted)


def note_link(work: Work, renewed: LinkRenewed) -> None:
    """Note which link of somebody's opens. Twice, or late, is harmless: only a later one than known is noted."""
    stream = f"link-noted/{renewed.reference}/{renewed.recipient}"
    work.claim(stream)
    known = store.link_generation(work.session, renewed.reference, renewed.recipient)
    noted = domain.link_noted(renewed, known)
    if noted is not None:
        work.append(stream, None, noted)


def note_queue(work: Work, said: ReferralQueued) -> None:
    """Note by when an agency decides, and an agency that is new to the case. Twice changes nothing."""
    _note_case(work, known_case(work, said.reference), said)


def open_case(work: Work, heard: Heard, said: ReferralSubmitted) -> None:
    """Note the case and tell its contacts that it was received. Twice is harmless: notices are named after the event.

    Waits, before anything is written, for every contact that the referral names.
    """
    work.claim(case_stream(said.reference))
    people = []
    for contact in said.contacts:
        person = store.recipient(work.session, contact.contact_id)
        if person is None:
            raise NotYet(INTAKE, f"contact/{contact.contact_id}")
        people.append(person)
    case = domain.case_of(said)
    work.append(case_stream(said.reference), None, case.noted())
    _tell(work, heard, case, people)


def tell_step(work: Work, heard: Heard, reference: str) -> None:
    """Tell everybody of a case what has happened. Twice is harmless: notices are named after the event."""
    case = _note_case(work, known_case(work, reference), heard.event)
    _tell(work, heard, case, store.recipients(work.session, heard.record.area, reference))


def case_stream(reference: str) -> str:
    """Name the stream in which a referral's case is noted."""
    return f"case-noted/{reference}"


def recipient_stream(contact_id: str) -> str:
    """Name the stream in which is noted how somebody wishes to be told."""
    return f"recipient/{contact_id}"


def known_case(work: Work, reference: str) -> domain.Case:
    """The case of a referral, claimed; what comes before it waits for it."""
    work.claim(case_stream(reference))
    case = store.case(work.session, reference)
    if case is None:
        raise NotYet(INTAKE, f"referral/{reference}")
    return case


def _note_case(work: Work, case: domain.Case, said: Event) -> domain.Case:
    after = domain.case_after(case, said)
    if after != case:
        work.append(case_stream(case.reference), None, after.noted())
    return after


def _tell(work: Work, heard: Heard, case: domain.Case, people: Sequence[store.Recipient]) -> None:
    record = heard.record
    occurrence = domain.Occurrence(record.id, record.type, record.time, work.now)
    template, facts = domain.told_of(heard.event, case, _offer_due(work, case, record.time))
    notices = {domain.notice_id(record.id, person.contact_id, person.channel): person for person in people}
    made = store.made(work.session, list(notices))
    for notice, person in notices.items():
        if notice not in made:
            work.append(_stream(notice), 0, *domain.tell(_person(person), case, occurrence, template, facts))


def _offer_due(work: Work, case: domain.Case, agreed_at: datetime) -> date | None:
    standard = work.area.standards.get("offer")
    if standard is None:
        return None
    return due_on(local_date(agreed_at), standard.limit, standard.unit, work.area.calendar_of(case.setting))


def _person(row: store.Recipient) -> domain.Person:
    return domain.Person(row.contact_id, row.channel, row.language, row.safe_to_contact)


# --- people ----------------------------------------------------------------------------------------------------------


def settle_notice(work: Work, notice: str) -> None:
    """Somebody has seen to a notice that could not be sent. Twice is harmless: the second finds nothing to do."""
    work.claim(_stream(notice))
    row = store.notice(work.session, notice)
    if row is None or row.area != work.actor.area:
        raise Refused("not_found", "There is no such message: look at the list again.", status=404)
    if row.task is None:
        return
    settled = NoticeSettled(notice=row.notice, reference=row.reference, child_id=row.child_id)
    work.append(_stream(notice), row.version, settled)


def _stream(notice: str) -> str:
    return f"notice/{notice}"


# --- receipts --------------------------------------------------------------------------------------------------------


def note_receipt(work: Work, notice: str, receipt: domain.Receipt) -> bool:
    """Note what the provider says became of a message; False: it is none of ours. Twice, or late, is harmless.

    `notice` is whatever the provider was given as reference: not only we may send by it.
    """
    if _ID.fullmatch(notice) is None:
        return False
    work.claim(_stream(notice))
    row = store.notice(work.session, notice)
    if row is None or row.area != work.actor.area:
        return False
    said = domain.received(_notice(row), receipt)
    if said is not None:
        work.append(_stream(notice), row.version, said)
    return True


# --- sending ---------------------------------------------------------------------------------------------------------


def send_notices(parts: Parts, channel: Channel) -> int:
    """Ask about attempts without a result, then send what is due; give back how many notices moved.

    Stopped at any moment and run again, nothing is sent twice: an attempt is committed before the provider is called,
    and one without a result is asked about by the notice's id, never just repeated.
    """
    with parts.database.alone(SENDER) as alone:
        return _send_round(parts, channel) if alone else 0


def _send_round(parts: Parts, channel: Channel) -> int:
    with parts.database.read() as session:
        if store.is_held(session, parts.area.id):
            return 0
        restored = store.was_restored(session)
    moved = _ask_about_attempts(parts, channel)
    while taken := _take(parts):
        moved += len(taken)
        _send(parts, channel, taken, restored=restored)
    return moved


Taken = Sequence[tuple[domain.Notice, Message | None]]
"""Notices that a round dealt with; those with a message have a committed attempt and are to be sent now."""


def _ask_about_attempts(parts: Parts, channel: Channel) -> int:
    with parts.database.read() as session:
        waiting = [_notice(row) for row in store.in_flight(session, parts.area.id)]
    results = [(notice, _look_up(parts, channel, notice)) for notice in waiting]
    return _note_results(parts, [(notice, answer) for notice, answer in results if answer is not None])


def _look_up(parts: Parts, channel: Channel, notice: domain.Notice) -> domain.Answer | None:
    """What the provider knows of a notice; None where it cannot be asked now and may be asked again."""
    try:
        return channel.look_up(notice.notice)
    except Exception as trouble:  # noqa: BLE001  whatever it is, it says nothing about the message
        log.warning("provider_not_asked", notice=notice.notice, error=type(trouble).__name__)
        return "unknown" if domain.asked_long_enough(notice, parts.clock()) else None


def _take(parts: Parts) -> Taken:
    """Decide about the next due notices, and commit an attempt of each that may be sent."""
    return _careful_if_need_be(lambda careful: _taken(parts, careful=careful))


def _careful_if_need_be(do: Callable[[bool], Result]) -> Result:
    """Do it at once; where anything is wrong with one notice, again, so that it holds up no other."""
    try:
        return do(False)
    except (Stale, OperationalError):
        raise
    except Exception:  # noqa: BLE001  nothing has been kept; what it is and of which notice is found and told now
        return do(True)


def _taken(parts: Parts, *, careful: bool) -> Taken:
    taken = []
    with _working(parts) as work:
        seen = {row.notice for row in store.due(work.session, parts.area.id, work.now, BATCH)}
        _claim(work, seen)
        rows = [row for row in store.due(work.session, parts.area.id, work.now, BATCH) if row.notice in seen]
        _at_hand = store.people_and_cases(work.session, rows)
        for notice in map(_notice, rows):
            with suppress(Stale):  # somebody else has changed this one: look again next time
                taken.append((notice, _prepare_alone(work, notice, careful=careful)))
    return taken


def _prepare_alone(work: Work, notice: domain.Notice, *, careful: bool) -> Message | None:
    """Prepare one notice so that whatever is wrong with it holds up no other: it is put off, then given to a person."""
    try:
        with work.following(f"notice/{notice.notice}"), undone_alone(work.session, careful=careful):
            return _prepare(work, notice)
    except (Stale, OperationalError):  # somebody else was there, or the database is busy: no fault of this notice
        raise
    except Exception as trouble:
        if not careful:
            raise
        # Its own words may be personal: only its type is told.
        log.warning("notice_not_written", notice=notice.notice, error=type(trouble).__name__)
        before = domain.stumbles(store.life_of(work.session, notice.notice))
        work.append(_stream(notice.notice), notice.version, domain.stumbled(notice, before, work.now))
        return None


def _prepare(work: Work, notice: domain.Notice) -> Message | None:
    """Check the recipient's wishes as they are now; say what follows, and write the message where there is one."""
    person = store.recipient(work.session, notice.recipient)
    assert person is not None  # noqa: S101  it was noted before any notice was created
    wishes = _person(person)
    barred = domain.barred_at_send(notice, wishes, work.now)
    if barred == "channel_changed":
        _move(work, notice, wishes)
        return None
    address = None if barred else _address(work, person)
    if barred is None and address is not None:
        work.append(_stream(notice.notice), notice.version, domain.attempted(notice))
        return _message(work, notice, address)
    erased = work.keys.unseal_or(person.details, None) is None
    reason = barred or ("erased" if erased else "no_address")
    work.append(_stream(notice.notice), notice.version, domain.suppressed(notice, reason))
    return None


def _move(work: Work, notice: domain.Notice, wishes: domain.Person) -> None:
    """Tell by the channel that the recipient has chosen since, unless that has been tried before."""
    created = domain.moved(notice, wishes)
    told_before = store.notice(work.session, created.notice) is not None
    reason: domain.Suppression = "channel_changed_back" if told_before else "channel_changed"
    work.append(_stream(notice.notice), notice.version, domain.suppressed(notice, reason))
    if not told_before:
        work.append(_stream(created.notice), 0, created)


def _address(work: Work, person: store.Recipient) -> str | None:
    """Where to reach somebody by the channel of their choice, on one line; None where that is not known."""
    details = work.keys.unseal_or(person.details, {})
    if person.channel != "letter":
        return details.get("email" if person.channel == "email" else "phone") or None
    lines = details.get("address") or []
    return ", ".join(filter(None, (*lines, details.get("postcode")))) if lines else None


def _message(work: Work, notice: domain.Notice, address: str) -> Message:
    generation = store.link_generation(work.session, notice.reference, notice.recipient)
    path = work.parts.links.path(FamilyLink(notice.reference, notice.recipient, generation))
    link = work.parts.public_url + path
    case = store.case(work.session, notice.reference)
    facts = domain.with_dates(notice.facts, case) if case else notice.facts
    text = wording.compose(wording.english(), notice.channel, notice.template, notice.reference, facts, link)
    return Message(
        notice=notice.notice,
        reference=notice.reference,
        recipient=notice.recipient,
        kind=notice.channel,
        address=address,
        subject=text.subject,
        text=text.body,
        at=instant(work.now),
    )


def _send(parts: Parts, channel: Channel, taken: Taken, *, restored: bool) -> None:
    results: list[tuple[domain.Notice, domain.Answer]] = []
    for notice, message in taken:
        if message is None:
            continue
        try:
            if restored and channel.look_up(notice.notice) != "absent":
                continue  # the next round asks again and says what follows
            reach("send.before")
            results.append((notice, channel.send(message)))
            reach("send.after")
        except Exception as trouble:  # noqa: BLE001  it may have gone: the next round asks by the notice's id
            log.warning("provider_unclear", notice=notice.notice, error=type(trouble).__name__)
    _note_results(parts, results)


def _note_results(parts: Parts, results: Sequence[tuple[domain.Notice, domain.Answer]]) -> int:
    if results:
        _careful_if_need_be(lambda careful: _note_all(parts, results, careful=careful))
    return len(results)


def _note_all(parts: Parts, results: Sequence[tuple[domain.Notice, domain.Answer]], *, careful: bool) -> None:
    with _working(parts) as work:
        notices = [before.notice for before, _ in results]
        _claim(work, notices)
        _at_hand = store.notices(work.session, notices)
        for before, answer in results:
            _note_result(work, before, answer, careful=careful)


def _note_result(work: Work, before: domain.Notice, answer: domain.Answer, *, careful: bool) -> None:
    try:
        with work.following(f"notice/{before.notice}"), undone_alone(work.session, careful=careful):
            row = store.notice(work.session, before.notice)
            if row is not None and row.state == "sending":
                said = domain.outcome(_notice(row), answer, work.now)
                work.append(_stream(row.notice), row.version, said)
    except OperationalError:
        raise
    except Exception as trouble:
        if not careful:
            raise
        log.warning("result_not_noted", notice=before.notice, error=type(trouble).__name__)  # asked again next round


def _claim(work: Work, notices: Collection[str]) -> None:
    streams = list(map(_stream, notices))
    work.claim(*streams)
    work.parts.log.look_ahead(work.session, streams)


def _working(parts: Parts) -> AbstractContextManager[Work]:
    return parts.work(access.machine(parts.service, parts.area.id))


def _notice(row: store.Notice) -> domain.Notice:
    return domain.Notice(**{name: getattr(row, name) for name in domain.Notice.__dataclass_fields__})
