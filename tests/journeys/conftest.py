"""A running front door that a journey is told on: in memory here; the same journeys run on containers."""

import json
from pathlib import Path

import pytest

from all_in_one.testing import FrontDoor

FORM = json.loads((Path(__file__).parent / "examples" / "referral.json").read_text())


@pytest.fixture
def front_door(tmp_path):
    """A front door with no children in it."""
    made = FrontDoor(tmp_path, FORM)
    yield made
    made.assembly.close()
