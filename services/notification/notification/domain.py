"""What a family is told of each step, when, and what may become of a notice: values in, events out.

A notice's facts are codes and dates; `wording.py` makes its text of them when it is sent.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, Literal
from uuid import UUID, uuid5

from frontdoor.calendars import local_date
from frontdoor.events import (
    Agency,
    BlockBooked,
    CaseNoted,
    Channel,
    EntryAccepted,
    EntryBroughtUp,
    EntryChanged,
    EntryClosed,
    EntryDeclined,
    EntryHeld,
    EntryRedirected,
    EntryReopened,
    EntryResumed,
    EntryReturned,
    EntryStatus,
    Event,
    LinkRenewed,
    NoticeAttempted,
    NoticeConfirmed,
    NoticeCreated,
    NoticeDelayed,
    NoticeFailed,
    NoticeSent,
    NoticeSuppressed,
    NoticeUncertain,
    PlaceOffered,
    PlaceReleased,
    RecipientLinkNoted,
    ReferralQueued,
    ReferralSubmitted,
    ReferralWithdrawn,
)

NAMESPACE = UUID("6f0b3c5e-54c6-5d8e-9a53-0b7f6a3f4d21")
"""Of notices' ids. It never changes: a provider knows our messages by them."""
LATE = timedelta(days=7)
"""Older news of a step is for a person to bring: no replay, rebuild or late start messages a family."""
WAITS = (timedelta(0), *(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 240)))
"""Business time to wait after the first, second … attempt that the provider could not take; then a person is told."""
MOST_STUMBLES = 3
"""How often a message that cannot be written, for a fault of our own, is tried before a person is told."""
ASK_FOR = timedelta(hours=4)
"""How long a provider that cannot be asked about an attempt is asked again, before the attempt counts as uncertain."""
FIRST_GENERATION = 1
"""Of everybody's link, until it is renewed."""
SENDER = "sender"
"""The recipient of the sender's link, who is nobody's contact."""

Lifecycle = dict[str, tuple[frozenset[str], str | None]]
_WAITING = frozenset({"created", "delayed"})
_TRIED = frozenset({"sending"})
_ON_RECEIPT = frozenset({"delivered", "uncertain"})
LIFECYCLES: dict[str, Lifecycle] = {
    "notice": {
        "NoticeCreated": (frozenset({""}), "created"),
        "NoticeSuppressed": (_WAITING, "suppressed"),
        "NoticeAttempted": (_WAITING, "sending"),
        "NoticeDelayed": (_WAITING | _TRIED, "delayed"),
        "NoticeSent": (_TRIED, "delivered"),
        "NoticeFailed": (_WAITING | _TRIED | _ON_RECEIPT, "failed"),
        "NoticeUncertain": (_TRIED, "uncertain"),
        "NoticeConfirmed": (_TRIED | _ON_RECEIPT | {"delayed", "failed"}, "confirmed"),
        "NoticeSettled": (frozenset({"failed", "uncertain", "suppressed"}), "settled"),
    },
    "recipient": {"RecipientNoted": (frozenset({"", "noted"}), "noted")},
    "case-noted": {"CaseNoted": (frozenset({"", "noted"}), "noted")},
    "link-noted": {"RecipientLinkNoted": (frozenset({"", "noted"}), "noted")},
    "refusal": {"NotificationRefused": (frozenset({""}), "refused")},
}
STATUSES = {state: state for state in ("created", "sending", "delivered", "suppressed", "uncertain")} | {
    "delayed": "temporary-failure",
    "confirmed": "delivered",
}
"""What the contract calls a state; a failed notice has the status that its failure named, a settled one keeps its."""

Facts = dict[str, str | tuple[str, ...] | None]
Suppression = Literal[
    "late", "not_safe", "no_channel", "no_address", "channel_changed", "channel_changed_back", "erased"
]
Answer = Literal["accepted", "busy", "refused", "broken", "found", "absent", "unknown"]
"""What a provider says of a message, or of one that we ask about."""
Receipt = Literal["delivered", "temporary-failure", "permanent-failure", "technical-failure"]
"""What a provider's receipt says later of a message that it took: the contract's words, which are GOV.UK Notify's."""
FOR_A_PERSON = frozenset({"late", "no_address", "channel_changed_back"})
"""Suppressed for these reasons, a notice is a task: the family should hear of it, and nothing sends it."""

_UNDECIDED = frozenset({"queued", "returned", "on_hold"})
_HELD_BY = _UNDECIDED | {"accepted"}
_ENTRIES: dict[type[Event], tuple[str, EntryStatus]] = {
    EntryAccepted: ("accepted", "accepted"),
    EntryDeclined: ("declined", "declined"),
    EntryReturned: ("returned", "returned"),
    EntryRedirected: ("redirected", "redirected"),
    EntryHeld: ("held", "on_hold"),
    EntryResumed: ("resumed", "queued"),
    EntryClosed: ("closed", "closed"),
    EntryReopened: ("reopened", "queued"),
    EntryBroughtUp: ("brought_up", "queued"),
}
"""Entry events that a family is told of: the template, and how the agency then stands."""
STEPS: tuple[type[Event], ...] = (*_ENTRIES, ReferralWithdrawn, BlockBooked, PlaceReleased, PlaceOffered)
"""Events that the family of a known case is told of."""
TELLING: tuple[type[Event], ...] = (ReferralSubmitted, *STEPS)
"""Every event that families are told of."""
Telling = ReferralSubmitted | EntryChanged | ReferralWithdrawn | BlockBooked | PlaceReleased | PlaceOffered
"""Any of them."""
TEMPLATES = ("received", *(template for template, _ in _ENTRIES.values()), "withdrawn", "booked", "released", "offered")


@dataclass(frozen=True)
class Case:
    """A referral as notification knows it: who has it, how each agency stands, and by when those undecided decide."""

    reference: str
    child_id: str
    sent_by: str
    organisation: str | None
    setting: str | None
    agencies: tuple[Agency, ...]
    family: tuple[str, ...] = ()
    standing: Mapping[Agency, EntryStatus] = field(default_factory=dict)
    due: Mapping[Agency, datetime] = field(default_factory=dict)

    def holders(self) -> tuple[Agency, ...]:
        """Every agency that still has it, in alphabetical order."""
        return tuple(agency for agency in self.agencies if self.standing.get(agency, "queued") in _HELD_BY)

    def noted(self) -> CaseNoted:
        """The event that says all this."""
        return CaseNoted.model_validate(vars(self))


@dataclass(frozen=True)
class Person:
    """Somebody who is told, and how they wish to be."""

    contact_id: str
    channel: Channel
    language: str
    safe_to_contact: bool


@dataclass(frozen=True)
class Notice:
    """A notice as it stands. `attempts` were committed, whatever became of them."""

    notice: str
    reference: str
    child_id: str
    cause: str
    cause_type: str
    recipient: str
    channel: Channel
    language: str
    template: str
    facts: Mapping[str, Any]
    state: str
    created_at: datetime
    attempts: int
    attempted_at: datetime | None
    version: int

    @property
    def named(self) -> dict[str, str]:
        """The fields that every later event of it carries."""
        return {"notice": self.notice, "reference": self.reference, "child_id": self.child_id}


# --- the case --------------------------------------------------------------------------------------------------------


def case_of(said: ReferralSubmitted) -> Case:
    """The case of a referral just received. Who sent it is its family where they acted for themselves."""
    return Case(
        reference=said.reference,
        child_id=said.child_id,
        sent_by=said.sent_by,
        organisation=said.organisation,
        setting=said.setting,
        agencies=tuple(sorted(said.agencies)),
        family=(said.sent_by,) if said.family_raised else (),
        standing=dict.fromkeys(said.agencies, "queued"),
    )


def case_after(case: Case, said: Event) -> Case:
    """The case after a step: a new agency, a new standing, a new date; the same where nothing of it changed."""
    if isinstance(said, ReferralQueued):
        family = tuple(sorted({*case.family, *said.family}))
        joined = replace(_with(case, said.agency, "queued"), family=family)
        return replace(joined, due={**case.due, said.agency: said.due_at})
    if isinstance(said, ReferralWithdrawn):
        return replace(case, standing=dict.fromkeys(case.agencies, "withdrawn"))
    if type(said) not in _ENTRIES or not isinstance(said, EntryChanged):
        return case
    after = _with(case, said.agency, _ENTRIES[type(said)][1])
    if isinstance(said, EntryBroughtUp):
        after = replace(after, due={**after.due, said.agency: said.due_at})
    if isinstance(said, EntryRedirected) and after.standing.get(said.redirect_to) not in _HELD_BY:
        after = _with(after, said.redirect_to, "queued")
    return after


def _with(case: Case, agency: Agency, status: EntryStatus) -> Case:
    agencies = tuple(sorted({*case.agencies, agency}))
    return replace(case, agencies=agencies, standing={**case.standing, agency: status})


def link_noted(renewed: LinkRenewed, known: int) -> RecipientLinkNoted | None:
    """Note that a contact's link is of a later generation than the one known; None where it is not, or no contact's."""
    if renewed.recipient == SENDER or renewed.generation <= known:
        return None
    return RecipientLinkNoted(contact_id=renewed.recipient, reference=renewed.reference, generation=renewed.generation)


# --- what is told ----------------------------------------------------------------------------------------------------


def told_of(said: Event, case: Case, offer_due: date | None) -> tuple[str, Facts]:
    """The template and the facts that tell of a step; `case` is as it stands after it.

    `offer_due` is the local day by which sessions are to be offered, were they agreed by this step.
    """
    if isinstance(said, ReferralSubmitted):
        facts: Facts = {"agencies": case.agencies, "kind": said.kind, "due": _day(said.acknowledge_by)}
        return "received", facts | (_holding(case) if said.kind == "request" else {})
    if isinstance(said, ReferralWithdrawn):
        return "withdrawn", {"agencies": case.agencies}
    if isinstance(said, BlockBooked):
        first = min(session.starts_at for session in said.sessions).isoformat() if said.sessions else None
        booked: Facts = {"discipline": said.discipline, "sessions": str(len(said.sessions)), "first": first}
        return "booked", booked | _holding(case)
    if isinstance(said, PlaceReleased):
        return "released", {"discipline": said.discipline, "reason_code": said.reason_code} | _holding(case)
    if isinstance(said, PlaceOffered):
        return "offered", {"discipline": said.discipline} | _holding(case)
    return _entry_told(said, case, offer_due)


def _entry_told(said: Event, case: Case, offer_due: date | None) -> tuple[str, Facts]:
    assert isinstance(said, EntryChanged)  # noqa: S101  the subscriptions bring nothing else
    facts: Facts = {"agency": said.agency, "reason_code": said.reason_code}
    decider = said.agency
    if isinstance(said, EntryRedirected):
        facts["redirect_to"] = decider = said.redirect_to
    if isinstance(said, EntryAccepted):
        facts |= {"therapy": said.therapy, "due": offer_due.isoformat() if offer_due and said.therapy else None}
    else:
        facts["due"] = _day(case.due.get(decider))
    return _ENTRIES[type(said)][0], facts | _holding(case)


def _holding(case: Case) -> Facts:
    holders = case.holders()
    undecided = [agency for agency in holders if case.standing.get(agency) in _UNDECIDED and agency in case.due]
    return {"holders": holders} | {f"due_{agency}": _day(case.due[agency]) for agency in undecided}


def with_dates(facts: Mapping[str, Any], case: Case) -> dict[str, Any]:
    """The facts with dates that had not been heard yet when the step was: of agencies that it had just come to."""
    known = {
        f"due_{agency}": _day(case.due[agency])
        for agency in facts.get("holders") or ()
        if agency in case.due and case.standing.get(agency) in _UNDECIDED
    }
    passed_to = [due_at for agency, due_at in case.due.items() if agency == facts.get("redirect_to")]
    if passed_to:
        known["due"] = _day(passed_to[0])
    return {**known, **{name: fact for name, fact in facts.items() if fact is not None}}


def _day(at: datetime | None) -> str | None:
    return local_date(at).isoformat() if at else None


def notice_id(cause: str, recipient: str, channel: str) -> str:
    """The one id of the notice that tells this recipient of this event by this channel: UUIDv5."""
    return str(uuid5(NAMESPACE, f"{cause}|{recipient}|{channel}"))


@dataclass(frozen=True)
class Occurrence:
    """The heard event that people are told of: its id, type and time, and when it is heard."""

    cause: str
    cause_type: str
    happened_at: datetime
    heard_at: datetime


def tell(person: Person, about: Case, of: Occurrence, template: str, facts: Facts) -> list[Event]:
    """Tell one person of one step: NoticeCreated, and at once NoticeSuppressed where it may not be sent."""
    notice = notice_id(of.cause, person.contact_id, person.channel)
    named = {"notice": notice, "reference": about.reference, "child_id": about.child_id}
    created = NoticeCreated(
        **named,
        cause=of.cause,
        cause_type=of.cause_type,
        recipient=person.contact_id,
        channel=person.channel,
        language=person.language,
        template=template,
        facts=facts,
    )
    barred = _barred(person, of.heard_at - of.happened_at)
    return [created, NoticeSuppressed(**named, reason_code=barred)] if barred else [created]


def _barred(person: Person, age: timedelta) -> Suppression | None:
    """Why this person may not be told, if so. What is not safe comes first: nobody need be sent after them."""
    if not person.safe_to_contact:
        return "not_safe"
    if person.channel == "none":
        return "no_channel"
    return "late" if age > LATE else None


# --- what becomes of a notice ----------------------------------------------------------------------------------------


def barred_at_send(notice: Notice, person: Person, now: datetime) -> Suppression | None:
    """Why a waiting notice may not be sent now, by its recipient's present wishes; None: send it."""
    barred = _barred(person, now - notice.created_at)
    return barred or ("channel_changed" if person.channel != notice.channel else None)


def moved(notice: Notice, person: Person) -> NoticeCreated:
    """The same notice by the channel that its recipient has chosen since."""
    told = {**notice.named, "notice": notice_id(notice.cause, notice.recipient, person.channel)}
    return NoticeCreated(
        **told,
        cause=notice.cause,
        cause_type=notice.cause_type,
        recipient=notice.recipient,
        channel=person.channel,
        language=person.language,
        template=notice.template,
        facts={name: tuple(fact) if isinstance(fact, list) else fact for name, fact in notice.facts.items()},
    )


def attempted(notice: Notice) -> NoticeAttempted:
    """Said and committed before the provider is called."""
    return NoticeAttempted(**notice.named)


def suppressed(notice: Notice, reason: Suppression) -> NoticeSuppressed:
    """It will not be sent."""
    return NoticeSuppressed(**notice.named, reason_code=reason)


def outcome(notice: Notice, answer: Answer, now: datetime) -> Event:
    """What the provider's answer makes of an attempt. Only what it certainly does not have is ever tried again."""
    match answer:
        case "accepted" | "found":
            return NoticeSent(**notice.named)
        case "unknown":
            return NoticeUncertain(**notice.named)
        case "refused":
            return NoticeFailed(**notice.named, status="permanent-failure")
        case "broken":
            return NoticeFailed(**notice.named, status="technical-failure")
        case "busy" | "absent":
            if notice.attempts > len(WAITS):
                return NoticeFailed(**notice.named, status="technical-failure")
            return NoticeDelayed(**notice.named, again_at=now + WAITS[notice.attempts - 1])


def received(notice: Notice, receipt: Receipt) -> Event | None:
    """What the provider's receipt makes of a notice; None: nothing, as of one that was never attempted.

    Receipts come early, late, twice and in any order. Somebody got what was delivered, whatever else is said of it; a
    task that a person has seen to is not opened again.
    """
    if not notice.attempts:
        return None
    said = NoticeConfirmed(**notice.named) if receipt == "delivered" else NoticeFailed(**notice.named, status=receipt)
    may_happen_in, _ = LIFECYCLES["notice"][type(said).__name__]
    return said if notice.state in may_happen_in else None


def task_after_failure(state: str, status: str) -> str:
    """Name the task that a failure leaves, of a notice that was in this state: it came back, where it had been sent."""
    return "came_back" if state == "delivered" else status


@dataclass(frozen=True)
class Known:
    """Somebody of a case, and since when they are known: the place in our log, and the time."""

    contact_id: str
    place: int
    since: datetime


def to_be_told(
    said: Event, happened_at: datetime, people: Iterable[Known], opened: int, led_to: int | None
) -> set[str]:
    """Who should have been told of an event: whoever was known to its case when it was heard.

    `opened` is the place in our log where the case begins, `led_to` where this event first led to something. None: it
    led to nothing, so that nobody knows when it was heard; then those count who were known before the case or before
    it happened.
    """
    if isinstance(said, ReferralSubmitted):
        return {contact.contact_id for contact in said.contacts}
    if led_to is not None:
        return {person.contact_id for person in people if person.place < led_to}
    return {person.contact_id for person in people if person.place < opened or person.since < happened_at}


def stumbled(notice: Notice, before: int, now: datetime) -> Event:
    """What follows when a message could not be written, which had happened to it so many times before."""
    if before + 1 >= MOST_STUMBLES:
        return NoticeFailed(**notice.named, status="technical-failure")
    return NoticeDelayed(**notice.named, again_at=now + WAITS[before + 1])


def stumbles(said: Sequence[Event]) -> int:
    """How often a notice's message could not be written: each time it was delayed without an attempt."""
    return sum(
        isinstance(event, NoticeDelayed) and not isinstance(before, NoticeAttempted) for before, event in pairwise(said)
    )


def asked_long_enough(notice: Notice, now: datetime) -> bool:
    """Whether a provider that does not answer has been asked about this attempt for too long."""
    return notice.attempted_at is not None and now - notice.attempted_at > ASK_FOR


_FAILURES = frozenset({"permanent-failure", "technical-failure", "temporary-failure"})
_STATES = frozenset(state for _, state in LIFECYCLES["notice"].values())
_UNTRIED = frozenset({"created", "suppressed", "temporary-failure", "technical-failure"})
"""Statuses that a notice can have without an attempt: the failures, where its message could not be written."""


def fault_of(state: str, status: str, attempts: int) -> str | None:
    """What is wrong with a notice that stands so; None where nothing is."""
    if state not in _STATES:
        return "is in no known state"
    if state == "failed":
        wrong = status not in _FAILURES
    elif state == "settled":
        wrong = status not in _FAILURES | {"uncertain", "suppressed"}
    else:
        wrong = status != STATUSES[state]
    if wrong:
        return "has a status that its state cannot have"
    if not attempts and status not in _UNTRIED:
        return "has a result without an attempt"
    return None
