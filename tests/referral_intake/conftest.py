"""Intake alone on a stage, and invented forms to send it."""

import copy
import json
from pathlib import Path

import pytest

from frontdoor.testing import NOW, Stage
from referral_intake.app import service

EXAMPLES = Path(__file__).parent / "examples"


class Intake:
    """A stage, and shorter words for what the tests do."""

    def __init__(self, stage):
        self.stage = stage

    def form(self, name="one-need", **changed):
        """An invented form; `changed` maps dotted paths (with `__` for a dot) to values, None taking a field away."""
        form = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
        for path, value in changed.items():
            put(form, path.split("__"), copy.deepcopy(value))
        return form

    def send(self, form=None, person="senco", key=None):
        """Send a form; give the response."""
        headers = {"Idempotency-Key": key} if key else {}
        return self.stage.as_person(person).post("/api/referrals", json=form or self.form(), headers=headers)

    def sent(self, form=None, person="senco"):
        """Send a form that is received; give its reference."""
        response = self.send(form, person)
        assert response.status_code == 201, response.text
        return response.json()["reference"]

    def get(self, path, person="senco"):
        return self.stage.as_person(person).get(path)

    def post(self, path, body, person="senco", key=None):
        headers = {"Idempotency-Key": key} if key else {}
        return self.stage.as_person(person).post(path, json=body, headers=headers)

    def said(self, kind):
        """The events of one type, in the order in which they were said."""
        return [event for event in self.stage.said() if type(event).__name__ == kind]

    def audit(self):
        """Who did what, of which referrals, with which answer."""
        with self.stage.look() as session:
            rows = session.connection().execute(self.stage.parts.audit.select())
            return [(row.person, row.action, json.loads(row.references), row.answer, row.relation) for row in rows]


def put(tree, path, value):
    for part in path[:-1]:
        tree = tree[int(part)] if part.isdecimal() else tree[part]
    last = int(path[-1]) if path[-1].isdecimal() else path[-1]
    if value is None:
        del tree[last]
    else:
        tree[last] = value


@pytest.fixture(scope="session")
def used_stage(tmp_path_factory):
    return Stage(service, tmp_path_factory.mktemp("used"))


@pytest.fixture
def intake(used_stage):
    """A stage on which nothing has happened: emptied, because making one takes longer than most tests."""
    used_stage.empty()
    used_stage.clock.now = NOW
    return Intake(used_stage)


@pytest.fixture(scope="module")
def shared_intake(tmp_path_factory):
    """One stage for many tests that leave nothing behind for one another."""
    return Intake(Stage(service, tmp_path_factory.mktemp("intake")))


@pytest.fixture(scope="module")
def fresh_intake(tmp_path_factory):
    """Another stage for the tests of one file, on which only its own fixtures put anything."""
    return Intake(Stage(service, tmp_path_factory.mktemp("fresh")))
