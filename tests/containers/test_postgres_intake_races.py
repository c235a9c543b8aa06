"""Two who want the same of a child, a concern, a form or the pathways at the same moment, on PostgreSQL."""

from collections import Counter
from threading import Barrier

import pytest

from referral_intake import bulk, handlers

pytestmark = pytest.mark.containers
CONCERN = {
    "child": {"given_name": "Wren", "family_name": "Aldous"},
    "raised_on": "2026-11-02",
    "area": "communication",
    "impact": "clearly",
    "what": "Strangers understand half of what she says.",
}
ROW = {
    "Date of birth": "2021-03-14",
    "Postcode": "SS3 9ZZ",
    "Needs": "SLCN",
    "Support asked for": "speech_and_language",
    "Concern": "Strangers understand about half of what is said.",
    "First raised": "2026-09-21",
    "Tried so far": "Pictures",
    "Person to tell": "Marian Aldous",
    "Relationship": "mother",
    "Parental responsibility": "Yes",
    "Tell them by": "sms",
    "Telephone": "07700 900601",
    "Consent given by": "Marian Aldous",
    "Consent given on": "2026-11-02",
}


def asks(intake, path, body, person):
    """A call of somebody's own, for another thread."""
    return lambda: intake.post(path, body, person)


def outcomes(answers):
    return Counter(answer.json().get("code", answer.status_code) for answer in answers)


def matches(intake):
    return intake.get("/api/matches", "health-triager").json()["matches"]


# --- who the child is -------------------------------------------------------------------------------------------------


def test_of_four_referrals_of_one_child_at_the_same_moment_each_is_noticed_beside_each(intake, race):
    answers = race(*[intake.send] * 4)

    assert outcomes(answers) == {201: 4}
    assert len(matches(intake)) == 6


def test_a_reference_that_is_taken_is_not_given_again(intake, monkeypatch):
    first = intake.sent()
    drawn = [first, "R4XN-K7T2C"]
    monkeypatch.setattr(handlers, "new_reference", lambda: drawn.pop(0))
    assert intake.sent() == "R4XN-K7T2C"


def test_a_match_is_decided_once_and_a_link_taken_back_once(intake, race):
    intake.sent()
    intake.sent()
    (match,) = matches(intake)

    path = f"/api/matches/{match['match']}"
    decided = race(*[asks(intake, path, {"same": True}, "health-triager")] * 3)
    link = intake.said("ChildrenLinked")[0].link
    undone = race(*[asks(intake, f"/api/links/{link}/unlink", {"reason": "Twins"}, "health-triager")] * 3)

    assert sorted(map(str, outcomes(decided).elements())) == ["200", "not_allowed", "not_allowed"]
    assert sorted(map(str, outcomes(undone).elements())) == ["200", "not_allowed", "not_allowed"]
    assert len(intake.said("ChildrenLinked")) == len(intake.said("ChildrenUnlinked")) == 1


def test_two_files_with_the_same_children_in_another_order_never_cross(intake, race, monkeypatch):
    monkeypatch.setattr("frontdoor.calls.TRIES", 1)
    senco = intake.stage.as_person("senco")
    rows = [ROW | {"First name": name, "Last name": name} for name in ("Wren", "Robin", "Ada", "Jay")]
    pages = [_chosen(senco, rows), _chosen(senco, rows[::-1])]

    answers = race(*(_posts(intake, page) for page in pages))

    assert [answer.status_code for answer in answers] == [303, 303]
    assert len(intake.said("ReferralSubmitted")) == 8
    assert len(matches(intake)) == 4


def _chosen(client, rows):
    lines = [",".join(bulk.COLUMNS), *(",".join(row.get(heading, "") for heading in bulk.COLUMNS) for row in rows)]
    file = {"file": ("a.csv", "\r\n".join(lines).encode())}
    return client.post("/refer/bulk", data={"safe": "yes"}, files=file).headers["location"]


def _posts(intake, path, person="senco"):
    return lambda: intake.stage.as_person(person).post(path)


# --- pathways and birthdays -------------------------------------------------------------------------------------------


def test_of_four_who_adopt_pathways_at_the_same_moment_one_does_and_the_others_look_again(intake, race):
    found = intake.get("/api/pathways", "admin").json()
    kept = {name: found[name] for name in ("support", "needs", "catch_all", "minimum_ages")}
    wanted = {"based_on": found["version"], "note": "Agreed", **kept}

    answers = race(*[asks(intake, "/api/pathways", wanted, "admin")] * 4)

    assert outcomes(answers)["stale"] == 3
    assert len(intake.said("PathwaysAdopted")) == 1


def test_when_the_month_behind_a_birthday_begins_three_processes_say_once_that_it_is_time(intake, race):
    form = intake.form(child__date_of_birth="2023-01-20", support=["educational_psychology"])
    intake.sent(form | {"needs": [{"code": "HI", "rank": "primary"}]})
    intake.stage.clock.forward(days=75)

    said = race(*[intake.stage.chores] * 3)

    assert not [trouble for trouble in said if isinstance(trouble, Exception)]
    assert len(intake.said("AssessmentReady")) == 1


# --- concerns and forms -----------------------------------------------------------------------------------------------


def test_of_three_concerns_at_the_same_moment_exactly_one_is_the_third(intake, race):
    answers = race(*[asks(intake, "/api/concerns", CONCERN, "teacher")] * 3)

    assert Counter(answer.json()["status"] for answer in answers) == {"logged": 2, "to_decide": 1}


def test_a_concern_is_closed_once(intake, race):
    concern = intake.post("/api/concerns", CONCERN, "teacher").json()["concern"]

    def closes():
        return intake.stage.as_person("senco").post(f"/concerns/{concern}/close", data={"reason": "Hearing was tested"})

    assert sorted(answer.status_code for answer in race(*[closes] * 3)) == [303, 409, 409]
    assert len(intake.said("ConcernClosed")) == 1


def test_a_form_that_is_taken_up_and_deleted_at_the_same_moment_is_with_one_person_or_nobody(intake, race):
    teacher, senco = intake.stage.as_person("teacher"), intake.stage.as_person("senco")
    form = teacher.post("/refer").headers["location"]
    teacher.post(f"{form}/hand-over")

    taken, _ = race(_posts(intake, f"{form}/take"), _posts(intake, f"{form}/delete", "teacher"))

    assert senco.get(form).status_code == (200 if taken.status_code == 303 else 404)
    assert teacher.get(form).status_code == 404


def test_the_same_file_pressed_four_times_at_the_same_moment_is_kept_once(intake, race):
    form, all_have_looked = intake.stage.as_person("senco").post("/refer").headers["location"], Barrier(4)
    object.__setattr__(intake.stage.parts, "scan", lambda _data: all_have_looked.wait() >= 0)

    def presses():
        said = {"kind": "hearing", "upload": "yes"}
        file = {"file": ("report.txt", b"Report.")}
        return intake.stage.as_person("senco").post(f"{form}/evidence", data=said, files=file)

    answers = race(*[presses] * 4)

    assert {answer.headers["location"] for answer in answers} == {f"{form}/report-0"}
    with intake.stage.look() as session:
        assert session.connection().exec_driver_sql("select count(*) from upload").scalar() == 1


def test_an_adoption_and_a_change_of_contacts_at_the_same_moment_leave_nobody_to_be_told(intake, race):
    before, after = intake.sent(), intake.sent(intake.form(child__given_name="Ada"))
    body = {"contacts": intake.form()["contacts"]}

    answers = race(
        asks(intake, f"/api/referrals/{before}/adopted", {"new_reference": after}, "health-triager"),
        asks(intake, f"/api/referrals/{before}/contacts", body, "senco"),
    )

    assert sorted(answer.status_code for answer in answers) == [200, 201]
    assert intake.post("/api/search", {"name": "Wren"}, "health-triager").json() == {"children": []}
    [last] = {event.contact_id: event for event in intake.said("ContactChanged")}.values()
    assert last.safe_to_contact is False
