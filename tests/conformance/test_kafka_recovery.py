"""What Kafka has lost is said to it again from the logs, and nothing that a group is called decides what is heard."""

import asyncio
from dataclasses import replace

import pytest

from cli.invariants.relaying import scan
from cli.republish import republish
from frontdoor.delivery.ears import Ears
from frontdoor.delivery.topics import SIGNATURE, signature

pytestmark = pytest.mark.containers
BOOKING = "front-door.therapy-booking.v1"


def say_again(line, stream=None):
    """Note what booking said as not sent."""
    owner = line.owners["therapy-booking"]
    return republish(line._parts("therapy-booking", owner.database, owner.log), stream)


def overtaken(line):
    """What stands before an earlier version of its stream, and how many events were looked at."""
    scans = asyncio.run(scan(line.brokers, ["therapy-booking"], b"secret"))
    return [where for seen in scans for where in seen.overtaken], sum(seen.checked for seen in scans)


def test_a_lost_kafka_is_filled_again_from_the_logs(kafka_line):
    line = kafka_line
    for number in range(5):
        line.say(f"F{number}", 2)
    line.carry()
    before = line.notes()
    line.lose_topics()

    assert say_again(line) == 10
    line.carry()
    assert (line.notes(), line.parked()) == (before, [])

    line.late_starter()
    line.carry()
    assert line.notes() == before


def test_a_stream_that_is_said_again_changes_nothing_and_overtakes_nothing(kafka_line):
    line = kafka_line
    line.say("F1", 3)
    line.say("F2", 2)
    line.carry()

    assert say_again(line, "offer/F1") == 3
    line.say("F1")
    line.carry()
    assert line.notes() == {"F1": [1, 2, 3, 4], "F2": [1, 2]}
    assert overtaken(line) == ([], 9)


def test_a_version_that_stands_before_an_earlier_one_is_noticed(kafka_line):
    line = kafka_line
    said = line.say("F1", 3)
    for record in (said[0], said[2], said[1]):
        line.send(BOOKING, record.payload, record.stream, [(SIGNATURE, signature(b"secret", record.payload))])
    line.send(BOOKING, said[1].payload, "offer/F1")

    found, looked_at = overtaken(line)
    assert looked_at == 3
    assert len(found) == 1
    assert found[0].endswith("version 3 behind 1")


def test_a_group_of_another_name_loses_nothing_and_repeats_nothing(kafka_line):
    line = kafka_line
    line.say("F1", 2)
    line.carry()
    line.calls.clear()
    line.say("F1")
    line.brokers = replace(line.brokers, groups="renamed.")
    line.ears = Ears(line.hearer, line.brokers, "1", line._say_again)
    line.carry()

    assert line.calls == ["F1/3"]
    assert line.notes() == {"F1": [1, 2, 3]}
