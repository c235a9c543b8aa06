"""What services of one installation may ask one another, and that nobody else may."""

import asyncio
import base64
import socket
import time

import httpx2
import pytest
from itsdangerous import TimestampSigner
from starlette.testclient import TestClient

from frontdoor import access, peers, signin
from frontdoor.documents import api_routes
from frontdoor.service import REPLAY_PAGE
from frontdoor.testing import served

REPLAY = "/triage-panel/internal/replay"


@pytest.fixture
def parts(case):
    """Intake's parts, as one that asks others."""
    return case.front_door.assembly.parts["referral-intake"]


def opened_by(case, token):
    """Every action whose route answers to this token otherwise than with a refusal."""
    client = TestClient(case.front_door.application, headers={"Authorization": f"Bearer {token}"})
    opened = set()
    for app in case.front_door.application.apps.values():
        for route in api_routes(app):
            action = next(part.call.action for part in route.dependant.dependencies if hasattr(part.call, "action"))
            if action != access.PUBLIC:
                path = route.path.replace("{agency}", "health").replace("{reference}", case.reference)
                method = "POST" if "POST" in route.methods else "GET"
                answer = client.request(method, path, **({"json": {}} if method == "POST" else {}))
                opened |= set() if answer.status_code in {401, 403, 404} else {action}
    return opened


def inside(case, parts):
    """Give a client that carries a service's token."""
    headers = {"Authorization": f"Bearer {signin.inside_token(parts)}"}
    return TestClient(case.front_door.application, headers=headers, raise_server_exceptions=False)


def test_a_service_may_ask_for_a_stream_and_look_at_operations_and_nothing_else(case, parts):
    assert opened_by(case, signin.inside_token(parts)) == {"operations.read", "stream.replay"}


def test_the_message_provider_may_tell_what_became_of_a_message_and_nothing_else(case, parts):
    assert opened_by(case, parts.receipts.hex()) == {"notice.receipt"}


@pytest.mark.parametrize("person", ["admin", "auditor", "senco"])
def test_no_person_may_ask_for_a_stream(case, person):
    assert case.front_door.as_person(person).post(REPLAY, json={"stream": "x", "from": 1}).status_code == 403


def test_a_stream_is_said_again_in_the_bytes_that_were_hashed(case, parts):
    stream = f"entry/{case.reference}/health"
    answer = inside(case, parts).post(REPLAY, json={"stream": stream, "from": 2})
    triage = case.front_door.assembly.parts["triage-panel"]
    with triage.database.read() as session:
        wanted = [record.payload for record in triage.log.stream(session, stream, 2)]

    assert wanted
    assert [base64.b64decode(event) for event in answer.json()["events"]] == wanted
    assert answer.json()["next"] is None


def test_a_stream_that_nobody_has_said_is_empty_and_a_strange_question_is_refused(case, parts):
    client = inside(case, parts)

    assert client.post(REPLAY, json={"stream": "entry/nobody", "from": 1}).json() == {"events": [], "next": None}
    assert client.post(REPLAY, json={"stream": "entry/nobody", "from": 0}).status_code == 422
    assert client.post(REPLAY, json={"stream": "entry/nobody"}).status_code == 422


@pytest.mark.parametrize(
    "token",
    [
        "inside-referral-intake",
        "inside-referral-intake.abc.def",
        "inside-" + TimestampSigner(b"another installation's", salt="inside").sign("referral-intake").decode(),
    ],
    ids=["unsigned", "forged", "another installation's"],
)
def test_a_token_that_this_installation_did_not_make_opens_nothing(case, token):
    client = TestClient(case.front_door.application, headers={"Authorization": f"Bearer {token}"})

    assert client.post(REPLAY, json={"stream": "x", "from": 1}).status_code == 401


def test_a_token_of_a_minute_ago_opens_nothing(case, parts, monkeypatch):
    monkeypatch.setattr(signin, "INSIDE_LASTS", -1)

    assert inside(case, parts).post(REPLAY, json={"stream": "x", "from": 1}).status_code == 401


def test_an_owner_is_asked_page_by_page_over_http(case, parts, monkeypatch):
    monkeypatch.setattr("frontdoor.service.REPLAY_PAGE", 1)
    stream = f"entry/{case.reference}/health"
    triage = case.front_door.assembly.parts["triage-panel"]
    with triage.database.read() as session:
        wanted = [record.payload for record in triage.log.stream(session, stream)]
    with served(case.front_door.application.apps["triage-panel"]) as address:
        said = peers.ask_again(address, parts)("triage-panel", stream, 1)

    assert REPLAY_PAGE > len(wanted) > 1
    assert said == wanted


def test_an_owner_that_does_not_answer_is_no_answer(parts):
    with pytest.raises(httpx2.HTTPError):
        peers.ask_again("http://127.0.0.1:1", parts)("triage-panel", "entry/x/health", 1)


def test_a_service_that_is_down_or_silent_is_named_soon_and_holds_nobody_up(parts):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        for address in ("http://127.0.0.1:1", f"http://127.0.0.1:{silent.getsockname()[1]}"):
            began = time.monotonic()
            names = ("triage-panel", "child-record", "notification")
            asked = peers.Peers(names, peers.over_http(address, parts))
            found = asyncio.run(asked.all("/health/ready"))

            assert time.monotonic() - began < 3.5
            assert {name: status for name, (status, _) in found.items()} == dict.fromkeys(names, 503)
            assert {report["service"] for _, report in found.values()} == set(names)
