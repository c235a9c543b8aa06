"""What was heard and never told is noticed; what need not be told is not taken for it."""

from dataclasses import replace

import pytest

from frontdoor.delivery import parking
from frontdoor.events import EntryAccepted, EntryClaimed, NoticeCreated, RecipientNoted
from notification import domain, store, subscriptions

REFERENCE = "R7K2-9QF4Q"
MUM, DAD = "K-2AAAAAAA", "K-3CCCCCCC"


def untold(stage, *heard, **more):
    with stage.look() as session:
        return list(store.untold(session, iter(heard), **more))


def never_told(stage, family, kind=EntryAccepted, **more):
    """A step that its owner has said and that notification counts as heard, without having told anybody."""
    return stage.owners.say(f"entry/{REFERENCE}/health", family.step(kind, **more))


def test_what_everybody_was_told_of_is_no_fault(stage, family):
    heard = [*family.is_known((MUM, "sms"), (DAD, "none")), *family.hears(EntryAccepted, priority="routine")]
    stage.chores()
    assert untold(stage, *heard) == []


def test_an_acceptance_that_nobody_was_told_of_is_noticed(stage, family):
    family.is_known()
    assert untold(stage, *never_told(stage, family, priority="routine")) == [
        f"{REFERENCE} EntryAccepted: told 0 of 1",
    ]


def test_a_referral_that_nobody_was_told_of_is_noticed(stage, family):
    heard = stage.owners.say(f"referral/{REFERENCE}", family.submission((MUM, DAD)))
    assert untold(stage, *heard) == [f"{REFERENCE} ReferralSubmitted: told 0 of 2"]


def test_one_of_two_who_was_not_told_is_noticed(stage, family):
    family.is_known((MUM, "sms"), (DAD, "email"))
    heard = family.declines()
    with stage.parts.database.write() as session:
        notice = store.notice(session, domain.notice_id(heard[0].id, DAD, "email"))
        session.delete(notice)
    assert untold(stage, *heard) == [f"{REFERENCE} EntryDeclined: told 1 of 2"]


def test_somebody_added_later_need_not_have_been_told(stage, family):
    heard = [*family.is_known(), *family.declines()]
    family.has_contact(DAD, "email")
    assert untold(stage, *heard, *never_told(stage, family, priority="routine")) == [
        f"{REFERENCE} EntryAccepted: told 0 of 1"
    ]


def test_somebody_added_before_a_step_should_have_been_told_of_it(stage, family):
    family.is_known()
    family.has_contact(DAD, "email")
    stage.clock.forward(minutes=1)
    assert untold(stage, *never_told(stage, family, priority="routine")) == [f"{REFERENCE} EntryAccepted: told 0 of 2"]


def test_who_was_told_by_another_way_since_was_told(stage, family):
    heard = family.is_known((MUM, "sms"))
    family.changes_contact(MUM, "email")
    stage.chores()
    assert untold(stage, *heard) == []


def test_what_nobody_is_told_of_is_passed_over(stage, family):
    family.is_known()
    assert untold(stage, *never_told(stage, family, EntryClaimed, holder="health-triager")) == []


def test_what_is_parked_or_was_given_up_is_not_named_a_second_time(stage, family):
    heard = family.submits((MUM,))  # its contact is not known: it waits in the parked table
    assert untold(stage, *heard) == []
    with stage.look() as session:
        (row,) = parking.of(stage.service.metadata).open(session)
    stage.hearer.discard_parked(row.id)
    assert untold(stage, *heard) == []


def test_more_than_are_looked_at_together_are_all_looked_at(stage, family):
    family.is_known()
    (missed,) = never_told(stage, family, priority="routine")
    assert len(untold(stage, *[missed] * 5, at_a_time=2)) == 5


@pytest.mark.parametrize("kind", domain.TELLING)
def test_every_event_that_families_are_told_of_is_heard(kind):
    assert kind in subscriptions.SUBSCRIPTIONS


def test_tables_are_written_of_events_as_today_reads_them(stage, family):
    """A record of an older version: what stands in its bytes is not what its lifted event says."""
    family.is_known()
    with stage.look() as session:
        records = [record for _, record in stage.service.log.all(session)]
    with stage.parts.database.write() as session:
        for record in records:
            older = replace(record, data={"as_it_was": "once"})
            older.__dict__["event"] = lifted(record.event)
            if isinstance(record.event, NoticeCreated):
                session.delete(store.notice(session, record.event.notice))
                session.flush()
            stage.service.log.apply(session, older)
        session.flush()
        assert store.recipient(session, MUM).language == "cy"
        assert [row.template for row in store.notices_of(session, "sample", REFERENCE)] == ["received"]


def lifted(event):
    return event.model_copy(update={"language": "cy"}) if isinstance(event, RecipientNoted) else event
