"""What Kafka has not got yet can be seen, with the age of the oldest, and makes no service unready."""

from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from child_record.app import service
from frontdoor import events
from frontdoor.database import Database
from frontdoor.migrations import migrate
from frontdoor.service import build
from frontdoor.testing import Stage

pytestmark = pytest.mark.containers


@pytest.fixture
def alone(postgres, tmp_path):
    """The record on PostgreSQL, with nobody who relays what it says."""
    stage = Stage(service, tmp_path)
    stage.parts.database.dispose()
    database = Database(postgres.fresh())
    migrate(database, service.name)
    stage.parts = replace(stage.parts, database=database)
    app = build(service, stage.parts, lambda: {"ok": True, "behind": {}})
    stage.client = TestClient(app, headers={"Authorization": "Bearer demo-admin"})
    yield stage
    database.dispose()


def test_what_kafka_has_not_got_is_counted_with_the_age_of_the_oldest(alone):
    for recipient in ("K1", "K2"):
        with alone.work("admin") as work:
            renewed = events.LinkRenewed(reference="R1", recipient=recipient, generation=2)
            work.append(f"link/R1/{recipient}", 0, renewed)
        alone.clock.forward(seconds=30)
    text = alone.client.get("/child-record/metrics").text
    samples = {family.name: [sample.value for sample in family.samples] for family in families(text)}
    ready = alone.client.get("/child-record/health/ready")

    assert samples["frontdoor_events_unrelayed"] == [2]
    assert samples["frontdoor_unrelayed_oldest_seconds"] == [60]
    assert (ready.status_code, ready.json()["relay"]) == (200, {"waiting": 2, "oldest_seconds": 60.0})
    assert ready.json()["migrations"] == "ok"


def families(text):
    return list(text_string_to_metric_families(text))
