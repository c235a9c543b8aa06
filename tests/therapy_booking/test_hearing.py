"""What others say: who waits, since when, and how that ends; in whatever order and however often it is heard."""

from datetime import timedelta

import pytest

from frontdoor import events
from frontdoor.calendars import LONDON
from frontdoor.database import Database
from frontdoor.testing import NOW


def changed(kind, ref, agency="health", **more):
    return kind(reference=ref, agency=agency, child_id=f"C-{ref[-5:]}", **more)


ENDS = [
    (events.EntryClosed, {"reason_code": "need_met"}),
    (events.EntryDeclined, {"reason_code": "out_of_age"}),
    (events.EntryRedirected, {"redirect_to": "education"}),
    (events.EntryWithdrawn, {}),
]


def test_a_child_waits_from_the_day_therapy_was_agreed(desk):
    ref = desk.child()
    listed = desk.stage.said(f"waiting/{ref}/salt")[0]
    assert (listed.standard_version, listed.sessions, listed.family) == ("2026.1", 6, ("parent",))
    assert listed.offer_due.astimezone(LONDON).date() == (NOW + timedelta(weeks=6)).date()


def test_the_line_is_by_priority_then_promised_date_then_longest_wait(desk):
    last = desk.child(priority="routine")
    longest = desk.child(priority="routine", received_at=NOW - timedelta(weeks=7))
    desk.stage.clock.forward(days=1)
    urgent = desk.child(priority="urgent")
    assert desk.waiting() == [urgent, longest, last]
    first, second, _ = desk.line()
    assert first["rank"] == 1
    assert first["why"] == "Urgent; waiting less than a week; first place due by 31 December 2026"
    assert (second["weeks_waiting"], second["why"]) == (
        7,
        "Routine; waiting 7 weeks; first place due by 30 December 2026",
    )
    assert second["standard_due"].startswith("2026-12-30T23:59:59")


@pytest.mark.parametrize(("kind", "more"), ENDS)
def test_health_ends_the_wait(desk, kind, more):
    ref = desk.child()
    desk.stage.hears(f"entry/{ref}/health", changed(kind, ref, **more))
    assert desk.waiting() == []


@pytest.mark.parametrize(("kind", "more"), ENDS)
def test_another_agency_ends_nothing_of_healths(desk, kind, more):
    ref = desk.child()
    desk.stage.hears(f"entry/{ref}/care", changed(kind, ref, "care", **more))
    assert desk.waiting() == [ref]


def test_an_end_taken_back_lists_the_child_once_therapy_is_agreed_again(desk):
    ref = desk.child()
    desk.stage.hears(f"entry/{ref}/health", changed(events.EntryClosed, ref, reason_code="other"))
    desk.stage.hears(f"entry/{ref}/health", changed(events.EntryReopened, ref, reason_code="other"))
    assert desk.waiting() == []
    desk.child(at=ref)
    assert desk.waiting() == [ref]


def test_an_agreement_taken_back_and_given_again_keeps_the_promised_date(desk):
    ref = desk.child()
    before = desk.stage.said(f"waiting/{ref}/salt")[0]
    desk.stage.hears(f"entry/{ref}/health", changed(events.EntryReopened, ref, reason_code="other"))
    assert desk.waiting() == []
    desk.stage.clock.forward(hours=3)
    desk.child(at=ref, sessions=4)
    after = desk.stage.said(f"waiting/{ref}/salt")[-1]
    assert (after.offer_due, after.sessions) == (before.offer_due, 4)


def test_therapy_agreed_again_after_an_end_lists_the_child_again(desk):
    ref = desk.child()
    desk.stage.hears(f"entry/{ref}/health", changed(events.EntryClosed, ref, reason_code="need_met"))
    desk.stage.clock.forward(days=30)
    desk.child(at=ref)
    assert desk.waiting() == [ref]
    first, _, again = desk.stage.said(f"waiting/{ref}/salt")
    assert again.offer_due > first.offer_due


def withdrawn(desk, ref):
    desk.stage.keys.create("C-1", NOW)
    reason = desk.stage.keys.seal("C-1", "moved")
    return events.ReferralWithdrawn(reference=ref, child_id="C-1", agencies=("health",), reason=reason)


@pytest.mark.parametrize("agreed_first", [True, False])
def test_a_withdrawn_referral_waits_for_nothing_whichever_is_heard_first(desk, agreed_first):
    ref = "R222-22222"
    if agreed_first:
        desk.child(at=ref)
    desk.stage.hears(f"referral/{ref}", withdrawn(desk, ref))
    if not agreed_first:
        desk.child(at=ref)
    assert desk.waiting() == []


def test_a_withdrawn_referral_keeps_its_booking_until_a_person_decides(desk, supply):
    ref, block = desk.child(), desk.block(supply)
    booking = desk.booked(ref, block)
    desk.stage.hears(f"referral/{ref}", withdrawn(desk, ref))
    assert desk.ask("GET", f"/api/bookings/{booking}").json()["status"] == "booked"
    desk.cancel(booking)
    assert desk.waiting() == []


def test_an_end_passes_the_offer_on(desk, supply):
    block = desk.block(supply, seats=1)
    booking, second, third = desk.booked(desk.child(), block), desk.child(), desk.child()
    second, third = desk.waiting()
    offer = desk.cancel(booking).json()["offer"]
    desk.stage.hears(f"entry/{second}/health", changed(events.EntryClosed, second, reason_code="need_met"))
    assert desk.stage.said(f"offer/{offer}")[-1].outcome == "no_longer_waiting"
    last = [event for event in desk.stage.said() if isinstance(event, events.PlaceOffered)][-1]
    assert last.reference == third


def test_a_referral_without_agreed_therapy_is_known_but_not_booked(desk, supply):
    ref = "R222-22222"
    desk.stage.hears(f"referral/{ref}", withdrawn(desk, ref))
    assert desk.book(ref, desk.block(supply)).json()["code"] == "not_allowed"


def test_everything_heard_twice_changes_nothing(desk):
    ref = desk.child()
    records = desk.stage.hears(f"entry/{ref}/health", changed(events.EntryClosed, ref, reason_code="need_met"))
    records += desk.stage.hears(f"entry/{ref}/health", changed(events.EntryReopened, ref, reason_code="other"))
    records += desk.stage.hears(f"referral/{ref}", withdrawn(desk, ref))
    before = desk.stage.said()
    desk.stage.hears_again(*records, *reversed(records))
    assert desk.stage.said() == before


def test_what_arrives_out_of_order_is_applied_in_order(desk):
    ref = "R222-22222"
    agreed = events.TherapyAgreed(
        reference=ref, agency="health", child_id="C-1", discipline="ot", sessions=4, mode="individual",
        priority="soon", received_at=NOW, sent_by="gp", setting=None,
    )  # fmt: skip
    stream = f"entry/{ref}/health"
    records = desk.stage.owners.say(stream, agreed, changed(events.EntryClosed, ref, reason_code="need_met"), agreed)
    for record in reversed(records):
        desk.stage.hears_again(record)
    assert desk.waiting("ot") == [ref]
    assert len(desk.stage.said(f"waiting/{ref}/ot")) == 3


def test_a_childs_name_is_noted_sealed_and_erased_with_its_key(desk):
    desk.stage.keys.create("C-1", NOW)
    identity = desk.stage.keys.seal("C-1", {"given_name": "ZZCANARY", "family_name": "Lark"})
    desk.stage.hears("child/C-1", events.ChildRegistered(child_id="C-1", identity=identity))
    assert desk.stage.said("child-noted/C-1")[0].identity == identity
    desk.stage.keys.destroy("C-1", NOW)
    assert desk.child()


def rows(table, session):
    return session.connection().execute(table.select().order_by(*table.primary_key.columns)).all()


def test_the_tables_can_be_built_again_from_the_log_in_one_go(desk, supply, tmp_path):
    block = desk.block(supply, seats=1)
    booking, second = desk.booked(desk.child(), block), desk.child()
    desk.ask("POST", f"/api/offers/{desk.cancel(booking).json()['offer']}/accept")
    desk.stage.hears(f"entry/{second}/health", changed(events.EntryClosed, second, reason_code="need_met"))
    service = desk.stage.service
    beside = Database(f"sqlite:///{tmp_path / 'beside'}.sqlite")
    beside.create(service.metadata)
    derived = [table for table in service.metadata.sorted_tables if table.info.get("kind") == "derived"]
    with desk.stage.look() as session, beside.write() as fresh:
        for _, record in service.log.all(session):
            service.log.apply(fresh, record)
        fresh.flush()
        assert {table.name: rows(table, fresh) for table in derived} == {t.name: rows(t, session) for t in derived}
