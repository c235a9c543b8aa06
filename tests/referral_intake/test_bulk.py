"""A school's referrals in one file: looked through first, errors by row, all taken or none."""

import csv
import io
import re
from html import unescape

import pytest

from referral_intake import bulk

ROW = {
    "First name": "Wren",
    "Last name": "Aldous",
    "Date of birth": "14/3/2021",
    "Postcode": "SS3 9ZZ",
    "Needs": "SLCN; SEMH",
    "Support asked for": "speech_and_language",
    "Concern": "Strangers understand about half of what Wren says.",
    "First raised": "2026-09-21",
    "Tried so far": "Small groups; Pictures",
    "Person to tell": "Marian Aldous",
    "Relationship": "mother",
    "Parental responsibility": "Yes",
    "Tell them by": "sms",
    "Telephone": "07700 900601",
    "Consent given by": "Marian Aldous",
    "Consent given on": "02/11/2026",
}


def file_of(*rows, headings=tuple(bulk.COLUMNS), delimiter=",", encoding="utf-8"):
    written = io.StringIO()
    table = csv.DictWriter(written, headings, delimiter=delimiter, extrasaction="ignore")
    table.writeheader()
    table.writerows(rows)
    return written.getvalue().encode(encoding)


@pytest.fixture
def senco(intake):
    return intake.stage.as_person("senco")


def choose(client, data, safe="yes"):
    return client.post("/refer/bulk", data={"safe": safe} if safe else {}, files={"file": ("a.csv", data)})


def text_of(answer):
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def test_a_file_is_looked_through_and_then_sent_whole(intake, senco):
    names = ["Wren", "Robin", "Ada"]
    page = choose(senco, file_of(*(ROW | {"First name": name} for name in names))).headers["location"]
    assert all(name in text_of(senco.get(page)) for name in names)
    assert intake.stage.said() == []
    assert senco.post(page).headers["location"] == page
    assert "3 referrals sent" in text_of(senco.get(page))
    said = intake.said("ReferralSubmitted")
    assert [event.setting for event in said] == ["sample-school"] * 3
    shown = intake.get(f"/api/referrals/{said[0].reference}").json()
    assert (shown["child"]["date_of_birth"], shown["tried"]) == ("2021-03-14", ["Small groups", "Pictures"])
    assert shown["needs"] == [{"code": "SLCN", "rank": "primary"}, {"code": "SEMH", "rank": "secondary"}]
    assert shown["referrer"]["name"] == "Priya Raman"


def test_sending_twice_is_the_same_referrals(intake, senco):
    page = choose(senco, file_of(ROW, ROW)).headers["location"]
    for _ in range(3):
        senco.post(page)
    assert len(intake.said("ReferralSubmitted")) == 2


def test_of_a_file_with_one_wrong_row_none_is_taken_and_the_row_is_named(intake, senco):
    wrong = ROW | {"Postcode": "Saltmarsh", "Date of birth": "31/2/2021"}
    answer = choose(senco, file_of(ROW, wrong, ROW))
    said = text_of(answer)
    assert answer.status_code == 422
    assert "Nothing has been sent: 1 of 3 rows is wrong" in said
    assert "Row 3, Wren Aldous: 2 things to put right" in said
    assert "Row 3, Wren Aldous" in said
    assert "Enter a full UK postcode" in said
    assert "Date of birth must be a real date" in said
    assert intake.stage.said() == []


@pytest.mark.parametrize(("changed", "column"), [
    ({"NHS number": "9990123013"}, "NHS number"), ({"UPN": "A881990125014"}, "UPN"), ({"Needs": "XYZ"}, "Needs"),
    ({"Needs": ""}, "Needs"), ({"Concern": ""}, "Concern"), ({"Telephone": "999"}, "Telephone"),
    ({"Parental responsibility": "maybe"}, "Parental responsibility"), ({"Tell them by": "pigeon"}, "Tell them by"),
    ({"Consent given on": "2027-01-01"}, "Consent given on"), ({"First name": "a\u202eb"}, "First name"),
    ({"Support asked for": "Speech therapy"}, "Support asked for"), ({"Date of birth": "1990-01-01"}, "Date of birth"),
])  # fmt: skip
def test_each_mistake_is_said_with_its_column(senco, changed, column):
    answer = choose(senco, file_of(ROW | changed))
    assert answer.status_code == 422
    assert re.search(rf">\s*{re.escape(column)}\s*</dt", answer.text), text_of(answer)


@pytest.mark.parametrize(("changed", "said"), [
    ({"Concern": ""}, "Fill in this cell"), ({"Date of birth": ""}, "Fill in this cell"),
    ({"Needs": ""}, "Fill in this cell"), ({"Needs": "XYZ"}, "Use the codes that are listed"),
    ({"Support asked for": "Speech"}, "Use the codes that are listed"),
    ({"Parental responsibility": "maybe"}, "Write yes or no"),
    ({"Tell them by": "pigeon"}, "Write one of: email, sms, letter, phone, none"),
])  # fmt: skip
def test_what_to_write_in_a_cell_is_said_in_words_of_a_file(senco, changed, said):
    page = choose(senco, file_of(ROW | changed))
    assert said in text_of(page)
    assert 'name="file"' in page.text


def test_mistakes_stand_in_the_order_of_the_columns(senco):
    page = choose(
        senco, file_of(ROW | {"Consent given on": "", "First name": "", "Postcode": "x", "Needs": "XYZ"})
    ).text
    found = re.findall(r'<dt class="govuk-summary-list__key">\s*([^<]*?)\s*</dt>', page)
    assert found == ["First name", "Postcode", "Needs", "Consent given on"]


def test_every_row_is_seen_in_words_before_anything_is_sent(senco):
    seen = text_of(senco.get(choose(senco, file_of(ROW)).headers["location"]))
    for said in ("Send 1 referral?", "Wren Aldous", "Sunday 14 March 2021", "Speech, language and communication",
                 "Speech and language therapy", "Marian Aldous"):  # fmt: skip
        assert said in seen


@pytest.mark.parametrize(("data", "said"), [
    (b"", "Select a file"),
    (b"First name,First name\r\na,b\r\n", "same heading"),
    (b"First name,Shoe size\r\na,b\r\n", "not in the list"),
    (b"First name\r\n\r\n", "no row below"),
    (b"PK\x03\x04\0\0", "must be a CSV file"),
    (b"First name\r\n" + b"a\r\n" * 101, "100 rows or fewer"),
    (b"a" * (1024 * 1024 + 1), "1 MB or smaller"),
])  # fmt: skip
def test_a_file_that_is_none_is_refused_with_what_to_do(senco, data, said):
    answer = choose(senco, data)
    assert answer.status_code == 422
    assert said in text_of(answer)


@pytest.mark.parametrize(("delimiter", "encoding"), [(";", "utf-8-sig"), ("\t", "utf-8"), (",", "cp1252")])
def test_whatever_a_spreadsheet_writes_is_read(senco, delimiter, encoding):
    data = file_of(ROW | {"First name": "Zoë"}, delimiter=delimiter, encoding=encoding)
    page = choose(senco, data).headers["location"]
    assert "Zoë" in text_of(senco.get(page))


def test_danger_is_asked_about_before_anything_is_read(senco):
    answer = choose(senco, file_of(ROW), safe="")
    assert answer.status_code == 422
    assert "Call 999" in text_of(answer)


@pytest.mark.parametrize("person", ["teacher", "parent", "health-triager", "gp"])
def test_only_a_senco_sends_a_file(intake, senco, person):
    page = choose(senco, file_of(ROW)).headers["location"]
    client = intake.stage.as_person(person)
    assert client.get("/refer/bulk").status_code == 403
    assert client.post(page).status_code == 403


def test_somebody_elses_file_is_not_there(intake, senco):
    page = choose(senco, file_of(ROW)).headers["location"]
    other = intake.stage.as_person("other-senco")
    assert other.get(page).status_code == 404
    other.post(page)
    assert intake.stage.said() == []


def test_the_empty_file_has_every_heading(senco):
    assert next(csv.reader(io.StringIO(senco.get("/refer/bulk/template.csv").text))) == list(bulk.COLUMNS)
