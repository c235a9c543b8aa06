"""The demo's ledger: safe from a kill, and readable backwards."""

import json
from dataclasses import replace

import pytest

from notification.channels import LEDGER, DemoChannel, Message, ledger_counts, masked, sent_messages

MESSAGE = Message(
    notice="n-0",
    reference="R7K2-9QF4Q",
    recipient="K-2AAAAAAA",
    kind="sms",
    address="07700 900501",
    subject="",
    text="said",
    at="2026-11-18T09:30:00.000000Z",
)


def sent(folder, count):
    channel = DemoChannel(folder)
    for number in range(count):
        channel.send(replace(MESSAGE, notice=f"n-{number}"))
    return channel


def test_a_message_is_a_line_of_json_with_the_address_masked(tmp_path):
    sent(tmp_path, 1)
    told = json.loads((tmp_path / LEDGER).read_text())
    assert told == {
        "notice": "n-0",
        "reference": "R7K2-9QF4Q",
        "recipient": "K-2AAAAAAA",
        "subject": "",
        "text": "said",
        "at": "2026-11-18T09:30:00.000000Z",
        "channel": "sms",
        "to": "07700 900••1",
    }


def test_only_its_owner_may_read_the_ledger(tmp_path):
    sent(tmp_path, 1)
    assert (tmp_path / LEDGER).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("kind", "address", "shown"),
    [
        ("sms", "07700 900501", "07700 900••1"),
        ("phone", "07700900501", "07700900••1"),
        ("email", "dawn@example.org", "d•••@example.org"),
        ("letter", "1 Quay, Saltmarsh, SM1 2AB", "SM1 •••"),
    ],
)
def test_an_address_is_masked(kind, address, shown):
    assert masked(kind, address) == shown


def test_what_was_sent_is_found_by_another_process_too(tmp_path):
    sent(tmp_path, 2)
    assert (DemoChannel(tmp_path).look_up("n-1"), DemoChannel(tmp_path).look_up("n-2")) == ("found", "absent")


def test_what_was_sent_since_the_last_question_is_found(tmp_path):
    channel = sent(tmp_path, 1)
    assert channel.look_up("n-1") == "absent"
    channel.send(replace(MESSAGE, notice="n-1"))
    assert channel.look_up("n-1") == "found"


@pytest.mark.parametrize("kept", [1, 40, -2, -1])
def test_a_line_torn_by_a_kill_was_never_accepted_and_spoils_no_other(tmp_path, kept):
    sent(tmp_path, 2)
    file = tmp_path / LEDGER
    whole = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(whole[0] + whole[1][:kept])
    channel = DemoChannel(tmp_path)
    assert channel.look_up("n-1") == "absent"
    channel.send(replace(MESSAGE, notice="n-1"))
    assert (channel.look_up("n-0"), channel.look_up("n-1")) == ("found", "found")
    assert ledger_counts(tmp_path) == {"n-0": 1, "n-1": 1}


def test_an_empty_folder_has_sent_nothing(tmp_path):
    assert (ledger_counts(tmp_path), sent_messages(tmp_path, None).messages) == ({}, [])


def test_pages_lead_from_the_newest_to_the_oldest_without_a_gap(tmp_path):
    sent(tmp_path, 45)
    read, before = [], None
    for _ in range(3):
        page = sent_messages(tmp_path, before)
        read += [message["notice"] for message in page.messages]
        before = page.before
    assert read == [f"n-{number}" for number in reversed(range(45))]
    assert before is None


def test_a_ledger_longer_than_what_is_read_at_a_time_is_read_whole_by_pages(tmp_path):
    channel = DemoChannel(tmp_path)
    for number in range(90):
        channel.send(replace(MESSAGE, notice=f"n-{number}", text="x" * 9_000))
    read, before = [], None
    while before is not None or not read:
        page = sent_messages(tmp_path, before)
        read += [message["notice"] for message in page.messages]
        before = page.before
    assert read == [f"n-{number}" for number in reversed(range(90))]


def test_a_place_that_is_none_shows_nothing_that_is_wrong(tmp_path):
    sent(tmp_path, 1)
    assert sent_messages(tmp_path, 3).messages == []
    assert len(sent_messages(tmp_path, 10**9).messages) == 1
