"""What holds for every call: harmless retries, bodies that hold nobody up, documents that are true."""

import json
import threading
import time
from pathlib import Path

import pytest

from frontdoor import calls
from frontdoor.documents import api_routes

FORM = json.loads((Path(__file__).parents[1] / "journeys" / "examples" / "referral.json").read_text())


def posts(case):
    """Every POST of the API with its address."""
    for app in case.front_door.application.apps.values():
        for route in api_routes(app):
            if "POST" in route.methods and route.path.startswith("/api/"):
                yield route.path.replace("{agency}", "health").replace("{reference}", case.reference)


def test_a_key_that_is_not_visible_ascii_is_refused_before_anything_else(case):
    for path in posts(case):
        for person in ("senco", "health-triager", "booking-coordinator", "care-triager"):
            answer = case.front_door.as_person(person).post(path, json={}, headers={"Idempotency-Key": "a b"})
            assert answer.status_code in {400, 403, 404}, (path, answer.text)
            if answer.status_code == 400:
                assert answer.json()["code"] == "idempotency_key"


def test_the_same_key_with_another_search_is_refused_and_what_was_found_is_not_kept(case):
    client = case.front_door.as_person("health-triager")
    first = client.post("/api/search", json={"name": "Wren Ashdown"}, headers={"Idempotency-Key": "search"})
    again = client.post("/api/search", json={"name": "Wren Ashdown"}, headers={"Idempotency-Key": "search"})
    other = client.post("/api/search", json={"name": "Wren"}, headers={"Idempotency-Key": "search"})

    assert first.json() == again.json()
    assert again.headers["Idempotent-Replay"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    with case.front_door.assembly.parts["referral-intake"].database.read() as session:
        kept = session.connection().exec_driver_sql("select body from answer where key = 'search'").scalar()
    assert kept == "null"


def test_a_twin_that_waits_in_vain_is_told_to_come_back(case, monkeypatch):
    monkeypatch.setattr(calls, "TWIN_WAIT", 0.1)
    twin = ("referral-intake", "senco", "/api/referrals", "slow")
    monkeypatch.setattr(calls, "_in_flight", {twin})
    answer = case.front_door.as_person("senco").post("/api/referrals", json=FORM, headers={"Idempotency-Key": "slow"})

    assert (answer.status_code, answer.json()["code"]) == (409, "in_flight")
    assert answer.headers["Retry-After"]


def test_twins_in_flight_get_one_reference(case):
    answers = []

    def send():
        client = case.front_door.as_person("senco")
        answers.append(client.post("/api/referrals", json=FORM, headers={"Idempotency-Key": "twins"}))

    twins = [threading.Thread(target=send) for _ in range(8)]
    for twin in twins:
        twin.start()
    for twin in twins:
        twin.join()

    assert len({answer.json()["reference"] for answer in answers}) == 1
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]


@pytest.mark.parametrize("keys", [900, 3000, 60_000])
def test_a_body_of_nothing_but_unknown_keys_is_answered_at_once(case, keys):
    body = {f"k{number}": 1 for number in range(keys)}
    began = time.monotonic()
    answer = case.front_door.as_person("senco").post("/api/referrals", json=FORM | body)

    assert answer.status_code in {400, 422}
    assert len(answer.content) < 30_000
    assert time.monotonic() - began < 5


def test_every_problem_that_comes_back_is_in_the_document(case):
    document = case.front_door.as_person().get("/openapi.json").json()

    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert operation["responses"], path
            if path.startswith("/api/") and path != "/api/standards":
                assert operation["security"] == [{"signIn": []}]
                assert {"401", "403", "404", "422"} <= operation["responses"].keys()
            if method == "post":
                assert "requestBody" in operation or path.endswith(("/read", "/accept")), path
                assert {"400", "409", "413", "415"} <= operation["responses"].keys()
    assert {"/health/live", "/health/ready", "/metrics", "/asyncapi.json"} <= document["paths"].keys()


def test_another_hosts_name_is_never_sent_back(case):
    answer = case.front_door.as_person("senco").get(
        "/api/referrals/", headers={"Host": "evil.example.org"}, follow_redirects=False
    )

    assert answer.status_code == 404
    assert "evil" not in str(answer.headers) + answer.text


@pytest.mark.parametrize("agency", ["health", "education", "care"])
def test_a_person_at_a_queues_page_is_answered_with_a_page(case, agency):
    def visit(person):
        client = case.front_door.as_person(person)
        return client.get(f"/queues/{agency}?status=queued", headers={"Accept": "text/html"}, follow_redirects=False)

    signed_out, stranger = visit(None), visit("other-senco")

    assert signed_out.headers["location"] == f"/sign-in?next=%2Fqueues%2F{agency}%3Fstatus%3Dqueued"
    assert stranger.status_code == 403
    assert stranger.headers["content-type"].startswith("text/html")
    assert "Sign out" in stranger.text
