"""What the queues do with what they hear, in whatever order and however often it comes."""

from datetime import date

import pytest

from frontdoor.database import Database
from frontdoor.events import ReferralAmended, Wait
from frontdoor.testing import NOW
from triage_panel import store

WAIT = Wait(support="paediatrics", ready_on=date(2027, 2, 1), interim=("early_help",))


def test_a_referral_is_in_the_queue_of_each_agency_at_once(queues):
    reference = queues.refer("care", "education", "health")

    assert [queues.line(reference, agency)["status"] for agency in ("care", "education", "health")] == ["queued"] * 3


def test_a_notification_is_queued_like_a_request_with_its_kind_shown(queues):
    reference = queues.refer("health", kind="section_23_notification")

    assert queues.line(reference)["kind"] == "section_23_notification"


def test_everything_heard_twice_changes_nothing(queues):
    reference = queues.refer("health", "care")
    records = [*queues.heard[reference], *queues.amend(reference), *queues.withdraw(reference)]
    before = queues.stage.said()

    queues.stage.hears_again(*records, *reversed(records))

    assert queues.stage.said() == before


def test_a_second_submission_of_an_entry_is_harmless(queues):
    reference = queues.refer("health")
    first = queues.heard[reference][0].event

    queues.stage.hears(f"referral/{reference}-again", first)

    assert queues.said(reference) == ["ReferralQueued"]


def test_events_out_of_order_end_as_if_they_had_come_in_order(queues):
    child_id = "C-22222222"
    queues.stage.keys.create(child_id, NOW)
    submitted = queues.submitted("R222-22222", child_id, ("health",))
    added = ReferralAmended(
        reference="R222-22222", child_id=child_id, agencies=("health",), text=queues.stage.keys.seal(child_id, "more")
    )
    first, second = queues.stage.owners.say("referral/R222-22222", submitted, added)

    queues.stage.hears_again(second, first)

    assert queues.said("R222-22222") == ["ReferralQueued", "EntryAmended"]


def test_an_addition_that_comes_before_its_entry_waits_for_it(queues):
    reference = queues.refer("health")
    unknown = queues.heard[reference][0].event.model_copy(update={"reference": "R333-33333", "routes": ()})
    queues.heard["R333-33333"] = queues.stage.hears("referral/R333-33333", unknown)

    queues.amend("R333-33333")

    with queues.stage.look() as session:
        parked = session.connection().exec_driver_sql("select reason, waits_stream from parked").all()
    assert parked == [("not_yet", "referral/R333-33333")]


def test_an_addition_puts_a_returned_entry_back_on_the_same_clock(queues):
    reference = queues.refer("health", "care")
    due = queues.line(reference)["due_at"]
    queues.decide(reference, "return")

    queues.amend(reference)

    line = queues.line(reference)
    assert (line["status"], line["due_at"], line["clock"]) == ("queued", due, "on_track")
    assert queues.said(reference, "care") == ["ReferralQueued", "EntryAmended"]


@pytest.mark.parametrize("outcome", [None, "hold", "return", "accept"])
def test_a_withdrawal_ends_every_open_entry(queues, outcome):
    reference = queues.refer("health", "care")
    if outcome:
        queues.decide(reference, outcome)

    queues.withdraw(reference)

    assert [queues.line(reference, agency)["status"] for agency in ("health", "care")] == ["withdrawn"] * 2


def test_a_withdrawal_leaves_what_has_ended_as_it_is(queues):
    reference = queues.refer("health", "care")
    queues.decide(reference, "decline")

    queues.withdraw(reference)

    assert queues.line(reference)["status"] == "declined"


def test_nothing_personal_is_in_the_log_in_clear(queues):
    reference = queues.refer("health", "education")
    queues.decide(reference, "return", comment="CANARY in a comment")
    queues.amend(reference, "CANARY in an addition")
    queues.decide(reference, "redirect", redirect_to="care", reason_code="other", comment="CANARY passed on")
    queues.withdraw(reference)

    with queues.stage.look() as session:
        payloads = b"".join(record.payload for _, record in store.log.all(session))
        rows = str(session.connection().exec_driver_sql("select * from entry").all())
    assert b"CANARY" not in payloads
    assert b"Canary" not in payloads
    assert "canary" not in rows.lower()


def test_the_queue_goes_on_without_a_child_who_was_erased(queues):
    reference = queues.refer("health")
    queues.stage.keys.destroy(queues.heard[reference][0].event.child_id, NOW)

    decided = queues.decide(reference, "accept", comment="Nobody to write about")

    page = queues.stage.as_person("health-triager").get(f"/queues/health/{reference}")
    assert (decided.status_code, page.status_code, queues.line(reference)["child_name"]) == (201, 200, None)


def test_the_tables_can_be_built_again_from_the_log(queues, tmp_path):
    reference = queues.refer("health", "education")
    for outcome, more in (("accept", {"priority": "soon"}), ("close", {}), ("reopen", {}), ("return", {})):
        queues.decide(reference, outcome, **more)
    queues.decide(reference, "redirect", "education", redirect_to="care")
    queues.amend(reference)
    again = Database(f"sqlite:///{tmp_path / 'again'}.sqlite")
    again.create(store.Row.metadata)

    with queues.stage.look() as session, again.write() as fresh:
        for _, record in store.log.all(session):
            store.apply(fresh, record)
            fresh.flush()

    with queues.stage.look() as session, again.read() as fresh:
        for table in ("entry", "child"):
            rows = (kept := store.Row.metadata.tables[table]).select().order_by(*kept.primary_key.columns)
            built = fresh.connection().execute(rows).all()
            assert built == session.connection().execute(rows).all() != []


def test_the_tables_hold_what_waits_and_what_came_up_after_a_rebuild_too(queues, tmp_path):
    reference = queues.refer("health", waits=(WAIT,))
    queues.comes_of_age(reference)
    again = Database(f"sqlite:///{tmp_path / 'again'}.sqlite")
    again.create(store.Row.metadata)

    with queues.stage.look() as session, again.write() as fresh:
        for _, record in store.log.all(session):
            store.apply(fresh, record)
            fresh.flush()
        entry = store.entry(fresh, "sample", reference, "health")
        assert (entry.waits, entry.old_enough_for) == ([WAIT.model_dump(mode="json")], ["paediatrics"])
