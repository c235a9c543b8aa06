"""What a family is told of each step, when, and what may become of a notice: values in, events out.

A notice's facts are codes and dates; its text is made of them at send time by fixed sentences (`templates/en.yaml`),
so that no name, need, diagnosis or venue can stand in a message.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid5

from frontdoor.calendars import LONDON, local_date
from frontdoor.events import (
    Agency,
    BlockBooked,
    CaseNoted,
    Channel,
    EntryAccepted,
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
    NoticeAttempted,
    NoticeCreated,
    NoticeDelayed,
    NoticeFailed,
    NoticeSent,
    NoticeSuppressed,
    NoticeUncertain,
    PlaceOffered,
    PlaceReleased,
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
ASK_FOR = timedelta(hours=4)
"""How long a provider that cannot be asked about an attempt is asked again, before the attempt counts as uncertain."""

Lifecycle = dict[str, tuple[frozenset[str], str | None]]
_WAITING = frozenset({"created", "delayed"})
_TRIED = frozenset({"sending"})
LIFECYCLES: dict[str, Lifecycle] = {
    "notice": {
        "NoticeCreated": (frozenset({""}), "created"),
        "NoticeSuppressed": (_WAITING, "suppressed"),
        "NoticeAttempted": (_WAITING, "sending"),
        "NoticeDelayed": (_TRIED, "delayed"),
        "NoticeSent": (_TRIED, "delivered"),
        "NoticeFailed": (_TRIED, "failed"),
        "NoticeUncertain": (_TRIED, "uncertain"),
        "NoticeSettled": (frozenset({"failed", "uncertain", "suppressed"}), "settled"),
    },
    "recipient": {"RecipientNoted": (frozenset({"", "noted"}), "noted")},
    "case-noted": {"CaseNoted": (frozenset({"", "noted"}), "noted")},
    "child-noted": {"NoticeChildNoted": (frozenset({"", "noted"}), "noted")},
    "refusal": {"NotificationRefused": (frozenset({""}), "refused")},
}
STATUSES = {state: state for state in ("created", "sending", "delivered", "suppressed", "uncertain")} | {
    "delayed": "temporary-failure"
}
"""What the contract calls a state; a failed notice has the status that its failure named, a settled one keeps its."""

Facts = dict[str, str | tuple[str, ...] | None]
Suppression = Literal["late", "not_safe", "no_channel", "no_address", "channel_changed", "erased"]
Answer = Literal["accepted", "busy", "refused", "broken", "found", "absent", "unknown"]
"""What a provider says of a message, or of one that we ask about."""
FOR_A_PERSON = frozenset({"late", "no_address", "channel_changed"})
"""Suppressed for these reasons, a notice is a task: the family should hear of it, and nothing sends it."""

_UNDECIDED = frozenset({"queued", "returned", "on_hold"})
_HELD_BY = _UNDECIDED | {"accepted"}
_FAMILY_ROLES = frozenset({"parent", "young_person"})
_ENTRIES: dict[type[Event], tuple[str, EntryStatus]] = {
    EntryAccepted: ("accepted", "accepted"),
    EntryDeclined: ("declined", "declined"),
    EntryReturned: ("returned", "returned"),
    EntryRedirected: ("redirected", "redirected"),
    EntryHeld: ("held", "on_hold"),
    EntryResumed: ("resumed", "queued"),
    EntryClosed: ("closed", "closed"),
    EntryReopened: ("reopened", "queued"),
}
"""Entry events that a family is told of: the template, and how the agency then stands."""
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
    """A recipient and how to reach them; `reachable` is False once there is nothing left to reach them by."""

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
    """The case of a referral just received. Its family may look at it where one of them sent it for themselves."""
    from_family = said.referrer_role in _FAMILY_ROLES and said.organisation is None
    return Case(
        reference=said.reference,
        child_id=said.child_id,
        sent_by=said.sent_by,
        organisation=said.organisation,
        setting=said.setting,
        agencies=tuple(sorted(said.agencies)),
        family=(said.sent_by,) if from_family else (),
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
    if isinstance(said, EntryRedirected) and after.standing.get(said.redirect_to) not in _HELD_BY:
        after = _with(after, said.redirect_to, "queued")
    return after


def _with(case: Case, agency: Agency, status: EntryStatus) -> Case:
    agencies = tuple(sorted({*case.agencies, agency}))
    return replace(case, agencies=agencies, standing={**case.standing, agency: status})


# --- what is told ----------------------------------------------------------------------------------------------------


def told_of(said: Event, case: Case, offer_due: date) -> tuple[str, Facts]:
    """The template and the facts that tell of a step; `case` is as it stands after it.

    `offer_due` is the local day by which sessions must be offered, were they agreed by this step.
    """
    if isinstance(said, ReferralSubmitted):
        facts: Facts = {"agencies": case.agencies, "kind": said.kind, "due": _day(said.acknowledge_by)}
        return "received", facts
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


def _entry_told(said: Event, case: Case, offer_due: date) -> tuple[str, Facts]:
    assert isinstance(said, EntryChanged)  # noqa: S101  the subscriptions bring nothing else
    facts: Facts = {"agency": said.agency, "reason_code": said.reason_code}
    decider = said.agency
    if isinstance(said, EntryRedirected):
        facts["redirect_to"] = decider = said.redirect_to
    if isinstance(said, EntryAccepted):
        facts |= {"therapy": said.therapy, "due": offer_due.isoformat() if said.therapy else None}
    else:
        facts["due"] = _day(case.due.get(decider))
    return _ENTRIES[type(said)][0], facts | _holding(case)


def _holding(case: Case) -> Facts:
    holders = case.holders()
    undecided = [agency for agency in holders if case.standing.get(agency) in _UNDECIDED and agency in case.due]
    return {"holders": holders} | {f"due_{agency}": _day(case.due[agency]) for agency in undecided}


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


def asked_long_enough(notice: Notice, now: datetime) -> bool:
    """Whether a provider that does not answer has been asked about this attempt for too long."""
    return notice.attempted_at is not None and now - notice.attempted_at > ASK_FOR


# --- the words -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Text:
    """What is sent: a subject for e-mails and letters, and the body, whose last line of an SMS is the link."""

    subject: str
    body: str


Words = Mapping[str, Any]
"""The fixed sentences of one language: see `templates/en.yaml`."""


def compose(words: Words, channel: str, template: str, reference: str, facts: Mapping[str, Any], link: str) -> Text:
    """Make a notice's text of fixed sentences, its facts, the reference and the family's own link."""
    known = _values(words, facts) | {"reference": reference, "link": link}
    lines = words["templates"][_variant(template, facts)]
    subject = words["subject"].format_map(known)
    if channel == "sms":
        said = lines["sms"].format_map(known).strip()
        return Text(subject, f"{reference}: {said} {link}")
    reason = words["reasons"].get(facts.get("reason_code"), {}).get("text", "")
    paragraphs = [lines["what"], reason, lines["next"], _who_has_it(words, facts, known), words["closing"]]
    if channel == "phone":
        paragraphs.insert(0, words["call"])
    return Text(subject, "\n\n".join(part.format_map(known).strip() for part in paragraphs if part))


def _variant(template: str, facts: Mapping[str, Any]) -> str:
    if template == "received" and facts.get("kind") == "section_23_notification":
        return "informed"
    if template == "accepted" and facts.get("therapy"):
        return "accepted_with_sessions"
    return template


def _values(words: Words, facts: Mapping[str, Any]) -> dict[str, str]:
    agencies = facts.get("agencies") or [facts["agency"]] if facts.get("agencies") or facts.get("agency") else []
    count = str(facts.get("sessions") or "")
    values = {
        "who": _teams(words, agencies),
        "short": _listed(words, agencies).capitalize(),
        "have": words["has"] if len(agencies) == 1 else words["have"],
        "to": _teams(words, [facts["redirect_to"]]) if facts.get("redirect_to") else "",
        "to_short": facts.get("redirect_to") or "",
        "by": _by(words, facts.get("due"), short=False),
        "by_short": _by(words, facts.get("due"), short=True),
        "sessions": f"{count} {words['session' if count == '1' else 'sessions']}",
        "reason_sms": words["reasons"].get(facts.get("reason_code"), {}).get("sms", ""),
    }
    first = datetime.fromisoformat(facts["first"]).astimezone(LONDON) if facts.get("first") else None
    values["first"] = f"{first:%A} {_long(first)} {words['at']} {_clock(first)}" if first else words["soon"]
    values["first_short"] = f"{first:%a} {_brief(first)} {_clock(first)}" if first else words["soon"]
    return values | {"Who": _sentence(values["who"])}


def _who_has_it(words: Words, facts: Mapping[str, Any], known: Mapping[str, str]) -> str:
    """The line that says who has it now and by when each of them decides."""
    holders = facts.get("holders")
    if holders is None:
        return ""
    if not holders:
        return str(words["nobody"])
    each = [_holder(words, agency, facts.get(f"due_{agency}")) for agency in holders]
    return str(words["with"]).format_map({**known, "each": "; ".join(each)})


def _holder(words: Words, agency: str, due: str | None) -> str:
    team = _teams(words, [agency])
    return words["deciding"].format(team=team, by=_by(words, due, short=False)) if due else team


def _teams(words: Words, agencies: Sequence[str]) -> str:
    return words["team" if len(agencies) == 1 else "teams"].format(agencies=_listed(words, agencies))


def _listed(words: Words, agencies: Iterable[str]) -> str:
    *others, last = agencies or [""]
    return f"{', '.join(others)} {words['and']} {last}" if others else last


def _by(words: Words, due: str | None, *, short: bool) -> str:
    if due is None:
        return str(words["soon"])
    day = date.fromisoformat(due)
    return f"{words['by']} {_brief(day) if short else _long(day)}"


def _long(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _brief(day: date) -> str:
    return f"{day.day} {day:%b}"


def _clock(at: datetime) -> str:
    minutes = f":{at:%M}" if at.minute else ""
    return f"{at.hour % 12 or 12}{minutes}{'am' if at.hour < 12 else 'pm'}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
