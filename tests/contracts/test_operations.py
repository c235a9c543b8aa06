"""What an operator sees: metrics that Prometheus can read, and readiness that names what is wrong."""

import json
import threading
import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert
from sqlalchemy.exc import OperationalError

from all_in_one.testing import FrontDoor
from frontdoor import metrics
from frontdoor.delivery import progress

pytestmark = pytest.mark.slow

FORM = json.loads((Path(__file__).parents[1] / "journeys" / "examples" / "referral.json").read_text())
SERVICES = {"referral-intake", "triage-panel", "therapy-booking", "notification", "child-record"}
LABELS = {"service", "source", "reason", "what", "method", "route", "status", "le", "limit"}


def read(case):
    """Every sample of the origin's metrics by its name, as (labels, value)."""
    text = case.front_door.as_person("admin").get("/metrics").text
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return text, found


def by(samples, label):
    return {labels[label]: value for labels, value in samples}


def test_the_origins_metrics_describe_each_family_once_and_tell_every_service_apart(case):
    text, found = read(case)
    described = [line for line in text.splitlines() if line.startswith(("# HELP", "# TYPE"))]
    names = [line.split()[1:3] for line in described]
    assert len({tuple(name) for name in names}) == len(names)
    assert {labels["service"] for labels, _ in found["frontdoor_events_said"]} == SERVICES
    assert by(found["frontdoor_service_up"], "service") == dict.fromkeys(SERVICES, 1.0)
    assert by(found["frontdoor_database_up"], "service") == dict.fromkeys(SERVICES, 1.0)
    series = [(name, *sorted(labels.items())) for name, samples in found.items() for labels, _ in samples]
    assert len(set(series)) == len(series)


def test_labels_are_ours_and_no_childs(case):
    text, found = read(case)
    assert {label for samples in found.values() for labels, _ in samples for label in labels} <= LABELS
    assert case.reference not in text
    assert "demo-" not in text


def test_requests_are_counted_by_the_template_of_their_route(case):
    client = case.front_door.as_person("senco")
    client.get(f"/api/referrals/{case.reference}")
    client.get("/api/referrals/R222-22222")
    client.get("/nowhere/at/all")
    client.request("BREW", "/nowhere")
    counted = {
        (labels["method"], labels["route"], labels["status"]): value
        for labels, value in read(case)[1]["frontdoor_request_seconds_count"]
    }
    assert counted["GET", "/api/referrals/{reference}", "200"] >= 1
    assert counted["GET", "/api/referrals/{reference}", "404"] >= 1
    assert counted["GET", "unknown", "404"] >= 1
    assert counted["OTHER", "unknown", "404"] >= 1


def test_what_is_parked_is_counted_by_reason_with_the_age_of_the_oldest(case):
    parts = case.front_door.assembly.parts["triage-panel"]
    with parts.database.write() as session:
        row = {"source": "referral-intake", "stream": "referral/R1", "version": 9, "event_id": "e", "type": "Nothing"}
        more = {"hash": b"h", "payload": b"{}", "reason": "poison", "state": "open", "parked_at": parts.clock()}
        table = parts.log.metadata.tables["parked"]
        session.connection().execute(insert(table).values(**row, **more))
    case.front_door.clock.forward(seconds=90)
    found = read(case)[1]
    ready = case.front_door.as_person(None).get("/triage-panel/health/ready").json()
    with parts.database.write() as session:
        session.connection().execute(table.delete())
    case.front_door.clock.forward(seconds=-90)

    assert ({"service": "triage-panel", "reason": "poison"}, 1.0) in found["frontdoor_events_parked"]
    assert by(found["frontdoor_parked_oldest_seconds"], "service")["triage-panel"] == 90
    assert ready["parked"] == {"poison": 1}


def test_what_is_due_and_not_done_is_counted(case):
    due = by(read(case)[1]["frontdoor_due"], "what")
    assert {
        "alerts_unread",
        "breaches_due",
        "notices_due",
        "notices_in_flight",
        "notices_for_a_person",
        "no_health_visitor",
    } == due.keys()
    assert due["breaches_due"] == 0
    case.front_door.clock.forward(days=60)
    assert by(read(case)[1]["frontdoor_due"], "what")["breaches_due"] > 0
    case.front_door.clock.forward(days=-60)


def test_a_service_that_does_not_answer_is_down_in_the_metrics_and_the_others_are_there():
    answers = {"a": (200, 'frontdoor_x{service="a"} 1\n'), "b": (503, "away"), "c": (500, {"code": "failed"})}
    families = {family.name: family for family in text_string_to_metric_families(metrics.merged(answers))}
    assert by([(s.labels, s.value) for s in families["frontdoor_service_up"].samples], "service") == {
        "a": 1.0,
        "b": 0.0,
        "c": 0.0,
    }
    assert len(families["frontdoor_x"].samples) == 1


def test_without_its_database_a_service_says_so_and_what_it_knows_besides(case, monkeypatch):
    def away():
        raise OperationalError("select", None, Exception())

    parts = case.front_door.assembly.parts["triage-panel"]
    monkeypatch.setattr(parts.database, "read", away)
    found = read(case)[1]
    ready = case.front_door.as_person(None).get("/triage-panel/health/ready")
    assert by(found["frontdoor_database_up"], "service")["triage-panel"] == 0
    assert found["frontdoor_request_seconds_count"]
    assert (ready.status_code, ready.json()["database"], ready.json()["migrations"]) == (503, "away", "unknown")


@pytest.fixture
def running(tmp_path):
    """A front door that carries in the background."""
    front_door = FrontDoor(tmp_path, FORM)
    front_door.assembly.transport.start()
    yield front_door
    front_door.assembly.transport.stop()
    front_door.assembly.close()


def ready(front_door, service):
    return front_door.as_person(None).get(f"/{service}/health/ready")


def until(true):
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_service_that_hears_is_ready_and_names_each_part(running):
    running.as_person("senco").post("/api/referrals", json=FORM)
    until(lambda: not any(ready(running, "triage-panel").json()["hearing"]["behind"].values()))
    answer = ready(running, "triage-panel")
    report = answer.json()
    assert answer.status_code == 200
    assert report.pop("hearing")["ok"]
    assert report == {
        "service": "triage-panel",
        "status": "ok",
        "database": "ok",
        "keys": "ok",
        "migrations": "ok",
        "redis": "absent",
        "relay": "absent",
        "parked": {},
    }


def test_a_stuck_hearer_is_told_from_a_live_one(running, monkeypatch):
    monkeypatch.setattr(progress, "STUCK_AFTER", 0.5)
    hearer = running.assembly.hearers["triage-panel"]
    goes_on = threading.Event()
    handler = hearer.handlers["ReferralSubmitted"]

    def stuck(work, heard):
        goes_on.wait(20)
        handler(work, heard)

    hearer.handlers["ReferralSubmitted"] = stuck
    assert ready(running, "triage-panel").status_code == 200
    running.as_person("senco").post("/api/referrals", json=FORM)
    until(lambda: ready(running, "triage-panel").status_code == 503)
    report = ready(running, "triage-panel").json()
    assert report["database"] == "ok"
    assert report["hearing"]["running"]
    assert report["hearing"]["still_for"] >= 0.5
    assert ready(running, "child-record").status_code == 200
    goes_on.set()
    until(lambda: ready(running, "triage-panel").status_code == 200)


def test_a_hearer_whose_rounds_fail_is_not_ready_until_one_goes_well(running, monkeypatch):
    def broken(*_args, **_named):
        raise OSError

    def failures():
        text = running.as_person("admin").get("/child-record/metrics").text
        return [line for line in text.splitlines() if 'what="round"' in line and "_total" in line]

    monkeypatch.setattr(running.assembly.hearers["child-record"], "deliver", broken)
    running.as_person("senco").post("/api/referrals", json=FORM)
    until(lambda: ready(running, "child-record").status_code == 503)
    assert failures()
    monkeypatch.undo()
    until(lambda: ready(running, "child-record").status_code == 200)
