"""What the services say to one another: every event of the product, in one place, as frozen models.

An event is named in the past tense and says what its hearers need to act, no more: ids, codes, dates, states. Whatever
identifies a person or was typed as free text is `Sealed`: ciphertext under that child's own key. Names and ways to
reach people travel only in events marked `people=True`. On the wire each is the `data` of a CloudEvents 1.0 envelope
(`frontdoor.event_log`); `/asyncapi.json` is written from these classes.
"""

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, PlainSerializer, StringConstraints

from frontdoor.calendars import month_begun

Agency = Literal["care", "education", "health"]
Discipline = Literal["salt", "ot"]
Mode = Literal["individual", "group"]
Priority = Literal["routine", "soon", "urgent"]
Channel = Literal["email", "sms", "letter", "phone", "none"]
Kind = Literal["request", "section_23_notification"]
ArrivedBy = Literal["email", "post", "hand", "telephone"]
EntryStatus = Literal["queued", "on_hold", "returned", "accepted", "declined", "redirected", "withdrawn", "closed"]

AGENCIES: tuple[Agency, ...] = ("care", "education", "health")

Sealed = Annotated[str, StringConstraints(pattern=r"^s1\.[^.]+\.[A-Za-z0-9_=-]+$")]
"""Ciphertext of personal data, as `frontdoor.seal` writes it."""


def _begins_a_month(day: date) -> date:
    if month_begun(day) != day:
        msg = "the first day of a month, so that it is no birthday"
        raise ValueError(msg)
    return day


MonthStart = Annotated[date, AfterValidator(_begins_a_month)]
"""The first day of a month: what is said of a birthday, in clear, where no erasure reaches."""

Data = dict[str, Any]


class Part(BaseModel):
    """A value inside an event."""

    model_config = ConfigDict(frozen=True)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Leave the class arguments to `Event`."""


class Event(Part):
    """Something that has happened. Fields added later are optional; a changed meaning is a new `schema_version`."""

    source: ClassVar[str] = ""
    schema_version: ClassVar[int] = 1
    people: ClassVar[bool] = False

    @classmethod
    def __pydantic_init_subclass__(
        cls, source: str = "", schema_version: int = 1, *, people: bool = False, **kwargs: Any
    ) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if source:
            cls.source, cls.schema_version, cls.people = source, schema_version, people
            EVENTS[cls.__name__] = cls


EVENTS: dict[str, type[Event]] = {}
"""Every event by its type's name."""

LIFTS: dict[tuple[str, int], Callable[[Data], Data]] = {}
"""(type, old version) -> a pure function from that version's data to the next version's."""


class UnknownEvent(Exception):
    """This event is of a type, or a newer version of one, that this release does not know."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


def read_event(type_name: str, version: int, data: Data) -> Event:
    """Make the event of stored data, lifted to today's version; `UnknownEvent` where this release cannot."""
    kind = EVENTS.get(type_name)
    if kind is None or version > kind.schema_version:
        raise UnknownEvent
    for old in range(version, kind.schema_version):
        data = LIFTS[type_name, old](data)
    return kind.model_validate(data)


def topic_of(kind: type[Event]) -> str:
    """Name the Kafka topic that carries this event."""
    return "front-door.people.v1" if kind.people else f"front-door.{kind.source}.v1"


# --- every service ---------------------------------------------------------------------------------------------------


class HearingRefused(Part):
    """Fields of: a service could not do what an event asked, for a reason a person can read (its `code`)."""

    event: str
    event_type: str
    code: str


class IntakeRefused(HearingRefused, Event, source="referral-intake"):
    """Intake refused what an event asked."""


class TriageRefused(HearingRefused, Event, source="triage-panel"):
    """Triage refused what an event asked."""


class BookingRefused(HearingRefused, Event, source="therapy-booking"):
    """Booking refused what an event asked."""


class NotificationRefused(HearingRefused, Event, source="notification"):
    """Notification refused what an event asked."""


class RecordRefused(HearingRefused, Event, source="child-record"):
    """The record refused what an event asked."""


class ChildNoted(Part):
    """Fields of: a service has heard who a child is. `identity` is ChildRegistered's, still sealed."""

    child_id: str
    identity: Sealed


# --- referral-intake -------------------------------------------------------------------------------------------------


class Need(Part):
    """A SEN need code of the census (or NYK, not yet known) and its rank."""

    code: str
    rank: Literal["primary", "secondary"]


class Route(Part):
    """An agency that must see the referral, and the rules of the pathways that sent it there (`support:early_help`)."""

    agency: Agency
    rules: tuple[str, ...]


class Wait(Part):
    """A support that the child is too young for: it comes up again on `ready_on`; `interim` supports start at once.

    `ready_on` begins the first month that finds the child old enough.
    """

    support: str
    ready_on: MonthStart
    interim: tuple[str, ...] = ()


class MinimumAge(Part):
    """From which age, in whole years, a support is given, and which supports start meanwhile."""

    from_age: int
    interim: tuple[str, ...] = ()


class ContactRef(Part):
    """An adult, or the young person, who is told what happens."""

    contact_id: str
    parental_responsibility: bool


class ChildRegistered(Event, source="referral-intake", people=True):
    """A child became known. Stream `child/<child id>`. `identity` seals the form's `child` as JSON."""

    child_id: str
    identity: Sealed
    setting: str | None = None


class ChildrenSaid(Part):
    """Fields of: somebody has said whether two children, registered by two referrals, are one. `why` are codes."""

    link: str
    child_id: str
    other_child_id: str
    why: tuple[str, ...] = ()


class ChildrenLinked(ChildrenSaid, Event, source="referral-intake"):
    """Two children are one. Stream `child-link/<link>`; nothing is re-keyed, and each referral stays as it is."""

    references: tuple[str, ...] = ()


class ChildrenKeptApart(ChildrenSaid, Event, source="referral-intake"):
    """Two children who looked like one are two, as twins are. Stream `child-link/<link>`."""


class ChildrenUnlinked(Event, source="referral-intake"):
    """A link was wrong and is taken back. Stream `child-link/<link>`; `reason` is what the person wrote."""

    link: str
    child_id: str
    other_child_id: str
    reason: Sealed


class ChildAdopted(Event, source="referral-intake"):
    """A child lives on under another identity. Stream `adoption/<id>`; `became` seals who that is, with the old key."""

    adoption: str
    child_id: str
    became: Sealed


class ContactAdded(Event, source="referral-intake", people=True):
    """Somebody is to be told. Stream `contact/<contact id>`. `details` seals the form's contact as JSON."""

    contact_id: str
    reference: str
    child_id: str
    channel: Channel
    language: str
    parental_responsibility: bool
    safe_to_contact: bool = True
    details: Sealed


class ContactChanged(Event, source="referral-intake", people=True):
    """Somebody's ways to be reached changed. Stream `contact/<contact id>`; the whole new state."""

    contact_id: str
    reference: str
    child_id: str
    channel: Channel
    language: str
    parental_responsibility: bool
    safe_to_contact: bool = True
    details: Sealed


class ReferralSubmitted(Event, source="referral-intake", schema_version=2):
    """A referral was received. Stream `referral/<reference>`. `story` seals what was written on the form."""

    reference: str
    child_id: str
    kind: Kind
    received_at: AwareDatetime
    acknowledge_by: AwareDatetime
    routes: tuple[Route, ...]
    needs: tuple[Need, ...]
    support: tuple[str, ...]
    pathways_version: str
    standard_version: str
    calendar_version: str
    referrer_role: str
    family_raised: bool
    sent_by: str
    organisation: str | None
    setting: str | None
    out_of_area: bool
    to_be_sorted: bool
    flags: tuple[str, ...] = ()
    contacts: tuple[ContactRef, ...]
    concern_raised_on: date
    consent_given: bool
    consent_on: date
    previous_reference: str | None = None
    arrived_by: ArrivedBy | None = None
    form_minutes: int | None = None
    drafted_by: str | None = None
    waits: tuple[Wait, ...] = ()
    story: Sealed

    @property
    def agencies(self) -> tuple[Agency, ...]:
        """Every agency that must see it, in alphabetical order."""
        return tuple(route.agency for route in self.routes)


class ReferralAmended(Event, source="referral-intake"):
    """Something was added. Stream `referral/<reference>`."""

    reference: str
    child_id: str
    agencies: tuple[Agency, ...]
    text: Sealed
    evidence: tuple[str, ...] = ()


class ReferralWithdrawn(Event, source="referral-intake"):
    """The referral was taken back. Stream `referral/<reference>`; its end."""

    reference: str
    child_id: str
    agencies: tuple[Agency, ...]
    reason: Sealed


class AssessmentReady(Event, source="referral-intake", schema_version=2):
    """The child is old enough now for a support that was asked for too early. Stream `referral/<reference>`."""

    reference: str
    child_id: str
    support: str
    agencies: tuple[Agency, ...]
    ready_on: MonthStart | None = None


class PathwaysAdopted(Event, source="referral-intake"):
    """New pathways are in force from now on. Stream `pathways/<version>`; `based_on` is the version they change."""

    version: str
    based_on: str
    support: dict[str, tuple[Agency, ...]]
    needs: dict[str, tuple[Agency, ...]]
    catch_all: tuple[Agency, ...]
    minimum_ages: dict[str, MinimumAge] = {}
    note: str


class ConcernSaid(Part):
    """Fields of every event of a concern."""

    concern: str
    child_id: str


class ConcernLogged(ConcernSaid, Event, source="referral-intake"):
    """Staff of a school noticed something about a child. Stream `concern/<id>`; `told` seals what was written.

    `escalated` says by which rule the SENCO has to decide, if they have.
    """

    setting: str
    logged_by: str
    raised_on: date
    area_of_need: str
    impact: str
    strategy_helped: bool | None = None
    escalated: str | None = None
    told: Sealed


class ConcernReferred(ConcernSaid, Event, source="referral-intake"):
    """A concern has become a referral. Stream `concern/<id>`; its end."""

    reference: str


class ConcernClosed(ConcernSaid, Event, source="referral-intake"):
    """Nothing more is needed. Stream `concern/<id>`; its end."""

    reason: Sealed


class ScreeningRecorded(Event, source="referral-intake"):
    """A setting screened a child in a half-term. Stream `screening/<id>`; `results` are by domain, `told` seals who."""

    screening: str
    child_id: str
    setting: str
    half_term: str
    year: str
    results: dict[str, str]
    recorded_by: str
    told: Sealed


class ProgressNoted(Event, source="referral-intake"):
    """Intake heard where a referral stands with an agency. Stream `progress/<reference>`."""

    reference: str
    agency: Agency
    status: EntryStatus
    due_at: AwareDatetime | None = None
    received_at: AwareDatetime | None = None


class SenderLinkNoted(Event, source="referral-intake"):
    """Intake heard that the sender's link was replaced. Stream `link-noted/<reference>`."""

    reference: str
    generation: int


# --- triage-panel ----------------------------------------------------------------------------------------------------


class ReferralQueued(Event, source="triage-panel", schema_version=2):
    """A referral stands in an agency's queue. Stream `entry/<reference>/<agency>`; its first event."""

    reference: str
    agency: Agency
    child_id: str
    kind: Kind
    received_at: AwareDatetime
    due_at: AwareDatetime
    standard: str
    standard_version: str
    calendar_version: str
    priority: Priority
    needs: tuple[str, ...]
    support: tuple[str, ...]
    sent_by: str
    organisation: str | None
    setting: str | None
    out_of_area: bool
    to_be_sorted: bool
    redirected_from: Agency | None = None
    family: tuple[str, ...] = ()
    referrer_role: str | None = None
    rules: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    waits: tuple[Wait, ...] = ()
    story: Sealed


class EntryChanged(Part):
    """Fields of every later event of an entry. `comment` is what the triager wrote, if anything."""

    reference: str
    agency: Agency
    child_id: str
    reason_code: str | None = None
    comment: Sealed | None = None


class EntryClaimed(EntryChanged, Event, source="triage-panel"):
    """Somebody of the agency took it in hand."""

    holder: str | None


class EntryAccepted(EntryChanged, Event, source="triage-panel"):
    """The agency takes it on; `therapy` where it agreed some with it (TherapyAgreed says which)."""

    priority: Priority
    therapy: Discipline | None = None


class EntryDeclined(EntryChanged, Event, source="triage-panel"):
    """The agency does not take it on, and says why."""


class EntryReturned(EntryChanged, Event, source="triage-panel"):
    """The agency asks for more before it can decide."""


class EntryRedirected(EntryChanged, Event, source="triage-panel"):
    """The agency passes it to another."""

    redirect_to: Agency


class EntryHeld(EntryChanged, Event, source="triage-panel"):
    """The agency waits for something; no statutory clock stops for it."""


class EntryResumed(EntryChanged, Event, source="triage-panel"):
    """The agency goes on with it."""


class EntryClosed(EntryChanged, Event, source="triage-panel"):
    """The agency's work is done."""


class EntryReopened(EntryChanged, Event, source="triage-panel"):
    """A decision was wrong and is taken back; the clock is the old one."""


class EntryRequeued(EntryChanged, Event, source="triage-panel"):
    """It stands in the queue again, on the same clock: something was added, or another agency passed it back."""


class EntryBroughtUp(EntryChanged, Event, source="triage-panel", schema_version=2):
    """The child is old enough, since `ready_on`, for a support that was asked for: it stands in the queue again.

    What was decided before is decided anew by `due_at`, which counts from `ready_on`; undecided, its date stays.
    """

    support: str
    ready_on: MonthStart
    due_at: AwareDatetime
    standard: str
    standard_version: str
    calendar_version: str


class EntryWithdrawn(EntryChanged, Event, source="triage-panel"):
    """The referral was withdrawn."""


class EntryAmended(EntryChanged, Event, source="triage-panel"):
    """Something was added to the referral; the entry stays where it stands. The addition is `comment`."""


class TherapyAgreed(Event, source="triage-panel"):
    """Health agreed therapy. Stream `entry/<reference>/<agency>`."""

    reference: str
    agency: Agency
    child_id: str
    discipline: Discipline
    sessions: int
    mode: Mode
    priority: Priority
    received_at: AwareDatetime
    sent_by: str
    setting: str | None
    family: tuple[str, ...] = ()


class StandardClock(Part):
    """Fields of: a service standard was met or missed."""

    reference: str
    agency: Agency
    child_id: str
    standard: str
    due_at: AwareDatetime
    noticed_at: AwareDatetime


class StandardMet(StandardClock, Event, source="triage-panel"):
    """The step was done by its date. Stream `entry/…`."""


class StandardBreached(StandardClock, Event, source="triage-panel"):
    """The date passed. Said once. Stream `entry/…`."""


class QueueChildNoted(ChildNoted, Event, source="triage-panel", people=True):
    """Triage heard who a child is. Stream `child-noted/<child id>`."""


# --- therapy-booking -------------------------------------------------------------------------------------------------


class Contribution(Part):
    """What an organisation puts into a pool for a discipline, in pence."""

    organisation: str
    discipline: Discipline
    pence: int


class Charge(Part):
    """What a block costs an organisation, in pence."""

    organisation: str
    pence: int


class Session(Part):
    """One session of a block: instants in UTC; the wall time in Europe/London was the same each week."""

    session: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime


class ProviderRegistered(Event, source="therapy-booking"):
    """A provider can be commissioned. Stream `provider/<id>`."""

    provider: str
    name: str
    kind: Literal["nhs", "council", "private", "charity"]


class TherapistRegistered(Event, source="therapy-booking"):
    """A therapist works for a provider. Stream `therapist/<id>`. `person` is their sign-in."""

    therapist: str
    provider: str
    name: str
    disciplines: tuple[Discipline, ...]
    skills: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    person: str | None = None


class PlaceRegistered(Event, source="therapy-booking"):
    """Sessions can be held here. Stream `place/<id>`."""

    place: str
    name: str
    kind: Literal["clinic", "school", "hub", "home", "online"]
    postcode: str | None = None


class PoolOpened(Event, source="therapy-booking"):
    """Organisations put money together for a term. Stream `pool/<id>`."""

    pool: str
    name: str
    term: str
    contributions: tuple[Contribution, ...]


class BlockCommissioned(Event, source="therapy-booking"):
    """A block of sessions was bought; its price is charged now. Stream `block/<id>`.

    `room` is the place where that holds one session at a time: nobody else has it then.
    """

    block: str
    pool: str
    provider: str
    therapist: str
    held_by: str | None
    discipline: Discipline
    mode: Mode
    place: str
    room: str | None = None
    minutes: int
    seats: int
    price_pence: int
    charges: tuple[Charge, ...]
    sessions: tuple[Session, ...]
    calendar_version: str


class WaitingListed(Event, source="therapy-booking"):
    """A child waits for agreed therapy. Stream `waiting/<reference>/<discipline>`."""

    reference: str
    child_id: str
    discipline: Discipline
    sessions: int
    mode: Mode
    priority: Priority
    received_at: AwareDatetime
    offer_due: AwareDatetime
    standard_version: str
    sent_by: str
    setting: str | None
    family: tuple[str, ...] = ()


class WaitingEnded(Event, source="therapy-booking"):
    """A child no longer waits, other than by being booked. Stream `waiting/…`."""

    reference: str
    child_id: str
    discipline: Discipline
    reason_code: str


class BlockBooked(Event, source="therapy-booking"):
    """A child has the same seat in every session of a block. Stream `booking/<id>`."""

    booking: str
    reference: str
    child_id: str
    block: str
    discipline: Discipline
    seat: int
    sessions: tuple[Session, ...]
    held_by: str | None
    offer: str | None = None


class PlaceReleased(Event, source="therapy-booking"):
    """A booking was cancelled: every seat of it is free again. Stream `booking/<id>`; its end."""

    booking: str
    reference: str
    child_id: str
    block: str
    discipline: Discipline
    reason_code: str


class PlaceOffered(Event, source="therapy-booking"):
    """A freed place was offered on; nothing is reserved until somebody accepts. Stream `offer/<id>`."""

    offer: str
    reference: str
    child_id: str
    block: str
    discipline: Discipline


class OfferEnded(Event, source="therapy-booking"):
    """An offer was taken up, or the place went. Stream `offer/<id>`; its end."""

    offer: str
    reference: str
    child_id: str
    outcome: Literal["accepted", "place_gone", "no_longer_waiting"]


class WaitingChildNoted(ChildNoted, Event, source="therapy-booking", people=True):
    """Booking heard who a child is. Stream `child-noted/<child id>`."""


class WithdrawalNoted(Event, source="therapy-booking"):
    """Booking heard that a referral was withdrawn: no therapy of it is waited for. Stream `withdrawn/<reference>`."""

    reference: str
    child_id: str


# --- notification ----------------------------------------------------------------------------------------------------


class RecipientNoted(Event, source="notification", people=True):
    """Notification heard how somebody wants to be reached. Stream `recipient/<contact id>`."""

    contact_id: str
    reference: str
    child_id: str
    channel: Channel
    language: str
    parental_responsibility: bool
    safe_to_contact: bool
    details: Sealed


class CaseNoted(Event, source="notification"):
    """Notification heard whose case a referral is. Stream `case-noted/<reference>`; the whole new state."""

    reference: str
    child_id: str
    sent_by: str
    organisation: str | None
    setting: str | None
    agencies: tuple[Agency, ...]
    family: tuple[str, ...] = ()
    standing: dict[Agency, EntryStatus] = {}
    due: dict[Agency, AwareDatetime] = {}


class RecipientLinkNoted(Event, source="notification"):
    """Notification heard that somebody's link was replaced. Stream `link-noted/<reference>/<contact id>`."""

    contact_id: str
    reference: str
    generation: int


class NoticeCreated(Event, source="notification"):
    """Somebody is to be told of one event by one channel. Stream `notice/<id>`; the id is UUIDv5 of the three."""

    notice: str
    reference: str
    child_id: str
    cause: str
    cause_type: str
    recipient: str
    channel: Channel
    language: str
    template: str
    facts: dict[str, str | tuple[str, ...] | None]


class NoticeChanged(Part):
    """Fields of every later event of a notice."""

    notice: str
    reference: str
    child_id: str


class NoticeSuppressed(NoticeChanged, Event, source="notification"):
    """It will not be sent: too late, or this person is not to be contacted so."""

    reason_code: str


class NoticeAttempted(NoticeChanged, Event, source="notification"):
    """The provider is about to be called; committed before the call."""


class NoticeDelayed(NoticeChanged, Event, source="notification"):
    """The provider could not take it just now; it is tried again from `again_at` on."""

    again_at: AwareDatetime


class NoticeSent(NoticeChanged, Event, source="notification"):
    """The provider has it."""


class NoticeFailed(NoticeChanged, Event, source="notification"):
    """The provider will not deliver it, or it came back after it had been sent: a task for a person."""

    status: Literal["temporary-failure", "permanent-failure", "technical-failure"]


class NoticeConfirmed(NoticeChanged, Event, source="notification"):
    """The provider's receipt says that it arrived: nothing that is heard of it later changes that."""


class NoticeUncertain(NoticeChanged, Event, source="notification"):
    """Nobody can say whether it went: a task for a person, never sent again by itself."""


class NoticeSettled(NoticeChanged, Event, source="notification"):
    """A person saw to it: they told the family in another way, or found that nobody need be told."""


# --- child-record ----------------------------------------------------------------------------------------------------


class RecordOpened(Event, source="child-record"):
    """A referral has a page in the shared record. Stream `record/<reference>`.

    `sender` is words for a role and an organisation, never a person's name; `contacts` are contact ids.
    """

    reference: str
    child_id: str
    kind: Kind
    agencies: tuple[Agency, ...]
    received_at: AwareDatetime
    acknowledge_by: AwareDatetime
    sent_by: str
    sender: str
    organisation: str | None
    setting: str | None
    family: tuple[str, ...] = ()
    contacts: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


class StepNoted(Event, source="child-record"):
    """Something happened to a referral, in any service. Stream `record/<reference>`.

    `what` is a code that pages put into words; `facts` are the codes and dates those words need. `stream` and `version`
    name the event that was heard, so that the timeline has one order, in whatever order its lines arrive.
    """

    reference: str
    at: AwareDatetime
    service: str
    what: str
    agency: Agency | None
    by: str
    facts: dict[str, str | tuple[str, ...] | None]
    stream: str
    version: int


class RecordChildNoted(ChildNoted, Event, source="child-record", people=True):
    """The record heard who a child is. Stream `child-noted/<child id>`."""


class RecordLinkNoted(Event, source="child-record"):
    """The record heard whether two children are one. Stream `child-link-noted/<link>`; nothing is re-keyed."""

    link: str
    child_id: str
    other_child_id: str
    is_linked: bool


class RecordAdoptionNoted(Event, source="child-record"):
    """The record heard that a child lives on under another identity. Stream `adoption-noted/<child id>`.

    No link of the child's referrals opens from then on.
    """

    child_id: str


class LinkRenewed(Event, source="child-record"):
    """A family's link was replaced: older generations no longer open. Stream `link/<reference>/<recipient>`."""

    reference: str
    recipient: str
    generation: int


# --- what earlier versions said ---------------------------------------------------------------------------------------


def _without_birthdays(data: Data) -> Data:
    """Lift what named the birthday itself, of the child or of each thing that waits for it."""
    lifted = dict(data)
    if data.get("waits"):
        lifted["waits"] = [_without_birthdays(wait) for wait in data["waits"]]
    if data.get("ready_on"):
        lifted["ready_on"] = month_begun(date.fromisoformat(data["ready_on"])).isoformat()
    return lifted


LIFTS |= {
    (said.__name__, 1): _without_birthdays
    for said in (ReferralSubmitted, AssessmentReady, ReferralQueued, EntryBroughtUp)
}


def instant(value: datetime) -> str:
    """Write an instant as RFC 3339 in UTC, as all our JSON does."""
    return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def read_instant(text: str) -> datetime:
    """Read an instant exactly as `instant` writes it; `ValueError` for anything else."""
    read = datetime.fromisoformat(text)
    if instant(read) != text:
        raise ValueError("not an instant of ours")
    return read


Instant = Annotated[datetime, PlainSerializer(instant, return_type=str)]
"""An instant in an answer, written as `instant` writes it."""


UNHEARD = frozenset(
    {
        # what a service keeps of others' events for itself
        "CaseNoted",
        "ProgressNoted",
        "QueueChildNoted",
        "RecipientLinkNoted",
        "RecipientNoted",
        "RecordAdoptionNoted",
        "RecordChildNoted",
        "RecordLinkNoted",
        "RecordOpened",
        "SenderLinkNoted",
        "StepNoted",
        "WaitingChildNoted",
        "WithdrawalNoted",
        # what concerns the service that says it, its auditors and its figures alone
        "PathwaysAdopted",
        # a school's own, until it becomes a referral
        "ConcernClosed",
        "ConcernLogged",
        "ConcernReferred",
        "ScreeningRecorded",
        "ChildrenKeptApart",
        "BlockCommissioned",
        "NoticeAttempted",
        "NoticeConfirmed",
        "NoticeCreated",
        "NoticeDelayed",
        "NoticeSettled",
        "PlaceRegistered",
        "PoolOpened",
        "ProviderRegistered",
        "TherapistRegistered",
        # an addition reaches the record by intake's own event
        "EntryAmended",
        # refusals are tasks for the people of the service that refused
        "BookingRefused",
        "IntakeRefused",
        "NotificationRefused",
        "RecordRefused",
        "TriageRefused",
    }
)
"""Events that no service hears, and need not: whatever is neither heard nor here has been forgotten by somebody."""
