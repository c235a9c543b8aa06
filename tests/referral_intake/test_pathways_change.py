"""Pathways live in the product: tried before they are adopted, each referral says by which; and nobody is too young."""

import re
from datetime import date
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdoor.calendars import age_on
from referral_intake import domain


def change(intake, **changed):
    found = intake.get("/api/pathways", "admin").json()
    kept = {name: found[name] for name in ("support", "needs", "catch_all", "minimum_ages")}
    return {"based_on": found["version"], "note": "The panel agreed it on 16 November.", **kept, **changed}


def without_education(intake):
    needs = intake.get("/api/pathways", "admin").json()["needs"]
    return change(intake, needs=needs | {"SLCN": ["health"]})


def adopt(intake, wanted):
    return intake.post("/api/pathways", wanted, "admin")


def test_a_preview_says_where_last_terms_referrals_would_have_gone_and_changes_nothing(intake):
    reference = intake.sent()
    intake.sent(intake.form("early-help"), "social-worker")
    seen = intake.post("/api/pathways/preview", without_education(intake), "admin").json()
    assert (seen["referrals"], seen["changed"]) == (2, 1)
    assert seen["examples"] == [{"reference": reference, "before": ["education", "health"], "after": ["health"]}]
    assert intake.said("PathwaysAdopted") == []
    assert intake.send().json()["agencies"] == ["education", "health"]


def test_referrals_of_an_earlier_term_are_left_out_of_a_preview(intake):
    intake.sent()
    intake.stage.clock.forward(weeks=17)
    assert intake.post("/api/pathways/preview", without_education(intake), "admin").json()["referrals"] == 0


def test_adopted_pathways_send_the_next_referral_and_it_says_by_which(intake):
    before = intake.sent()
    version = adopt(intake, without_education(intake)).json()["version"]
    after = intake.send().json()
    assert after["agencies"] == ["health"]
    assert [event.pathways_version for event in intake.said("ReferralSubmitted")] == ["2026.2", version]
    assert [one["agency"] for one in intake.get(f"/api/referrals/{before}").json()["agencies"]] == [
        "education",
        "health",
    ]


def test_two_who_change_the_same_version_do_not_undo_each_other(intake):
    wanted = without_education(intake)
    assert adopt(intake, wanted).status_code == 201
    answer = adopt(intake, wanted)
    assert (answer.status_code, answer.json()["code"]) == (409, "stale")


def test_every_version_stays_with_who_adopted_it_and_why(intake):
    adopt(intake, without_education(intake))
    adopt(intake, change(intake))
    history = intake.get("/api/pathways", "admin").json()["history"]
    assert [(one["version"], one["adopted_by"]) for one in history] == [("2026.2-2", "admin"), ("2026.2-1", "admin")]


@pytest.mark.parametrize("changed", [
    {"catch_all": []}, {"needs": {"SLCN": []}}, {"needs": {"XYZ": ["health"]}}, {"support": {"early_help": ["police"]}},
    {"minimum_ages": {"early_help": {"from_age": 0}}}, {"minimum_ages": {"unknown": {"from_age": 4}}},
    {"minimum_ages": {"early_help": {"from_age": 4, "interim": ["unknown"]}}}, {"note": " "},
])  # fmt: skip
def test_pathways_that_lead_nowhere_are_refused(intake, changed):
    for path in ("/api/pathways", "/api/pathways/preview"):
        assert intake.post(path, change(intake, **changed), "admin").status_code == 422


@pytest.mark.parametrize("person", ["senco", "panel-chair", "health-triager"])
def test_only_an_administrator_changes_pathways_and_everybody_signed_in_may_read_them(intake, person):
    assert intake.get("/api/pathways", person).status_code == 200
    assert intake.post("/api/pathways", change(intake), person).status_code == 403
    assert intake.get("/pathways/change", person).status_code == 403


def test_an_administrator_previews_and_adopts_on_a_page(intake):
    intake.sent()
    client = intake.stage.as_person("admin")
    form = client.get("/pathways/change").text
    typed = {}
    for name, value in re.findall(
        r'name="((?:support|needs)\.\w+|catch_all|interim\.\w+)"[^>]*value="(\w+)"[^>]*checked', form
    ):
        typed.setdefault(name, []).append(value)
    typed |= {"needs.SLCN": ["health"], "based_on": "2026.2", "note": "Agreed by the panel"}
    typed |= dict(re.findall(r'name="(minimum_ages\.\w+)"[^>]*value="(\d+)"', form))
    seen = unescape(client.post("/pathways/change", data=typed).text)
    assert "last 16 weeks: 1. Of these would have gone elsewhere: 1." in seen
    assert intake.said("PathwaysAdopted") == []
    assert client.post("/pathways/change", data=typed | {"adopt": "yes"}).headers["location"] == "/pathways"
    adopted = intake.said("PathwaysAdopted")[0]
    assert adopted.needs["SLCN"] == ("health",)
    assert adopted.minimum_ages["educational_psychology"].from_age == 4
    assert "Agreed by the panel" in client.get("/pathways").text


# --- minimum ages -----------------------------------------------------------------------------------------------------


def too_young(intake):
    form = intake.form(child__date_of_birth="2023-01-20", support=["educational_psychology"])
    return intake.sent(form | {"needs": [{"code": "HI", "rank": "primary"}]})


def test_a_child_who_is_too_young_is_not_declined_and_support_starts(intake):
    reference = too_young(intake)
    shown = intake.get(f"/api/referrals/{reference}").json()
    rules = {rule for entry in shown["agencies"] for rule in entry["rules"]}
    assert {"support:educational_psychology", "interim:send_support"} <= rules
    assert "too_young_yet" in shown["flags"]
    assert intake.said("ReferralSubmitted")[0].waits[0].ready_on == date(2027, 2, 1)


def test_on_the_birthday_it_comes_up_again_by_itself_and_once(intake):
    reference = too_young(intake)
    intake.stage.clock.forward(days=74)
    intake.stage.chores()
    assert intake.said("AssessmentReady") == []
    intake.stage.clock.forward(days=1)
    for _ in range(3):
        intake.stage.chores()
    (ready,) = intake.said("AssessmentReady")
    assert (ready.reference, ready.support) == (reference, "educational_psychology")
    assert (ready.agencies, ready.ready_on) == (("education",), date(2027, 2, 1))
    assert intake.post(f"/api/referrals/{reference}/additions", {"text": "More"}).status_code == 201


def test_the_sender_reads_from_when_it_is_asked_for_again_and_that_it_was(intake):
    reference = too_young(intake)
    receipt = unescape(intake.get(f"/referrals/{reference}/received").text)
    assert "Educational psychology: asked for again by itself on Monday 1 February 2027" in receipt
    intake.stage.clock.forward(days=75)
    intake.stage.chores()
    page = unescape(intake.get(f"/referrals/{reference}").text)
    assert "Educational psychology: asked for again on Monday 1 February 2027, without anybody having to ask" in page


@pytest.mark.parametrize(("rules", "agencies"), [
    ({"education": ["support:ep"], "health": ["need:HI"]}, ("education",)),
    ({"care": ["catch-all:ep"], "education": ["interim:send_support"]}, ("care",)),
    ({"health": ["redirect:education"]}, ("health",)),
])  # fmt: skip
def test_only_the_teams_that_were_asked_are_asked_again(rules, agencies):
    assert domain.asked_again("ep", rules) == agencies


def test_what_was_taken_back_does_not_come_up_again(intake):
    reference = too_young(intake)
    intake.post(f"/api/referrals/{reference}/withdraw", {"reason": "Moved"})
    intake.stage.clock.forward(days=100)
    intake.stage.chores()
    assert intake.said("AssessmentReady") == []


@given(st.dates(date(2001, 1, 1), date(2026, 1, 1)), st.integers(1, 24))
def test_a_birthday_is_the_first_day_of_an_age(birth, age):
    day = domain.birthday(birth, age)
    assert age_on(birth, day) == age
    assert age_on(birth, date.fromordinal(day.toordinal() - 1)) == age - 1


def test_a_child_from_elsewhere_is_accepted_and_the_sender_told_what_happens(intake):
    reference = intake.sent(intake.form(child__postcode="B1 1AA"))
    page = unescape(intake.get(f"/referrals/{reference}/received").text)
    assert "outside this area. The referral is accepted all the same" in page
    assert "out_of_area" in intake.get(f"/api/referrals/{reference}").json()["flags"]
