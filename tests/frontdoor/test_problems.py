"""JSON is read as it is meant, and another site's page can change nothing here."""

import asyncio
import json

import pytest
from fastapi import FastAPI, Request, Response
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from child_record.app import service
from frontdoor.guard import HEADERS, Guard
from frontdoor.problems import Problem, parse_json, read_body
from frontdoor.testing import Stage

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.text(st.characters(codec="utf-8")),
    lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), part, max_size=4),
    max_leaves=10,
)


@given(JSON)
def test_json_comes_back_as_it_was_sent(value):
    assert parse_json(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    "body",
    [
        b'{"role":"family","role":"admin"}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":1e400}',
        b'{"a":"\\ud800"}',
        b'{"\\udfff":1}',
        b"\xff\xfe",
        b"{",
        b"",
        b"9" * 5000,
        b"[" * 100_000,
        b'{"a":' * 40 + b"1" + b"}" * 40,
    ],
    ids=[
        "key twice",
        "nan",
        "infinity",
        "too large",
        "half a character",
        "half a character in a key",
        "utf-16",
        "half",
        "empty",
        "5000 digits",
        "100000 deep",
        "40 deep",
    ],
)
def test_what_is_not_strict_json_is_malformed(body):
    with pytest.raises(Problem) as refused:
        parse_json(body)

    assert (refused.value.status, refused.value.code) == (400, "malformed")


@pytest.fixture
def client():
    app = FastAPI()
    app.add_middleware(Guard)

    @app.post("/change")
    def change():
        return {}

    return TestClient(app, base_url="http://front.example.org")


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example.org"},
        {"Origin": "null"},
    ],
)
def test_another_sites_page_can_change_nothing(client, headers):
    assert client.post("/change", headers=headers).status_code == 403


@pytest.mark.parametrize(
    "headers", [{}, {"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://front.example.org"}], ids=str
)
def test_our_own_pages_and_programs_can(client, headers):
    assert client.post("/change", headers=headers).status_code == 200


def test_every_answer_forbids_framing_sniffing_and_foreign_scripts(client):
    headers = client.post("/change").headers

    assert "default-src 'self'" in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_an_answer_that_nobody_expected_carries_them_too_and_tells_nothing(tmp_path, accept):
    stage = Stage(service, tmp_path)

    def fail():
        raise RuntimeError("ZZCANARY")

    stage.app.add_api_route("/fails", fail)
    answer = stage.as_person("senco").get("/fails", headers={"Accept": accept})

    assert answer.status_code == 500
    assert answer.headers["content-type"].startswith("text/html" if "html" in accept else "application/problem+json")
    assert {name.lower() for name in HEADERS} <= set(answer.headers)
    assert answer.headers["cache-control"] == "no-store"
    assert not any(word in answer.text for word in ("ZZCANARY", "Traceback", "RuntimeError"))


def test_a_refusal_of_the_guards_own_carries_them_too(client):
    headers = client.post("/change", headers={"Origin": "null"}).headers

    assert {name.lower() for name in HEADERS} <= set(headers)


def dripping(chunks, pause):
    """A body that comes a chunk at a time."""

    async def receive():
        await asyncio.sleep(pause)
        chunks[0] -= 1
        return {"type": "http.request", "body": b"x" * 2048 if not pause else b"x", "more_body": chunks[0] > 0}

    return receive


async def answered(receive):
    """Post a body to a service; give the status."""
    said = []

    async def app(scope, receive, send):
        request = Request(scope, receive)
        try:
            await read_body(request)
            status = 200
        except Problem as problem:
            status = problem.status
        await Response(status_code=status)(scope, receive, send)

    async def send(message):
        said.append(message.get("status"))

    headers = [(b"content-type", b"application/json")]
    await Guard(app)({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive, send)
    return said[0]


@pytest.mark.parametrize(("chunks", "pause", "status"), [(10**6, 0.01, 408), (200, 0, 200), (1, 0, 200)])
def test_a_body_that_drips_in_is_given_up_and_a_large_one_that_keeps_coming_is_not(monkeypatch, chunks, pause, status):
    monkeypatch.setattr("frontdoor.guard.PATIENCE", 0.05)
    assert asyncio.run(answered(dripping([chunks], pause))) == status
