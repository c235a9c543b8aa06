"""After an adoption nothing leads from the old family to the child: their link answers like a wrong one."""

import pytest
from rich.console import Console

from cli.verify import verify

pytestmark = pytest.mark.slow
ADA = {"given_name": "Ada", "family_name": "Gull", "date_of_birth": "2020-05-14", "postcode": "CO3 9ZZ"}


def test_the_old_link_closes_and_the_new_familys_goes_on_opening(front_door):
    old, new = front_door.refer(), front_door.refer(child=front_door.form["child"] | ADA)
    anybody = front_door.as_person(None)
    assert {anybody.get(one["status_url"]).status_code for one in (old, new)} == {200}

    told = {"new_reference": new["reference"]}
    assert (
        front_door.as_person("health-triager").post(f"/api/referrals/{old['reference']}/adopted", json=told).is_success
    )
    front_door.settle()
    front_door.decide("health", old["reference"], "accept")
    front_door.settle()

    closed, wrong = (
        anybody.get(path, headers={"Accept": "application/json"}) for path in (old["status_url"], "/family/x")
    )
    assert (closed.status_code, closed.json()) == (404, wrong.json())
    assert anybody.get(new["status_url"]).status_code == 200
    assert verify(front_door.assembly, Console(quiet=True)) == 0
