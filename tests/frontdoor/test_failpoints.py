"""A place does nothing until a test names it; then it does what the test says, at the time that it says."""

import os
import signal
import time

import pytest

from frontdoor import failpoints, identifiers
from frontdoor.failpoints import Failed, arm_from, reach
from frontdoor.testing import NOW


@pytest.fixture(autouse=True)
def disarmed():
    before = signal.getsignal(signal.SIGUSR1)
    yield
    failpoints.disarm()
    signal.signal(signal.SIGUSR1, before)


def test_a_place_that_nobody_named_does_nothing():
    arm_from("elsewhere:1:fail")

    reach("here")


def test_it_happens_at_the_time_named_and_once():
    arm_from("here:2:fail,there:1:fail")
    reach("here")
    with pytest.raises(Failed):
        reach("here")
    reach("here")
    with pytest.raises(Failed):
        reach("there")


def test_one_for_later_counts_only_once_the_process_is_told():
    arm_from("here:1:fail:later")
    reach("here")
    os.kill(os.getpid(), signal.SIGUSR1)
    with pytest.raises(Failed):
        reach("here")


def test_any_line_may_be_named():
    line = identifiers.event_id.__code__.co_firstlineno + 3
    arm_from(f"identifiers.py@{line}:2:fail")
    identifiers.event_id(NOW)
    with pytest.raises(Failed):
        identifiers.event_id(NOW)


def test_it_may_wait():
    arm_from("here:1:wait=0.01")
    began = time.monotonic()
    reach("here")

    assert time.monotonic() - began >= 0.01
