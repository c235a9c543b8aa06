"""Somebody says on the form that there is danger: what they read, what they can add, and what the duty team reads."""

import re
from html import unescape

import pytest

from frontdoor.areas import areas_folder, load_area

AREA = load_area(areas_folder() / "sample")
CONTACTS = AREA.contacts
ADDED = {"who": "Robin, 7", "where": "At the <b>harbour</b>", "what": "A man follows him."}


def text_of(answer):
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def say_yes(intake, person, **pages):
    """Begin a form, answer some pages and then "Yes": (client, the answer, the alert's address for its sender)."""
    client = intake.stage.as_person(person)
    form = client.post("/refer").headers["location"]
    for page, typed in pages.items():
        client.post(f"{form}/{page}", data=typed)
    answer = client.post(f"{form}/danger", data={"immediate_danger": "yes"})
    return client, answer, f"{form}/alerts/" + re.search(r"A-[0-9A-Z]{8}", answer.text)[0]


def duty_reads(intake, address):
    return text_of(intake.stage.as_person("care-triager").get(f"/alerts/{address.rpartition('/')[2]}"))


def test_the_numbers_to_call_are_on_the_page_as_links(intake):
    _, page, _ = say_yes(intake, "parent")
    for number in ("999", CONTACTS.duty_team_day, CONTACTS.duty_team_night):
        assert f'href="tel:{number.replace(" ", "")}">{number}</a>' in page.text


def test_the_numbers_to_call_are_in_the_answer_to_a_partners_system(intake):
    said = intake.send(intake.form("immediate-danger")).json()["title"]
    assert all(number in said for number in ("999", CONTACTS.duty_team_day, CONTACTS.duty_team_night))


@pytest.mark.parametrize(("person", "words"), [
    ("senco", "If the child, or anybody else, is in danger now, call 999"),
    ("parent", "If your child, or anybody else, is in danger now, call 999"),
    ("young-person", "If you, or anybody else, are in danger now, call 999"),
])  # fmt: skip
def test_each_reader_is_spoken_to_as_who_they_are(intake, person, words):
    _, page, _ = say_yes(intake, person)
    assert words in text_of(page)
    assert words in intake.send(intake.form("immediate-danger"), person).json()["title"]


def test_what_is_added_joins_the_same_alert_in_plain_words(intake):
    parent, _, address = say_yes(intake, "parent")
    assert parent.post(address, data=ADDED).headers["location"] == address
    assert "The duty team has what you added" in text_of(parent.get(address))
    said = duty_reads(intake, address)
    assert "Added later Who Robin, 7 Where they are now At the <b>harbour</b> What is happening A man" in said
    assert len(intake.get("/api/alerts", "care-triager").json()["alerts"]) == 1


def test_what_is_added_is_sealed(intake):
    parent, _, address = say_yes(intake, "parent")
    parent.post(address, data={"where": "Quillfeather Wharf"})
    files = [file.read_bytes() for file in intake.stage.parts.folder.glob("referral-intake.sqlite*")]
    assert not any(b"Quillfeather" in file for file in files)


def test_the_same_sent_twice_is_added_once_and_nothing_is_not_added(intake):
    parent, _, address = say_yes(intake, "parent")
    for typed in (ADDED, ADDED, {}):
        parent.post(address, data=typed)
    (alert,) = intake.get("/api/alerts", "care-triager").json()["alerts"]
    assert alert["sent"]["added_later"] == [ADDED]


def test_an_alert_that_was_taken_is_looked_at_again_when_something_is_added(intake):
    parent, _, address = say_yes(intake, "parent")
    intake.stage.as_person("care-triager").post(f"/alerts/{address.rpartition('/')[2]}")
    parent.post(address, data=ADDED)
    assert "Not taken" in text_of(intake.stage.as_person("care-triager").get("/alerts"))


def test_nobody_adds_to_an_alert_of_somebody_else(intake):
    _, _, address = say_yes(intake, "parent")
    for person in ("senco", "young-person"):
        client = intake.stage.as_person(person)
        assert (client.get(address).status_code, client.post(address, data=ADDED).status_code) == (404, 404)


@pytest.mark.parametrize("person", ["parent", "senco", "young-person"])
def test_an_alert_says_only_what_somebody_typed(intake, person):
    _, _, address = say_yes(intake, person, name={"child.given_name": "Robin", "child.family_name": "Gull"})
    (alert,) = intake.get("/api/alerts", "care-triager").json()["alerts"]
    typed = {"child": {"given_name": "Robin", "family_name": "Gull"}, "immediate_danger": True}
    assert alert["sent"] == typed
    assert "The child First name Robin Last name Gull" in duty_reads(intake, address)


def test_the_duty_team_reads_a_partners_alert_in_the_words_of_the_form(intake):
    form = intake.form("immediate-danger", nobody_knows={"deep": [1, "two"]}, tried="no list")
    alert = intake.send(form).json()["alert"]
    said = duty_reads(intake, f"/{alert}")
    first = form["contacts"][0]
    assert f"Person to tell: {first['name']}" in said
    assert "Parental responsibility" in said
    assert "Deep 1 two" in said
    assert "no list" in said
    assert not re.search(r"contacts|given_name|True|\[|\{|\d{4}-\d\d-\d\d", said)


@pytest.mark.parametrize("changed", [
    {"contacts": "x"}, {"contacts": [1, {"name": []}]}, {"needs": [[{"code": 1}]]}, {"child": [{"name": None}]},
    {"added_later": 1}, {"concern_raised_on": "soon"},
])  # fmt: skip
def test_whatever_a_partner_sends_with_an_alert_can_be_read_and_added_to(intake, changed):
    alert = intake.send(intake.form("immediate-danger", **changed)).json()["alert"]
    assert intake.stage.as_person("senco").post(f"/refer/D-1/alerts/{alert}", data=ADDED).status_code == 303
    assert "Robin, 7" in duty_reads(intake, f"/{alert}")
