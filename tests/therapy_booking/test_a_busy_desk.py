"""Whatever a day brings, in whatever order: nobody is lost from the line, booked twice, or in half a block."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from frontdoor.events import EntryClosed, TherapyAgreed
from frontdoor.testing import NOW, Stage
from frontdoor.work import Refused
from therapy_booking import commands, handlers, store, supplies, tables
from therapy_booking.app import service

pytestmark = pytest.mark.slow

COORDINATOR = "booking-coordinator"
KEEPS_WAITING, LEAVES = "family_request", "moved_away"


class BusyDesk(RuleBasedStateMachine):
    """A model of who waits and who is booked, beside the service."""

    refs, bookings, offers = Bundle("refs"), Bundle("bookings"), Bundle("offers")

    @initialize()
    def open_for_the_day(self):
        self.folder = TemporaryDirectory()
        self.stage = Stage(service, Path(self.folder.name))
        self.waits, self.booked, self.blocks = set(), {}, []
        with self.stage.work(COORDINATOR) as work:
            provider = supplies.register_provider(work, commands.RegisterProvider(name="A", kind="nhs"))["provider"]
            self.supply = [self._therapist(work, provider) for _ in range(2)]
            place = supplies.register_place(work, commands.RegisterPlace(name="A", kind="online"))["place"]
            gift = commands.Contribute(organisation="sample-icb", discipline="salt", pence=10_000)
            wish = commands.OpenPool(name="A", term="2026-autumn", contributions=(gift,))
            pool = supplies.open_pool(work, wish)["pool"]
            for therapist, seats, weeks in zip(self.supply, (1, 2), (3, 5), strict=True):
                order = {
                    "provider": provider, "therapist": therapist, "discipline": "salt", "mode": "group", "place": place,
                    "first_date": "2026-11-25", "time": "09:30", "minutes": 30, "weeks": weeks, "seats": seats,
                    "price_pence": 1_000,
                }  # fmt: skip
                wish = commands.CommissionBlock.model_validate_json(json.dumps(order))
                self.blocks.append(handlers.commission_block(work, pool, wish)["block"])

    def _therapist(self, work, provider):
        wish = commands.RegisterTherapist(name="A", provider=provider, disciplines=("salt",))
        return supplies.register_therapist(work, wish)["therapist"]

    def teardown(self):
        self.stage.parts.database.dispose()
        self.folder.cleanup()

    def _try(self, do):
        try:
            with self.stage.work(COORDINATOR) as work:
                return do(work)
        except Refused:
            return None

    @rule(target=refs, sessions=st.integers(2, 5), priority=st.sampled_from(("urgent", "routine")))
    def agree(self, sessions, priority):
        ref = f"R-{len(self.waits) + len(self.stage.said())}"
        agreed = TherapyAgreed(
            reference=ref, agency="health", child_id=f"C-{ref}", discipline="salt", sessions=sessions, mode="group",
            priority=priority, received_at=NOW, sent_by="gp", setting=None,
        )  # fmt: skip
        self.stage.hears(f"entry/{ref}/health", agreed)
        self.waits.add(ref)
        return ref

    @rule(ref=refs)
    def close(self, ref):
        closed = EntryClosed(reference=ref, agency="health", child_id=f"C-{ref}")
        self.stage.hears_again(*self.stage.hears(f"entry/{ref}/health", closed))
        self.waits.discard(ref)

    @rule(target=bookings, ref=refs, block=st.sampled_from((0, 1)), shorter=st.booleans())
    def book(self, ref, block, shorter):
        wish = commands.Book(reference=ref, block=self.blocks[block], accept_shorter=shorter)
        made = self._try(lambda work: handlers.book(work, wish))
        if made:
            assert ref in self.waits
            assert ref not in self.booked.values()
            self.booked[made["booking"]] = ref
        return made["booking"] if made else None

    @rule(target=offers, booking=consumes(bookings), reason=st.sampled_from((KEEPS_WAITING, LEAVES)))
    def cancel(self, booking, reason):
        if booking is None:
            return None
        wish = commands.Cancel(reason_code=reason)
        answer = self._try(lambda work: handlers.cancel(work, booking, wish))
        ref = self.booked.pop(booking)
        if reason == LEAVES:
            self.waits.discard(ref)
        return answer["offer"]

    @rule(target=bookings, offer=consumes(offers))
    def accept(self, offer):
        made = self._try(lambda work: handlers.accept_offer(work, offer)) if offer else None
        if made:
            self.booked[made["booking"]] = made_for(self.stage, made["booking"])
        return made["booking"] if made else None

    @invariant()
    def nobody_is_lost(self):
        if not hasattr(self, "stage"):
            return
        with self.stage.look() as session:
            in_line = {row.reference for row in store.in_line(session, "sample", "salt")}
            open_offers = store.offers(session, "sample")
            faults = store.booking_faults(session)
        assert in_line == self.waits - set(self.booked.values())
        assert {offer.reference for offer in open_offers} <= in_line
        assert not any(ids for name, ids in vars(faults).items() if name != "checked")


def made_for(stage, booking):
    with stage.look() as session:
        return store.find(session, tables.Booking, "sample", booking).reference


TestBusyDesk = BusyDesk.TestCase
TestBusyDesk.settings = settings(
    max_examples=8, stateful_step_count=14, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
