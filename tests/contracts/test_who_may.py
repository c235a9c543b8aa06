"""Who may call what: the contract's table, tried with every sample person on every row, and every route has a row."""

import json
from pathlib import Path

import pytest

from all_in_one.assembly import services
from frontdoor import access
from frontdoor.areas import areas_folder, load_area
from frontdoor.documents import api_routes

FORM = json.loads((Path(__file__).parents[1] / "journeys" / "examples" / "referral.json").read_text())

PEOPLE = sorted(load_area(areas_folder() / "sample").people)
TRIAGERS = {"health-triager", "education-triager", "care-triager"}
REFERRERS = {
    *TRIAGERS,
    "senco",
    "other-senco",
    "teacher",
    "health-visitor",
    "gp",
    "nurse",
    "social-worker",
    "parent",
    "young-person",
    "therapist-salt",
    "therapist-ot",
}
EVERYBODY = set(PEOPLE)
ITS_TRIAGERS = {"health-triager", "education-triager"}
"""The example goes to health and education."""

# method, address, who may, what everybody else is told
TABLE = [
    ("POST", "/api/referrals", REFERRERS, 403),
    ("POST", "/api/uploads", REFERRERS, 403),
    ("GET", "/api/referrals/{reference}", ITS_TRIAGERS | {"senco"}, 404),
    ("POST", "/api/referrals/{reference}/additions", ITS_TRIAGERS | {"senco"}, 404),
    ("GET", "/api/referrals", EVERYBODY, 401),
    ("GET", "/api/alerts", {"care-triager"}, 403),
    ("POST", "/api/search", TRIAGERS | {"social-worker", "nurse"}, 403),
    ("GET", "/api/queues/health", {"health-triager", "panel-chair", "panel-health"}, 403),
    ("GET", "/api/queues/education", {"education-triager", "panel-chair", "panel-education"}, 403),
    ("GET", "/api/queues/care", {"care-triager", "panel-chair", "panel-care"}, 403),
    ("POST", "/api/queues/health/{reference}/decisions", {"health-triager"}, 403),
    ("POST", "/api/queues/health/{reference}/claim", {"health-triager"}, 403),
    ("POST", "/api/providers", {"booking-coordinator"}, 403),
    ("POST", "/api/therapists", {"booking-coordinator"}, 403),
    ("POST", "/api/places", {"booking-coordinator"}, 403),
    ("POST", "/api/pools", {"booking-coordinator", "panel-chair"}, 403),
    ("GET", "/api/pools/{pool}", {"booking-coordinator", "panel-chair"}, 403),
    ("GET", "/api/waiting-list", {"booking-coordinator", "health-triager", "therapist-salt", "therapist-ot"}, 403),
    ("POST", "/api/bookings", {"booking-coordinator"}, 403),
    ("GET", "/api/notices?reference={reference}", ITS_TRIAGERS | {"auditor"}, 404),
    ("POST", "/api/notices/receipts", set(), 403),
    ("GET", "/api/records/{reference}/timeline", ITS_TRIAGERS | {"senco", "therapist-salt"}, 404),
    ("GET", "/api/verify/bookings", {"admin"}, 403),
    ("GET", "/metrics", {"admin"}, 403),
]
BODIES = {
    "additions": {"text": "The hearing test was fine."},
    "withdraw": {"reason": "The family has moved."},
    "contacts": {"contacts": [FORM["contacts"][0]]},
    "cancel": {"reason_code": "other"},
}
"""What is sent to the addresses that end so: who may is decided with a body that could be right."""
FOR_ANYBODY = ["/", "/sign-in", "/health/live", "/openapi.json", "/asyncapi.json", "/api/standards", "/standards"]


@pytest.mark.parametrize(("method", "address", "who", "others"), TABLE, ids=[f"{row[0]} {row[1]}" for row in TABLE])
def test_each_row_of_the_table_holds_for_every_sample_person(case, method, address, who, others):
    path = address.format(reference=case.reference, pool=case.pool)
    found = {person: status(case, person, method, path) for person in PEOPLE}

    refused = {person for person, code in found.items() if code in {401, 403, 404}}
    assert EVERYBODY - refused == who
    assert {found[person] for person in refused} <= {others}
    assert status(case, None, method, path) == 401


@pytest.mark.parametrize("address", FOR_ANYBODY)
def test_what_is_for_anybody_needs_no_sign_in(case, address):
    assert status(case, None, "GET", address) == 200


@pytest.mark.parametrize(
    ("person", "expected"),
    [
        ("education-triager", 403),
        ("health-triager", 403),
        ("other-senco", 404),
        ("gp", 404),
        ("other-area-triager", 404),
    ],
)
def test_withdrawing_is_forbidden_to_readers_and_hidden_from_strangers(case, person, expected):
    assert status(case, person, "POST", f"/api/referrals/{case.reference}/withdraw") == expected


@pytest.mark.parametrize(("person", "expected"), [("other-senco", 404), ("gp", 404), ("panel-chair", 404)])
def test_contact_details_are_hidden_from_strangers(case, person, expected):
    assert status(case, person, "POST", f"/api/referrals/{case.reference}/contacts") == expected


@pytest.mark.parametrize(("person", "expected"), [("other-senco", 404), ("senco", 403), ("therapist-ot", 404)])
def test_a_booking_is_not_cancelled_by_others_than_coordinator_family_and_therapist(case, person, expected):
    assert status(case, person, "POST", f"/api/bookings/{case.booking}/cancel") == expected


def test_every_route_of_every_service_says_who_may_call_it(case):
    silent, unknown = [], []
    for name, app in case.front_door.application.apps.items():
        for route in api_routes(app):
            actions = [part.call.action for part in route.dependant.dependencies if hasattr(part.call, "action")]
            if len(actions) != 1:
                silent.append(f"{name} {route.path}")
            unknown += [action for action in actions if action not in {access.PUBLIC, *access.WHO_MAY}]
    assert not silent, f"Every route says who may call it, once: {silent}"
    assert not unknown, f"access.WHO_MAY has no row for {unknown}"


def test_every_row_of_the_table_of_permissions_is_used(case):
    used = {
        part.call.action
        for app in case.front_door.application.apps.values()
        for route in api_routes(app)
        for part in route.dependant.dependencies
        if hasattr(part.call, "action")
    }
    assert access.WHO_MAY.keys() - used <= {"booking.read"}


@pytest.mark.parametrize("person", [None, "senco"])
def test_every_route_of_another_persons_kind_is_closed_by_default(case, person):
    """Whatever is not public refuses nobody-in-particular, and whatever is staff's refuses a SENCO."""
    for app in case.front_door.application.apps.values():
        for route in api_routes(app):
            action = next(part.call.action for part in route.dependant.dependencies if hasattr(part.call, "action"))
            if action == access.PUBLIC or (person and access.WHO_MAY[action].roles is None):
                continue
            if person and "senco" in (access.WHO_MAY[action].roles or {}):
                continue
            for method in route.methods - {"HEAD"}:
                path = route.path.format_map(Anything(case.reference))
                answer = status(case, person, method, path)
                assert answer in ({401, 303} if person is None else {403, 404}), f"{method} {route.path}: {answer}"


def test_each_read_of_a_childs_data_leaves_an_audit_row(case):
    def rows():
        total = 0
        for parts in case.front_door.assembly.parts.values():
            with parts.database.read() as session:
                total += session.connection().exec_driver_sql("select count(*) from audit").scalar()
        return total

    for person, address in [
        ("senco", f"/api/referrals/{case.reference}"),
        ("health-triager", "/api/queues/health"),
        ("health-triager", f"/api/notices?reference={case.reference}"),
        ("health-triager", f"/api/records/{case.reference}/timeline"),
        ("booking-coordinator", "/api/waiting-list"),
        ("other-senco", f"/api/referrals/{case.reference}"),
    ]:
        before = rows()
        status(case, person, "GET", address)
        assert rows() == before + 1, f"{person} {address}"


def test_services_are_five():
    assert [service.name for service in services()] == [
        "child-record",
        "notification",
        "referral-intake",
        "therapy-booking",
        "triage-panel",
    ]


class Anything(dict):
    """Fills every parameter of an address."""

    def __init__(self, reference):
        super().__init__(agency="health", reference=reference)

    def __missing__(self, key):
        return "X-2345678"


def status(case, person, method, path):
    """Ask as this person, with an empty body where one is sent; give the status."""
    client = case.front_door.as_person(person)
    client.follow_redirects = False
    body = {"json": BODIES.get(path.rsplit("/", 1)[-1], {})} if method == "POST" else {}
    return client.request(method, path, **body).status_code
