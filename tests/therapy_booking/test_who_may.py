"""Who may do what at the booking desk: every sample person at every door."""

import json

import pytest

from frontdoor.areas import areas_folder, load_area

pytestmark = pytest.mark.slow

AREA = load_area(areas_folder() / "sample")
EVERYBODY = (*AREA.people, None)
SALT, OT = "therapist-salt", "therapist-ot"
COORDINATOR, CHAIR, MANAGER = "booking-coordinator", "panel-chair", "provider-manager"


def expected(person, allowed, otherwise=403):
    """The status that a person gets: 401 for nobody, else by the contract's table."""
    return 401 if person is None else allowed.get(person, otherwise)


SUPPLY = [
    ("/api/providers", {"name": "A", "kind": "nhs"}, EVERYBODY),
    ("/api/places", {"name": "A", "kind": "online"}, (COORDINATOR, CHAIR, MANAGER, SALT)),
    ("/api/therapists", {"name": "A", "disciplines": ["ot"]}, (COORDINATOR, CHAIR, MANAGER, SALT)),
]


@pytest.mark.parametrize(("path", "body", "person"), [(*row[:2], person) for row in SUPPLY for person in row[2]])
def test_only_the_coordinator_registers_supply(shared_desk, shared_supply, path, body, person):
    body = body | ({"provider": shared_supply.provider} if path == "/api/therapists" else {})
    assert shared_desk.ask("POST", path, body, person).status_code == expected(person, {COORDINATOR: 201})


@pytest.mark.parametrize("person", EVERYBODY)
def test_coordinator_and_chair_open_and_read_pools(shared_desk, shared_supply, person):
    contribution = {"organisation": "sample-icb", "discipline": "salt", "pence": 1}
    body = {"name": "A", "term": "2026-autumn", "contributions": [contribution]}
    assert shared_desk.ask("POST", "/api/pools", body, person).status_code == expected(
        person, {COORDINATOR: 201, CHAIR: 201}
    )
    read = shared_desk.ask("GET", f"/api/pools/{shared_supply.pool}", None, person)
    assert read.status_code == expected(person, {COORDINATOR: 200, CHAIR: 200})


@pytest.mark.parametrize("person", EVERYBODY)
def test_the_coordinator_commissions_any_block(shared_desk, shared_supply, person):
    body = shared_desk.order(shared_supply)
    answer = shared_desk.ask("POST", f"/api/pools/{shared_supply.pool}/blocks", body, person)
    assert answer.status_code == expected(person, {COORDINATOR: 201})


@pytest.mark.parametrize(
    ("name", "person", "status"),
    [
        ("Saltmarsh Community NHS Trust", None, 201),
        ("saltmarsh children’s therapies", None, 201),
        ("Estuary Partnership", SALT, 403),
        ("A name that no organisation has", None, 403),
        ("A name that no organisation has", SALT, 201),
    ],
)
def test_a_providers_manager_commissions_blocks_of_that_provider(desk, supply, name, person, status):
    provider = desk.provider(name)
    order = desk.order(supply, provider=provider, therapist=desk.therapist(provider, person=person))
    assert desk.ask("POST", f"/api/pools/{supply.pool}/blocks", order, MANAGER).status_code == status


def test_a_providers_manager_sees_the_blocks_of_that_provider(desk, supply):
    own = desk.supply()
    own.provider = desk.provider("Saltmarsh Community NHS Trust")
    own.therapist, own.pool = desk.therapist(own.provider), supply.pool
    supply.provider = desk.provider("Able Hands")
    supply.therapist = desk.therapist(supply.provider)
    desk.block(supply)
    block = desk.block(own)
    shown = desk.ask("GET", f"/api/pools/{supply.pool}/blocks", None, MANAGER).json()["blocks"]
    assert [row["block"] for row in shown] == [block]


@pytest.mark.parametrize("person", EVERYBODY)
def test_the_waiting_list_is_for_coordinator_health_and_therapists(shared_desk, person):
    answer = shared_desk.ask("GET", "/api/waiting-list?discipline=salt", None, person)
    allowed = dict.fromkeys((COORDINATOR, "health-triager", SALT, OT), 200)
    assert answer.status_code == expected(person, allowed)


def test_a_therapist_sees_the_own_caseload_with_its_true_ranks(desk, supply):
    ref = desk.child()
    booking = desk.booked(ref, desk.block(supply))
    stranger = desk.child(priority="urgent")
    desk.cancel(booking)
    assert [(entry["reference"], entry["rank"]) for entry in desk.line(person=SALT)] == [(ref, 2)]
    assert desk.line(person=OT) == []
    assert {entry["reference"] for entry in desk.line(person="health-triager")} == {ref, stranger}


@pytest.mark.parametrize("person", EVERYBODY)
def test_only_the_coordinator_books(shared_desk, shared_supply, person):
    body = {"reference": "R222-22222", "block": "B-NOTHING"}
    assert shared_desk.ask("POST", "/api/bookings", body, person).status_code == expected(person, {COORDINATOR: 422})


@pytest.fixture(scope="module")
def booking(shared_desk, shared_supply):
    """A place that a child holds, in a block of the speech therapist."""
    shared_supply.block = shared_desk.block(shared_supply, seats=40, time="18:00")
    return shared_desk.booked(shared_desk.child(), shared_supply.block)


KNOW_OF_IT = {"senco": 403, "health-triager": 403}


@pytest.mark.parametrize("person", EVERYBODY)
def test_a_booking_is_cancelled_by_coordinator_family_and_its_therapist(shared_desk, shared_supply, booking, person):
    allowed = dict.fromkeys((COORDINATOR, "parent", SALT), 200)
    if person in allowed:
        booking = shared_desk.booked(shared_desk.child(), shared_supply.block)
    status = shared_desk.cancel(booking, person=person).status_code
    assert status == expected(person, allowed | KNOW_OF_IT, 404)


@pytest.mark.parametrize("person", EVERYBODY)
def test_a_booking_is_read_by_coordinator_family_and_its_therapist(shared_desk, booking, person):
    allowed = dict.fromkeys((COORDINATOR, "parent", SALT), 200)
    answer = shared_desk.ask("GET", f"/api/bookings/{booking}", None, person)
    assert answer.status_code == expected(person, allowed, 404)


@pytest.fixture(scope="module")
def offer(shared_desk, shared_supply):
    """A place that was given up, and offered to the next child."""
    block = shared_desk.block(shared_supply, seats=1, time="19:00")
    booking = shared_desk.booked(shared_desk.child(), block)
    shared_desk.child()
    return shared_desk.cancel(booking, "moved_away").json()["offer"]


@pytest.mark.parametrize("person", [person for person in EVERYBODY if person not in {COORDINATOR, "parent"}])
def test_an_offer_is_accepted_by_nobody_else(shared_desk, offer, person):
    answer = shared_desk.ask("POST", f"/api/offers/{offer}/accept", None, person)
    assert answer.status_code == expected(person, KNOW_OF_IT, 404)


@pytest.mark.parametrize("person", EVERYBODY)
def test_only_the_admin_asks_for_proof(shared_desk, person):
    answer = shared_desk.ask("GET", "/api/verify/bookings", None, person)
    assert answer.status_code == expected(person, {"admin": 200})


def test_what_is_not_there_is_not_there_for_anybody(shared_desk):
    for person in (COORDINATOR, "parent", SALT, "senco"):
        assert shared_desk.cancel("G-NOTHING", person=person).status_code == 404
        assert shared_desk.ask("POST", "/api/offers/F-NOTHING/accept", None, person).status_code == 404


def test_what_is_not_there_leaves_one_row_of_audit_like_what_one_may_not_see(desk, supply):
    block = desk.block(supply, seats=1)
    booking = desk.booked(ref := desk.child(), block)
    desk.child()
    offer = desk.cancel(desk.booked(desk.child(), desk.block(supply, seats=1)), "moved_away").json()["offer"]
    for method, path, known in (
        ("GET", "/api/bookings/{}", booking),
        ("POST", "/api/bookings/{}/cancel", booking),
        ("POST", "/api/offers/{}/accept", offer),
    ):
        for named, why in ((known, "deny:relation"), ("X-NOTHING", "deny:unknown")):
            before = len(audit(desk))
            body = {"reason_code": "other"} if path.endswith("cancel") else None
            assert desk.ask(method, path.format(named), body, "gp").status_code == 404
            (row,) = audit(desk)[before:]
            assert (row.person, row.answer) == ("gp", why)
    assert json.dumps([ref]) in {row.references for row in audit(desk)}


def audit(desk):
    with desk.stage.look() as session:
        return session.connection().execute(desk.stage.parts.audit.select()).all()


def test_every_list_that_is_shown_leaves_one_row_of_audit(desk):
    refs = {desk.child(), desk.child()}
    desk.line()
    shown = [row for row in audit(desk) if row.action == "waiting.read"]
    assert [(row.person, row.agreement, set(json.loads(row.references))) for row in shown] == [
        (COORDINATOR, "sample-front-door", refs)
    ]
