"""What the form takes, what it refuses, and the sentence it says."""

import json

import pytest

WRONG = {
    "a name of 300 characters": ("child__given_name", "x" * 300, "Given name must be 200 characters or fewer"),
    "a hidden text direction": ("child__given_name", "a\u202eb", "hidden text-direction character"),
    "a direction mark in a name": ("child__given_name", "a\u200fb", "hidden text-direction character"),
    "fifty accents on one letter": ("child__given_name", "e" + "\u0301" * 50, "too many accents on one letter"),
    "a null byte": ("child__given_name", "a\0b", "control character"),
    "an escape sequence": ("concern", "a\x1b[31mb", "control character"),
    "two lines in a name": ("child__given_name", "a\nb", "on one line"),
    "only spaces": ("child__given_name", "   ", "Enter given name"),
    "only zero-width characters": ("child__given_name", "\u200b\u2060\u200d", "Enter given name"),
    "an empty text": ("concern", "", "Enter concern"),
    "a text that is too long": ("concern", "x" * 20_001, "20000 characters or fewer"),
    "a wrong check digit": ("child__nhs_number", "9990123013", "Check the NHS number: the last digit does not match"),
    "nine digits": ("child__nhs_number", "999012301", "10 digits"),
    "eleven digits": ("child__nhs_number", "99901230122", "10 digits"),
    "letters in an NHS number": ("child__nhs_number", "99901230I2", "numbers 0 to 9"),
    "digits that are not ASCII": ("child__nhs_number", "٩٩٩٠١٢٣٠١٢", "numbers 0 to 9"),
    "ten equal digits": ("child__nhs_number", "4444444444", "same digit"),
    "a number that is a number": ("child__nhs_number", 9990123012, "must be text"),
    "a wrong check letter": ("child__upn", "A881990125014", "first letter does not match"),
    "a UPN with an I": ("child__upn", "I881990125014", "UPN must be a letter"),
    "a postcode that is none": ("child__postcode", "Saltmarsh", "full UK postcode"),
    "a birth date in the future": ("child__date_of_birth", "2026-11-19", "today or in the past"),
    "the 25th birthday today": ("child__date_of_birth", "2001-11-18", "ages 0 to 25"),
    "30 February": ("child__date_of_birth", "2022-02-30", "real date"),
    "29 February of no leap year": ("child__date_of_birth", "2023-02-29", "real date"),
    "seconds since 1970": ("child__date_of_birth", "1551657600", "real date"),
    "a nought": ("consent__on", "0", "real date"),
    "digits without hyphens": ("concern_raised_on", "20261101", "real date"),
    "an American date": ("child__date_of_birth", "13/01/2020", "real date"),
    "a two-digit year": ("child__date_of_birth", "20-01-01", "real date"),
    "the year 1": ("child__date_of_birth", "0001-01-01", "ages 0 to 25"),
    "the year 9999": ("child__date_of_birth", "9999-12-31", "today or in the past"),
    "an instant": ("child__date_of_birth", "2020-01-01T00:00:00+99:99", "real date"),
    "consent tomorrow": ("consent__on", "2026-11-19", "today or in the past"),
    "a concern tomorrow": ("concern_raised_on", "2026-11-19", "today or in the past"),
    "a concern 41 weeks before birth": ("concern_raised_on", "2020-05-31", "40 weeks before birth"),
    "a telephone number that is none": ("contacts__0__phone", "999", "Enter a telephone number"),
    "an email with a new line": ("contacts__0__email", "a@example.org\r\nBcc: b@example.org", "on one line"),
    "two email addresses": ("contacts__0__email", "a@example.org, b@example.org", "correct format"),
    "an email without a host": ("contacts__0__email", "a@", "correct format"),
    "a relationship that is too long": ("contacts__0__relationship", "x" * 61, "60 characters or fewer"),
    "a yes that is a text": ("contacts__0__parental_responsibility", "yes", "yes or no"),
    "a channel that is none": ("contacts__0__channel", "pigeon", "must be one of"),
    "a need that is none": ("needs__0__code", "XYZ", "must be one of"),
    "two primary needs": ("needs", [{"code": "PD", "rank": "primary"}, {"code": "HI", "rank": "primary"}], "Only one"),
    "no need": ("needs", [], "at least one"),
    "no contact": ("contacts", [], "at least one"),
    "a support in words": ("support", ["Speech therapy"], "small letters"),
    "a list of 101": ("tried", ["x"] * 101, "100 or fewer"),
    "a field that is not known": ("status", "accepted", "not known"),
    "an agency's own field": ("child__agency_id", "health", "not known"),
    "a prototype": ("__proto__", {"admin": True}, "not known"),
    "somebody else's upload": ("evidence", ["U-23456789"], "not one of yours"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_beside_its_field_and_never_repeated(shared_intake, name):
    path, value, sentence = WRONG[name]
    form = shared_intake.form()
    form["child"].pop("nhs_number", None)
    send = with_value(form, path, value)
    answer = shared_intake.send(send)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "invalid"), name
    assert any(sentence in error["message"] for error in problem["errors"]), problem["errors"]
    assert all(error["field"].startswith(path.split("__")[0] or path) for error in problem["errors"])
    assert not (isinstance(value, str) and len(value) > 4 and value in answer.text)


def with_value(form, path, value):
    parts = path.split("__") if not path.startswith("__") else [path]
    tree = form
    for part in parts[:-1]:
        tree = tree[int(part)] if part.isdecimal() else tree[part]
    tree[parts[-1]] = value
    return form


TAKEN = {
    "accents and a curly apostrophe": ("child__given_name", "Zoë O’Brien-Šimůnková", "Zoë O’Brien-Šimůnková"),
    "letters with their accents apart": ("child__given_name", "Zoe\u0308", "Zoë"),
    "one letter": ("child__given_name", "X", "X"),
    "a name that is Null": ("child__family_name", "Null", "Null"),
    "a name that is Test": ("child__family_name", "Test", "Test"),
    "letters of another script": ("child__given_name", "Аnnа", "Аnnа"),
    "spaces in an NHS number": ("child__nhs_number", "999 012-3012", "9990123012"),
    "a temporary UPN": ("child__upn", "H88299032610A", "H88299032610A"),
    "a UPN of an authority that no list has": ("child__upn", "m940990326107", "M940990326107"),
    "a postcode without its space": ("child__postcode", "ss11aa", "SS1 1AA"),
    "a BFPO number": ("child__postcode", "bfpo 57", "BFPO 57"),
    "no fixed abode": ("child__postcode", "zz993vz", "ZZ99 3VZ"),
    "the day before the 25th birthday": ("child__date_of_birth", "2001-11-19", "2001-11-19"),
    "born today": ("child__date_of_birth", "2026-11-18", "2026-11-18"),
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_right_is_kept_in_its_usual_form(shared_intake, name):
    path, value, kept = TAKEN[name]
    raised = {"concern_raised_on": "2026-11-18"} if "date" in path else {}
    reference = shared_intake.sent(shared_intake.form(**{path: value} | raised))
    assert shared_intake.get(f"/api/referrals/{reference}").json()["child"][path.removeprefix("child__")] == kept


@pytest.mark.parametrize(
    ("phone", "kept"),
    [("07700 900123", "+44 7700 900123"), ("+447700900123", "+44 7700 900123"), ("01632 960001", "+44 1632 960001"),
     ("+33 1 23 45 67 89", "+33 1 23 45 67 89")],
)  # fmt: skip
def test_possible_telephone_numbers_are_taken_from_anywhere(shared_intake, phone, kept):
    reference = shared_intake.sent(shared_intake.form(contacts__0__phone=phone))
    assert shared_intake.get(f"/api/referrals/{reference}").json()["contacts"][0]["phone"] == kept


@pytest.mark.parametrize("email", ["first.last+school@example.org", "zoë@example.org", "a@bücher.example.org"])
def test_unusual_email_addresses_are_taken(shared_intake, email):
    changed = {"contacts__0__channel": "email", "contacts__0__email": email}
    assert shared_intake.send(shared_intake.form(**changed)).status_code == 201


def test_emoji_and_new_lines_in_notes_are_taken(shared_intake):
    reference = shared_intake.sent(shared_intake.form(strengths="Loves trains 🚂\r\n👩‍👩‍👧"))
    assert shared_intake.get(f"/api/referrals/{reference}").json()["strengths"] == "Loves trains 🚂\n👩‍👩‍👧"


@pytest.mark.parametrize(("channel", "field"), [("email", "contacts.0.email"), ("sms", "contacts.0.phone")])
def test_a_channel_needs_an_address_of_its_kind(shared_intake, channel, field):
    contact = {"name": "A", "relationship": "aunt", "parental_responsibility": True, "channel": channel}
    problem = shared_intake.send(shared_intake.form(contacts=[contact])).json()
    assert [error["field"] for error in problem["errors"]] == [field]


def test_a_date_of_birth_or_an_expected_date_but_not_both(shared_intake):
    neither = shared_intake.send(shared_intake.form(child__date_of_birth=None)).json()
    both = shared_intake.send(shared_intake.form(child__expected_date="2027-01-01")).json()
    assert neither["errors"][0]["field"] == "child.date_of_birth"
    assert both["errors"][0]["field"] == "child.expected_date"


def test_a_request_rests_on_consent(shared_intake):
    problem = shared_intake.send(shared_intake.form(consent__given=False))
    assert (problem.status_code, problem.json()["code"]) == (422, "consent_required")


def test_a_section_23_notification_does_not(shared_intake):
    assert shared_intake.send(shared_intake.form("not-yet-known", consent__given=False)).status_code == 201


BODIES = {
    "half of a character": (b'{"concern": "\\ud800"}', 400),
    "a key twice": (b'{"kind": "request", "kind": "request"}', 400),
    "not a number": (b'{"child": NaN}', 400),
    "an endless number": (b'{"child": 1e400}', 400),
    "5,000 digits": (b'{"child": ' + b"1" * 5000 + b"}", 400),
    "100,000 deep": (b"[" * 100_000, 400),
    "40 deep": (b'{"child": ' + b"[" * 40 + b"]" * 40 + b"}", 400),
    "bytes that are not UTF-8": (b'{"concern": "\xff"}', 400),
    "UTF-16": ('{"concern": "a"}'.encode("utf-16"), 400),
    "no JSON": (b"concern=a", 400),
    "nothing": (b"", 400),
    "a list": (b"[]", 422),
    "10 MB of notes": (b'{"concern": "' + b"x" * 10_000_000 + b'"}', 413),
    "a million rows": (b'{"tried": [' + b'"",' * 300_000 + b'""]}', 422),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_cannot_be_read_is_refused_whole(shared_intake, name):
    body, status = BODIES[name]
    client = shared_intake.stage.as_person("senco")
    answer = client.post("/api/referrals", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml"])
def test_json_that_calls_itself_something_else_is_refused(shared_intake, kind):
    client = shared_intake.stage.as_person("senco")
    body = json.dumps(shared_intake.form())
    assert client.post("/api/referrals", content=body, headers={"Content-Type": kind}).status_code == 415


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE"])
def test_other_methods_change_nothing(shared_intake, method):
    headers = {"X-HTTP-Method-Override": "POST"}
    answer = shared_intake.stage.as_person("senco").request(method, "/api/referrals", headers=headers)
    assert answer.status_code == 405
