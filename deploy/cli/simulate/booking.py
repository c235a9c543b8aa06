"""The booking coordinator: buys blocks as the waiting list needs them, books down the list, offers places on."""

from collections import deque
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from itertools import count
from typing import Any, Literal

from cli import invented
from cli.simulate import mix
from cli.simulate.people import Office, sent
from frontdoor.areas import Term
from frontdoor.calendars import local_date
from frontdoor.events import read_instant
from frontdoor.work import Work
from therapy_booking import commands, supplies
from therapy_booking import handlers as booking

Discipline = Literal["salt", "ot"]
Mode = Literal["individual", "group"]
COORDINATOR = "booking-coordinator"
TIMES = (time(9, 15), time(10, 15), time(11, 15), time(13, 15), time(14, 15))


@dataclass
class Slot:
    """A weekly hour of a therapist in their own room, free from a day on."""

    therapist: str
    provider: str
    place: str
    weekday: int
    at: time
    free_from: date


@dataclass
class Bought:
    """A block with places left, until it begins."""

    block: str
    seats: int
    begins: date


@dataclass
class Supply:
    """What there is of one therapy: free hours, and bought blocks with places left, by mode."""

    slots: deque[Slot] = field(default_factory=deque)
    blocks: dict[Mode, deque[Bought]] = field(default_factory=lambda: {"individual": deque(), "group": deque()})


class Coordinator:
    """The desk of the booking coordinator."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._supply: dict[Discipline, Supply] = {"salt": Supply(), "ot": Supply()}
        self._pools: dict[tuple[str, Discipline], tuple[str, int]] = {}
        self._numbers = count(1)
        self.waiting = 0

    def sit(self) -> None:
        """Look at who waits for each therapy: buy what is missing, book those whom it fits."""
        self.waiting = 0
        for discipline in self._supply:
            line = self._ask("waiting.read", lambda work, of=discipline: booking.waiting_list(work, of))
            entries = [one.entry for one in line or []]
            self.waiting += len(entries)
            self._buy(discipline, entries)
            self._book(discipline, entries)

    def _ask(self, action: str, do: Any) -> Any:
        return self._office.ask("therapy-booking", COORDINATOR, action, do)

    # --- buying ---

    def _buy(self, discipline: Discipline, entries: list[dict[str, Any]]) -> None:
        modes: tuple[tuple[Mode, int], ...] = (("individual", 1), ("group", mix.GROUP))
        for mode, seats in modes:
            blocks = self._supply[discipline].blocks[mode]
            while blocks and blocks[0].begins <= self._office.today:
                blocks.popleft()
            wanted = sum(entry["mode"] == mode for entry in entries)
            missing = wanted - sum(block.seats for block in blocks)
            for _ in range(missing // seats):
                if not self._buy_one(discipline, mode, seats):
                    break

    def _buy_one(self, discipline: Discipline, mode: Mode, seats: int) -> bool:
        slots = self._supply[discipline].slots
        earliest = self._office.today + timedelta(days=14)
        if not slots or slots[0].free_from > earliest + timedelta(days=21):
            self._employ(discipline)
        slot = slots.popleft()
        term = self._term(max(earliest, slot.free_from))
        if term is None:
            slots.appendleft(slot)
            return False
        first = max(earliest, slot.free_from, term.starts)
        first += timedelta(days=(slot.weekday - first.weekday()) % 7)
        wish = {
            "provider": slot.provider,
            "therapist": slot.therapist,
            "discipline": discipline,
            "mode": mode,
            "place": slot.place,
            "first_date": first.isoformat(),
            "time": f"{slot.at:%H:%M}",
            "minutes": mix.MINUTES,
            "weeks": mix.WEEKS,
            "seats": seats,
            "price_pence": mix.PRICE[mode],
        }
        asked = sent(commands.CommissionBlock, wish)
        pool = self._pool(term, discipline)
        made = self._ask("block.manage", lambda work: booking.commission_block(work, pool, asked))
        slots.append(slot)
        if made is None:
            slot.free_from += timedelta(days=7)
            return True
        starts = [read_instant(part["starts_at"]) for part in made["sessions"]]
        slot.free_from = local_date(starts[-1]) + timedelta(days=1)
        self._supply[discipline].blocks[mode].append(Bought(made["block"], seats, local_date(starts[0])))
        return True

    def _term(self, day: date) -> Term | None:
        latest = timedelta(days=7)
        return next((term for term in self._office.assembly.area.terms if term.ends - latest >= day), None)

    def _pool(self, term: Term, discipline: Discipline) -> str:
        pool, left = self._pools.get((term.id, discipline), ("", 0))
        if not left:
            pence = mix.BLOCKS_A_POOL * max(mix.PRICE.values()) // 10
            shares = [("sample-council", 6 * pence), ("sample-icb", 4 * pence)]
            parts = [{"organisation": who, "discipline": discipline, "pence": share} for who, share in shares]
            name = f"Locality {next(self._numbers)}"
            asked = sent(commands.OpenPool, {"name": name, "term": term.id, "contributions": parts})
            pool = self._ask("pool.manage", lambda work: supplies.open_pool(work, asked))["pool"]
            left = mix.BLOCKS_A_POOL
        self._pools[term.id, discipline] = (pool, left - 1)
        return pool

    def _employ(self, discipline: Discipline) -> None:
        """Register one more therapist, with a room and a week of free hours."""
        number = next(self._numbers)
        known = invented.PROVIDERS[number % len(invented.PROVIDERS)]
        provider = self._register(supplies.register_provider, commands.RegisterProvider, known, "provider")
        room = {"name": f"Harbour Health Centre, room {number}", "kind": "clinic", "postcode": "SS1 9ZZ"}
        place = self._register(supplies.register_place, commands.RegisterPlace, room, "place")
        person = {"name": f"Therapist {number}", "provider": provider, "disciplines": [discipline]}
        therapist = self._register(supplies.register_therapist, commands.RegisterTherapist, person, "therapist")
        free = self._office.today
        week = [Slot(therapist, provider, place, weekday, at, free) for at in TIMES for weekday in range(5)]
        self._supply[discipline].slots.extendleft(reversed(week))

    def _register(self, handler: Any, command: Any, body: Any, what: str) -> str:
        asked = sent(command, body)
        return str(self._ask("supply.manage", lambda work: handler(work, asked))[what])

    # --- booking ---

    def _book(self, discipline: Discipline, entries: list[dict[str, Any]]) -> None:
        for entry in entries:
            blocks = self._supply[discipline].blocks[entry["mode"]]
            if not blocks:
                continue
            block = blocks[0]
            asked = commands.Book(reference=entry["reference"], block=block.block)
            made = self._ask("booking.make", lambda work, wish=asked: booking.book(work, wish))
            if made is None:
                continue
            block.seats -= 1
            if not block.seats:
                blocks.popleft()
            self._may_be_cancelled(made)

    def _may_be_cancelled(self, made: dict[str, Any]) -> None:
        chance = self._office.chance
        if chance.random() >= mix.CANCELLED:
            return
        last = local_date(read_instant(made["sessions"][-1]["starts_at"]))
        days = chance.randint(1, max((last - self._office.today).days - 1, 1))
        reason = self._office.draw(mix.CANCEL_REASONS)
        self._office.later(days, lambda: self._cancel(made["booking"], sent(commands.Cancel, {"reason_code": reason})))

    def _cancel(self, name: str, wish: commands.Cancel) -> None:
        done = self._ask("booking.cancel", lambda work: booking.cancel(work, name, wish))
        if done and done["offer"] and self._office.chance.random() < mix.OFFER_ACCEPTED:
            self._office.later(2, lambda: self._accept(done["offer"]))

    def _accept(self, offer: str) -> None:
        def accept(work: Work) -> dict[str, Any]:
            return booking.accept_offer(work, offer)

        self._ask("offer.accept", accept)
