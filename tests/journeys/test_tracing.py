"""One trace follows a referral through every service, and nothing in it is anybody's."""

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from frontdoor import tracing

CALLERS = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TRACE = int(CALLERS[3:35], 16)


@pytest.fixture
def spans():
    """What has left the process."""
    exporter = InMemorySpanExporter()
    tracing.start(SimpleSpanProcessor(exporter))
    yield exporter.get_finished_spans
    tracing.stop()


def refer(front_door, **headers):
    answer = front_door.as_person("senco").post("/api/referrals", json=front_door.form, headers=headers)
    assert answer.status_code == 201
    front_door.settle()
    return answer.json()["reference"]


def service(span):
    return span.resource.attributes["service.name"]


def test_one_trace_follows_a_referral_through_every_service(front_door, spans):
    refer(front_door, traceparent=CALLERS)
    trace = [span for span in spans() if span.context.trace_id == TRACE]

    assert {service(span) for span in trace} == {
        "referral-intake",
        "triage-panel",
        "therapy-booking",
        "notification",
        "child-record",
    }
    assert "POST /api/referrals" in {span.name for span in trace}
    heard = {(service(span), span.name) for span in trace}
    assert ("triage-panel", "hear ReferralSubmitted") in heard
    assert ("child-record", "hear ReferralQueued") in heard
    assert ("notification", "hear ReferralQueued") in heard
    assert ("referral-intake", "hear ReferralQueued") in heard
