"""A referral is received once, at once, and everybody who must see it is named."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from frontdoor.identifiers import short_id
from frontdoor.problems import validate
from referral_intake import handlers
from referral_intake.commands import ReferralForm

SIX = {
    "one-need": ["education", "health"],
    "not-yet-known": ["care", "education", "health"],
    "from-the-family": ["education", "health"],
    "needs-assessment": ["care", "education", "health"],
    "early-help": ["care", "education"],
}


@pytest.mark.parametrize(("name", "agencies"), SIX.items())
def test_each_of_the_usual_referrals_reaches_the_agencies_that_it_concerns(shared_intake, name, agencies):
    answer = shared_intake.send(shared_intake.form(name)).json()
    assert answer["status"] == "received"
    assert answer["agencies"] == agencies


def test_the_answer_names_the_days_and_two_paths_of_this_origin(intake):
    response = intake.send()
    answer = response.json()
    assert response.headers["location"] == f"/api/referrals/{answer['reference']}"
    assert answer["status_url"].startswith(f"/family/{answer['reference']}.sender.1.")
    assert answer["received_at"] == "2026-11-18T09:30:00.000000Z"
    assert answer["acknowledge_by"] == "2026-11-20T23:59:59.000000Z"


def test_the_child_and_the_contacts_are_known_before_the_referral_is(intake):
    intake.sent(intake.form("not-yet-known"))
    said = [type(event).__name__ for event in intake.stage.said()]
    assert said == ["ChildRegistered", "ContactAdded", "ContactAdded", "ReferralSubmitted"]


def test_the_event_says_by_which_rules_each_agency_was_chosen(intake):
    intake.sent(intake.form("early-help"))
    (event,) = intake.said("ReferralSubmitted")
    rules = {route.agency: route.rules for route in event.routes}
    assert rules == {
        "care": ("need:SEMH", "support:early_help", "support:parenting_support"),
        "education": ("need:SEMH", "support:send_support"),
    }
    assert (event.pathways_version, event.standard_version) == ("2026.2", "2026.1")


def test_two_forms_about_one_child_are_two_referrals_at_once(intake):
    assert intake.sent() != intake.sent()
    assert len({event.child_id for event in intake.said("ReferralSubmitted")}) == 2


def test_a_reference_that_is_taken_is_not_given_again(intake, monkeypatch):
    first = intake.sent()
    drawn = [first, first, "R4XN-K7T2C"]
    monkeypatch.setattr(handlers, "new_reference", lambda: drawn.pop(0))
    assert intake.sent() == "R4XN-K7T2C"
    assert [event.reference for event in intake.said("ReferralSubmitted")] == [first, "R4XN-K7T2C"]


def test_the_same_key_and_form_get_the_first_answer_again(intake):
    first, again = (intake.send(key="a-key") for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.headers["idempotent-replay"] == "true"
    assert again.headers["location"] == first.headers["location"]
    assert again.json() == first.json()
    assert len(intake.said("ReferralSubmitted")) == 1


def test_the_same_key_with_another_form_is_refused(intake):
    intake.send(key="a-key")
    answer = intake.send(intake.form(concern="Something else."), key="a-key")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_mismatch")


def test_a_refused_form_may_be_put_right_under_the_same_key(intake):
    assert intake.send(intake.form(contacts=[]), key="a-key").status_code == 422
    assert intake.send(key="a-key").status_code == 201


def test_a_key_is_its_persons_own(intake):
    first, other = intake.send(key="a-key"), intake.send(key="a-key", person="gp")
    assert first.json()["reference"] != other.json()["reference"]


@pytest.mark.parametrize("key", ["k" * 129, "with space", "é"])
def test_a_key_that_is_not_visible_ascii_is_refused(intake, key):
    headers = {b"Idempotency-Key": key.encode()}
    answer = intake.stage.as_person("senco").post("/api/referrals", json=intake.form(), headers=headers)
    assert answer.status_code == 400


def test_fifty_at_once_with_one_key_are_one_referral(intake):
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: intake.send(key="the-same"), range(50)))
    assert {answer.status_code for answer in answers} <= {200, 201}
    assert len({answer.json()["reference"] for answer in answers}) == 1
    assert len(intake.said("ReferralSubmitted")) == 1


def test_the_same_form_token_is_the_same_referral(intake):
    form = validate(ReferralForm, intake.form())
    receipts = []
    for child_id in (short_id("C"), short_id("C")):
        handlers.prepare_child(intake.stage.parts, form, child_id)
        with intake.stage.work("senco") as work:
            receipts.append(handlers.receive_referral_once(work, "a-token", form, child_id))
    assert receipts[0] == receipts[1]
    assert len(intake.said("ReferralSubmitted")) == 1


def test_nothing_personal_stands_in_clear_in_the_log(intake):
    canary = intake.form("needs-assessment")
    text = json.dumps(canary)
    for personal in ("Ines", "Calloway", "Ruth", "Two years of support"):
        text = text.replace(personal, f"ZZCANARY{personal}")
    reference = intake.sent(json.loads(text) | {"strengths": "ZZCANARY kind"})
    intake.post(f"/api/referrals/{reference}/additions", {"text": "ZZCANARY more"})
    intake.post(f"/api/referrals/{reference}/withdraw", {"reason": "ZZCANARY moved"})
    with intake.stage.look() as session:
        payloads = b"".join(record.payload for _, record in intake.stage.service.log.all(session))
    for personal in (b"ZZCANARY", b"9990123039", b"U882990224031", b"2019-09-03", b"CO3 9ZZ", b"calloway@"):
        assert personal not in payloads


def test_no_other_table_holds_anything_personal_in_clear(intake):
    form = intake.form(child__family_name="Zzcanary", concern="Zzcanary")
    intake.send(form, key="a-key")
    intake.send(form | {"immediate_danger": True})
    intake.stage.parts.database.dispose()
    written = b"".join(path.read_bytes() for path in intake.stage.parts.folder.glob("referral-intake.sqlite*"))
    assert b"zzcanary" not in written.lower()


def test_an_erased_child_breaks_no_answer(intake):
    reference = intake.sent()
    intake.stage.keys.destroy(intake.said("ReferralSubmitted")[0].child_id, intake.stage.clock.now)
    shown = intake.get(f"/api/referrals/{reference}").json()
    assert (shown["status"], shown["child"]) == ("received", {})


def test_a_letter_goes_to_the_childs_address_where_the_contact_gave_none(intake):
    intake.sent(intake.form("needs-assessment", child__address=["1 Quay Lane", "Saltmarsh"]))
    details = [intake.stage.keys.unseal(event.details) for event in intake.said("ContactAdded")]
    assert details[1]["address"] == ["1 Quay Lane", "Saltmarsh"]
    assert details[1]["postcode"] == "CO3 9ZZ"


@pytest.mark.parametrize(
    ("changed", "flag"),
    [
        ({"contacts__0__parental_responsibility": False}, "no_parental_responsibility"),
        ({"child__setting": "The old barn"}, "unmatched_setting"),
        ({"referrer__organisation": "A practice nobody knows"}, "unmatched_organisation"),
        ({"child__postcode": "ZZ99 3VZ"}, "out_of_area"),
        ({"needs__0__code": "OTH"}, "to_be_sorted"),
        ({"support": ["music_lessons"]}, "to_be_sorted"),
        ({"child__date_of_birth_estimated": True}, "birth_date_estimated"),
    ],
)
def test_what_a_person_must_look_at_is_flagged_and_refuses_nothing(shared_intake, changed, flag):
    reference = shared_intake.sent(shared_intake.form(**changed))
    assert shared_intake.get(f"/api/referrals/{reference}").json()["flags"] == [flag]


def test_a_baby_who_is_not_born_yet_can_be_referred(intake):
    reference = intake.sent(intake.form(child__date_of_birth=None, child__expected_date="2027-02-01"))
    assert intake.get(f"/api/referrals/{reference}").json()["flags"] == ["not_born_yet"]


def test_from_16_no_contact_needs_parental_responsibility(intake):
    born = {"child__date_of_birth": "2010-11-18", "contacts__0__parental_responsibility": False}
    reference = intake.sent(intake.form(**born))
    assert intake.get(f"/api/referrals/{reference}").json()["flags"] == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, True),
        ({"contacts__0__safe_to_contact": False}, False),
        ({"do_not_contact": [{"name": "Marian  Aldous"}]}, False),
        ({"child__date_of_birth": "2006-01-01"}, False),
        ({"child__date_of_birth": "2006-01-01", "contacts__0__relationship": "self"}, True),
    ],
)
def test_who_may_be_told_is_said_with_each_contact(intake, changed, told):
    intake.sent(intake.form(**changed))
    assert intake.said("ContactAdded")[0].safe_to_contact is told


def test_an_answer_that_is_no_longer_kept_is_thrown_away_and_a_later_one_is_not(intake):
    intake.send(key="old")
    intake.stage.clock.forward(days=8)
    intake.send(key="new")
    intake.stage.chores()

    with intake.stage.look() as session:
        assert session.connection().exec_driver_sql("select key from answer").scalars().all() == ["new"]
