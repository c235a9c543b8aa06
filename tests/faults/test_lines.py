"""A process that dies at any line between reading an event and keeping its place loses and doubles nothing."""

import random

import pytest
from tests.conformance.conftest import Killed, Line
from tests.faults.test_steps import lines_of

from frontdoor.delivery import hearer, local, positions

pytestmark = pytest.mark.faults
MODULES = (hearer, local, positions)
LINES = 120
"""So many of about four hundred lines are tried, chosen by the seed."""


@pytest.fixture
def line(request, tmp_path):
    made = Line(tmp_path, request)
    yield made
    made.start_again()
    made._close("")


def functions(module):
    """Every function of a module and of its classes."""
    for thing in vars(module).values():
        members = vars(thing).values() if isinstance(thing, type) else [thing]
        for member in members:
            code = getattr(member, "__code__", None)
            if code is not None and code.co_filename == module.__file__:
                yield code


def test_killed_at_any_line_it_hears_everything_once_after_its_start(line, seed):
    places = sorted({place for module in MODULES for code in functions(module) for place in lines_of(code)})
    chance, died = random.Random(seed), set()
    for number, place in enumerate(chance.sample(places, LINES)):
        line.say(f"F{number}", 3)
        line.say_notice(f"N{number}", f"F{number}")
        line.kill_at(place, chance.randint(1, 3))
        try:
            line.carry()
        except Killed:
            died.add(place)
        line.start_again()
        line.carry()
        notes = line.notes()
        assert (notes.get(f"F{number}"), notes.get(f"N{number}")) == ([1, 2, 3], [1]), f"killed at {place}"

    assert line.parked() == []
    assert len(died) > LINES // 8, sorted(died)  # about a quarter is on the way of what is said here
