"""Realistic referrals: each goes to whom the pathways name, with the rule that sent it there, and to nobody else."""

from functools import cache
from pathlib import Path

import pytest
import yaml

from frontdoor.areas import areas_folder, load_area
from frontdoor.events import AGENCIES

AREA = load_area(areas_folder() / "sample")
EXPECTED = {"case", "by", "role", "agencies", "flags"}
ROLES = {"health-visitor": "health_visitor", "social-worker": "social_worker", "young-person": "young_person",
         "therapist-ot": "therapist"}  # fmt: skip


@cache
def cases():
    file = Path(__file__).parent / "cases.yaml"
    return {one["case"]: one for one in yaml.safe_load(file.read_text(encoding="utf-8"))}


def form(case):
    """A case as its form: what it says itself, and what every form has."""
    who = AREA.people[case["by"]]
    referrer = {"role": case.get("role") or ROLES.get(case["by"], case["by"]), "name": who.name}
    usual = {
        "referrer": referrer,
        "concern_raised_on": "2026-09-21",
        "consent": {"given": True, "by": case["contacts"][0]["name"], "on": "2026-11-12"},
        "immediate_danger": False,
    }
    contacts = [{"language": "en"} | one for one in case["contacts"]]
    return usual | {name: said for name, said in case.items() if name not in EXPECTED} | {"contacts": contacts}


@pytest.mark.parametrize("name", cases())
def test_it_goes_to_whom_the_pathways_name_by_the_rule_that_sent_it_and_nobody_else_sees_it(shared_intake, name):
    case = cases()[name]
    answer = shared_intake.send(form(case), case["by"])
    assert answer.status_code == 201, answer.text
    reference = answer.json()["reference"]
    shown = shared_intake.get(f"/api/referrals/{reference}", case["by"]).json()
    assert answer.json()["agencies"] == sorted(case["agencies"])
    rules = {entry["agency"]: sorted(entry["rules"]) for entry in shown["agencies"]}
    assert rules == {agency: sorted(rules) for agency, rules in case["agencies"].items()}
    assert sorted(shown["flags"]) == sorted(case["flags"])
    seen = {agency for agency in AGENCIES
            if shared_intake.get(f"/api/referrals/{reference}", f"{agency}-triager").status_code == 200}  # fmt: skip
    assert seen == set(case["agencies"])


def test_the_cases_are_as_different_as_the_children_who_are_referred():
    found = list(cases().values())
    assert len(found) >= 20
    assert {case["by"] for case in found} >= {
        "senco",
        "teacher",
        "health-visitor",
        "gp",
        "nurse",
        "parent",
        "young-person",
    }
    needs = {need["code"] for case in found for need in case["needs"]}
    assert needs >= {"SLCN", "PD", "SEMH", "HI", "VI", "MSI", "SPLD", "SLD", "PMLD", "ASD", "DS", "OTH", "NYK"}
    support = {code for case in found for code in case["support"]}
    assert set(AREA.pathways.support) - support == set()
