"""The log: numbered streams, a chain of hashes, nothing decided on an older picture, nothing said twice."""

import threading
from contextlib import suppress

import pytest
from sqlalchemy import MetaData

from frontdoor.database import Database, claim, undone_alone
from frontdoor.envelope import decode
from frontdoor.event_log import EventLog, Occasion, Saying, Stale, Unclaimed
from frontdoor.events import LinkRenewed
from frontdoor.testing import NOW


@pytest.fixture
def log():
    return EventLog("child-record", MetaData(), lambda _session, _record: None)


@pytest.fixture
def database(tmp_path, log):
    made = Database(f"sqlite:///{tmp_path}/log.sqlite")
    made.create(log.metadata)
    return made


def renewed(number):
    return LinkRenewed(reference="R1", recipient="sender", generation=number)


def append(database, log, stream, expected, *numbers, cause=None):
    occasion = Occasion(NOW, "somebody", "sample", "correlation", caused_by=cause)
    with database.write() as session:
        claim(session, stream)
        return log.append(session, stream, expected, [renewed(number) for number in numbers], Saying(session, occasion))


def test_events_of_a_stream_are_numbered_and_name_the_one_before(database, log):
    first, second = append(database, log, "link/1", 0, 1, 2)
    (third,) = append(database, log, "link/1", 2, 3)

    assert [first.version, second.version, third.version] == [1, 2, 3]
    assert first.previous is None
    assert [second.previous, third.previous] == [first.hash.hex(), second.hash.hex()]


def test_what_is_stored_are_the_bytes_that_were_hashed(database, log):
    (said,) = append(database, log, "link/1", 0, 1)
    with database.read() as session:
        (stored,) = log.stream(session, "link/1")

    assert stored.payload == said.payload
    assert decode(stored.payload).event == renewed(1)


def test_a_decision_on_an_older_picture_is_refused(database, log):
    append(database, log, "link/1", 0, 1)

    with pytest.raises(Stale):
        append(database, log, "link/1", 0, 2)


def test_what_is_there_already_must_be_claimed_before_it_is_decided_on(database, log):
    append(database, log, "link/1", 0, 1)
    said = Occasion(NOW, "somebody", "sample", "correlation")

    with pytest.raises(Unclaimed, match="link/1"), database.write() as session:
        log.append(session, "link/1", 1, [renewed(2)], Saying(session, said))


def test_a_failed_transaction_leaves_nothing_behind(database, log):
    def append_and_fail():
        with database.write() as session:
            log.append(session, "link/1", 0, [renewed(1)], Saying(session, Occasion(NOW, "x", "sample", "c")))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        append_and_fail()

    with database.read() as session:
        assert log.stream(session, "link/1") == []


def test_whoever_looks_in_the_same_transaction_finds_what_was_appended_in_it(database, log):
    said = Occasion(NOW, "x", "sample", "c")
    with database.write() as session:
        log.append(session, "link/1", 0, [renewed(1)], Saying(session, said))
        claim(session, "link/1")
        log.append(session, "link/1", 1, [renewed(2)], Saying(session, said))

        assert log.version(session, "link/1") == 2
        assert [record.version for record in log.stream(session, "link/1")] == [1, 2]
        assert log.last_id(session) == 2


def test_what_is_undone_alone_takes_nothing_with_it_that_was_appended_before(database, log):
    said = Occasion(NOW, "x", "sample", "c")

    def fail(session):
        with undone_alone(session):
            log.append(session, "link/2", 0, [renewed(1)], Saying(session, said))
            raise ZeroDivisionError

    with database.write() as session:
        log.append(session, "link/1", 0, [renewed(1)], Saying(session, said))
        with suppress(ZeroDivisionError):
            fail(session)
        log.append(session, "link/3", 0, [renewed(1)], Saying(session, said))

    with database.read() as session:
        assert [record.stream for _, record in log.all(session)] == ["link/1", "link/3"]


def test_one_cause_says_each_thing_once(database, log):
    append(database, log, "link/1", None, 1, 2, cause="event-7")
    again = append(database, log, "link/1", None, 1, 2, cause="event-7")

    assert again == []
    with database.read() as session:
        assert log.version(session, "link/1") == 2


def test_another_cause_may_say_the_same_again(database, log):
    append(database, log, "link/1", None, 1, cause="event-7")
    append(database, log, "link/1", None, 1, cause="event-8")

    with database.read() as session:
        assert log.version(session, "link/1") == 2


def test_many_writers_leave_no_gap_and_no_event_behind(database, log):
    def write(writer):
        for number in range(25):
            append(database, log, f"link/{writer}", number, number)

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    with database.read() as session:
        walked = list(log.all(session, page=17))
    assert len(walked) == 8 * 25
    assert [log_id for log_id, _ in walked] == sorted(log_id for log_id, _ in walked)
