"""What a referral may say besides: it is kept whole, shown to those whom it concerns, and never a gate."""

import re
from datetime import UTC, date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdoor.calendars import received_on
from frontdoor.testing import NOW
from referral_intake import paper_rules, reports, visibility
from referral_intake.commands import Child, ReferralForm

EVERYTHING = {
    "impact": "She gives up in class.",
    "hoped_for": "To be understood by her friends.",
    "urgent_because": "She has stopped eating at school.",
    "home_situation": "They move house in May.",
    "universal_offer": ["small_group", "visual_support"],
    "household": [{"name": "Robin", "relationship": "twin brother", "date_of_birth": "2021-03-14"}],
    "medical": {
        "diagnoses": [{"name": "Glue ear", "source": "nhs", "on": "2025-01-04"}],
        "hearing": "Grommets in 2025",
        "hearing_checked_on": "2026-06-01",
        "allergies": "Nuts",
    },
    "setting_detail": {"admitted_on": "2025-09-03", "attendance_percent": 91, "previous": ["Tern House"]},
    "reports": [
        {"kind": "hearing", "author": "Dr Gull", "author_role": "Audiologist", "on": "2026-06-01", "source": "nhs"},
    ],
    "visit_risk": "There is a large dog.",
    "discussed_with": "Emma Lindqvist",
    "discussion_reference": "TALK-12",
    "information_sharing": {"explained": True, "objection": "Not with the school nurse", "not_with": ["care"]},
    "competence": {"decision": "able", "assessed_by": "Dr Gull", "on": "2026-11-01"},
    "arrived": {"by": "post", "on": "2026-11-16"},
}
ABOUT_THE_CHILD = {
    "sen_status": "K",
    "sen_status_since": "2025-10-01",
    "year_group": "Reception",
    "taught_with_year": "Nursery",
    "access_needs": "Uses a walking frame",
    "pronouns": "she",
    "gp": {"name": "Dr Marsh", "ods_code": "f81234", "practice": "Quay Surgery", "phone": "01632 960001"},
}


def whole(intake):
    form = intake.form() | EVERYTHING
    form["child"] |= ABOUT_THE_CHILD
    return form


def test_everything_that_may_be_said_is_kept_and_shown_to_who_said_it(intake):
    shown = intake.get(f"/api/referrals/{intake.sent(whole(intake))}").json()
    assert shown["child"]["gp"]["ods_code"] == "F81234"
    assert {name: shown["child"][name] for name in ABOUT_THE_CHILD if name != "gp"} == {
        name: said for name, said in ABOUT_THE_CHILD.items() if name != "gp"
    }
    for name, said in EVERYTHING.items():
        kept = shown[name]
        assert kept == said or kept.items() >= said.items(), name


def test_health_sees_what_is_medical_and_education_what_is_the_schools(intake):
    reference = intake.sent(whole(intake))
    health, education = (
        intake.get(f"/api/referrals/{reference}", f"{one}-triager").json() for one in ("health", "education")
    )
    assert health["medical"]["allergies"] == "Nuts"
    assert "medical" not in education
    assert "gp" not in education["child"]


def test_ethnic_group_is_shown_to_nobody_who_decides_about_the_child(intake):
    reference = intake.sent(intake.form(child__ethnicity="White British"))
    assert intake.get(f"/api/referrals/{reference}").json()["child"]["ethnicity"] == "White British"
    assert "ethnicity" not in intake.get(f"/api/referrals/{reference}", "health-triager").json()["child"]


def test_every_field_of_a_form_is_in_a_category_that_somebody_agreed_to_share():
    fields = set(ReferralForm.model_fields) - {"immediate_danger", "kind"}
    named = {part for parts in visibility.PARTS.values() for part in parts}
    assert fields <= named
    of_child = {part for parts in visibility.PARTS_OF_CHILD.values() for part in parts}
    assert of_child <= set(Child.model_fields)


def test_a_confidential_address_is_shown_to_the_care_team_and_who_sent_it_alone(intake):
    form = intake.form("not-yet-known", child__address=["1 Safe House"], child__address_confidential=True)
    reference = intake.sent(form, "health-visitor")
    seen = {
        person: "address" in intake.get(f"/api/referrals/{reference}", person).json()["child"]
        for person in ("health-visitor", "care-triager", "health-triager", "education-triager")
    }
    assert seen == {"health-visitor": True, "care-triager": True, "health-triager": False, "education-triager": False}
    assert "confidential_address" in intake.get(f"/api/referrals/{reference}", "health-triager").json()["flags"]


@pytest.mark.parametrize(("lives", "told"), [(True, ["1 Safe House"]), (None, []), (False, [])])
def test_a_confidential_address_becomes_nobodys_but_theirs_who_live_there(intake, lives, told):
    contact = {"name": "B", "relationship": "father", "parental_responsibility": True, "channel": "letter"}
    contact |= {} if lives is None else {"lives_with_child": lives}
    changed = {"contacts": [contact], "child__address": ["1 Safe House"], "child__address_confidential": True}
    shown = intake.get(f"/api/referrals/{intake.sent(intake.form(**changed))}").json()["contacts"][0]
    assert shown["address"] == told


def test_an_objection_to_sharing_refuses_nothing_and_is_looked_at_by_a_person(intake):
    sharing = {"explained": True, "not_with": ["care"]}
    reference = intake.sent(intake.form(information_sharing=sharing))
    assert "sharing_objection" in intake.get(f"/api/referrals/{reference}").json()["flags"]


@pytest.mark.parametrize(("path", "value", "field"), [
    ("reports", [{"kind": "hearing", "on": "2026-11-19"}], "reports.0.on"),
    ("household", [{"name": "A", "relationship": "aunt", "date_of_birth": "2027-01-01"}], "household.0.date_of_birth"),
    ("medical", {"vision_checked_on": "2027-01-01"}, "medical.vision_checked_on"),
    ("competence", {"decision": "able", "assessed_by": "A", "on": "2027-01-01"}, "competence.on"),
    ("arrived", {"by": "post", "on": "2026-11-19"}, "arrived.on"),
    ("arrived", {"by": "post", "on": "2025-01-01"}, "arrived.on"),
    ("arrived", {"by": "email", "on": "2026-11-17", "at": "25:00"}, "arrived.at"),
    ("arrived", {"by": "email", "on": "2026-11-17", "posted": True}, "arrived"),
    ("setting_detail", {"attendance_percent": 101}, "setting_detail.attendance_percent"),
    ("reports", [{"kind": "hearing", "upload": "U-23456789"}], "reports.0.upload"),
])  # fmt: skip
def test_what_is_wrong_besides_is_said_beside_its_field(shared_intake, path, value, field):
    answer = shared_intake.send(shared_intake.form(**{path: value}))
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


# --- when it was received ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("by", "on", "at", "posted", "received"), [
    ("email", "2026-11-16", "16:59", False, "2026-11-16T16:59"),  # a Monday
    ("email", "2026-11-16", "17:00", False, "2026-11-17T09:00"),
    ("email", "2026-11-14", "10:00", False, "2026-11-16T09:00"),  # a Saturday
    ("hand", "2026-11-13", None, False, "2026-11-13T09:00"),
    ("telephone", "2026-11-13", "18:30", False, "2026-11-16T09:00"),  # a Friday evening
    ("post", "2026-11-13", None, False, "2026-11-13T09:00"),  # delivered that day
    ("post", "2026-11-13", None, True, "2026-11-16T09:00"),  # posted on a Friday
    ("post", "2026-12-24", None, True, "2026-12-29T09:00"),  # over Christmas, with its substitute day
])  # fmt: skip
def test_what_is_keyed_in_was_received_when_it_came(by, on, at, posted, received):
    now = datetime(2027, 1, 4, 12, tzinfo=UTC)
    said = paper_rules.arrived_at(
        by, date.fromisoformat(on), time.fromisoformat(at) if at else None, posted=posted, now=now
    )
    assert said == datetime.fromisoformat(received).replace(tzinfo=UTC)


@given(st.sampled_from(["email", "post", "hand", "telephone"]), st.dates(date(2026, 1, 1), date(2026, 11, 18)),
       st.none() | st.times(), st.booleans())  # fmt: skip
def test_nothing_is_received_later_than_now_or_before_the_day_it_came(by, on, at, posted):
    received = paper_rules.arrived_at(by, on, at, posted=posted, now=NOW)
    assert received <= NOW
    assert received == NOW or received_on(received) >= on


def test_the_clock_of_a_paper_form_starts_when_it_came(intake):
    answer = intake.send(intake.form(arrived={"by": "post", "on": "2026-11-12", "posted": True})).json()
    assert answer["received_at"] == "2026-11-13T09:00:00.000000Z"
    assert answer["acknowledge_by"].startswith("2026-11-17")
    assert intake.said("ReferralSubmitted")[0].arrived_by == "post"


def test_who_keys_in_what_came_after_five_reads_from_when_every_date_counts(intake):
    reference = intake.sent(intake.form(arrived={"by": "email", "on": "2026-11-16", "at": "17:40"}))
    said = " ".join(re.sub(r"<[^>]+>", "", intake.get(f"/referrals/{reference}/received").text).split())
    assert "every date counts from Tuesday 17 November 2026" in said


def test_a_family_cannot_say_that_its_form_came_earlier(intake):
    form = intake.form("from-the-family", arrived={"by": "post", "on": "2026-11-02"})
    answer = intake.send(form, "parent")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "arrived.on")


# --- evidence ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("reports", "missing"), [
    ([], ["hearing", "school_baseline"]),
    ([{"kind": "hearing", "source": "nhs"}], ["school_baseline"]),
    ([{"kind": "hearing", "source": "private"}], ["hearing", "school_baseline"]),
    ([{"kind": "hearing", "source": "private", "accreditation": "RCCP 1234"}], ["school_baseline"]),
    ([{"kind": "school_baseline", "source": "school"}], ["hearing"]),
])  # fmt: skip
def test_what_is_missing_is_shown_and_holds_nothing_up(intake, reports, missing):
    reference = intake.sent(intake.form(reports=reports))
    assert intake.get(f"/api/referrals/{reference}", "health-triager").json()["evidence_missing"] == missing


def test_a_schools_baseline_is_never_a_specialists_advice():
    missing = reports.evidence_missing(["ehc_needs_assessment"], [{"kind": "school_baseline"}])
    assert "educational_psychology" in missing


def test_a_reports_file_is_opened_with_the_referral(intake):
    client = intake.stage.as_person("senco")
    upload = client.post("/api/uploads", files={"file": ("a.txt", b"Report.")}).json()["upload"]
    reference = intake.sent(intake.form(reports=[{"kind": "hearing", "upload": upload}]))
    assert intake.get(f"/api/referrals/{reference}/evidence/{upload}", "health-triager").content == b"Report."
