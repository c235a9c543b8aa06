"""Who may see and decide what in the queues: the contract's rows, walked for every sample person."""

import json

import pytest

from frontdoor.areas import areas_folder, load_area

pytestmark = pytest.mark.slow

PEOPLE = sorted(load_area(areas_folder() / "sample").people)
MAY_READ = {
    "health": {"health-triager", "panel-chair", "panel-health"},
    "education": {"education-triager", "panel-chair", "panel-education"},
    "care": {"care-triager", "panel-chair", "panel-care"},
}


@pytest.fixture(scope="module")
def reference(one_stage):
    return one_stage.refer("health", "education", "care")


@pytest.mark.parametrize("agency", sorted(MAY_READ))
@pytest.mark.parametrize("person", PEOPLE)
def test_a_queue_is_read_by_its_triager_its_panel_member_and_the_chair(one_stage, reference, person, agency):
    client = one_stage.stage.as_person(person)

    statuses = {client.get(address).status_code for address in (f"/api/queues/{agency}", f"/queues/{agency}")}

    assert statuses == {200 if person in MAY_READ[agency] else 403}


@pytest.mark.parametrize("agency", sorted(MAY_READ))
@pytest.mark.parametrize("person", PEOPLE)
def test_a_queue_is_decided_by_its_triager_alone(one_stage, reference, person, agency):
    client, address = one_stage.stage.as_person(person), f"/api/queues/{agency}/{reference}"

    answers = [
        client.post(f"{address}/decisions", json={"outcome": "resume"}),
        client.post(f"{address}/claim", json={}),
    ]

    expected = [409, 201] if person == f"{agency}-triager" else [403, 403]
    assert [answer.status_code for answer in answers] == expected


@pytest.mark.parametrize("person", PEOPLE)
def test_an_entry_is_opened_by_its_agencys_triager_alone(one_stage, reference, person):
    page = one_stage.stage.as_person(person).get(f"/queues/health/{reference}")

    allowed = {"health-triager": 200, "panel-chair": 404, "panel-health": 404}
    assert page.status_code == allowed.get(person, 403)


@pytest.mark.parametrize(
    "address", ["/api/queues/health", "/api/queues/health/R/decisions", "/api/queues/health/R/claim"]
)
def test_nobody_signed_in_is_told_to_sign_in(queues, address):
    client = queues.stage.as_person(None)
    answer = client.get(address) if address.endswith("health") else client.post(address, json={})

    assert answer.status_code == 401


@pytest.mark.parametrize("person", ["health-triager", "panel-chair", "senco"])
def test_a_queue_that_there_is_not_is_not_found(queues, person):
    assert queues.stage.as_person(person).get("/api/queues/police").status_code == 404


@pytest.mark.parametrize("what", ["decisions", "claim"])
def test_an_unknown_reference_is_not_found(queues, what):
    elsewhere = queues.refer("care")
    client, body = queues.stage.as_person("health-triager"), {"outcome": "accept"} if what == "decisions" else {}

    answers = [
        client.post(f"/api/queues/health/{reference}/{what}", json=body).status_code
        for reference in ("R999-99999", elsewhere)
    ]

    assert answers == [404, 404]


def test_an_unknown_reference_leaves_one_row_of_audit_like_one_that_one_may_not_see(queues):
    known = queues.refer("health")
    chair, triager = queues.stage.as_person("panel-chair"), queues.stage.as_person("health-triager")
    for reference in (known, "R222-22222", "ZZCANARY"):
        chair.get(f"/queues/health/{reference}")
    triager.post("/api/queues/health/R222-22222/decisions", json={"outcome": "accept"})
    triager.post("/api/queues/health/R222-22222/claim", json={})

    with queues.stage.look() as session:
        rows = session.connection().execute(queues.stage.parts.audit.select()).all()

    assert [(row.action, row.answer, json.loads(row.references)) for row in rows] == [
        ("referral.read", "deny:relation", [known]),
        ("referral.read", "deny:unknown", ["R222-22222"]),
        ("referral.read", "deny:unknown", [""]),
        ("queue.decide", "deny:unknown", ["R222-22222"]),
        ("queue.decide", "deny:unknown", ["R222-22222"]),
    ]


def test_without_an_agreement_in_force_nothing_is_shown_or_decided(queues):
    reference = queues.refer("health")
    queues.stage.clock.forward(days=500)
    client = queues.stage.as_person("health-triager")

    answers = [
        client.get("/api/queues/health"),
        client.post(f"/api/queues/health/{reference}/decisions", json={"outcome": "accept"}),
        client.get(f"/queues/health/{reference}"),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 404]
    assert not any("Canary" in answer.text for answer in answers)


def test_the_agency_that_passed_a_referral_on_can_still_open_it(queues):
    reference = queues.refer("health")
    queues.decide(reference, "redirect", redirect_to="care")

    for agency in ("health", "care"):
        assert queues.stage.as_person(f"{agency}-triager").get(f"/queues/{agency}/{reference}").status_code == 200
