"""What decisions and the passing of time mean for an entry's clock."""

import pytest

from triage_panel import handlers


def test_a_standard_is_met_once_by_the_first_decision_in_time(queues):
    reference = queues.refer("health")
    for outcome in ("hold", "return", "accept", "reopen", "accept"):
        queues.decide(reference, outcome)

    assert queues.said(reference).count("StandardMet") == 1
    assert queues.line(reference)["clock"] == "met"


def test_a_decision_taken_back_sets_the_old_clock_going(queues):
    reference = queues.refer("health")
    queues.decide(reference, "decline")
    queues.decide(reference, "reopen")
    queues.stage.clock.forward(days=15)

    queues.stage.chores()

    assert queues.line(reference)["clock"] == "overdue"
    assert queues.said(reference)[-1] == "StandardBreached"


def test_closing_taken_back_after_months_breaches_nothing(queues):
    reference = queues.refer("health")
    queues.decide(reference, "accept")
    queues.stage.clock.forward(days=60)
    queues.decide(reference, "close")
    queues.decide(reference, "reopen")

    queues.stage.chores()

    assert (queues.line(reference)["clock"], "StandardBreached" in queues.said(reference)) == ("met", False)


def test_a_breach_is_said_once_with_its_date_however_late_it_is_noticed(queues):
    reference = queues.refer("health")
    due = queues.stage.said(f"entry/{reference}/health")[0].due_at
    queues.stage.clock.forward(days=40)

    done = [queues.stage.chores() for _ in range(3)]

    breached = queues.stage.said(f"entry/{reference}/health")[-1]
    assert done == [1, 0, 0]
    assert (breached.due_at, breached.noticed_at) == (due, queues.stage.clock.now)


def test_the_due_second_itself_is_in_time(queues):
    reference = queues.refer("health")
    queues.stage.clock.now = queues.stage.said(f"entry/{reference}/health")[0].due_at

    assert queues.stage.chores() == 0
    queues.stage.clock.forward(seconds=1)
    assert queues.stage.chores() == 1


def test_a_late_decision_says_first_that_the_date_passed(queues):
    reference = queues.refer("health")
    queues.stage.clock.forward(days=40)

    queues.decide(reference, "accept")

    assert queues.said(reference) == ["ReferralQueued", "StandardBreached", "EntryAccepted"]
    assert (queues.line(reference)["clock"], queues.stage.chores()) == ("overdue", 0)


@pytest.mark.parametrize("outcome", ["accept", "decline", "return"])
def test_what_has_been_decided_is_not_breached(queues, outcome):
    queues.decide(queues.refer("health"), outcome)
    queues.stage.clock.forward(days=40)

    assert queues.stage.chores() == 0


def test_breaches_are_said_a_batch_at_a_time_until_none_is_left(queues):
    for _ in range(5):
        queues.refer("health")
    queues.stage.clock.forward(days=40)

    with queues.stage.work("admin") as work:
        assert [handlers.notice_breaches(work, 2) for _ in range(4)] == [2, 2, 1, 0]
