"""What the shared record is: lines of what happened, where a referral stands with each agency, and what is next.

Values in, values out. It depends on the order in which lines happened, never on the order in which they arrived.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple, cast

from frontdoor import events
from frontdoor.calendars import ClockState, clock_state, local_date
from frontdoor.events import Event

Facts = Mapping[str, str | tuple[str, ...] | None]

LIFECYCLES: dict[str, dict[str, tuple[frozenset[str], str | None]]] = {
    "record": {"RecordOpened": (frozenset({""}), "open"), "StepNoted": (frozenset({"open"}), None)},
    "child-noted": {"RecordChildNoted": (frozenset({"", "noted"}), "noted")},
    "child-link-noted": {"RecordLinkNoted": (frozenset({"", "noted"}), "noted")},
    "adoption-noted": {"RecordAdoptionNoted": (frozenset({""}), "noted")},
    "link": {"LinkRenewed": (frozenset({"", "renewed"}), "renewed")},
    "refusal": {"RecordRefused": (frozenset({""}), "refused")},
}
FIRST_GENERATION = 1  # of a link that nobody has renewed yet
SENDER = "sender"  # the recipient of the link given to who sent the referral; the others are contacts' ids


class NotAllowed(Exception):
    """This cannot be done: a stable code, and a sentence for the person who asked."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code, self.sentence = code, sentence


# --- hearing ---------------------------------------------------------------------------------------------------------


_ROLES = {"senco": "a SENCO", "gp": "a GP", "young_person": "the young person", "other": "a professional"}


BY_ITSELF = "Front Door, by itself"


def sender_words(role: str, organisation: str | None) -> str:
    """Say who sent a referral by role and organisation's name: `a SENCO at Curlew Road Primary School`."""
    said = _ROLES.get(role) or f"a {_spaced(role)}"
    return f"{said} at {organisation}" if organisation else said


def said_by(event: Event, actor: str, sent_by: str, sender: str, organisation: str | None) -> str:
    """Say in words of role or organisation who did what an event tells. `organisation` is the actor's, by name."""
    if actor.startswith("service:") or isinstance(event, events.StandardClock | events.NoticeChanged):
        return BY_ITSELF
    if isinstance(event, events.ReferralAmended | events.ReferralWithdrawn):
        return sender if actor == sent_by else (organisation or "somebody who may add to it")
    if isinstance(event, events.ReferralQueued):
        return team(event.redirected_from)
    return team(getattr(event, "agency", None)) if event.source == "triage-panel" else "the therapy booking team"


# --- lines -----------------------------------------------------------------------------------------------------------

_CAUSES_FIRST = ("referral", "entry", "waiting", "offer", "booking", "notice")


@dataclass(frozen=True)
class Line:
    """One line of a timeline."""

    at: datetime
    service: str
    what: str
    agency: str | None
    by: str
    facts: Facts
    stream: str
    version: int

    @property
    def place(self) -> tuple[datetime, int, str, int]:
        """When it happened; at the same instant, causes before their effects."""
        return (self.at, _CAUSES_FIRST.index(self.stream.partition("/")[0]), self.stream, self.version)


class Words(NamedTuple):
    """A code in words, for staff and for the family (None: not for the family), and the category of data it is."""

    staff: str
    family: str | None
    category: str


WORDS: dict[str, Words] = {
    "received": Words("Referral received", "The referral was received", "status"),
    "referral_amended": Words("Something was added to the referral", "Something was added to the referral", "status"),
    "referral_withdrawn": Words("Referral withdrawn", "The referral was withdrawn", "status"),
    "entry_queued": Words(
        "In the queue of {team}, to be decided by {due}", "{Team} has the referral and will decide by {due}", "status"
    ),
    "entry_claimed": Words("Taken in hand by {team}", "{Team} began to look at it", "decision"),
    "entry_unclaimed": Words("Given back to the queue of {team}", None, "decision"),
    "entry_accepted": Words("Accepted by {team}", "{Team} said yes", "status"),
    "entry_declined": Words("Declined by {team}{reason}", "{Team} decided not to take this on", "status"),
    "entry_returned": Words("Returned by {team}{reason}", "{Team} asked for more information", "status"),
    "entry_redirected": Words("Passed by {team} to {other}{reason}", "{Team} passed the referral to {other}", "status"),
    "entry_held": Words("Put on hold by {team}{reason}", "{Team} is waiting for something", "status"),
    "entry_resumed": Words("Taken off hold by {team}", "{Team} went on with it", "status"),
    "entry_closed": Words("Closed by {team}{reason}", "{Team} finished its work on this", "status"),
    "entry_reopened": Words("Reopened by {team}{reason}", "{Team} opened it again, to decide once more", "status"),
    "entry_requeued": Words("Back in the queue of {team}", "{Team} is looking at it again", "status"),
    "entry_brought_up": Words(
        "Back in the queue of {team}: old enough now for what was asked, to be decided by {due}",
        "{Team} looks at it again, now that the birthday has come, and will decide by {due}",
        "status",
    ),
    "entry_withdrawn": Words(
        "Taken out of the queue of {team}: withdrawn", "{Team} stopped its work on this", "status"
    ),
    "therapy_agreed": Words("{Discipline} agreed by {team}", "{Team} agreed to therapy sessions", "decision"),
    "standard_met": Words("Standard met: {standard}", None, "decision"),
    "standard_breached": Words(
        "Standard missed: {standard}, was due {due}", "{Team} did not decide by {due}, the date we gave", "decision"
    ),
    "waiting_listed": Words(
        "On the waiting list for {discipline}", "Put on the waiting list for therapy sessions", "booking"
    ),
    "waiting_ended": Words(
        "Off the waiting list for {discipline}{reason}", "Taken off the waiting list for therapy sessions", "booking"
    ),
    "place_offered": Words("A place in {discipline} was offered", "A therapy place was offered", "booking"),
    "offer_ended": Words("The offer of a place ended: {outcome}", "The offer of a therapy place ended", "booking"),
    "block_booked": Words("A block of {discipline} was booked", "A block of therapy sessions was booked", "booking"),
    "place_released": Words(
        "The booking of {discipline} was cancelled{reason}", "The booked therapy sessions were cancelled", "booking"
    ),
    "notice_sent": Words("A message was sent", None, "status"),
    "notice_failed": Words("A message could not be delivered", None, "status"),
    "notice_uncertain": Words("Nobody can say whether a message arrived: ask the family", None, "status"),
    "notice_suppressed": Words("A message was not sent{reason}", None, "status"),
}
"""Every `what` there is, in words: one table for pages, API and tests."""


def text(line: Line, *, family: bool, reasons: bool = True) -> str:
    """Put a line into words. Lines that are not for the family have no words for it: ask `visible` first."""
    words = WORDS[line.what]
    facts = line.facts
    reason = facts.get("reason_code") if reasons else None
    discipline = _DISCIPLINES.get(str(facts.get("discipline")), "therapy")
    said = {
        "team": team(line.agency),
        "Team": _sentence(team(line.agency)),
        "other": team(cast(str | None, facts.get("redirect_to"))),
        "due": long_day(cast(str | None, facts.get("due_at"))),
        "reason": f": {_spaced(reason)}" if isinstance(reason, str) else "",
        "discipline": discipline,
        "Discipline": _sentence(discipline),
        "standard": _spaced(str(facts.get("standard"))),
        "outcome": _spaced(str(facts.get("outcome"))),
    }
    return ((words.family or "") if family else words.staff).format_map(said)


@dataclass(frozen=True)
class Reader:
    """How much of a record somebody may see: the relation that lets them, their agency, the categories allowed."""

    relation: str
    agency: str | None
    categories: frozenset[str] | None

    @property
    def is_family(self) -> bool:
        """Whether plain words and no internal lines are for them."""
        return self.relation == "family"

    def sees(self, category: str) -> bool:
        """Whether data of this category may be shown."""
        return self.categories is None or category in self.categories


FAMILY = Reader("family", None, None)
_OWN_PART = {"sender", "school"}


def visible(lines: Sequence[Line], reader: Reader) -> list[Line]:
    """Choose what this reader may see, in the order in which it happened.

    Family: all that has words for them. Sender and school: their own agency's part, and every agency's statuses.
    Staff: the categories that the agreement allows.
    """
    return [line for line in sorted(lines, key=lambda line: line.place) if _may_see(line, reader)]


def _may_see(line: Line, reader: Reader) -> bool:
    words = WORDS[line.what]
    if reader.is_family:
        return words.family is not None
    if reader.relation in _OWN_PART:
        internal = line.service == "notification"
        own = line.agency is not None and line.agency == reader.agency
        return not internal and (own or words.category == "status")
    return reader.sees(words.category)


def text_for(line: Line, reader: Reader) -> str:
    """Put a line into this reader's words; another agency's reasons are not for who sent the referral."""
    reasons = reader.relation not in _OWN_PART or line.agency == reader.agency
    return text(line, family=reader.is_family, reasons=reasons)


# --- where it stands -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stand:
    """Where a referral stands with one agency: since when, what is due by when, and when that was done."""

    agency: str | None
    state: str
    since: datetime | None = None
    due_at: datetime | None = None
    met_at: datetime | None = None
    week: date | None = None  # the Monday of the week in which booked sessions start

    def clock(self, now: datetime) -> ClockState | None:
        """What its clock shows; None where nothing is due."""
        if self.due_at is None or self.state == "withdrawn":
            return None
        return clock_state(self.due_at, now, self.met_at)

    @property
    def was_late(self) -> bool:
        """Whether it was done, but after it was due."""
        return self.due_at is not None and self.met_at is not None and self.met_at > self.due_at


_ENTRY_STATES = {
    "entry_queued": "queued",
    "entry_accepted": "accepted",
    "entry_declined": "declined",
    "entry_returned": "returned",
    "entry_redirected": "redirected",
    "entry_held": "on_hold",
    "entry_resumed": "queued",
    "entry_closed": "closed",
    "entry_reopened": "queued",
    "entry_requeued": "queued",
    "entry_brought_up": "queued",
    "entry_withdrawn": "withdrawn",
}
_DECIDED = frozenset({"accepted", "declined", "redirected", "closed"})
_ENDED = frozenset({"declined", "redirected", "closed", "withdrawn"})
_UNWANTED = frozenset({"no_longer_needed", "moved_away", "duplicate"})


def stands(agencies: Collection[str], received_at: datetime, lines: Sequence[Line]) -> list[Stand]:
    """Work out where a referral stands with every agency, in alphabetical order; therapy may give an agency two."""
    ordered = sorted(lines, key=lambda line: line.place)
    everybody = {*agencies, *(line.agency for line in ordered if line.agency is not None)}
    withdrawn = next((line.at for line in ordered if line.what == "referral_withdrawn"), None)
    found: list[Stand] = []
    for agency in sorted(everybody):
        own = [line for line in ordered if line.agency == agency]
        stand = _entry(Stand(agency, "received", received_at), own)
        if withdrawn is not None and stand.state not in _ENDED:
            stand = replace(stand, state="withdrawn", since=withdrawn)
        therapy = _therapy(agency, own) if stand.state in {"accepted", "received"} else []
        found += therapy or [stand]
    return found


def _entry(stand: Stand, lines: Sequence[Line]) -> Stand:
    for line in lines:
        if line.what in {"entry_queued", "entry_brought_up"}:
            stand = replace(stand, due_at=_instant(line.facts.get("due_at")))
        if line.what in {"entry_reopened", "entry_requeued", "entry_brought_up"}:
            stand = replace(stand, met_at=None)
        if line.what == "standard_met":
            stand = replace(stand, met_at=stand.met_at or line.at)
        state = _next_state(stand.state, line.what)
        if state != stand.state:
            stand = replace(stand, state=state, since=line.at)
        if state in _DECIDED:
            stand = replace(stand, met_at=stand.met_at or line.at)
    return stand


def _next_state(state: str, what: str) -> str:
    if what == "entry_claimed":
        return "claimed" if state == "queued" else state
    if what == "entry_unclaimed":
        return "queued" if state == "claimed" else state
    return _ENTRY_STATES.get(what, state)


def _therapy(agency: str, lines: Sequence[Line]) -> list[Stand]:
    """Say where agreed therapy stands: for each discipline booked, else offered, else waiting; nothing twice."""
    waits: dict[str, Stand] = {}
    taken: dict[str, tuple[str, Stand]] = {}  # by offer and by booking: (discipline, where it stands)
    for line in lines:
        facts, discipline = line.facts, str(line.facts.get("discipline"))
        waiting = waits.get(discipline, Stand(agency, "waiting"))
        done = replace(waiting, since=line.at, met_at=line.at)
        match line.what:
            case "therapy_agreed":
                waits[discipline] = Stand(agency, "therapy_agreed", line.at)
            case "waiting_listed":
                waits[discipline] = Stand(agency, "waiting", line.at, _instant(facts.get("offer_due")))
            case "waiting_ended":
                waits.pop(discipline, None)
            case "place_offered":
                taken[str(facts.get("offer"))] = (discipline, replace(done, state="offered"))
            case "offer_ended":
                taken.pop(str(facts.get("offer")), None)
            case "block_booked":
                booked = replace(done, state="booked", week=_week(facts))
                taken[str(facts.get("booking"))] = (discipline, booked)
            case "place_released":
                taken.pop(str(facts.get("booking")), None)
                if facts.get("reason_code") in _UNWANTED:
                    waits.pop(discipline, None)
    by_weight = sorted(taken.values(), key=lambda pair: pair[1].state, reverse=True)  # offered, then booked
    best = waits | dict(by_weight)
    return list({(stand.state, stand.week): stand for _, stand in sorted(best.items())}.values())


def _week(facts: Facts) -> date | None:
    first = _instant(facts.get("first_session"))
    if first is None:
        return None
    day = local_date(first)
    return day - timedelta(days=day.weekday())


def _instant(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else None


# --- words -----------------------------------------------------------------------------------------------------------

NOT_HEARD = "Received, being passed on"
_STATES: dict[str, tuple[str, str]] = {
    # state: (for the family, for staff)
    "received": ("Received, being passed on to {team}", "Received, on its way to {team}"),
    "queued": ("Waiting for {team} to look at it", "In the queue of {team}"),
    "claimed": ("{Team} is looking at it now", "{Team} is looking at it"),
    "on_hold": ("{Team} is waiting for something before it can go on", "On hold with {team}"),
    "returned": (
        "{Team} needs more information: the message we sent you says what",
        "Returned by {team}: it needs more information",
    ),
    "accepted": ("{Team} has said yes and will be in touch", "Accepted by {team}"),
    "declined": ("{Team} will not take this on: the message we sent you says why", "Declined by {team}"),
    "redirected": ("{Team} has passed this to another team", "Passed on by {team}"),
    "closed": ("{Team} has finished its work on this", "Closed by {team}"),
    "withdrawn": ("This referral was withdrawn", "Withdrawn"),
    "therapy_agreed": ("{Team} has agreed to therapy sessions", "Therapy agreed"),
    "waiting": ("On the waiting list for therapy sessions", "On the waiting list for therapy"),
    "offered": (
        "A therapy place has been offered: the message we sent you has the details",
        "A therapy place has been offered",
    ),
    "booked": (
        "A block of therapy sessions has been booked: the message we sent you has the details",
        "A block of therapy sessions has been booked",
    ),
}


def state_text(stand: Stand, *, family: bool) -> str:
    """Put where it stands with an agency into words."""
    if stand.agency is None:
        return NOT_HEARD
    said = _STATES[stand.state][0 if family else 1]
    said = said.format(team=team(stand.agency), Team=_sentence(team(stand.agency)))
    return f"{said}. The first is in the week of {long_day(stand.week)}" if stand.week else said


_NEXT: dict[str, str] = {
    # What the family must do itself comes first.
    "returned": "{team} will go on once they have your answer to their question, and will decide by {due}",
    "offered": "{team} will wait for your answer to the offer of a therapy place",
    "on_hold": "{team} will go on once they have what they wait for, and will decide by {due}",
    "queued": "{team} will decide by {due}",
    "claimed": "{team} will decide by {due}",
    "received": "{team} will get the referral, and you will hear from us by {due}",
    "waiting": "we will offer a first therapy place by {due}",
    "therapy_agreed": "we will put you on the waiting list for therapy sessions",
    "booked": "the therapy sessions will start in the week of {week}",
    "accepted": "{team} will tell you what they will do",
}
NOTHING_NEXT = "Nothing more is planned: the messages we sent you say what was decided and what you can do."


def next_sentence(found: Sequence[Stand], acknowledge_by: datetime | None, now: datetime) -> str:
    """Say in one sentence what happens next and by when."""
    if acknowledge_by is None:
        return "Next, we will pass it on to the teams that need to see it, and within minutes this page will name them."
    said: dict[tuple[str, datetime | None, date | None], list[str]] = {}
    for state, template in _NEXT.items():
        for stand in (stand for stand in found if stand.state == state):
            due = acknowledge_by if state == "received" else stand.due_at
            said.setdefault((template, due, stand.week), []).append(str(stand.agency))
    parts = [_next_part(template, teams, due, week, now) for (template, due, week), teams in said.items()]
    return f"Next, {'; '.join(parts)}." if parts else NOTHING_NEXT


def _next_part(template: str, agencies: list[str], due: datetime | None, week: date | None, now: datetime) -> str:
    names = agencies[0] if len(agencies) == 1 else f"{', '.join(agencies[:-1])} and {agencies[-1]}"
    teams = f"the {names} team{'s' if len(agencies) > 1 else ''}"
    said = template.format(team=teams, due=long_day(due), week=long_day(week))
    if week and week + timedelta(days=7) <= local_date(now):
        return "the therapy sessions will go on"
    late = due is not None and now > due and "{due}" in template
    return f"{said} – that date has passed, so ask why (see who to ask)" if late else said


def contact(organisation: str, area: str, reference: str, at: Sequence[str], advice: Sequence[str]) -> str:
    """Say whom to ask and how to reach them, and who gives advice. `at` and `advice`: name, numbers and addresses."""
    ask = f"Ask {organisation}, which runs Front Door in {area}: {', '.join(at)}. Give the reference {reference}."
    return f"{ask} For free, independent advice ask {', '.join(advice)}."


def team(agency: str | None) -> str:
    """Name an agency's team inside a sentence."""
    return f"the {agency} team" if agency else "the team"


_DISCIPLINES = {"salt": "speech and language therapy", "ot": "occupational therapy"}


def long_day(value: str | date | None) -> str:
    """`Thursday 12 March 2026`, as it is in England; `a date not known yet` for none."""
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    day = local_date(at) if isinstance(at, datetime) else at
    return f"{day:%A} {day.day} {day:%B %Y}" if day else "a date not known yet"


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _spaced(code: str) -> str:
    return code.replace("gp_", "GP ").replace("ehcna", "EHC needs assessment").replace("_", " ").replace("-", " ")


# --- links -----------------------------------------------------------------------------------------------------------


def renewed(reference: str, recipient: str, known: Collection[str], generation: int | None) -> events.LinkRenewed:
    """Replace somebody's link: those of older generations no longer open. `generation` is the last renewal's."""
    if recipient not in known:
        raise NotAllowed("unknown_recipient", "Choose somebody who is told about this referral")
    return events.LinkRenewed(reference=reference, recipient=recipient, generation=(generation or FIRST_GENERATION) + 1)


def is_current(generation: int, renewed_to: int | None) -> bool:
    """Say whether a link of this generation opens."""
    return generation == (renewed_to or FIRST_GENERATION)
