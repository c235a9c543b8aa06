"""What can be seen of hearing, whatever carries it: one trace, and whether it goes on."""

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from frontdoor import metrics, tracing
from frontdoor.delivery.progress import STUCK_AFTER, Progress


@pytest.fixture
def spans():
    """What has left the process."""
    exporter = InMemorySpanExporter()
    tracing.start(SimpleSpanProcessor(exporter))
    yield exporter.get_finished_spans
    tracing.stop()


def test_a_trace_goes_on_from_who_says_to_who_hears_and_to_what_they_say_in_turn(line, spans):
    with tracing.requested("therapy-booking", None) as span:
        line.say("F1", 2)
        span.name("POST /api/offers")
    line.carry()
    asked = next(span for span in spans() if span.name == "POST /api/offers")
    heard = [span for span in spans() if span.name == "hear OfferEnded"]
    with line.parts.database.read() as session:
        said = [record for _, record in line.parts.log.all(session)]

    assert [span.context.trace_id for span in heard] == [asked.context.trace_id] * 2
    assert {span.context.trace_id for span in spans() if span.name.startswith("send ")} <= {asked.context.trace_id}
    assert {span.parent.span_id for span in heard} == {asked.context.span_id}
    assert {record.traceparent[3:35] for record in said} == {f"{asked.context.trace_id:032x}"}
    assert [span.attributes["frontdoor.outcome"] for span in heard] == ["applied"] * 2
    assert [span.attributes["frontdoor.said"] for span in heard] == [("LinkRenewed",)] * 2


def test_what_is_refused_or_fails_is_seen_to(line, spans):
    line.refuse("F1/1")
    line.fail("F2/1")
    line.say("F1")
    line.say("F2")
    line.carry()
    seen = {span.attributes.get("frontdoor.outcome", span.attributes.get("error.type")) for span in spans()}
    assert {"refused", "ValueError"} <= seen


def test_what_had_to_begin_again_is_counted(line):
    before = troubles()
    line.fail("F1/1", times=1)
    line.say("F1")
    line.carry()
    assert troubles() > before


def troubles():
    """Times that hearing had to begin again."""
    families = metrics.counts_of("child-record").registry.collect()
    return sum(
        sample.value
        for family in families
        if family.name == "frontdoor_hearing_trouble"
        for sample in family.samples
        if sample.name.endswith("_total")
    )


class Machine:
    """Machine time that is moved by hand."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def machine():
    return Machine()


@pytest.fixture
def progress(machine):
    return Progress(machine)


def test_a_hearer_that_is_behind_and_does_not_move_is_stuck(machine, progress):
    machine.now += STUCK_AFTER - 1
    assert progress.report({"intake": 3}, running=True)["ok"]
    machine.now += 1
    assert progress.report({"intake": 3}, running=True) == {
        "ok": False,
        "running": True,
        "behind": {"intake": 3},
        "still_for": STUCK_AFTER,
    }


def test_a_hearer_that_is_behind_and_moves_is_not_stuck_however_far_it_is_behind(machine, progress):
    for _ in range(5):
        machine.now += STUCK_AFTER - 1
        progress.moved()
    assert progress.report({"intake": 1_000_000}, running=True)["ok"]


def test_a_hearer_that_has_nothing_to_hear_is_not_stuck_however_long(machine, progress):
    machine.now += 100_000
    assert progress.report({"intake": 0}, running=True)["ok"]
    machine.now += STUCK_AFTER - 1
    assert progress.report({"intake": 1}, running=True)["ok"]


def test_a_hearer_of_which_nobody_can_say_how_far_it_is_must_have_moved(machine, progress):
    machine.now += STUCK_AFTER
    assert not progress.report({"intake": None}, running=True)["ok"]


def test_a_hearer_that_does_not_run_is_not_ok(progress):
    assert not progress.report({}, running=False)["ok"]
