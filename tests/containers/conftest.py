"""Services on a real PostgreSQL, and what tests of races need."""

import importlib.util
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from frontdoor import failpoints, testing

TESTS = Path(__file__).parents[1]


def words_of(folder):
    """The words that the tests of a service have for what they do."""
    spec = importlib.util.spec_from_file_location(f"words_of_{folder}", TESTS / folder / "conftest.py")
    words = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(words)
    return words


def at_once(*calls):
    """Do all of these at the same moment; give what each gave, or the exception that it raised.

    The first to be done lingers before it commits, so that the others surely decide meanwhile.
    """
    failpoints.arm("commit.before", 1, lambda: time.sleep(0.4))
    gate = threading.Barrier(len(calls))

    def go(call):
        gate.wait()
        try:
            return call()
        except Exception as trouble:  # noqa: BLE001  the test looks at it
            return trouble

    try:
        with ThreadPoolExecutor(len(calls)) as threads:
            return list(threads.map(go, calls))
    finally:
        failpoints.disarm()


@pytest.fixture
def on_postgres(postgres, monkeypatch):
    """Let every stage of the test stand on PostgreSQL."""
    monkeypatch.setattr(testing, "postgres", postgres.admin)


@pytest.fixture
def race():
    return at_once


@pytest.fixture
def desk(on_postgres, tmp_path):
    words = words_of("therapy_booking")
    made = words.Desk(testing.Stage(words.service, tmp_path))
    with made.open:
        yield made


@pytest.fixture
def queues(on_postgres, tmp_path):
    words = words_of("triage_panel")
    return words.Queues(testing.Stage(words.service, tmp_path))


@pytest.fixture
def intake(on_postgres, tmp_path):
    words = words_of("referral_intake")
    return words.Intake(testing.Stage(words.service, tmp_path))


@pytest.fixture
def family(on_postgres, tmp_path):
    words = words_of("notification")
    return words.Family(testing.Stage(words.service, tmp_path))
