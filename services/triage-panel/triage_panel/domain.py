"""What may happen to an entry in an agency's queue, and by when: values in, events out."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal, Protocol, TypeVar, cast, get_args

from frontdoor import calendars
from frontdoor.calendars import ClockState, SchoolCalendar
from frontdoor.events import (
    Agency,
    Discipline,
    EntryAccepted,
    EntryAmended,
    EntryBroughtUp,
    EntryChanged,
    EntryClaimed,
    EntryClosed,
    EntryDeclined,
    EntryHeld,
    EntryRedirected,
    EntryReopened,
    EntryRequeued,
    EntryResumed,
    EntryReturned,
    EntryWithdrawn,
    Event,
    Mode,
    Priority,
    StandardBreached,
    StandardMet,
    TherapyAgreed,
)

Outcome = Literal["accept", "decline", "return", "redirect", "hold", "resume", "close", "reopen"]
ReasonCode = Literal[
    "incomplete",
    "consent_missing",
    "wrong_form",
    "out_of_age",
    "out_of_area",
    "gp_not_registered",
    "no_functional_impact",
    "in_line_with_learning",
    "universal_first",
    "interventions_not_tried",
    "evidence_missing",
    "known_to_service",
    "better_met_elsewhere",
    "no_key_person",
    "duplicate",
    "parent_declined",
    "awaiting_information",
    "need_met",
    "other",
]

PRIORITIES: tuple[Priority, ...] = ("urgent", "soon", "routine")
"""In the order in which a queue shows them."""
CORRECTED_WITHIN = timedelta(hours=24)
UNDECIDED = frozenset({"queued", "on_hold"})
OPEN = UNDECIDED | {"returned", "accepted"}
"""Entries that have not ended."""
STATUSES = ("queued", "on_hold", "returned", "accepted", "declined", "redirected", "withdrawn", "closed")
NEED_A_REASON = frozenset({"decline", "return", "redirect", "hold", "close", "reopen"})
NEED_NO_REASON: Mapping[Outcome, str] = {
    "accept": "A reason is not needed when you accept",
    "resume": "A reason is not needed when you take it up again",
}
_NO_ANSWER = frozenset({"need_met", "awaiting_information", "incomplete", "consent_missing", "evidence_missing"})
"""What says that the agency goes on, or has finished: no reason for not taking a referral on."""
FITTING: Mapping[Outcome, frozenset[ReasonCode]] = {
    "accept": frozenset(),
    "decline": frozenset(get_args(ReasonCode)) - _NO_ANSWER,
    "return": frozenset(
        {
            "incomplete",
            "consent_missing",
            "wrong_form",
            "evidence_missing",
            "awaiting_information",
            "no_key_person",
            "other",
        }
    ),
    "redirect": frozenset(
        {"better_met_elsewhere", "known_to_service", "in_line_with_learning", "out_of_age", "wrong_form", "other"}
    ),
    "hold": frozenset(
        {"awaiting_information", "consent_missing", "evidence_missing", "no_key_person", "incomplete", "other"}
    ),
    "resume": frozenset(),
    "close": frozenset(get_args(ReasonCode))
    - {"incomplete", "wrong_form", "awaiting_information", "universal_first", "interventions_not_tried"},
    "reopen": frozenset(
        {"awaiting_information", "evidence_missing", "known_to_service", "better_met_elsewhere", "duplicate", "other"}
    ),
}
"""The reasons that a form offers for each decision; partners' systems may send any that there is."""
DECISIONS = ("EntryAccepted", "EntryDeclined", "EntryReturned", "EntryRedirected")
"""What the standard waits for; each can be taken back, as can closing."""
CORRECTABLE = (*DECISIONS, "EntryClosed")

_ANY = frozenset(STATUSES)
_DECIDABLE = UNDECIDED | {"returned"}

LIFECYCLES: dict[str, dict[str, tuple[frozenset[str], str | None]]] = {
    "entry": {
        "ReferralQueued": (frozenset({""}), "queued"),
        "EntryClaimed": (OPEN, None),
        "EntryAccepted": (_DECIDABLE, "accepted"),
        "EntryDeclined": (_DECIDABLE, "declined"),
        "EntryReturned": (UNDECIDED, "returned"),
        "EntryRedirected": (_DECIDABLE, "redirected"),
        "EntryHeld": (frozenset({"queued"}), "on_hold"),
        "EntryResumed": (frozenset({"on_hold"}), "queued"),
        "EntryClosed": (frozenset({"accepted"}), "closed"),
        "EntryReopened": (frozenset({"accepted", "declined", "returned", "redirected", "closed"}), "queued"),
        "EntryRequeued": (frozenset({"returned", "redirected", "declined", "closed"}), "queued"),
        "EntryBroughtUp": (_ANY - {"withdrawn"}, "queued"),
        "EntryWithdrawn": (OPEN, "withdrawn"),
        "EntryAmended": (_ANY, None),
        "TherapyAgreed": (frozenset({"accepted"}), None),
        "StandardMet": (frozenset({"accepted", "declined", "returned", "redirected"}), None),
        "StandardBreached": (UNDECIDED, None),
    },
    "child-noted": {"QueueChildNoted": (frozenset({"", "noted"}), "noted")},
    "refusal": {"TriageRefused": (frozenset({""}), "refused")},
}
"""Stream kind -> event type -> (the states it may happen in, the state it leads to; None: the same)."""

_SAYS: dict[Outcome, type[EntryChanged]] = {
    "accept": EntryAccepted,
    "decline": EntryDeclined,
    "return": EntryReturned,
    "redirect": EntryRedirected,
    "hold": EntryHeld,
    "resume": EntryResumed,
    "close": EntryClosed,
    "reopen": EntryReopened,
}
_DONE: dict[str, str] = {
    "accept": "accepted",
    "decline": "declined",
    "return": "returned",
    "redirect": "passed to another agency",
    "hold": "put on hold",
    "resume": "taken up again",
    "close": "closed",
    "reopen": "reopened",
}


class NotAllowed(Exception):
    """This decision is not possible; `field` names what to put right, where something that was sent is wrong."""

    def __init__(self, sentence: str, field: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence, self.field = sentence, field


@dataclass(frozen=True)
class Standing:
    """Where an entry stands: what a decision about it rests on.

    `decided_at` is when the decision in force was made first, `corrected_until` the end of the time in which the
    latest can be taken back; `met` and `breached` say whether that has been said of its standard, `withdrawn` whether
    the referral has been taken back.
    """

    reference: str
    agency: Agency
    child_id: str
    status: str
    priority: Priority
    received_at: datetime
    due_at: datetime
    standard: str
    sent_by: str
    setting: str | None
    family: tuple[str, ...]
    holder: str | None = None
    decided_at: datetime | None = None
    corrected_until: datetime | None = None
    met: bool = False
    breached: bool = False
    withdrawn: bool = False


@dataclass(frozen=True)
class Promised:
    """A date by which a decision is promised, and the standard and calendar that it follows from."""

    due_at: datetime
    standard: str
    standard_version: str
    calendar_version: str


@dataclass(frozen=True)
class Therapy:
    """Therapy that health agrees when it accepts."""

    discipline: Discipline
    sessions: int
    mode: Mode


@dataclass(frozen=True)
class Wish:
    """A decision that somebody wants to make. `comment` is sealed already."""

    outcome: Outcome
    reason_code: str | None = None
    comment: str | None = None
    redirect_to: Agency | None = None
    priority: Priority | None = None
    therapy: Therapy | None = None


# --- by when ---------------------------------------------------------------------------------------------------------


class Selector(Protocol):
    """Which entries a standard is for; None selects all."""

    @property
    def agency(self) -> str | None: ...
    @property
    def support(self) -> str | None: ...


class Promise(Protocol):
    """What choosing a standard looks at."""

    @property
    def code(self) -> str: ...
    @property
    def step(self) -> str: ...
    @property
    def applies_to(self) -> Selector | None: ...


Standard = TypeVar("Standard", bound=Promise)
TRIAGE_STEPS = frozenset({"triage", "decide_whether_to_assess"})
"""Steps that an agency's decision completes; whether to assess is the council's own name for its decision."""


def standard_for(standards: Iterable[Standard], agency: Agency, support: Iterable[str]) -> Standard:
    """Choose the standard of an entry: of those for its decision, the one that names most of what the entry is."""
    asked = frozenset(support)
    fitting = [one for one in standards if one.step in TRIAGE_STEPS and _fits(one.applies_to, agency, asked)]
    return max(fitting, key=lambda one: (_names(one.applies_to), one.code))


def due(since: date, limit: int, unit: str, calendar: SchoolCalendar) -> datetime:
    """The instant by which a decision is due, in UTC: `limit` units after a local day, of receipt or a birthday."""
    return calendars.due_at(since, limit, unit, calendar)


def clock(entry: Standing, now: datetime) -> ClockState:
    """What the entry's clock shows: met when decided in time, overdue for ever when decided late."""
    in_time = entry.decided_at if entry.decided_at and entry.decided_at <= entry.due_at else None
    return calendars.clock_state(entry.due_at, now, in_time)


def runs(status: str, decided_at: datetime | None, *, breached: bool) -> bool:
    """Whether a date can still be missed: nothing has been decided, and no breach has been said."""
    return status in UNDECIDED and decided_at is None and not breached


def missed(entry: Standing, now: datetime) -> list[Event]:
    """Say that the date has passed without a decision: once, however often it is asked."""
    if not runs(entry.status, entry.decided_at, breached=entry.breached) or now <= entry.due_at:
        return []
    return [StandardBreached(**_whose(entry), standard=entry.standard, due_at=entry.due_at, noticed_at=now)]


def _fits(selector: Selector | None, agency: Agency, support: frozenset[str]) -> bool:
    if selector is None:
        return True
    return selector.agency in {None, agency} and (selector.support is None or selector.support in support)


def _names(selector: Selector | None) -> int:
    return sum(name is not None for name in (selector.agency, selector.support)) if selector else 0


# --- decisions -------------------------------------------------------------------------------------------------------


def allowed(status: str, event_type: str) -> bool:
    """Whether this may happen to an entry in that state."""
    return status in LIFECYCLES["entry"][event_type][0]


def after(status: str, event_type: str) -> str:
    """The state of an entry after this has happened."""
    return LIFECYCLES["entry"][event_type][1] or status


def possible(entry: Standing, now: datetime) -> list[Outcome]:
    """The decisions that can be made about an entry now, in the order in which a form offers them."""
    return [outcome for outcome in _SAYS if _why_not(entry, outcome, now) is None]


def fitting(outcomes: Iterable[Outcome]) -> list[ReasonCode]:
    """The reasons that fit one of these decisions at least, in the order of the whole list."""
    fit: Collection[ReasonCode] = {reason for outcome in outcomes for reason in FITTING[outcome]}
    return [reason for reason in get_args(ReasonCode) if reason in fit]


def decide(entry: Standing, wish: Wish, now: datetime) -> list[Event]:
    """Make a decision: its event, agreed therapy, and what it means for the clock. Raises `NotAllowed`."""
    if why := _why_not(entry, wish.outcome, now):
        raise NotAllowed(why)
    _check_combination(entry, wish)
    kind = _SAYS[wish.outcome]
    more: dict[str, Any] = {}
    if kind is EntryAccepted:
        therapy = wish.therapy.discipline if wish.therapy else None
        more = {"priority": wish.priority or entry.priority, "therapy": therapy}
    elif kind is EntryRedirected:
        more = {"redirect_to": wish.redirect_to}
    said = cast(Event, kind(**_whose(entry), reason_code=wish.reason_code, comment=wish.comment, **more))
    return [*missed(entry, now), said, *_agreed(entry, wish), *_kept(entry, wish, now)]


def withdraw(entry: Standing, reason: str, now: datetime) -> list[Event]:
    """End an open entry because its referral was taken back; nothing for one that has ended."""
    if not allowed(entry.status, "EntryWithdrawn"):
        return []
    return [*missed(entry, now), EntryWithdrawn(**_whose(entry), comment=reason)]


def amend(entry: Standing, text: str) -> Event:
    """Add to an entry: one that was returned for more stands in the queue again, others stay where they are."""
    kind = EntryRequeued if entry.status == "returned" else EntryAmended
    return kind(**_whose(entry), comment=text)


def bring_up(entry: Standing, support: str, ready_on: date, old: Promised, new: Promised) -> Event | None:
    """Put into the queue again what waited for a birthday; nothing where the referral was taken back.

    `old` is the entry's date as it stands, `new` the one that counts from the birthday: what has been decided is
    decided anew by the new one, what has not keeps the date that was promised.
    """
    if not allowed(entry.status, "EntryBroughtUp"):
        return None
    promised = old if entry.status in UNDECIDED and entry.decided_at is None else new
    return EntryBroughtUp(**_whose(entry), support=support, ready_on=ready_on, **vars(promised))


def join(entry: Standing, wish: Wish) -> Event:
    """Pass to an agency that has an entry already: an open one is joined, one that ended stands in the queue again."""
    again = entry.status not in OPEN
    if again and not allowed(entry.status, "EntryRequeued"):
        raise NotAllowed("The referral has been withdrawn, so it cannot be passed on: look again.")
    kind = EntryRequeued if again else EntryAmended
    return kind(**_whose(entry), reason_code=wish.reason_code, comment=wish.comment)


def claim(entry: Standing, holder: str | None) -> list[Event]:
    """Take an entry in hand, or let it go; nothing where it is so already. Raises `NotAllowed`."""
    if not allowed(entry.status, "EntryClaimed"):
        raise NotAllowed(
            f"This referral is {_words(entry.status)}, so nobody needs to take it in hand: choose another."
        )
    return [] if holder == entry.holder else [EntryClaimed(**_whose(entry), holder=holder)]


def _why_not(entry: Standing, outcome: Outcome, now: datetime) -> str | None:
    may_be, _ = LIFECYCLES["entry"][_SAYS[outcome].__name__]
    if entry.status not in may_be:
        *others, last = (_words(status) for status in STATUSES if status in may_be)
        where = f"{', '.join(others)} or {last}" if others else last
        return f"This referral is {_words(entry.status)}. It can be {_DONE[outcome]} only while it is {where}."
    if outcome == "reopen" and entry.withdrawn:
        return "The referral has been withdrawn, so the decision stands."
    if outcome == "reopen" and (entry.corrected_until is None or now > entry.corrected_until):
        return "A decision can be taken back for 24 hours, and this one was made before that."
    return None


def _check_combination(entry: Standing, wish: Wish) -> None:
    if wish.redirect_to == entry.agency:
        raise NotAllowed("Select another agency: this referral is in your own queue.", "redirect_to")
    if wish.therapy and entry.agency != "health":
        raise NotAllowed("Only health can agree therapy: accept without it, or pass the referral to health.")


def _agreed(entry: Standing, wish: Wish) -> list[Event]:
    if wish.therapy is None:
        return []
    return [
        TherapyAgreed(
            **_whose(entry),
            discipline=wish.therapy.discipline,
            sessions=wish.therapy.sessions,
            mode=wish.therapy.mode,
            priority=wish.priority or entry.priority,
            received_at=entry.received_at,
            sent_by=entry.sent_by,
            setting=entry.setting,
            family=entry.family,
        )
    ]


def _kept(entry: Standing, wish: Wish, now: datetime) -> list[Event]:
    counts = _SAYS[wish.outcome].__name__ in DECISIONS and runs(entry.status, entry.decided_at, breached=entry.breached)
    if not counts or entry.met or now > entry.due_at:
        return []
    return [StandardMet(**_whose(entry), standard=entry.standard, due_at=entry.due_at, noticed_at=now)]


def _whose(entry: Standing) -> dict[str, Any]:
    return {"reference": entry.reference, "agency": entry.agency, "child_id": entry.child_id}


def _words(status: str) -> str:
    return status.replace("_", " ").replace("redirected", "passed to another agency")
