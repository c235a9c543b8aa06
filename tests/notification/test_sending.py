"""What is sent goes once, to whom it may, and a person is told where it cannot."""

import subprocess
import sys
from contextlib import contextmanager

import pytest
from sqlalchemy.event import listen

from frontdoor.events import EntryRedirected, LinkRenewed, NoticeAttempted, NoticeDelayed
from frontdoor.failpoints import arm, disarm
from frontdoor.identifiers import FamilyLink
from frontdoor.testing import NOW
from notification import channels, domain, handlers, store

pytestmark = pytest.mark.slow

MUM, DAD = "K-2AAAAAAA", "K-3CCCCCCC"
CHILD = "C-4MXKQ7PD"


def task_reasons(stage):
    with stage.look() as session:
        return [task.task for task in store.tasks(session, "sample", 10)]


def rounds(send, channel, count=3):
    for _ in range(count):
        send(channel)


def test_what_is_sent_is_written_down_once_and_counts_as_delivered(stage, family):
    family.is_known((MUM, "sms"), (DAD, "email"))
    stage.chores()
    stage.chores()
    assert family.statuses() == ["delivered", "delivered"]
    assert set(channels.ledger_counts(stage.parts.folder).values()) == {1}


def test_an_attempt_is_committed_before_the_provider_is_called(stage, family, provider, send):
    family.is_known()
    channel = provider()
    taking = channel.send

    def looking(message):
        channel.states = family.statuses()
        return taking(message)

    channel.send = looking
    send(channel)
    assert channel.states == ["sending"]


@pytest.mark.parametrize("channel", ["sms", "email", "letter", "phone"])
def test_every_way_to_be_told_goes_out(stage, family, channel):
    family.is_known((MUM, channel))
    stage.chores()
    assert [message["channel"] for message in family.outbox()] == [channel]


@pytest.mark.parametrize(
    "look",
    [
        lambda session: store.due(session, "sample", NOW, 50),
        lambda session: store.backlog(session, "sample", NOW),
        lambda session: store.in_flight(session, "sample"),
        lambda session: store.tasks(session, "sample", 10),
    ],
    ids=["due", "backlog", "in flight", "tasks"],
)
def test_whoever_looks_for_what_is_to_be_done_does_not_walk_through_all_that_was_ever_sent(stage, look):
    asked = []
    listen(stage.parts.database.engine, "before_cursor_execute", lambda _c, _u, *told: asked.append(told[:2]))
    with stage.look() as session:
        look(session)
        connection = session.connection()
        questions = [one for one in asked if "FROM notice" in one[0]]
        plans = [connection.exec_driver_sql(f"explain query plan {text}", values).all() for text, values in questions]
    steps = [step.detail for plan in plans for step in plan if " notice " in step.detail]

    assert steps
    assert all("(area=? AND " in step for step in steps), steps


# --- kills -----------------------------------------------------------------------------------------------------------


def test_killed_after_the_provider_took_it_asks_by_reference_and_sends_nothing_again(
    stage, family, provider, send, killed
):
    family.is_known()
    channel = provider((killed(), "after"))
    with pytest.raises(killed):
        send(channel)
    assert family.statuses() == ["sending"]
    send(channel)
    assert family.statuses() == ["delivered"]
    assert (list(channel.ledger.values()), len(channel.asked)) == ([1], 1)


def test_killed_before_the_provider_was_called_asks_and_then_sends(stage, family, provider, send, killed):
    family.is_known()
    channel = provider(killed())
    with pytest.raises(killed):
        send(channel)
    send(channel)
    assert family.statuses() == ["delivered"]
    assert list(channel.ledger.values()) == [1]


def test_killed_in_the_demo_between_the_file_and_the_commit_writes_it_down_once(stage, family, killed):
    family.is_known((MUM, "sms"), (DAD, "email"))

    def kill():
        raise killed

    arm("send.after", 2, kill)
    with pytest.raises(killed):
        stage.chores()
    disarm()
    stage.chores()
    assert family.statuses() == ["delivered", "delivered"]
    assert sorted(channels.ledger_counts(stage.parts.folder).values()) == [1, 1]


def test_a_provider_that_cannot_say_is_never_sent_the_same_again(stage, family, provider, send, killed):
    family.is_known()
    channel = provider(killed())
    with pytest.raises(killed):
        send(channel)
    channel.knows = "unknown"
    rounds(send, channel)
    assert (family.statuses(), len(channel.seen)) == (["uncertain"], 1)
    assert task_reasons(stage) == ["uncertain"]


def test_a_provider_that_cannot_be_asked_is_asked_again_for_hours_and_then_a_person_is(stage, family, provider, send):
    family.is_known()
    channel = provider(TimeoutError())
    channel.knows = ConnectionError()
    rounds(send, channel)
    assert family.statuses() == ["sending"]
    stage.clock.forward(hours=5)
    send(channel)
    assert (family.statuses(), len(channel.seen)) == (["uncertain"], 1)


def test_a_timeout_after_the_provider_took_it_is_asked_about_and_not_sent_again(stage, family, provider, send):
    family.is_known()
    channel = provider((TimeoutError(), "after"))
    rounds(send, channel)
    assert (family.statuses(), len(channel.seen)) == (["delivered"], 1)


def test_one_that_fails_holds_up_no_other(stage, family, provider, send):
    family.is_known((MUM, "sms"), (DAD, "email"))
    channel = provider("refused")
    send(channel)
    assert sorted(family.statuses()) == ["delivered", "permanent-failure"]


# --- failures --------------------------------------------------------------------------------------------------------


def test_a_busy_provider_is_tried_again_at_once_then_ever_later(stage, family, provider, send):
    family.is_known()
    channel = provider("busy", "busy", "busy")
    send(channel)
    assert (family.statuses(), len(channel.seen)) == (["temporary-failure"], 2)
    stage.clock.forward(minutes=1)
    send(channel)
    assert len(channel.seen) == 3
    stage.clock.forward(minutes=4)
    send(channel)
    assert len(channel.seen) == 3
    stage.clock.forward(minutes=1)
    send(channel)
    assert family.statuses() == ["delivered"]


def test_a_provider_that_stays_busy_ends_as_a_task_for_a_person(stage, family, provider, send):
    family.is_known()
    channel = provider(*["busy"] * 50)
    for _ in range(20):
        send(channel)
        stage.clock.forward(hours=4)
    assert (family.statuses(), len(channel.seen)) == (["technical-failure"], len(domain.WAITS) + 1)
    assert task_reasons(stage) == ["technical-failure"]


def test_a_provider_that_always_breaks_off_ends_as_a_task_for_a_person(stage, family, provider, send):
    family.is_known()
    channel = provider(*[TimeoutError()] * 50)
    for _ in range(20):
        send(channel)
        stage.clock.forward(hours=4)
    assert (family.statuses(), len(channel.seen)) == (["technical-failure"], len(domain.WAITS) + 1)


@pytest.mark.parametrize(("answer", "status"), [("refused", "permanent-failure"), ("broken", "technical-failure")])
def test_what_the_provider_will_never_take_is_not_tried_again(stage, family, provider, send, answer, status):
    family.is_known()
    channel = provider(answer)
    rounds(send, channel)
    assert (family.statuses(), len(channel.seen), task_reasons(stage)) == ([status], 1, [status])


def test_every_attempt_is_said(stage, family, provider, send):
    family.is_known()
    send(provider("busy"))
    said = [type(event) for event in stage.said()]
    assert (said.count(NoticeAttempted), said.count(NoticeDelayed)) == (2, 1)


# --- faults of our own -----------------------------------------------------------------------------------------------


def unwritable(family):
    """The reason of a step that our sentences have no room for, in a notice that is due before all others."""
    family.has_contact()
    family.submits()
    with family.stage.parts.database.write() as session:
        (row,) = store.notices_of(session, "sample", "R7K2-9QF4Q")
        row.template = "ZZCANARY"
        session.add(row)
    return row.notice


def test_a_message_that_cannot_be_written_holds_up_no_other(stage, family, provider, send):
    bad = unwritable(family)
    family.declines()
    channel = provider()
    send(channel)
    assert [message.notice != bad for message in channel.seen] == [True]
    assert sorted(family.statuses()) == ["delivered", "temporary-failure"]


def test_a_message_that_cannot_be_written_three_times_is_a_task_for_a_person(stage, family, provider, send):
    unwritable(family)
    statuses = []
    for _ in range(4):
        send(provider())
        statuses += family.statuses()
        stage.clock.forward(minutes=10)
    assert statuses == ["temporary-failure"] * 2 + ["technical-failure"] * 2
    assert task_reasons(stage) == ["technical-failure"]
    assert [type(event).__name__ for event in stage.said()][-3:] == ["NoticeDelayed", "NoticeDelayed", "NoticeFailed"]


def test_a_message_that_could_never_be_written_is_nothing_that_verify_finds_fault_with(stage, family, provider, send):
    notice = unwritable(family)
    for settle in (False, False, True):
        send(provider())
        with stage.work("admin") as work:
            assert list(store.notice_faults(work.session)) == []
            if settle:
                handlers.settle_notice(work, notice)
                assert list(store.notice_faults(work.session)) == []
        stage.clock.forward(minutes=10)


def test_of_what_is_wrong_with_a_message_only_the_kind_is_logged(stage, family, provider, send, capfd):
    unwritable(family)
    send(provider())
    said = capfd.readouterr()
    assert "notice_not_written" in said.out + said.err
    assert "KeyError" in said.out + said.err
    assert "ZZCANARY" not in said.out + said.err


def test_an_answer_that_makes_no_sense_keeps_no_other_result_from_being_noted(stage, family, provider, send):
    family.is_known((MUM, "sms"), (DAD, "email"))
    channel = provider("nonsense")
    send(channel)
    assert sorted(family.statuses()) == ["delivered", "sending"]


# --- several processes -----------------------------------------------------------------------------------------------


@contextmanager
def another_process_sends(database):
    """Let another process hold the sender's lock."""
    hold = (
        "import sys; from frontdoor.database import Database\n"
        "with Database(sys.argv[1]).alone(sys.argv[2]) as held: print(held, flush=True); input()"
    )
    told = [sys.executable, "-c", hold, database.url.render_as_string(hide_password=False), handlers.SENDER]
    with subprocess.Popen(told, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"True\n"
        yield
        other.kill()


def test_while_another_process_sends_this_one_neither_sends_nor_asks(stage, family, provider, send, killed):
    family.is_known((MUM, "sms"), (DAD, "email"))
    with pytest.raises(killed):
        send(provider(killed()))
    channel = provider()
    with another_process_sends(stage.parts.database):
        assert send(channel) == 0
    assert (channel.seen, channel.asked) == ([], [])


def test_a_sender_that_was_killed_holds_up_no_other(stage, family, provider, send):
    family.is_known()
    with another_process_sends(stage.parts.database):
        pass
    send(provider())
    assert family.statuses() == ["delivered"]


# --- entitlement at send ---------------------------------------------------------------------------------------------


def test_details_that_changed_meanwhile_are_the_ones_used(stage, family, provider, send):
    family.is_known((MUM, "sms"))
    family.changes_contact(MUM, "sms", phone="07700 900599")
    channel = provider()
    send(channel)
    assert [message.address for message in channel.seen] == ["07700 900599"]


def test_a_channel_that_changed_meanwhile_is_the_one_used(stage, family, provider, send):
    family.is_known((MUM, "sms"))
    family.changes_contact(MUM, "email")
    channel = provider()
    send(channel)
    assert [(message.kind, message.address) for message in channel.seen] == [("email", "zoe@example.org")]
    assert {(notice["channel"], notice["status"]) for notice in family.notices()} == {
        ("sms", "suppressed"),
        ("email", "delivered"),
    }
    assert task_reasons(stage) == []


def test_a_channel_that_changed_back_is_a_task_for_a_person(stage, family, provider, send):
    family.is_known((MUM, "sms"))
    family.changes_contact(MUM, "email")
    busy = provider("busy", "busy")
    send(busy)
    family.changes_contact(MUM, "sms")
    stage.clock.forward(hours=1)
    send(busy)
    assert task_reasons(stage) == ["channel_changed_back"]


@pytest.mark.parametrize(("change", "reason"), [({"safe": False}, "suppressed"), ({"channel": "none"}, "suppressed")])
def test_who_may_no_longer_be_told_is_not(stage, family, provider, send, change, reason):
    family.is_known((MUM, "sms"))
    family.changes_contact(MUM, **change)
    channel = provider()
    send(channel)
    assert channel.seen == []
    assert family.statuses()[0] == reason


def test_what_waited_for_more_than_a_week_is_not_sent_any_more(stage, family, provider, send):
    family.is_known()
    stage.clock.forward(days=8)
    channel = provider()
    send(channel)
    assert (family.statuses(), channel.seen, task_reasons(stage)) == (["suppressed"], [], ["late"])


def test_a_notice_that_a_clock_ahead_of_ours_made_goes_out_at_once(stage, family):
    stage.clock.forward(hours=2)
    family.is_known()
    stage.clock.forward(hours=-2)
    stage.chores()

    assert family.statuses() == ["delivered"]


def test_a_letter_without_any_address_is_a_task(stage, family):
    family.has_contact(MUM, "letter", address=[])
    family.submits()
    stage.chores()
    assert (family.statuses(), task_reasons(stage)) == (["suppressed"], ["no_address"])


def test_nobody_is_told_once_the_child_has_been_erased(stage, family):
    family.is_known()
    stage.keys.destroy(CHILD, stage.clock())
    stage.chores()
    assert (family.statuses(), family.outbox(), task_reasons(stage)) == (["suppressed"], [], [])


# --- restored --------------------------------------------------------------------------------------------------------


def test_nothing_is_sent_while_sending_is_held(stage, family):
    family.is_known()
    with stage.parts.database.write() as session:
        store.hold(session, "sample", stage.clock())
    stage.chores()
    assert family.statuses() == ["created"]
    with stage.parts.database.write() as session:
        store.release(session, "sample")
    stage.chores()
    assert family.statuses() == ["delivered"]


def test_a_service_restored_from_an_older_copy_asks_before_it_sends(stage, family, provider, send):
    (submitted,) = family.is_known()
    with stage.parts.database.write() as session:
        session.connection().execute(stage.service.log.epochs.insert().values(number=2, opened_at=stage.clock()))
    channel = provider()
    channel.ledger[domain.notice_id(submitted.id, MUM, "sms")] = 1
    rounds(send, channel)
    assert (channel.seen, family.statuses()) == ([], ["delivered"])


# --- the text --------------------------------------------------------------------------------------------------------


def test_dates_that_are_heard_just_after_the_step_stand_in_the_message(stage, family):
    family.is_known()
    stage.chores()
    (message,) = family.outbox()
    assert message["text"].startswith("R7K2-9QF4Q: Education and health have it, to decide by 2 Dec. ")


def test_who_it_was_passed_to_has_the_date_that_triage_gave_it(stage, family):
    family.is_known(agencies=("health",))
    stage.chores()
    family.hears(EntryRedirected, "health", reason_code="better_met_elsewhere", redirect_to="care")
    family.queues("care", days=21, redirected_from="health")
    stage.chores()
    assert "Health passed it to care, to decide by 9 Dec." in family.outbox()[-1]["text"]


def test_the_link_is_the_recipients_own(stage, family):
    family.is_known((MUM, "sms"), (DAD, "email"))
    stage.chores()
    for message in family.outbox():
        path = stage.parts.links.path(FamilyLink("R7K2-9QF4Q", message["recipient"], 1))
        assert f"http://testserver{path}" in message["text"]


# --- renewed links ---------------------------------------------------------------------------------------------------


def renews(stage, generation, recipient=MUM, told_by="link"):
    """Let the record renew a link; `told_by` is another stream where news must not be in order."""
    renewed = LinkRenewed(reference="R7K2-9QF4Q", recipient=recipient, generation=generation)
    return stage.hears(f"{told_by}/R7K2-9QF4Q/{recipient}", renewed)


def generations(family):
    """The generation of the link in each message, by recipient, the latest message last."""
    return [
        (message["recipient"], int(message["text"].split("/family/")[1].split(".")[2])) for message in family.outbox()
    ]


def test_after_a_renewal_messages_carry_the_link_that_opens(stage, family):
    family.is_known()
    stage.chores()
    renews(stage, 2)
    family.declines()
    stage.chores()
    assert generations(family) == [(MUM, 1), (MUM, 2)]


def test_a_message_that_waited_while_the_link_was_renewed_carries_the_new_one(stage, family):
    family.is_known()
    renews(stage, 2)
    stage.chores()
    assert generations(family) == [(MUM, 2)]


@pytest.mark.parametrize("renewed", [MUM, "sender"])
def test_nobody_elses_link_is_renewed_with_it(stage, family, renewed):
    family.is_known((DAD, "email"))
    renews(stage, 2, renewed)
    stage.chores()
    assert generations(family) == [(DAD, 1)]


def test_a_renewal_may_come_before_anything_else_is_known(stage, family):
    renews(stage, 2)
    family.is_known()
    stage.chores()
    assert generations(family) == [(MUM, 2)]


def test_of_renewals_out_of_order_and_twice_the_latest_holds_and_is_noted_once(stage, family):
    family.is_known()
    latest = renews(stage, 3)
    stage.hears_again(*latest)
    renews(stage, 2, told_by="late")
    renews(stage, 3, told_by="again")
    stage.chores()
    assert generations(family) == [(MUM, 3)]
    assert [noted.generation for noted in stage.said(f"link-noted/R7K2-9QF4Q/{MUM}")] == [3]
