"""What staff notice: anybody of the school logs it, the SENCO decides by a rule, and nothing is keyed twice."""

import re
from datetime import date
from html import unescape

import pytest

from referral_intake.concern_rules import Concern, why_escalate

CONCERN = {
    "child": {"given_name": "Wren", "family_name": "Aldous", "date_of_birth": "2021-03-14"},
    "raised_on": "2026-11-02",
    "area": "communication",
    "impact": "clearly",
    "what": "Strangers understand half of what she says.",
    "strategy": "Pictures on the table",
}


def log(intake, person="teacher", **changed):
    return intake.post("/api/concerns", CONCERN | changed, person)


def one(day, area="communication", impact="clearly", helped=None):
    return Concern(date.fromisoformat(day), area, impact, helped)


@pytest.mark.parametrize(("new", "earlier", "why"), [
    (one("2026-11-02"), [], None),
    (one("2026-11-02", impact="a_lot"), [], "much_impact"),
    (one("2026-11-02"), [one("2026-10-01")], None),
    (one("2026-11-02"), [one("2026-10-01"), one("2026-10-08", "cognition")], "several_concerns"),
    (one("2026-11-02"), [one("2026-10-01"), one("2026-06-08")], None),
    (one("2026-11-02", helped=False), [one("2026-10-01")], "strategy_has_not_helped"),
    (one("2026-11-02", helped=False), [one("2026-10-01", "physical")], None),
    (one("2026-11-02", helped=True), [one("2026-10-01")], None),
])  # fmt: skip
def test_the_senco_decides_where_the_rule_says_so(new, earlier, why):
    assert why_escalate(new, earlier) == why


def test_a_third_concern_about_one_child_is_the_sencos_to_decide(intake):
    answers = [log(intake, raised_on=day).json()["status"] for day in ("2026-10-05", "2026-10-19", "2026-11-02")]
    assert answers == ["logged", "logged", "to_decide"]
    assert log(intake, child={"given_name": "Robin", "family_name": "Aldous"}).json()["status"] == "logged"


def test_the_senco_of_the_school_sees_each_and_nobody_elsewhere_does(intake):
    concern = log(intake).json()["concern"]
    assert [found["concern"] for found in intake.get("/api/concerns", "senco").json()["concerns"]] == [concern]
    assert intake.get("/api/concerns", "other-senco").json() == {"concerns": []}
    assert intake.get(f"/concerns/{concern}", "other-senco").status_code == 404
    for person in ("health-triager", "parent", "gp"):
        assert intake.get("/api/concerns", person).status_code == 403


def test_a_concern_becomes_a_referral_with_nothing_keyed_again(intake):
    for day in ("2026-10-05", "2026-11-02"):
        concern = log(intake, raised_on=day).json()["concern"]
    senco = intake.stage.as_person("senco")
    form = senco.post(f"/concerns/{concern}/refer").headers["location"]
    said = unescape(re.sub(r"<[^>]+>", " ", senco.get(f"{form}/check").text))
    for words in ("Wren", "Aldous", "Sunday 14 March 2021", "Strangers understand half", "Pictures on the table"):
        assert words in said
    assert "Monday 5 October 2026" in said
    send(senco, form)
    reference = intake.said("ReferralSubmitted")[0].reference
    assert [event.reference for event in intake.said("ConcernReferred")] == [reference] * 2
    assert intake.get(f"/api/referrals/{reference}").json()["needs"] == [{"code": "SLCN", "rank": "primary"}]


def send(senco, form):
    """Answer what a concern does not say, and send."""
    senco.post(f"{form}/people", data={"add": "yes"})
    answers = {
        "danger": {"immediate_danger": "no"},
        "home": {"child.postcode": "SS3 9ZZ"},
        "person-0": {
            "contacts.0.name": "Marian",
            "contacts.0.relationship": "mother",
            "contacts.0.parental_responsibility": "yes",
        },
        "reach-0": {"contacts.0.channel": "none", "contacts.0.language": "en"},
        "consent": {
            "consent.given": "yes",
            "consent.by": "Marian",
            "consent.on-day": "9",
            "consent.on-month": "11",
            "consent.on-year": "2026",
        },
    }
    for page, typed in answers.items():
        assert senco.post(f"{form}/{page}", data=typed).status_code == 303, page
    assert senco.post(f"{form}/check").status_code == 303


def test_a_concern_is_closed_with_a_reason_and_once(intake):
    concern = log(intake).json()["concern"]
    senco = intake.stage.as_person("senco")
    assert senco.post(f"/concerns/{concern}/close", data={"reason": " "}).status_code == 422
    assert senco.post(f"/concerns/{concern}/close", data={"reason": "It was a bad cold"}).status_code == 303
    assert senco.post(f"/concerns/{concern}/close", data={"reason": "Again"}).status_code == 409
    assert senco.post(f"/concerns/{concern}/refer").status_code == 409


def test_a_teacher_logs_but_does_not_decide(intake):
    concern = log(intake).json()["concern"]
    teacher = intake.stage.as_person("teacher")
    assert teacher.get(f"/concerns/{concern}").status_code == 200
    assert teacher.post(f"/concerns/{concern}/refer").status_code == 403
    assert teacher.post(f"/concerns/{concern}/close", data={"reason": "x"}).status_code == 403


def test_a_teacher_logs_a_concern_on_a_page_and_what_was_typed_is_kept(intake):
    teacher = intake.stage.as_person("teacher")
    typed = {"child.given_name": "Wren", "child.family_name": "Aldous", "what": "She gives up.", "area": "not_known"}
    page = teacher.get("/concerns/new").text
    typed["token"] = re.search(r'name="token" value="([^"]+)"', page)[1]
    wrong = teacher.post("/concerns/new", data=typed)
    assert wrong.status_code == 422
    assert "She gives up." in wrong.text
    assert "Select how much it affects the child" in wrong.text
    day = {"raised_on-day": "2", "raised_on-month": "11", "raised_on-year": "2026"}
    assert typed["token"] in wrong.text
    whole = typed | day | {"impact": "a_lot"}
    right, again = (teacher.post("/concerns/new", data=whole) for _ in range(2))
    assert right.headers["location"] == again.headers["location"]
    assert "For the SENCO to decide" in intake.stage.as_person("senco").get("/concerns").text
    assert "it affects the child a lot" in teacher.get(right.headers["location"]).text


def test_nothing_of_a_concern_stands_in_clear(intake):
    log(intake)
    written = b"".join(file.read_bytes() for file in intake.stage.parts.folder.glob("referral-intake.sqlite*"))
    assert b"Strangers understand half" not in written
    assert b"Aldous" not in written
