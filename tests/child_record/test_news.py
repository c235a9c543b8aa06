"""An open family page is told within two seconds that its record has changed, and lets the server stop."""

import http.client
import time

import pytest


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


def test_an_open_page_does_not_keep_the_server_from_stopping(told, listen, server):
    told.hears(told.submitted())
    answer = listen(f"{told.link()}/events")
    next(messages(answer))
    began = time.monotonic()
    server.should_exit = True
    server.thread.join(timeout=5)
    assert time.monotonic() - began < 2


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
