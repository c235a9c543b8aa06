"""Immediate danger is no referral: it is an alert, kept for the duty team, and somebody is told when nobody looks."""

import pytest


def test_danger_is_answered_with_what_to_do_now_and_an_alert(intake):
    answer = intake.send(intake.form("immediate-danger"), person="teacher")
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "immediate_danger")
    assert "999" in problem["title"]
    assert problem["alert"].startswith("A-")


@pytest.mark.parametrize(
    "changed",
    [{"consent__given": False}, {"child__given_name": ""}, {"contacts": []}, {"nobody_knows": 1}, {"needs": "x"}],
)
def test_danger_is_looked_at_before_consent_and_fields(shared_intake, changed):
    form = shared_intake.form("immediate-danger", **changed)
    assert shared_intake.send(form).json()["code"] == "immediate_danger"


def test_danger_leaves_no_trace_in_the_log(intake):
    intake.send(intake.form("immediate-danger"))
    assert intake.stage.said() == []


def test_the_duty_team_reads_what_was_sent(intake):
    form = intake.form("immediate-danger")
    alert = intake.send(form).json()["alert"]
    (shown,) = intake.get("/api/alerts", "care-triager").json()["alerts"]
    assert (shown["alert"], shown["sent"], shown["sent_by"]) == (alert, form, "senco")


def test_the_same_words_again_are_the_same_alert(intake):
    alerts = {intake.send(intake.form("immediate-danger")).json()["alert"] for _ in range(2)}
    assert len(alerts) == 1


def test_an_alert_that_nobody_reads_is_escalated_after_15_minutes_once(intake):
    intake.send(intake.form("immediate-danger"))
    intake.stage.clock.forward(minutes=14)
    early = intake.stage.chores()
    intake.stage.clock.forward(minutes=1)
    assert (early, intake.stage.chores(), intake.stage.chores()) == (0, 1, 0)
    assert intake.get("/api/alerts", "care-triager").json()["alerts"][0]["escalated"] is True


def test_an_alert_that_was_read_is_not_escalated(intake):
    alert = intake.send(intake.form("immediate-danger")).json()["alert"]
    read = intake.post(f"/api/alerts/{alert}/read", {}, "care-triager")
    intake.stage.clock.forward(hours=1)
    assert (read.status_code, read.json()["read_by"]) == (200, "care-triager")
    assert intake.stage.chores() == 0


def test_an_alert_that_there_is_not_is_not_found(shared_intake):
    assert shared_intake.post("/api/alerts/A-23456789/read", {}, "care-triager").status_code == 404


@pytest.mark.parametrize("person", ["health-triager", "education-triager", "social-worker", "senco", "admin"])
def test_only_the_duty_team_sees_alerts(shared_intake, person):
    assert shared_intake.get("/api/alerts", person).status_code == 403


def test_reading_alerts_is_audited(intake):
    alert = intake.send(intake.form("immediate-danger")).json()["alert"]
    intake.get("/api/alerts", "care-triager")
    assert intake.audit() == [("care-triager", "alert.read", [alert], "allow", "triager")]
