"""The whole product in this process, with one referral in it and everything that may be asked about it."""

import json
from pathlib import Path

import pytest

from all_in_one.testing import FrontDoor

FORM = json.loads((Path(__file__).parents[1] / "journeys" / "examples" / "referral.json").read_text())


class Case:
    """One referral by the SENCO, accepted for therapy and booked: the names that addresses need."""

    def __init__(self, front_door):
        self.front_door = front_door
        self.reference = front_door.refer()["reference"]
        front_door.waiting(self.reference)
        self.block, self.pool = front_door.commission(seats=2)
        front_door.waiting(front_door.refer()["reference"])
        self.booking = front_door.book(self.reference, self.block).json()["booking"]


@pytest.fixture(scope="session")
def case(tmp_path_factory):
    """The one case that the table of permissions is tried on."""
    front_door = FrontDoor(tmp_path_factory.mktemp("contract"), FORM)
    yield Case(front_door)
    front_door.assembly.close()
