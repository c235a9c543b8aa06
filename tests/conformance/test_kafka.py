"""What Kafka adds: strangers, several members, frozen leaders, brokers and databases that go away and come back."""

import asyncio
import threading
import time

import pytest

from frontdoor.delivery import relay
from frontdoor.delivery.relay import Relay
from frontdoor.delivery.topics import SIGNATURE, signature

pytestmark = pytest.mark.containers
BOOKING = "front-door.therapy-booking.v1"


def test_a_record_with_a_header_that_is_not_text_is_heard_and_so_is_the_next(kafka_line):
    line = kafka_line
    said = line.say("F1", 2)
    for record in said:
        signed = (SIGNATURE, signature(b"secret", record.payload))
        line.send(BOOKING, record.payload, record.stream, [("odd", b"\xff\xfe"), signed])
    asyncio.run(line.ears.drain())

    assert line.notes() == {"F1": [1, 2]}


@pytest.mark.parametrize(
    "value", [None, b"", b"\xff\xfe", b"{", b"[" * 100_000], ids=["none", "empty", "bytes", "half", "deep"]
)
def test_what_a_stranger_sends_is_parked_and_in_nobodys_way(kafka_line, value):
    line = kafka_line
    line.send(BOOKING, value, "offer/F1")
    line.say("F1", 2)
    line.carry()

    assert line.notes() == {"F1": [1, 2]}
    assert line.parked() == [("?", 0, "undecodable")]


def test_a_forged_event_in_the_right_form_is_not_believed(kafka_line):
    line = kafka_line
    said = line.say("F1")
    forged = said[0].payload.replace(b"accepted", b"place_gone")
    line.send(BOOKING, forged, "offer/F1", [(SIGNATURE, signature(b"another secret", forged))])
    line.carry()

    assert line.notes() == {"F1": [1]}
    assert line.parked() == [("?", 0, "undecodable")]


def test_eight_writers_at_once_and_nothing_is_stepped_over(kafka_line):
    line = kafka_line
    writers = [threading.Thread(target=lambda n=n: [line.say(f"F{n}-{i}") for i in range(25)]) for n in range(8)]
    with line.carrying():
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert line.eventually(lambda: len(line.notes()) == 200)

    assert line.unrelayed() == 0
    assert line.parked() == []


def test_two_members_share_the_work_and_each_event_is_heard_once(kafka_line):
    line = kafka_line
    with line.carrying(line.another_member()):
        for number in range(40):
            line.say(f"F{number}", 2)
        assert line.eventually(lambda: sum(map(len, line.notes().values())) == 80)

    assert set(map(tuple, line.notes().values())) == {(1, 2)}
    assert line.parked() == []


def test_a_member_that_is_frozen_loses_its_partitions_and_does_no_harm_when_it_wakes(kafka_line):
    line = kafka_line
    other = line.another_member()
    with line.carrying():
        line.say("F0")
        assert line.eventually(lambda: len(line.notes()) == 1)
        own_loop = threading.Thread(target=asyncio.run, args=(other.run(),))
        own_loop.start()
        assert line.eventually(lambda: other.listening)
        other._loop.call_soon_threadsafe(time.sleep, 8)
        for number in range(1, 20):
            line.say(f"F{number}", 3)
        assert line.eventually(lambda: sum(map(len, line.notes().values())) == 58)
        time.sleep(3)
        other.stop()
        own_loop.join()

    assert line.parked() == []
    assert all(numbers == sorted(set(numbers)) for numbers in line.notes().values())


def test_a_relay_that_is_frozen_loses_the_lead_and_nothing_is_lost_or_changed_in_order(kafka_line):
    line = kafka_line
    first = line.relays[0]
    first.lease = 2
    second = Relay(first.parts, line.brokers, lease=2)
    frozen = threading.Thread(target=asyncio.run, args=(first.run(),))
    frozen.start()
    assert line.eventually(lambda: first.leads)
    line.relays.remove(first)
    with line.carrying(second):
        loop = first._loop
        loop.call_soon_threadsafe(time.sleep, 8)
        line.say("F1", 30)
        assert line.eventually(lambda: second.leads)
        line.say("F1", 30)
        assert line.eventually(lambda: line.notes().get("F1") == list(range(1, 61)))
        first.stop()
        frozen.join()

    assert line.parked() == []


def test_kafka_killed_under_load_is_caught_up_with_when_it_is_back(kafka_line, kafka):
    line = kafka_line
    with line.carrying():
        line.say("F1", 5)
        assert line.eventually(lambda: line.notes().get("F1") == [1, 2, 3, 4, 5])
        kafka.kill()
        line.say("F1", 5)
        time.sleep(2)
        kafka.start_again()
        line.say("F2", 5)
        assert line.eventually(lambda: line.notes() == {"F1": list(range(1, 11)), "F2": [1, 2, 3, 4, 5]}, 90)

    assert line.parked() == []


def test_postgresql_killed_under_load_is_caught_up_with_when_it_is_back(kafka_line, postgres):
    line = kafka_line
    with line.carrying():
        line.say("F1", 5)
        assert line.eventually(lambda: line.notes().get("F1") == [1, 2, 3, 4, 5])
        postgres.kill()
        time.sleep(2)
        postgres.start_again()
        line.say("F1", 5)
        assert line.eventually(lambda: line.notes() == {"F1": list(range(1, 11))}, 90)

    assert line.parked() == []


def test_topics_made_anew_are_heard_from_their_first_event(kafka_line):
    line = kafka_line
    line.say("F1", 10)
    line.carry()
    line.lose_topics()
    line.start_again()
    line.say("F1", 2)
    line.say("F2", 2)
    line.carry()

    assert line.notes() == {"F1": list(range(1, 13)), "F2": [1, 2]}
    assert line.parked() == []


def test_events_that_are_large_together_are_sent_one_after_the_other(kafka_line, monkeypatch):
    line, pages = kafka_line, []
    monkeypatch.setattr(relay, "BYTES_AT_ONCE", 1)
    monkeypatch.setattr(relay, "reach", pages.append)
    line.say("F1", 3)
    line.carry()

    assert line.notes() == {"F1": [1, 2, 3]}
    assert pages.count("relay.read") == 3


def test_what_kafka_is_told_of_the_group_is_how_far_it_has_heard(kafka_line):
    line = kafka_line
    line.say("F1", 3)
    line.say_notice("N1", "F1")
    line.carry()

    assert line.committed() == {place: offset for place, (offset, _) in line.ears.kept().items()}


def test_what_kafka_has_not_got_is_counted_and_sent_later(kafka_line):
    line = kafka_line
    line.say("F1", 3)
    assert line.unrelayed() == 3
    line.carry()

    assert line.unrelayed() == 0
