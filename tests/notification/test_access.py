"""Who may see what was sent: the auditor, the child's triagers and the family; for others it is not there."""

import json

import pytest

from frontdoor.areas import areas_folder, load_area
from notification import channels

pytestmark = pytest.mark.slow

REFERENCE = "R7K2-9QF4Q"
MUM = "K-2AAAAAAA"
PEOPLE = sorted(load_area(areas_folder() / "sample").people)
MAY = {"auditor", "health-triager", "education-triager"}


def test_what_was_sent_is_there_for_those_who_may_see_it_and_for_nobody_else(stage, family):
    family.is_known()
    assert answers(stage, lambda client: client.get("/api/notices", params={"reference": REFERENCE})) == {
        person: 200 if person in MAY else 404 for person in PEOPLE
    }


@pytest.mark.parametrize(("person", "status"), [("parent", 200), ("young-person", 404), ("auditor", 200)])
def test_a_parent_who_referred_sees_what_was_sent(stage, family, person, status):
    family.is_known(family_raised=True, sent_by="parent", organisation=None)
    assert stage.as_person(person).get("/api/notices", params={"reference": REFERENCE}).status_code == status


def test_family_that_triage_knows_of_sees_what_was_sent(stage, family):
    family.is_known(agencies=("health",))
    family.queues("care", redirected_from="health", family=("parent",))
    assert stage.as_person("parent").get("/api/notices", params={"reference": REFERENCE}).status_code == 200


def test_a_colleague_who_sent_a_parents_form_is_not_the_family(stage, family):
    family.is_known(referrer_role="parent", sent_by="senco")
    assert stage.as_person("senco").get("/api/notices", params={"reference": REFERENCE}).status_code == 404


def test_nobody_signed_in_is_asked_to_sign_in(stage):
    assert stage.as_person(None).get("/api/notices", params={"reference": REFERENCE}).status_code == 401


def test_an_unknown_reference_is_not_there(stage):
    assert stage.as_person("auditor").get("/api/notices", params={"reference": "R222-22222"}).status_code == 404


def test_an_unknown_reference_leaves_one_row_of_audit_like_one_that_one_may_not_see(stage, family):
    family.is_known()
    for reference in (REFERENCE, "R222-22222", "ZZCANARY"):
        stage.as_person("gp").get("/api/notices", params={"reference": reference})
    with stage.look() as session:
        rows = session.connection().execute(stage.parts.audit.select()).all()
    assert [(row.person, row.action, row.answer, json.loads(row.references)) for row in rows] == [
        ("gp", "notice.read", "deny:relation", [REFERENCE]),
        ("gp", "notice.read", "deny:unknown", ["R222-22222"]),
        ("gp", "notice.read", "deny:unknown", [""]),
    ]


def test_without_a_reference_the_question_is_wrong(stage):
    answer = stage.as_person("auditor").get("/api/notices")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "reference")


def test_a_reference_is_read_as_people_write_it(stage, family):
    family.is_known()
    assert len(stage.as_person("auditor").get("/api/notices", params={"reference": "r7k2 9qf4q"}).json()) == 1


def test_a_notice_is_shown_as_the_contract_says(stage, family):
    family.is_known()
    (notice,) = family.notices()
    assert notice | {"notice": ""} == {
        "notice": "",
        "event": "ReferralSubmitted",
        "recipient": MUM,
        "channel": "sms",
        "status": "created",
        "template": "received",
        "created_at": "2026-11-18T09:30:00.000000Z",
    }


def test_reading_leaves_an_audit_row(stage, family):
    family.is_known()
    family.notices()
    with stage.look() as session:
        rows = session.connection().execute(stage.parts.audit.select()).all()
    assert [(row.person, row.action, row.relation, json.loads(row.references)) for row in rows] == [
        ("auditor", "notice.read", "auditor", [REFERENCE])
    ]


def test_only_admin_and_auditor_see_what_a_person_must_see_to(stage):
    assert answers(stage, lambda client: client.get("/messages/tasks")) == {
        person: 200 if person in {"admin", "auditor"} else 403 for person in PEOPLE
    }


def test_only_admin_settles_a_task(stage, family):
    notice = failed(stage, family)
    assert answers(stage, lambda client: client.post(f"/messages/{notice}/settled")) == {
        person: 303 if person == "admin" else 403 for person in PEOPLE
    }


def test_no_canary_leaves_the_house(stage, family, capfd):
    family.is_known((MUM, "letter"), ("K-3CCCCCCC", "sms"))
    family.declines()
    stage.chores()
    told = (stage.parts.folder / channels.LEDGER).read_text() + json.dumps(family.notices())
    with stage.look() as session:
        logged = "".join(str(record.payload) + record.stream for _, record in stage.service.log.all(session))
    said = capfd.readouterr()
    assert "ZZCANARY" not in told + logged + said.out + said.err
    assert "900501" not in told + logged + said.out + said.err


def failed(stage, family):
    family.has_contact(MUM, "email", email=None)
    family.submits()
    stage.chores()
    return family.notices()[0]["notice"]


def answers(stage, ask):
    return {person: ask(stage.as_person(person)).status_code for person in PEOPLE}
