"""Who may see what: deny by default, and whatever allows it is named."""

from datetime import UTC, datetime
from itertools import product

import pytest

from frontdoor import access, navigation
from frontdoor.areas import areas_folder, load_area
from frontdoor.testing import NOW

AREA = load_area(areas_folder() / "sample")
PEOPLE = {name: access.of_person(person) for name, person in AREA.people.items()}
SUBJECT = access.Subject(
    reference="R7K2-9QF4X",
    area="sample",
    sent_by="senco",
    organisation="sample-school",
    setting="sample-school",
    agencies=frozenset({"health", "education"}),
    family=frozenset({"parent"}),
    therapists=frozenset({"therapist-salt"}),
)


def decide(person, action, subject=SUBJECT, agreements=AREA.agreements, now=NOW):
    return access.decide(PEOPLE[person], action, subject, agreements, now)


@pytest.mark.parametrize("person", ["senco", "parent", "health-triager", "education-triager"])
def test_those_with_a_legitimate_relationship_may_read(person):
    assert isinstance(decide(person, "referral.read"), access.Allow)


@pytest.mark.parametrize("person", ["other-senco", "care-triager", "other-area-triager", "gp", "admin", "auditor"])
def test_everybody_else_is_told_that_there_is_nothing(person):
    assert decide(person, "referral.read") == access.Deny(404, "area" if person == "other-area-triager" else "relation")


def test_withdrawing_is_forbidden_to_those_who_know_of_it_and_hidden_from_those_who_do_not():
    assert decide("health-triager", "referral.withdraw").status == 403
    assert decide("gp", "referral.withdraw").status == 404


def test_an_agency_reads_under_an_agreement_in_force_and_the_answer_names_it():
    allowed = decide("health-triager", "referral.read")

    assert allowed.agreement == AREA.agreements[0].id
    assert "identity" in allowed.categories


@pytest.mark.parametrize(
    "change", [{"status": "suspended"}, {"status": "revoked"}, {"parties": ("sample-school", "other-school")}]
)
def test_without_an_agreement_in_force_an_agency_reads_nothing(change):
    changed = tuple(agreement.model_copy(update=change) for agreement in AREA.agreements)

    assert decide("health-triager", "referral.read", agreements=changed) == access.Deny(404, "agreement")
    assert isinstance(decide("senco", "referral.read", agreements=changed), access.Allow)


def test_an_agreement_that_has_run_out_allows_nothing():
    assert decide("health-triager", "referral.read", now=datetime(2029, 1, 1, tzinfo=UTC)).why == "agreement"


@pytest.mark.parametrize(("action", "person"), list(product(sorted(access.WHO_MAY), ["other-area-triager"])))
def test_nobody_of_another_area_may_do_anything_to_a_child_here(action, person):
    assert isinstance(decide(person, action), access.Deny)


@pytest.mark.parametrize("action", sorted(access.WHO_MAY))
def test_nobody_who_is_not_signed_in_may_do_anything(action):
    with pytest.raises(access.NotSignedIn):
        access.permit(access.ANYBODY, action, "sample")


def test_a_role_of_one_agency_is_kept_to_its_own_queue():
    access.permit(PEOPLE["health-triager"], "queue.decide", "sample", "health")
    with pytest.raises(access.Denied):
        access.permit(PEOPLE["health-triager"], "queue.decide", "sample", "care")
    access.permit(PEOPLE["panel-chair"], "queue.read", "sample", "care")


def test_shared_records_are_in_the_navigation_of_those_alone_who_could_find_one():
    led = {
        name for name, actor in PEOPLE.items() if "/records" in {link["href"] for link in navigation.links(actor, "/")}
    }
    assert {"senco", "gp", "parent", "health-triager", "therapist-salt"} <= led
    assert not led & {"admin", "auditor", "booking-coordinator", "panel-chair", "provider-manager"}
