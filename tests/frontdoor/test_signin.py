"""Who is signed in is what we signed, for as long as it lasts, with the roles of this very moment."""

import hmac
import json
from base64 import urlsafe_b64encode

import pytest
from itsdangerous import TimestampSigner, URLSafeTimedSerializer

from child_record.app import service
from frontdoor import signin
from frontdoor.testing import Stage

PATH = "/records"
API = "/api/records/R222-22222/timeline"


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    return Stage(service, tmp_path_factory.mktemp("signin"))


def encoded(part):
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def jwt(header, key=b"", **claims):
    """A JSON Web Token that a partner, or somebody who pretends to be one, may send."""
    said = {"sub": "senco", "roles": ["senco", "admin"], "iss": "https://id.example.org", "aud": "frontdoor"} | claims
    body = f"{encoded(header)}.{encoded(said)}"
    return f"{body}.{encoded(hmac.new(key, body.encode(), 'sha256').digest()) if key else ''}"


PUBLIC_KEY = b"-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n"
TOKENS = {
    "no algorithm": jwt({"alg": "none"}),
    "no algorithm, in capitals": jwt({"alg": "NONE", "typ": "JWT"}),
    "signed with the public key": jwt({"alg": "HS256"}, PUBLIC_KEY),
    "a key that is a path": jwt({"alg": "HS256", "kid": "../../dev/null"}, b"\0"),
    "a key that is a query": jwt({"alg": "HS256", "kid": "' union select 'x"}, b"x"),
    "a key at an address": jwt({"alg": "RS256", "jku": "http://169.254.169.254/keys"}, b"x"),
    "a key of its own": jwt({"alg": "RS256", "jwk": {"kty": "oct", "k": "eA"}}, b"x"),
    "for somebody else": jwt({"alg": "HS256"}, b"x", aud="another"),
    "by somebody else": jwt({"alg": "HS256"}, b"x", iss="https://evil.example.org"),
    "expired": jwt({"alg": "HS256"}, b"x", exp=1_000_000_000),
    "not yet": jwt({"alg": "HS256"}, b"x", nbf=4_000_000_000),
    "an hour ahead": jwt({"alg": "HS256"}, b"x", iat=4_000_000_000),
    "five parts": "a.b.c.d.e",
    "nothing": "",
    "a name": "senco",
    "a name of the demo in another case": "DEMO-senco",
    "a service": "inside-referral-intake.x.y",
    "a very long one": "a" * 10_000,
}


def asked(stage, **headers):
    return stage.as_person(None).get(API, headers=headers)


@pytest.mark.parametrize("name", TOKENS)
@pytest.mark.parametrize("kind", ["bearer", "cookie"])
def test_a_token_that_we_did_not_make_is_nobodys_and_all_get_one_answer(stage, name, kind):
    token = TOKENS[name]
    headers = {"Authorization": f"Bearer {token}"} if kind == "bearer" else {"Cookie": f"{signin.COOKIE}={token}"}
    answer, nobody = asked(stage, **headers), asked(stage)
    assert (answer.status_code, answer.content) == (401, nobody.content)


def cookie(stage, person="senco", secret=None, salt="session"):
    return URLSafeTimedSerializer(secret or stage.parts.secret, salt=salt).dumps(person)


def with_cookie(stage, value, path=PATH):
    return stage.as_person(None).get(path, headers={"Cookie": f"{signin.COOKIE}={value}"})


def test_a_cookie_that_we_signed_is_that_persons(stage):
    assert with_cookie(stage, cookie(stage)).status_code == 200


@pytest.mark.parametrize(
    "spoilt", [{"secret": b"another"}, {"salt": "inside"}, {"person": "nobody"}, {"person": ["senco"]}], ids=str
)
def test_a_cookie_that_was_made_otherwise_is_nobodys(stage, spoilt):
    assert with_cookie(stage, cookie(stage, **spoilt)).status_code == 303


def test_a_cookie_whose_person_was_changed_is_nobodys(stage):
    _, _, signed = cookie(stage).partition(".")
    assert with_cookie(stage, f"{encoded('admin')}.{signed}").status_code == 303


def test_a_cookie_does_not_last_for_ever(stage, monkeypatch):
    made = cookie(stage)
    monkeypatch.setattr(signin, "LASTS", -1)
    assert with_cookie(stage, made).status_code == 303


def test_a_cookie_from_the_future_is_nobodys(stage, monkeypatch):
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _self: 4_000_000_000)
    made = cookie(stage)
    monkeypatch.undo()
    assert with_cookie(stage, made).status_code == 303


@pytest.mark.parametrize("sign_in", ["bearer", "cookie"])
def test_a_role_that_was_taken_away_is_gone_at_the_next_request(tmp_path, sign_in):
    stage, path = Stage(service, tmp_path), "/child-record/metrics"
    held = f"{signin.COOKIE}={cookie(stage, 'admin')}"
    headers = {"Authorization": "Bearer demo-admin"} if sign_in == "bearer" else {"Cookie": held}
    headers["Accept"] = "application/json"
    assert stage.as_person(None).get(path, headers=headers).status_code == 200

    area = stage.parts.area
    auditor = area.people["admin"].model_copy(update={"roles": frozenset({"auditor"})})
    for people, status in ((area.people | {"admin": auditor}, 403), ({"senco": area.people["senco"]}, 401)):
        object.__setattr__(stage.parts, "area", area.model_copy(update={"people": people}))
        assert stage.as_person(None).get(path, headers=headers).status_code == status


def test_where_the_demo_is_off_its_tokens_and_cookies_are_nobodys(tmp_path):
    stage = Stage(service, tmp_path)
    held = cookie(stage)
    object.__setattr__(stage.parts, "demo", False)
    assert asked(stage, Authorization="Bearer demo-senco").status_code == 401
    assert with_cookie(stage, held).status_code == 303
