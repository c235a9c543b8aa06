"""What every transport must do, whatever happens to the events on their way."""

import random
from contextlib import suppress

import pytest
from sqlalchemy.event import listen

from frontdoor.envelope import decode

STEPS = ["hear.before", "hear.after", "rows.written", "hear.placed", "commit.before", "commit.after"]


def test_every_event_is_heard_once_in_its_streams_order(line):
    line.say("F1", 3)
    line.say("F2", 20)
    line.carry()

    assert line.notes() == {"F1": [1, 2, 3], "F2": list(range(1, 21))}


def test_hearing_many_events_asks_the_database_no_more_often_than_hearing_two(line):
    asked = []
    listen(line.parts.database.engine, "before_cursor_execute", lambda *_: asked.append(1))
    few, many = ([line.say(f"{size}-{number}")[0].payload for number in range(size)] for size in (2, 30))
    counts = []
    for batch in (few, many):
        asked.clear()
        line.hearer.deliver("therapy-booking", batch)
        counts.append(len(asked))

    assert counts[1] <= counts[0]


def test_carrying_again_changes_nothing(line):
    line.say("F1", 3)
    line.carry()
    line.carry()

    assert line.notes() == {"F1": [1, 2, 3]}
    assert len(line.calls) == 3


def test_an_event_handed_over_ten_times_is_applied_once(line):
    said = line.say("F1", 3)
    line.carry()
    line.hand_over(*(said * 10))

    assert line.notes() == {"F1": [1, 2, 3]}
    assert line.parked() == []


@pytest.mark.parametrize("seed", range(5))
def test_shuffled_and_doubled_events_end_as_if_they_came_in_order(line, seed):
    said = line.say("F1", 6) + line.say("F2", 6) + line.say("F3", 1)
    mixed = said * 2
    random.Random(seed).shuffle(mixed)
    line.hand_over(*mixed)

    assert line.notes() == {"F1": [1, 2, 3, 4, 5, 6], "F2": [1, 2, 3, 4, 5, 6], "F3": [1]}
    assert line.parked() == []


def test_a_gap_is_parked_and_closed_by_asking_the_owner(line):
    said = line.say("F1", 4)
    line.hand_over(said[0], said[3])
    assert line.parked() == [("offer/F1", 4, "gap")]
    line.carry()

    assert line.notes() == {"F1": [1, 2, 3, 4]}
    assert line.parked() == []


def test_what_waits_behind_a_gap_follows_in_order_when_the_missing_event_comes(line):
    said = line.say("F1", 4)
    line.hand_over(said[0], said[2], said[3], said[1])

    assert line.notes() == {"F1": [1, 2, 3, 4]}


def test_an_event_whose_cause_has_not_arrived_waits_for_it(line):
    line.say_notice("N1", about="F1")
    line.carry()
    assert line.notes() == {}
    assert line.parked() == [("notice/N1", 1, "not_yet")]

    line.say("F1")
    line.carry()

    assert line.notes() == {"F1": [1], "N1": [1]}
    assert line.parked() == []


def test_a_refusal_is_said_as_an_event_and_the_stream_goes_on(line):
    line.refuse("F1/2")
    line.say("F1", 3)
    line.carry()

    assert line.notes() == {"F1": [1, 3]}
    assert line.refusals() == ["not_wanted"]
    assert line.parked() == []


def test_passing_trouble_is_tried_again_and_leaves_no_trace(line):
    line.fail("F1/2", times=2)
    line.say("F1", 3)
    line.carry()

    assert line.notes() == {"F1": [1, 2, 3]}
    assert line.parked() == []


def test_poison_is_parked_with_its_stream_behind_it_and_nobody_else_waits(line):
    line.fail("F1/2")
    line.say("F1", 4)
    line.say("F2", 2)
    line.carry()

    assert line.notes() == {"F1": [1], "F2": [1, 2]}
    assert line.parked() == [("offer/F1", 2, "poison"), ("offer/F1", 3, "behind"), ("offer/F1", 4, "behind")]


def test_poison_is_tried_a_bounded_number_of_times(line):
    line.fail("F1/1")
    line.say("F1")
    line.carry()

    assert len(line.calls) <= 6


def test_mended_poison_is_applied_on_retry_with_all_that_stood_behind_it(line):
    line.fail("F1/2")
    line.say("F1", 4)
    line.carry()
    line.trouble.clear()

    assert line.hearer.retry_parked() == 3
    assert line.notes() == {"F1": [1, 2, 3, 4]}
    assert line.parked() == []


def test_a_discarded_event_is_given_up_and_its_stream_goes_on(line):
    line.fail("F1/2")
    line.say("F1", 3)
    line.carry()

    assert line.hearer.discard_parked(1)
    assert line.notes() == {"F1": [1, 3]}
    assert line.parked() == []


@pytest.mark.parametrize(
    "payload",
    [b"", b"{", b"\xff\xfe", b"NaN", b"[]", b'{"id":1}', b"9" * 5000, b"[" * 100_000, b'{"specversion":"1.0"}'],
    ids=["empty", "half", "not utf-8", "nan", "list", "other", "huge number", "deep", "no fields"],
)
def test_bytes_that_are_no_event_are_parked_and_the_next_event_is_heard(line, payload):
    line.hand_over(payload, *line.say("F1"))

    assert line.notes() == {"F1": [1]}
    assert [reason for _, _, reason in line.parked()] == ["undecodable"]


@pytest.mark.parametrize(
    ("old", "new"), [(b'"type":"OfferEnded"', b'"type":"OfferSung"'), (b"OfferEnded/1", b"OfferEnded/9")]
)
def test_an_unknown_type_or_newer_version_is_parked_never_skipped(line, old, new):
    said = line.say("F1")
    line.hand_over(said[0].payload.replace(old, new))

    assert line.notes() == {}
    assert line.parked() == [("offer/F1", 1, "unknown")]


def test_fields_that_this_release_does_not_know_are_no_trouble(line):
    said = line.say("F1")
    line.hand_over(said[0].payload.replace(b'"data":{', b'"data":{"colour":"teal",'))

    assert line.notes() == {"F1": [1]}


def test_another_event_in_the_place_of_one_that_was_heard_is_a_fork_and_parked(line):
    said = line.say("F1", 2)
    line.carry()
    line.hand_over(said[0].payload.replace(b"accepted", b"place_gone"))

    assert line.parked() == [("offer/F1", 1, "forked")]
    assert line.notes() == {"F1": [1, 2]}


def test_an_owner_restored_from_an_older_copy_is_never_taken_for_the_old_history(line):
    line.say("F1", 2)
    backup = line.copy("therapy-booking")
    line.say("F1", 2)
    line.carry()
    line.restore("therapy-booking", backup)
    line.say("F1", 3, outcome="place_gone")
    line.say("F2")
    line.carry()

    assert line.notes() == {"F1": [1, 2, 3, 4], "F2": [1]}
    assert [(version, reason) for _, version, reason in line.parked()] == [(3, "forked"), (4, "forked"), (5, "behind")]


def test_a_hearer_restored_from_an_older_copy_hears_again_what_it_lost(line):
    line.say("F1", 2)
    line.carry()
    backup = line.copy("child-record")
    line.say("F1", 2)
    line.carry()
    line.restore("child-record", backup)
    assert line.notes() == {"F1": [1, 2]}
    line.carry()

    assert line.notes() == {"F1": [1, 2, 3, 4]}
    assert line.parked() == []


def test_a_late_starter_hears_everything_from_the_first_event(line):
    line.say("F1", 30)
    line.carry()
    line.late_starter()
    line.carry()

    assert line.notes() == {"F1": list(range(1, 31))}


@pytest.mark.parametrize("nth", [1, 2, 5])
@pytest.mark.parametrize("place", STEPS)
def test_a_process_killed_between_any_two_steps_loses_nothing_and_does_nothing_twice(line, place, nth):
    line.say("F1", 10)
    line.say("F2", 5)
    line.kill_at(place, nth)
    with suppress(KeyboardInterrupt):
        line.carry()
    line.start_again()
    line.carry()

    assert line.notes() == {"F1": list(range(1, 11)), "F2": list(range(1, 6))}
    assert line.parked() == []


def test_an_event_is_carried_as_the_exact_bytes_that_were_hashed(line):
    said = line.say("F1", 2)

    again = decode(said[1].payload)
    assert again == said[1]
    assert again.previous == said[0].hash.hex()
