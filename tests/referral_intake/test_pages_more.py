"""The form beyond its main way: what each profession is asked, reports, the SENCO who sends for a teacher."""

import io
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from html import unescape

import pytest
from tests.referral_intake.test_pages_form import PARENT_PAGES, PERSON, REACH, STAFF_PAGES

from frontdoor.access import of_person
from frontdoor.testing import NOW, Stage
from referral_intake.app import service
from referral_intake.filled_form import Filled
from referral_intake.questions import reader_of

pytestmark = pytest.mark.slow


@pytest.fixture
def stage(intake):
    return intake.stage


def begin(client):
    return client.post("/refer").headers["location"]


def fill(client, form, answers):
    for page, typed in answers.items():
        answer = client.post(f"{form}/{page}", data=typed)
        assert answer.status_code == 303, (page, re.findall(r"Error:</span>([^<]*)", answer.text))


def filled_in(client, form, without=()):
    client.post(f"{form}/people", data={"add": "yes"})
    pages = {**STAFF_PAGES, "person-0": PERSON, "reach-0": REACH, "people": {}}
    fill(client, form, {page: typed for page, typed in pages.items() if page not in without})


def submitted(stage):
    return [event for event in stage.said() if type(event).__name__ == "ReferralSubmitted"]


def text_of(answer):
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def asked(stage, person):
    """The fields that somebody is asked, and those that they may add."""
    reader = reader_of(of_person(stage.parts.area.people[person]))
    leaves = Filled(reader, stage.parts.area, NOW, {"contacts.0.language": "en"}).leaves
    fields = {False: set(), True: set()}
    for leaf in leaves:
        fields[leaf.optional] |= {one.name for one in leaf.questions}
    return fields[False], fields[True]


# --- only what is needed is asked -------------------------------------------------------------------------------------


def test_a_gp_is_asked_what_a_gp_knows(stage):
    main, more = asked(stage, "gp")
    assert {"child.nhs_number", "child.gp.ods_code", "medical.history"} <= main | more
    schools_own = {"child.upn", "child.sen_status", "universal_offer", "setting_detail.attainment", "child_voice"}
    assert not schools_own & (main | more)


def test_a_teacher_is_asked_what_a_school_knows(stage):
    main, more = asked(stage, "teacher")
    assert {"child.upn", "child.sen_status", "universal_offer", "setting_detail.attainment"} <= main | more
    assert not {"child.gp.ods_code", "medical.birth", "kind"} & (main | more)


def test_a_parent_is_asked_fewer_fields_than_anybody_who_works_with_children(stage):
    parent = sum(map(len, asked(stage, "parent")))
    assert all(parent < sum(map(len, asked(stage, staff))) for staff in ("senco", "health-visitor", "social-worker"))


def test_the_form_can_be_sent_without_any_page_that_is_optional(stage):
    parent = stage.as_person("parent")
    form = begin(parent)
    fill(parent, form, PARENT_PAGES)
    assert "7 of 7 parts completed" in text_of(parent.get(form))
    assert "More, if you want to" not in text_of(parent.get(f"{form}/check"))
    assert parent.post(f"{form}/check").status_code == 303


# --- rows -------------------------------------------------------------------------------------------------------------


def test_another_person_can_be_added_as_often_as_there_are_people(stage):
    senco = stage.as_person("senco")
    form = begin(senco)
    names = ["Dr Gull", "Ms Tern", "Mr Wren"]
    for so_far in range(1, 4):
        typed = {f"involved.{row}.name": name for row, name in enumerate(names[:so_far])}
        typed |= {f"involved.{row}.role": "doctor" for row in range(so_far)}
        again = senco.post(f"{form}/involved", data=typed | {"_another": "yes"})
        assert again.headers["location"] == f"{form}/involved"
    page = senco.get(f"{form}/involved").text
    assert all(f'value="{name}"' in page for name in names)
    assert 'name="involved.3.name"' in page


def test_a_person_elsewhere_is_asked_where_and_one_at_home_is_not(stage):
    senco = stage.as_person("senco")
    form = begin(senco)
    senco.post(f"{form}/people", data={"add": "yes"})
    senco.post(f"{form}/person-0", data=PERSON | {"contacts.0.lives_with_child": "yes"})
    assert senco.post(f"{form}/reach-0", data=REACH).headers["location"] == f"{form}/people"
    senco.post(f"{form}/person-0", data=PERSON | {"contacts.0.lives_with_child": "no"})
    assert senco.post(f"{form}/reach-0", data=REACH).headers["location"] == f"{form}/home-0"


# --- reports and files ------------------------------------------------------------------------------------------------


def send_file(client, form, data=b"Report.", name="report.txt", kind="hearing"):
    return client.post(
        f"{form}/evidence", data={"kind": kind, "upload": "yes"}, files={"file": (name, io.BytesIO(data))}
    )


def test_a_file_is_kept_described_and_sent_with_the_form(stage):
    senco = stage.as_person("senco")
    form = begin(senco)
    filled_in(senco, form)
    assert send_file(senco, form).headers["location"] == f"{form}/report-0"
    described = {"reports.0.kind": "hearing", "reports.0.author": "Dr Gull", "reports.0.source": "nhs"}
    assert senco.post(f"{form}/report-0", data=described).headers["location"] == f"{form}/evidence"
    assert "report.txt" in senco.get(f"{form}/evidence").text
    senco.post(f"{form}/check")
    reference = submitted(stage)[0].reference
    report = senco.get(f"/api/referrals/{reference}").json()["reports"][0]
    assert (report["title"], report["author"]) == ("report.txt", "Dr Gull")
    page = stage.as_person("health-triager").get(f"/referrals/{reference}").text
    link = re.search(rf'href="(/api/referrals/{reference}/evidence/[^"]+)"', page)[1]
    assert stage.as_person("health-triager").get(link).content == b"Report."


@pytest.mark.parametrize(("data", "said"), [
    (b"", "The selected file is empty"),
    (b"<html>", "must be a PDF, Word"),
    (b"MZ\x90\x00", "must be a PDF, Word"),
    (b"%PDF-1.7 /Encrypt", "protected with a password"),
    (b"X5O!P%@AP-EICAR-STANDARD-ANTIVIRUS-TEST-FILE!", "could not be checked"),
    (b"a" * (10 * 1024 * 1024 + 1), "must be 10 MB or smaller"),
    (b"a" * (11 * 1024 * 1024), "must be 10 MB or smaller"),
])  # fmt: skip
def test_a_file_that_is_not_taken_is_refused_in_plain_words_beside_its_field(stage, data, said):
    senco = stage.as_person("senco")
    answer = send_file(senco, begin(senco), data)
    assert answer.status_code == 422
    assert said in unescape(answer.text)
    assert 'href="#file"' in answer.text


def test_the_same_file_twice_is_there_once(stage):
    senco = stage.as_person("senco")
    form = begin(senco)
    assert [send_file(senco, form).headers["location"] for _ in range(2)] == [f"{form}/report-0"] * 2


def test_the_same_file_pressed_four_times_at_the_same_moment_is_kept_once(tmp_path):
    stage = Stage(service, tmp_path)
    form, all_have_looked = begin(stage.as_person("senco")), threading.Barrier(4)
    object.__setattr__(stage.parts, "scan", lambda _data: all_have_looked.wait() >= 0)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: send_file(stage.as_person("senco"), form), range(4)))
    assert {answer.headers["location"] for answer in answers} == {f"{form}/report-0"}
    assert len(list((tmp_path / "uploads").iterdir())) == 1
    with stage.look() as session:
        assert session.connection().exec_driver_sql("select count(*) from upload").scalar() == 1


def test_a_51st_file_is_refused(stage):
    senco = stage.as_person("senco")
    form = begin(senco)
    for number in range(50):
        assert send_file(senco, form, f"Report {number}".encode()).status_code == 303
    assert "up to 50 files" in send_file(senco, form, b"One more").text


def test_a_file_is_taken_away_again(stage):
    senco = stage.as_person("senco")
    form = begin(senco)
    send_file(senco, form)
    senco.post(f"{form}/evidence", data={"remove": "0"}, files={"file": ("", b"")})
    assert "report.txt" not in senco.get(f"{form}/evidence").text


def test_without_a_file_one_goes_on(stage):
    senco = stage.as_person("senco")
    form = begin(senco)
    assert senco.post(f"{form}/evidence", data={}, files={"file": ("", b"")}).headers["location"] == form


# --- a delegate drafts, the SENCO sends -------------------------------------------------------------------------------


def test_a_teacher_drafts_and_the_senco_of_the_school_sends(stage):
    teacher, senco = stage.as_person("teacher"), stage.as_person("senco")
    form = begin(teacher)
    filled_in(teacher, form, without=("you",))
    send_file(teacher, form)
    teacher.post(f"{form}/report-0", data={"reports.0.kind": "hearing"})
    teacher.post(f"{form}/hand-over")
    assert "Tom Ashdown" in text_of(senco.get("/"))
    senco.post(f"{form}/take")
    assert "7 of 7 parts completed" in text_of(senco.get(form))
    assert "Priya Raman" in text_of(teacher.get("/"))
    assert senco.post(f"{form}/check").status_code == 303
    event = submitted(stage)[0]
    assert (event.sent_by, event.drafted_by, event.referrer_role) == ("senco", "teacher", "senco")
    shown = senco.get(f"/api/referrals/{event.reference}").json()
    assert shown["consent"]["taken_by"] == "Tom Ashdown"
    assert shown["referrer"]["name"] == "Priya Raman"


def test_a_form_that_was_passed_on_can_be_taken_back_until_it_is_taken_up(stage):
    teacher, senco = stage.as_person("teacher"), stage.as_person("senco")
    form = begin(teacher)
    teacher.post(f"{form}/hand-over")
    teacher.post(f"{form}/hand-over", data={"back": "yes"})
    assert senco.post(f"{form}/take").status_code == 404
    assert teacher.get(form).status_code == 200


@pytest.mark.parametrize("person", ["other-senco", "gp", "parent", "health-triager"])
def test_nobody_else_takes_up_a_form_or_sees_that_it_waits(stage, person):
    teacher, stranger = stage.as_person("teacher"), stage.as_person(person)
    form = begin(teacher)
    teacher.post(f"{form}/hand-over")
    assert stranger.post(f"{form}/take").status_code == 404
    assert form not in stranger.get("/").text


@pytest.mark.parametrize("person", ["parent", "gp", "senco"])
def test_who_has_no_senco_to_pass_it_to_is_not_asked(stage, person):
    client = stage.as_person(person)
    assert "Pass it to the SENCO" not in client.get(begin(client)).text


# --- less paperwork ---------------------------------------------------------------------------------------------------


def test_the_minutes_that_a_form_took_are_counted_without_the_night_between(stage):
    senco = stage.as_person("senco")
    form = begin(senco)
    stage.clock.forward(minutes=2)
    filled_in(senco, form)
    stage.clock.forward(hours=14)
    senco.post(f"{form}/name", data=STAFF_PAGES["name"])
    senco.post(f"{form}/check")
    assert submitted(stage)[0].form_minutes == 7


def test_every_answer_is_shown_to_a_triager_in_plain_words(stage):
    senco = stage.as_person("senco")
    form = begin(senco)
    filled_in(senco, form)
    more = {
        "circumstances": {"visit_risk": "There is a large dog."},
        "household": {"household.0.name": "Robin", "household.0.relationship": "twin brother"},
        "arrived": {"arrived.by": "post", "arrived.on-day": "12", "arrived.on-month": "11", "arrived.on-year": "2026"},
        "schooling": {"child.year_group": "Reception", "setting_detail.attendance_percent": "91"},
    }
    fill(senco, form, more)
    senco.post(f"{form}/check")
    said = text_of(stage.as_person("education-triager").get(f"/referrals/{submitted(stage)[0].reference}"))
    for words in ("There is a large dog.", "Robin; twin brother", "By post", "Thursday 12 November 2026", "Reception"):
        assert words in said
    assert "Attendance 91" in said
    assert "Name Dawn Thorne Relationship mother" in said
    assert "Also" not in said
    assert "Speech, language and communication (main need)" in said


def test_a_box_that_nobody_ticked_is_no_line(stage):
    parent = stage.as_person("parent")
    form = begin(parent)
    fill(parent, form, PARENT_PAGES)
    parent.post(f"{form}/check")
    page = text_of(parent.get(f"/referrals/{submitted(stage)[0].reference}"))
    assert "Confidential address" not in page
    assert "Role Parent" in page
