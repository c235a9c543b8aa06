"""One instant is written in one way, whichever service writes it."""

import re

INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}.*")
OURS = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z")
ASKED = {
    "/api/referrals": "health-triager",
    "/api/referrals/{reference}": "health-triager",
    "/api/queues/health": "health-triager",
    "/api/waiting-list": "booking-coordinator",
    "/api/pools/{pool}/blocks": "booking-coordinator",
    "/api/bookings/{booking}": "booking-coordinator",
    "/api/notices?reference={reference}": "health-triager",
    "/api/records/{reference}/timeline": "health-triager",
}


def test_every_service_writes_an_instant_with_microseconds_and_z(case):
    for path, person in ASKED.items():
        address = path.format(reference=case.reference, pool=case.pool, booking=case.booking)
        written = instants(case.front_door.as_person(person).get(address).json())
        assert written, path
        assert all(OURS.fullmatch(text) for text in written), (path, written)


def test_the_same_instant_is_the_same_text_in_intake_and_triage(case):
    client = case.front_door.as_person("health-triager")
    sent = client.get(f"/api/referrals/{case.reference}").json()
    queued = next(e for e in client.get("/api/queues/health").json()["entries"] if e["reference"] == case.reference)
    there = next(agency for agency in sent["agencies"] if agency["agency"] == "health")
    assert (queued["received_at"], queued["due_at"]) == (sent["received_at"], there["due_at"])


def instants(answer):
    """Every text of an answer that is an instant."""
    if isinstance(answer, dict | list):
        return [text for below in (answer.values() if isinstance(answer, dict) else answer) for text in instants(below)]
    return [answer] if isinstance(answer, str) and INSTANT.fullmatch(answer) else []
