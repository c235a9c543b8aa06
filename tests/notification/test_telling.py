"""Who is told of what: one notice for each step, contact and channel, however often and in whatever order it comes."""

from datetime import date, timedelta
from itertools import permutations

import pytest

from frontdoor.delivery import parking
from frontdoor.events import (
    BlockBooked,
    EntryAccepted,
    EntryBroughtUp,
    EntryClaimed,
    EntryClosed,
    EntryHeld,
    EntryRedirected,
    EntryReopened,
    EntryResumed,
    EntryReturned,
    NoticeCreated,
    NoticeSuppressed,
    PlaceOffered,
    PlaceReleased,
    ReferralWithdrawn,
    Session,
)
from frontdoor.testing import NOW
from notification import domain, store

REFERENCE = "R7K2-9QF4Q"
CHILD = "C-4MXKQ7PD"
MUM, DAD = "K-2AAAAAAA", "K-3CCCCCCC"


def created(stage):
    return [event for event in stage.said() if isinstance(event, NoticeCreated)]


def parked(stage):
    with stage.look() as session:
        return [row.reason for row in parking.of(stage.service.metadata).open(session, None)]


def test_each_contact_is_told_that_the_referral_was_received(stage, family):
    family.is_known((MUM, "sms"), (DAD, "email"))
    told = {(notice.recipient, notice.channel, notice.template) for notice in created(stage)}
    assert told == {(MUM, "sms", "received"), (DAD, "email", "received")}


def test_a_notice_is_named_after_its_event_recipient_and_channel(stage, family):
    (submitted,) = family.is_known()
    assert created(stage)[0].notice == domain.notice_id(submitted.id, MUM, "sms")


def test_the_language_that_a_recipient_would_rather_have_is_recorded(stage, family):
    family.is_known()
    assert created(stage)[0].language == "pl"


def test_hearing_everything_again_tells_nobody_again(stage, family):
    heard = [*family.is_known((MUM, "sms"), (DAD, "email")), *family.declines()]
    before = stage.said()
    stage.hears_again(*heard, *heard)
    assert stage.said() == before


def test_a_cause_whose_notice_exists_already_is_not_stopped_by_it(stage, family):
    (submitted,) = family.is_known()
    with stage.parts.database.write() as session:  # positions lost: everything is heard from the first event again
        for name in ("stream_position", "log_position"):
            session.connection().execute(stage.service.metadata.tables[name].delete())
    stage.hears_again(submitted)
    assert len(created(stage)) == 1


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_in_whatever_order_it_is_heard_each_contact_is_told_of_each_step_once(stage, family, order):
    said = [
        (f"contact/{MUM}", family.contact(MUM, "sms")),
        (f"referral/{REFERENCE}", family.submission((MUM,))),
        (f"entry/{REFERENCE}/health", family.queued("health")),
        (f"entry/{REFERENCE}/health", family.step(EntryAccepted, priority="routine")),
    ]
    records = [stage.owners.say(stream, event)[0] for stream, event in said]
    stage.hears_again(*(records[place] for place in order))
    assert sorted(notice.template for notice in created(stage)) == ["accepted", "received"]
    assert parked(stage) == []


def test_a_step_waits_for_its_case_before_anything_is_written(stage, family):
    family.queues("health")
    assert (stage.said(), parked(stage)) == ([], ["not_yet"])


def test_a_case_waits_for_each_contact_that_it_names(stage, family):
    family.has_contact(MUM)
    family.submits((MUM, DAD))
    assert created(stage) == []
    family.has_contact(DAD, "email")
    assert len(created(stage)) == 2


def test_somebody_added_later_is_told_of_what_happens_from_then_on(stage, family):
    family.has_contact(DAD, "email")
    family.is_known((MUM, "sms"))
    family.declines()
    told = [(notice.template, notice.recipient) for notice in created(stage)]
    assert told == [("received", MUM), ("declined", MUM), ("declined", DAD)]


BROUGHT_UP = {
    "support": "paediatrics",
    "ready_on": date(2026, 11, 1),
    "due_at": NOW,
    "standard": "triage",
    "standard_version": "1",
    "calendar_version": "1",
}
STEPS = [
    (EntryAccepted, "accepted", {"priority": "routine"}),
    (EntryReturned, "returned", {"reason_code": "evidence_missing"}),
    (EntryRedirected, "redirected", {"reason_code": "better_met_elsewhere", "redirect_to": "care"}),
    (EntryHeld, "held", {"reason_code": "awaiting_information"}),
    (EntryResumed, "resumed", {}),
    (EntryClosed, "closed", {"reason_code": "need_met"}),
    (EntryReopened, "reopened", {"reason_code": "other"}),
    (EntryBroughtUp, "brought_up", BROUGHT_UP),
]


@pytest.mark.parametrize(("kind", "template", "more"), STEPS, ids=[template for _, template, _ in STEPS])
def test_everybody_is_told_of_each_step_of_an_agency(stage, family, kind, template, more):
    family.is_known((MUM, "sms"), (DAD, "email"))
    family.hears(kind, "health", **more)
    told = [(notice.recipient, notice.facts.get("reason_code")) for notice in created(stage)[2:]]
    assert told == [(MUM, more.get("reason_code")), (DAD, more.get("reason_code"))]
    assert {notice.template for notice in created(stage)[2:]} == {template}


def test_what_stays_inside_an_agency_is_told_to_nobody(stage, family):
    family.is_known()
    family.hears(EntryClaimed, "health", holder="health-triager")
    assert len(created(stage)) == 1


def test_everybody_is_told_of_bookings_and_of_the_end(stage, family):
    family.is_known()
    session = Session(session="B-1-1", starts_at=NOW, ends_at=NOW + timedelta(hours=1))
    place = {"reference": REFERENCE, "child_id": CHILD, "block": "B-1", "discipline": "salt"}
    booked = BlockBooked(**place, booking="G-1", seat=1, sessions=(session,), held_by=None)
    stage.hears("booking/G-1", booked)
    stage.hears("booking/G-1", PlaceReleased(**place, booking="G-1", reason_code="provider_cancelled"))
    stage.hears("offer/F-1", PlaceOffered(**place, offer="F-1"))
    withdrawn = ReferralWithdrawn(
        reference=REFERENCE, child_id=CHILD, agencies=("education", "health"), reason=family.seal("ZZCANARY")
    )
    family.stage.hears(f"referral/{REFERENCE}", withdrawn)
    assert [notice.template for notice in created(stage)[1:]] == ["booked", "released", "offered", "withdrawn"]


def test_a_new_agency_joins_the_case_when_it_is_passed_on(stage, family):
    family.is_known(agencies=("health",))
    family.hears(EntryRedirected, "health", reason_code="better_met_elsewhere", redirect_to="care")
    family.queues("care", redirected_from="health")
    with stage.look() as session:
        case = store.case(session, REFERENCE)
    assert case.agencies == ("care", "health")
    assert case.holders() == ("care",)


def test_facts_say_who_still_has_it_and_by_when_they_decide(stage, family):
    family.is_known()
    family.declines("health")
    facts = created(stage)[-1].facts
    assert facts["holders"] == ("education",)
    assert facts["due_education"] == "2026-12-02"


@pytest.mark.parametrize(("channel", "safe", "reason"), [("none", True, "no_channel"), ("sms", False, "not_safe")])
def test_who_may_not_be_told_has_a_notice_that_is_never_sent(stage, family, channel, safe, reason):
    family.has_contact(MUM, channel, safe=safe)
    family.submits()
    stage.chores()
    assert [event.reason_code for event in stage.said() if isinstance(event, NoticeSuppressed)] == [reason]
    assert (family.statuses(), family.outbox()) == (["suppressed"], [])


def test_news_older_than_a_week_is_not_sent_but_given_to_a_person(stage, family):
    family.has_contact()
    late = stage.owners.say(f"referral/{REFERENCE}", family.submission())
    stage.clock.forward(days=7, seconds=1)
    stage.hears_again(*late)
    stage.chores()
    assert (family.statuses(), family.outbox()) == (["suppressed"], [])
    with stage.look() as session:
        assert [task.task for task in store.tasks(session, "sample", 10)] == ["late"]


def test_news_of_exactly_a_week_is_sent(stage, family):
    family.has_contact()
    late = stage.owners.say(f"referral/{REFERENCE}", family.submission())
    stage.clock.forward(days=7)
    stage.hears_again(*late)
    stage.chores()
    assert family.statuses() == ["delivered"]


def test_the_log_alone_makes_the_same_tables_again(stage, family, tmp_path):
    family.is_known((MUM, "sms"), (DAD, "none"))
    family.declines()
    stage.chores()
    from frontdoor.database import Database  # noqa: PLC0415

    beside = Database(f"sqlite:///{tmp_path / 'beside'}.sqlite")
    beside.create(stage.service.metadata)
    with stage.look() as session, beside.write() as fresh:
        for _, record in stage.service.log.all(session):
            stage.service.log.apply(fresh, record)
            fresh.flush()
        for name in ("notice", "recipient", "referral_case"):
            table = stage.service.metadata.tables[name]
            rows = [sorted(map(str, place.connection().execute(table.select()))) for place in (session, fresh)]
            assert rows[0] == rows[1]


def test_verify_finds_nothing_wrong_and_sees_what_is(stage, family):
    family.is_known((MUM, "sms"), (DAD, "email"))
    with stage.look() as session:
        assert (list(store.notice_faults(session)), store.unsettled(session)) == ([], 2)
        assert {recipient for _, recipient in store.told(session)} == {MUM, DAD}
    stage.chores()
    with stage.parts.database.write() as session:
        assert (list(store.notice_faults(session)), store.unsettled(session)) == ([], 0)
        row = store.notices_of(session, "sample", REFERENCE)[0]
        row.attempts = 0
        session.flush()
        assert len(list(store.notice_faults(session))) == 1
