"""What may be bought, booked, given up and offered on: values in, events out, or `NotAllowed` with a sentence."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from frontdoor.calendars import ClocksChange, DateRange, local_date, weekly_sessions, weeks_between
from frontdoor.events import (
    BlockBooked,
    BlockCommissioned,
    Charge,
    Contribution,
    Discipline,
    Event,
    Mode,
    PlaceRegistered,
    PlaceReleased,
    PoolOpened,
    Priority,
    Session,
    WaitingListed,
    instant,
)

ROOMS = frozenset({"clinic", "school", "hub"})
"""Kinds of place that hold one session at a time; a home or a video call is nobody else's."""
PRIORITIES: tuple[Priority, ...] = ("urgent", "soon", "routine")
MODES: Mapping[Mode, str] = {"individual": "for the child alone", "group": "for a group"}
SATURDAY, SOON = 5, 3
ENDS_THE_WAIT = frozenset({"no_longer_needed", "moved_away", "duplicate"})
"""Reasons for a cancellation after which the child waits no more."""
TAKEN_BACK = "reopened"
"""Why a wait ended where health took back that it had agreed therapy."""

_START = frozenset({""})
LIFECYCLES: dict[str, dict[str, tuple[frozenset[str], str | None]]] = {
    "provider": {"ProviderRegistered": (_START, "registered")},
    "therapist": {"TherapistRegistered": (_START, "registered")},
    "place": {"PlaceRegistered": (_START, "registered")},
    "pool": {"PoolOpened": (_START, "open")},
    "block": {"BlockCommissioned": (_START, "commissioned")},
    "waiting": {
        "WaitingListed": (frozenset({"", "waiting", "ended"}), "waiting"),
        "WaitingEnded": (frozenset({"waiting"}), "ended"),
    },
    "booking": {"BlockBooked": (_START, "booked"), "PlaceReleased": (frozenset({"booked"}), "released")},
    "offer": {"PlaceOffered": (_START, "open"), "OfferEnded": (frozenset({"open"}), "ended")},
    "child-noted": {"WaitingChildNoted": (frozenset({"", "noted"}), "noted")},
    "withdrawn": {"WithdrawalNoted": (_START, "noted")},
    "refusal": {"BookingRefused": (_START, "said")},
}


class NotAllowed(Exception):
    """This cannot be done: `code` is stable, `field` names what to put right, `more` goes into the answer."""

    def __init__(
        self, code: str, sentence: str, *, status: int = 409, field: str | None = None, **more: object
    ) -> None:
        super().__init__(sentence)
        self.code, self.sentence, self.status, self.field, self.more = code, sentence, status, field, more


def may_happen(kind: str, state: str, event: type[Event]) -> bool:
    """Say whether this event may happen to a stream of that kind in that state."""
    return state in LIFECYCLES[kind][event.__name__][0]


# --- money -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Balance:
    """Pence put in and pence charged; what is left is the difference, always."""

    committed: int = 0
    spent: int = 0

    @property
    def left(self) -> int:
        """Pence that can still be spent."""
        return self.committed - self.spent

    @property
    def pence(self) -> dict[str, int]:
        """The three amounts by name."""
        return {"committed": self.committed, "spent": self.spent, "left": self.left}

    def __add__(self, other: "Balance") -> "Balance":
        return Balance(self.committed + other.committed, self.spent + other.spent)


Balances = Mapping[tuple[str, str], Balance]
"""(organisation, discipline) -> its balance in one pool."""


def balances(contributions: Iterable[Contribution], spent: Mapping[tuple[str, str], int]) -> Balances:
    """Set what was charged, by (organisation, discipline), against what was put in."""
    committed: dict[tuple[str, str], int] = defaultdict(int)
    for part in contributions:
        committed[part.organisation, part.discipline] += part.pence
    keys = sorted(committed.keys() | spent.keys())
    return {key: Balance(committed.get(key, 0), spent.get(key, 0)) for key in keys}


def total(parts: Iterable[Balance]) -> Balance:
    """Add balances up."""
    return sum(parts, Balance())


def split(price: int, shares: Mapping[str, int], left: Mapping[str, int] | None = None) -> tuple[Charge, ...]:
    """Split a price in pence by organisations' shares: largest remainder, ties by organisation id.

    Every part is within a penny of the exact share, and together they are the price. No shares, no parts. With `left`,
    nobody pays more than they have left: what is over goes on to the next in the same order, a penny each in turn.
    """
    whole = sum(shares.values())
    paying = sorted(organisation for organisation, pence in shares.items() if pence)
    parts = {organisation: price * shares[organisation] // whole for organisation in paying}
    order = sorted(paying, key=lambda organisation: (-(price * shares[organisation] % whole), organisation))
    extra = price - sum(parts.values())
    for organisation in order[:extra]:
        parts[organisation] += 1
    if left is not None:
        capped = {organisation: min(pence, left[organisation]) for organisation, pence in parts.items()}
        room = {
            organisation: left[organisation] - capped[organisation] for organisation in order[extra:] + order[:extra]
        }
        moved = _in_turn(price - sum(capped.values()), room)
        parts = {organisation: pence + moved[organisation] for organisation, pence in capped.items()}
    return tuple(Charge(organisation=organisation, pence=parts[organisation]) for organisation in paying)


def _in_turn(pence: int, room: Mapping[str, int]) -> dict[str, int]:
    """Give pence out one each in turn to those who have room; whole rounds are given at once."""
    given = dict.fromkeys(room, 0)
    while pence and (has_room := [name for name in room if given[name] < room[name]]):
        rounds = min(pence // len(has_room), *(room[name] - given[name] for name in has_room))
        for name in has_room[:pence]:
            given[name] += max(rounds, 1)
        pence -= max(rounds, 1) * min(pence, len(has_room))
    return given


def charge(price: int, discipline: Discipline, known: Balances) -> tuple[Charge, ...]:
    """Charge a block's price in pence to a pool; `over_budget` where less is left for the therapy than it costs."""
    own = {organisation: balance for (organisation, code), balance in known.items() if code == discipline}
    left = [{"organisation": organisation, "left": own[organisation].left} for organisation in sorted(own)]
    if not any(balance.committed for balance in own.values()):
        said = "Nobody has put money into this pool for this therapy."
        raise NotAllowed("over_budget", said, field="price_pence", left=left)
    if total(own.values()).left < price:
        said = "The price is more than is left in this pool for this therapy: see left, in pence."
        raise NotAllowed("over_budget", said, field="price_pence", left=left)
    shares = {organisation: balance.committed for organisation, balance in own.items()}
    return split(price, shares, {organisation: balance.left for organisation, balance in own.items()})


# --- blocks ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rhythm:
    """When a block takes place: weekly, at one local time, `minutes` long."""

    first_date: date
    at: time
    weeks: int
    minutes: int


@dataclass(frozen=True)
class Season:
    """The term that pays for a block, the last day by which it must end (if known), and the days it passes over."""

    term: DateRange
    latest: date | None
    is_closed: Callable[[date], bool]


def plan(block: str, rhythm: Rhythm, season: Season) -> tuple[Session, ...]:
    """Lay out a block's weekly sessions, named `<block>-1` and so on."""
    if rhythm.first_date not in season.term:
        raise _wrong("first_date", "The first date must be in the term of the pool")
    try:
        starts = weekly_sessions(rhythm.first_date, rhythm.at, rhythm.weeks, season.is_closed)
    except ClocksChange as change:
        said = f"{change.day.day} {change.day:%B %Y}"
        raise _wrong(
            "time", f"On {said} the clocks change at that time: choose one before 1am, or 2am or later"
        ) from None
    except ValueError:
        raise _wrong(
            "weeks", "There are not that many open weeks from the first date on: choose fewer, or an earlier date"
        ) from None
    if local_date(starts[0]) not in season.term:
        raise _wrong("first_date", "The first date must be an open day, or one that an open week of the term follows")
    if season.latest is not None and local_date(starts[-1]) > season.latest:
        raise _wrong("weeks", "The last session must be in the term of the pool or in the next one")
    length = timedelta(minutes=rhythm.minutes)
    return tuple(
        Session(session=f"{block}-{number}", starts_at=start, ends_at=start + length)
        for number, start in enumerate(starts, 1)
    )


def _wrong(field_name: str, sentence: str) -> NotAllowed:
    return NotAllowed("invalid", sentence, status=422, field=field_name)


Span = tuple[datetime, datetime]
"""From when to when, the end not included."""


def clashes(sessions: Iterable[Session], busy: Collection[Span]) -> list[str]:
    """Give the starts of the sessions that overlap a time that is taken, as instants in text."""
    return [
        instant(session.starts_at)
        for session in sessions
        if any(session.starts_at < until and since < session.ends_at for since, until in busy)
    ]


def doubt(first: date, today: date) -> str | None:
    """Say why the day of a block's first session may be a slip, so that a person is asked before money is spent."""
    if first.weekday() >= SATURDAY:
        return f"The first session is on a {first:%A}"
    return "The first session is within 3 days, or in the past" if (first - today).days <= SOON else None


def check_supply(sessions: Sequence[Session], therapist_busy: Collection[Span], room_busy: Collection[Span]) -> None:
    """Refuse a block whose therapist or room is already taken."""
    for busy, who in ((therapist_busy, "therapist"), (room_busy, "room")):
        if taken := clashes(sessions, busy):
            said = f"The {who} is busy at one or more of these times: choose another day or time."
            raise NotAllowed("clash", said, field="first_date", busy=who, clashes=taken)


# --- bookings --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wait:
    """A child's wait for agreed therapy, with what is known of it now."""

    reference: str
    child_id: str
    discipline: Discipline
    sessions: int
    mode: Mode
    priority: Priority
    received_at: datetime
    offer_due: datetime
    is_open: bool
    is_booked: bool


@dataclass(frozen=True)
class Supply:
    """A block, with what is taken of its sessions that are still to come."""

    block: str
    discipline: Discipline
    mode: Mode
    seats: int
    held_by: str | None
    to_come: tuple[Session, ...]
    taken: frozenset[int]

    @property
    def free(self) -> list[int]:
        """Seats that are free in every session still to come."""
        return [seat for seat in range(1, self.seats + 1) if seat not in self.taken] if self.to_come else []


def fits(wait: Wait, supply: Supply, busy: Collection[Span]) -> bool:
    """Say whether a child could take up a place as agreed: free, long enough, at a time when the child is free."""
    long_enough = len(supply.to_come) >= wait.sessions
    return bool(supply.free) and long_enough and not clashes(supply.to_come, busy)


def book(
    booking: str,
    wait: Wait | None,
    supply: Supply,
    busy: Collection[Span],
    *,
    shorter: bool,
    other_mode: bool = True,
    offer: str | None,
) -> BlockBooked:
    """Book a child into every session still to come, with one seat number throughout."""
    if wait is None or not wait.is_open:
        raise NotAllowed(
            "not_allowed", "No therapy of this kind is agreed for this referral, or it has ended: ask the health team."
        )
    if wait.is_booked:
        raise NotAllowed("not_allowed", "This child is already booked for this therapy: cancel that booking first.")
    if not supply.to_come:
        raise NotAllowed("past", "Every session of this block is in the past: choose another.")
    if not supply.free:
        raise NotAllowed("full", "This block is full: see alternatives.")
    if taken := clashes(supply.to_come, busy):
        said = "The child has another booking at one of these times: see alternatives."
        raise NotAllowed("clash", said, busy="child", clashes=taken)
    if supply.mode != wait.mode and not other_mode:
        said = f"It was agreed {MODES[wait.mode]}: accept that this block is another kind, or choose another block."
        raise NotAllowed("other_mode", said, agreed=wait.mode, mode=supply.mode)
    if len(supply.to_come) < wait.sessions and not shorter:
        said = "The block has fewer sessions to come than were agreed: accept that it is shorter, or choose another."
        raise NotAllowed("too_short", said, agreed=wait.sessions, sessions=len(supply.to_come))
    return BlockBooked(
        booking=booking,
        reference=wait.reference,
        child_id=wait.child_id,
        block=supply.block,
        discipline=supply.discipline,
        seat=supply.free[0],
        sessions=supply.to_come,
        held_by=supply.held_by,
        offer=offer,
    )


def release(booking: BlockBooked, status: str, reason_code: str, now: datetime) -> PlaceReleased:
    """Give a booking up: its seats in the sessions still to come are free again."""
    if not may_happen("booking", status, PlaceReleased):
        raise NotAllowed("not_allowed", "This booking has already been cancelled: look again.")
    if all(session.starts_at <= now for session in booking.sessions):
        raise NotAllowed(
            "not_allowed", "Every session of this booking is in the past: choose one that is still to come."
        )
    return PlaceReleased(
        booking=booking.booking,
        reference=booking.reference,
        child_id=booking.child_id,
        block=booking.block,
        discipline=booking.discipline,
        reason_code=reason_code,
    )


# --- the waiting list ------------------------------------------------------------------------------------------------


def weeks_waiting(received_at: datetime, now: datetime) -> int:
    """Whole weeks since the referral was received."""
    return max(0, weeks_between(local_date(received_at), local_date(now)))


def why(wait: Wait, now: datetime) -> str:
    """Say in plain words what gives a child its place in the line."""
    weeks, due = weeks_waiting(wait.received_at, now), local_date(wait.offer_due)
    waited = "less than a week" if weeks == 0 else "1 week" if weeks == 1 else f"{weeks} weeks"
    promised = "was due" if now > wait.offer_due else "due"
    return f"{wait.priority.capitalize()}; waiting {waited}; first place {promised} by {due.day} {due:%B %Y}"


def relist(
    listed: WaitingListed, before: WaitingListed | None, *, waits: bool, taken_back: bool
) -> list[WaitingListed]:
    """List a child: nothing where it waits already on the same terms.

    While it waits, and where an agreement was taken back and then given again, the date first promised stays.
    """
    if before is None or not (waits or taken_back):
        return [listed]
    promised = {"offer_due": before.offer_due, "standard_version": before.standard_version}
    again = listed.model_copy(update=promised)
    return [] if waits and again == before else [again]


# --- proof -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Said:
    """An event of the log and when it was said."""

    event: Event
    at: datetime


@dataclass
class Ledger:
    """What the log alone says of supply, seats and money."""

    rooms: set[str] = field(default_factory=set)
    pools: dict[str, PoolOpened] = field(default_factory=dict)
    blocks: dict[str, BlockCommissioned] = field(default_factory=dict)
    bookings: dict[str, tuple[BlockBooked, datetime]] = field(default_factory=dict)
    released: dict[str, datetime] = field(default_factory=dict)

    @classmethod
    def of(cls, history: Iterable[Said]) -> "Ledger":
        """Read a log, in its order."""
        ledger = cls()
        for said in history:
            ledger._read(said.event, said.at)
        return ledger

    def _read(self, event: Event, at: datetime) -> None:
        match event:
            case PlaceRegistered() if event.kind in ROOMS:
                self.rooms.add(event.place)
            case PoolOpened():
                self.pools[event.pool] = event
            case BlockCommissioned():
                self.blocks[event.block] = event
            case BlockBooked():
                self.bookings[event.booking] = (event, at)
            case PlaceReleased():
                self.released[event.booking] = at

    def held(self, booking: BlockBooked) -> list[Session]:
        """List the sessions whose seat a booking has: all, or those that had begun when it was given up."""
        until = self.released.get(booking.booking)
        return [session for session in booking.sessions if until is None or session.starts_at <= until]

    def seats(self) -> set[tuple[str, int, str]]:
        """List every seat that is held, as (session, seat, booking)."""
        bookings = [booking for booking, _ in self.bookings.values()]
        return {(held.session, booking.seat, booking.booking) for booking in bookings for held in self.held(booking)}

    def faults(self, taken: set[tuple[str, int, str]]) -> "Faults":
        """Find what must not be; `taken` are the seats that the tables show, which the log must know, all of them."""
        sessions = {part.session: block.seats for block in self.blocks.values() for part in block.sessions}
        seats = self.seats()
        many = Counter((session, seat) for session, seat, _ in seats)
        return Faults(
            double_booked=[whose for whose, diary in self._diaries().items() for _ in range(_overlaps(diary))],
            over_capacity=[
                session for (session, seat), by in many.items() if by > 1 or not 0 < seat <= sessions.get(session, 0)
            ],
            partial_blocks=[key for key, (booking, at) in self.bookings.items() if not self._is_whole(booking, at)],
            unbalanced_pools=[pool for pool in self._pools() if not self._balances(pool)],
            seats_astray=sorted({booking for _, _, booking in seats ^ taken}),
            checked={
                "pools": len(self.pools),
                "blocks": len(self.blocks),
                "sessions": len(sessions),
                "bookings": len(self.bookings),
                "seats": len(seats),
            },
        )

    def _diaries(self) -> dict[str, list[Session]]:
        diaries: dict[str, list[Session]] = defaultdict(list)
        for block in self.blocks.values():
            diaries[f"therapist {block.therapist}"] += block.sessions
            if block.place in self.rooms:
                diaries[f"place {block.place}"] += block.sessions
        for booking, _ in self.bookings.values():
            diaries[f"child {booking.child_id}"] += self.held(booking)
        return diaries

    def _is_whole(self, booking: BlockBooked, at: datetime) -> bool:
        block = self.blocks.get(booking.block)
        due = [session for session in block.sessions if session.starts_at > at] if block else []
        return bool(due) and list(booking.sessions) == due

    def _pools(self) -> list[str]:
        return sorted(self.pools.keys() | {block.pool for block in self.blocks.values()})

    def _balances(self, pool: str) -> bool:
        spent: Counter[tuple[str, str]] = Counter()
        for block in self.blocks.values():
            if block.pool == pool:
                if sum(part.pence for part in block.charges) != block.price_pence:
                    return False
                spent.update({(part.organisation, block.discipline): part.pence for part in block.charges})
        opened = self.pools.get(pool)
        return opened is not None and all(part.left >= 0 for part in balances(opened.contributions, spent).values())


@dataclass(frozen=True)
class Faults:
    """What must not be, by the ids concerned (all are empty where all is well), and how much was looked at.

    Nobody in two places at once (I9), no more children than seats (I10), all sessions of a block or none (I11), charges
    that are the prices and within what was put in, and no seat in the tables that the log does not give.
    """

    double_booked: list[str]
    over_capacity: list[str]
    partial_blocks: list[str]
    unbalanced_pools: list[str]
    seats_astray: list[str]
    checked: dict[str, int]


def _overlaps(sessions: Iterable[Session]) -> int:
    found, until = 0, None
    for session in sorted(sessions, key=lambda session: session.starts_at):
        if until is not None and session.starts_at < until:
            found += 1
        until = session.ends_at if until is None else max(until, session.ends_at)
    return found
