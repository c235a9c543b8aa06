"""An open family page is told within two seconds that its record has changed, and lets the server stop."""

import http.client
import threading
import time
from dataclasses import replace

import pytest
from sqlalchemy import event

from child_record import pages
from frontdoor.identifiers import reference

pytestmark = pytest.mark.slow


@pytest.fixture
def listen(server):
    """Open a stream and give its lines one by one; a line must come within two seconds."""
    opened = []

    def connect(path, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=2)
        connection.request("GET", path, headers=headers)
        opened.append(connection)
        answer = connection.getresponse()
        answer.connection = connection
        return answer

    yield connect
    for connection in opened:
        connection.close()


def messages(answer):
    """The data of the messages, as they come."""
    for line in answer:
        assert not line.startswith(b"event:")
        if line.startswith(b"data: "):
            yield line.decode().removeprefix("data: ").strip()


def test_an_open_page_hears_of_a_new_step_within_two_seconds(told, listen):
    told.hears(told.submitted())
    answer = listen(f"{told.link()}/events?since=2")
    assert answer.headers["content-type"].startswith("text/event-stream")
    told.hears(told.queued())
    assert next(messages(answer)) == '{"version": 3}'


def test_a_page_opened_before_the_referral_arrived_hears_that_it_has(told, listen):
    answer = listen(f"{told.link()}/events?since=0")
    told.hears(told.submitted())
    assert next(messages(answer)) == '{"version": 2}'


def test_what_happened_while_a_page_was_not_listening_is_told_at_once(told, listen):
    told.hears(told.submitted(), told.queued())
    answer = listen(f"{told.link()}/events?since=0", **{"Last-Event-ID": "2"})
    assert next(messages(answer)) == '{"version": 3}'


def test_a_program_that_says_nothing_of_what_it_knows_is_told_where_things_are(told, listen):
    told.hears(told.submitted())
    news = messages(listen(f"{told.link()}/events"))
    assert next(news) == '{"version": 2}'
    told.hears(told.queued())
    assert next(news) == '{"version": 3}'


def test_all_open_pages_of_a_record_are_told_by_one_question(stage, told, listen):
    told.hears(told.submitted())
    opened = [messages(listen(f"{told.link()}/events")) for _ in range(10)]
    assert {next(page) for page in opened} == {'{"version": 2}'}
    asked = questions(stage)
    told.hears(told.queued())
    assert {next(page) for page in opened} == {'{"version": 3}'}
    assert 1 <= len(asked) <= 3  # the change, and where it fell so: what was gathered before it, and a slow look


def test_a_hundred_commits_are_gathered_into_a_few_questions(stage, told, listen):
    told.hears(told.submitted())
    next(messages(listen(f"{told.link()}/events")))
    asked = questions(stage)
    began = time.monotonic()
    for _ in range(100):
        with stage.parts.database.write():
            pass
    assert len(asked) <= (time.monotonic() - began) / pages.DEBOUNCE + 1


def questions(stage):
    """What the watcher of open pages asks the tables from now on."""
    asked = []

    def note(_connection, _cursor, statement, *_):
        if threading.current_thread().name == "family-news" and statement.startswith("SELECT"):
            asked.append(statement)

    event.listen(stage.parts.database.engine, "before_cursor_execute", note)
    return asked


def test_an_open_page_hears_nothing_more_after_an_adoption(told, listen):
    told.hears(told.submitted())
    news = messages(listen(f"{told.link()}/events"))
    assert next(news) == '{"version": 2}'
    told.hears(told.adopted())
    assert list(news) == []


def test_pages_of_different_records_hear_of_their_own(stage, told, listen):
    other = replace(told, reference=reference())
    told.hears(told.submitted(), other.submitted())
    mine, others = (messages(listen(f"{one.link()}/events")) for one in (told, other))
    assert (next(mine), next(others)) == ('{"version": 2}', '{"version": 2}')
    told.hears(other.queued())
    assert next(others) == '{"version": 3}'
    told.hears(told.queued(), told.queued("education"))
    assert '{"version": 4}' in mine


def test_a_link_holds_twenty_pages_open_and_the_next_is_told_to_come_back(stage, told, listen):
    told.hears(told.submitted())
    held = [listen(f"{told.link()}/events") for _ in range(20)]
    assert {answer.status for answer in held} == {200}
    refused = listen(f"{told.link()}/events")
    assert (refused.status, refused.headers["retry-after"]) == (503, "60")
    assert stage.as_person(None).get(told.link()).status_code == 200
    assert listen(f"{told.link('K-4MXKQ7PD')}/events").status == 200


def test_a_page_that_was_closed_makes_room_for_another(told, listen):
    told.hears(told.submitted())
    held = [listen(f"{told.link()}/events") for _ in range(20)]
    held[0].connection.close()
    held[0].close()
    until = time.monotonic() + 3
    while (status := listen(f"{told.link()}/events").status) == 503 and time.monotonic() < until:
        time.sleep(0.1)
    assert status == 200


def test_no_more_pages_are_held_open_than_a_process_can_serve(told, listen, monkeypatch):
    monkeypatch.setattr(pages, "FOR_ALL_LINKS", 2)
    told.hears(told.submitted())
    recipients = ("sender", "K-4MXKQ7PD", "K-SECOND23")
    assert [listen(f"{told.link(one)}/events").status for one in recipients] == [200, 200, 503]


def test_nobody_watches_once_the_last_page_is_closed(told, listen):
    told.hears(told.submitted())
    answer = listen(f"{told.link()}/events")
    next(messages(answer))
    answer.connection.close()
    answer.close()
    until = time.monotonic() + 3
    while (names := {thread.name for thread in threading.enumerate()}) & {"family-news"} and time.monotonic() < until:
        time.sleep(0.05)
    assert "family-news" not in names


def test_an_open_page_does_not_keep_the_server_from_stopping(told, listen, server):
    told.hears(told.submitted())
    answer = listen(f"{told.link()}/events")
    next(messages(answer))
    began = time.monotonic()
    server.should_exit = True
    server.thread.join(timeout=5)
    assert time.monotonic() - began < 2


def test_a_page_whose_link_is_replaced_hears_no_more_and_the_others_go_on(stage, told, listen):
    told.hears(told.submitted())
    replaced, others = (listen(f"{told.link(one)}/events") for one in ("K-4MXKQ7PD", "sender"))
    assert next(messages(replaced)) == '{"version": 2}'
    stage.as_person("senco").post(f"/api/records/{told.reference}/links", json={"recipient": "K-4MXKQ7PD"})
    assert list(messages(replaced)) == []
    told.hears(told.queued())
    assert '{"version": 3}' in messages(others)
    assert listen(f"{told.link('K-4MXKQ7PD')}/events").status == 404


def test_a_page_hears_of_what_another_replica_has_committed(stage, told, listen, monkeypatch):
    monkeypatch.setattr(pages, "LOOK_ANYWAY", 60.0)
    told.hears(told.submitted())
    page = messages(listen(f"{told.link()}/events"))
    assert next(page) == '{"version": 2}'
    bells = stage.parts.database._bells[:]
    stage.parts.database._bells.clear()  # what follows is committed by somebody else
    told.hears(told.queued())
    stage.parts.database._bells += bells
    (ring,) = stage.parts.replicas._listeners["child-record"]
    ring()
    assert next(page) == '{"version": 3}'


def test_a_page_that_was_closed_is_let_go(told, listen, server):
    told.hears(told.submitted())
    answer = listen(f"{told.link()}/events")
    next(messages(answer))
    answer.connection.close()
    answer.close()
    until = time.monotonic() + 2
    while server.server_state.tasks and time.monotonic() < until:
        time.sleep(0.05)
    assert not server.server_state.tasks
