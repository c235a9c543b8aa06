"""One trace follows a referral through every service, and nothing that leaves the process is anybody's."""

import json

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from frontdoor import tracing
from frontdoor.envelope import decode
from frontdoor.testing import logged

pytestmark = pytest.mark.slow

CALLERS = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TRACE = int(CALLERS[3:35], 16)
ALL_FIVE = {"referral-intake", "triage-panel", "therapy-booking", "notification", "child-record"}
CHILD = {
    "given_name": "Zzcanaria",
    "family_name": "Thistlethwaite",
    "known_as": "Zzpet",
    "date_of_birth": "2019-03-27",
    "nhs_number": "999 123 4578",
    "postcode": "SS1 9ZZ",
    "address": ["12 Zzcanary Lane", "Saltmarsh"],
}
PARENT = {
    "name": "Zzmother Thistlethwaite",
    "relationship": "zzstepmother",
    "parental_responsibility": True,
    "channel": "email",
    "language": "en",
    "email": "zzcanary@example.org",
    "phone": "07700 900987",
    "note": "zznote about a dog",
}
WORDS = {
    "concern": "Zzconcern: cannot say its own name",
    "tried": ["zztried a picture board"],
    "strengths": "zzstrong at chess",
    "child_voice": "zzvoice of the child",
    "family_voice": "zzvoice of the family",
}
CANARIES = ("zz", "thistlethwaite", "2019-03-27", "9991234578", "999 123 4578", "ss1 9zz", "900987", "900 987")
"""What must never leave, in small letters."""


@pytest.fixture
def spans():
    """What has left the process."""
    exporter = InMemorySpanExporter()
    tracing.start(SimpleSpanProcessor(exporter))
    yield exporter.get_finished_spans
    tracing.stop()


@pytest.fixture
def lines():
    """Every line that is logged, at the most talkative."""
    with logged("DEBUG") as read:
        yield read


def refer(front_door, **headers):
    answer = front_door.as_person("senco").post("/api/referrals", json=front_door.form, headers=headers)
    assert answer.status_code == 201, answer.text
    front_door.settle()
    return answer.json()


def service(span):
    return span.resource.attributes["service.name"]


def test_one_trace_follows_a_referral_through_every_service(front_door, spans):
    reference = refer(front_door, traceparent=CALLERS)["reference"]
    trace = [span for span in spans() if span.context.trace_id == TRACE]
    seen = {(service(span), span.name) for span in trace}

    assert {service(span) for span in trace} == ALL_FIVE
    assert {
        ("referral-intake", "POST /api/referrals"),
        ("triage-panel", "hear ReferralSubmitted"),
        ("child-record", "hear ReferralQueued"),
        ("notification", "hear ReferralQueued"),
        ("referral-intake", "hear ReferralQueued"),
        ("child-record", "hear NoticeSent"),
    } <= seen
    assert {span.status.status_code for span in trace} == {StatusCode.UNSET}
    assert traces_of(front_door, reference) == {CALLERS[3:35]}


def test_each_step_of_a_trace_hangs_on_the_one_before(front_door, spans):
    refer(front_door, traceparent=CALLERS)
    trace = {span.context.span_id: span for span in spans() if span.context.trace_id == TRACE}
    step = next(span for span in trace.values() if span.name == "hear NoticeSent")
    path = [step.name]
    while step.parent.span_id in trace:
        step = trace[step.parent.span_id]
        path.append(step.name)

    assert path == [
        "hear NoticeSent",
        "transaction",
        "hear ReferralSubmitted",
        "transaction",
        "POST /api/referrals",
    ]
    assert f"{step.parent.span_id:016x}" == CALLERS[36:52]


def traces_of(front_door, reference):
    """The traces of all events of a referral, in all logs."""
    found = set()
    for parts in front_door.assembly.parts.values():
        with parts.database.read() as session:
            records = [record for _, record in parts.log.all(session)]
        found |= {record.traceparent[3:35] for record in records if reference in record.payload.decode()}
    return found


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "nonsense",
        CALLERS.upper(),
        CALLERS[:-1],
        f"{CALLERS}-more",
        f"01{CALLERS[2:]}",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-4bf92f3577b34da6a3ce929d0e0e4736-{'0' * 16}-01",
        "00-Zzcanaria-Thistlethwaite-01",
    ],
)
def test_a_traceparent_that_is_not_well_formed_begins_a_trace_of_our_own(front_door, spans, sent):
    answer = front_door.as_person(None).get("/health/live", headers={"traceparent": sent})
    assert answer.status_code == 200
    (span,) = spans()
    assert span.parent is None
    assert span.context.trace_id != TRACE


def test_where_nobody_traces_the_callers_trace_is_carried_on_all_the_same(front_door):
    reference = refer(front_door, traceparent=CALLERS)["reference"]
    assert traces_of(front_door, reference) == {CALLERS[3:35]}


def test_where_nobody_traces_an_envelope_says_nothing_of_a_trace(front_door):
    refer(front_door)
    parts = front_door.assembly.parts["referral-intake"]
    with parts.database.read() as session:
        payloads = [row.payload for row in parts.log.after(session, 0, 10)]
    assert {decode(payload).traceparent for payload in payloads} == {None}


def test_nothing_that_leaves_the_process_is_anybodys(front_door, spans, lines):
    walk(front_door)
    metrics = front_door.as_person("admin").get("/metrics").text

    left = [json.loads(span.to_json()) for span in spans()]
    assert len(left) > 100
    assert len(lines()) > 30
    for what in (left, lines(), metrics):
        text = json.dumps(what, ensure_ascii=False).lower()
        assert not [canary for canary in CANARIES if canary in text]
    allowed = {*tracing.NAMES.values()}
    assert {name for span in left for name in span["attributes"]} <= allowed
    assert not [span["name"] for span in left if span["events"] or span["links"] or span["status"].get("description")]


def walk(front_door):
    """A referral with a canary in every field, through the whole product; and what goes wrong on the way."""
    senco, triager = front_door.as_person("senco"), front_door.as_person("health-triager")
    involved = [{"role": "Zzrole", "name": "Zzinvolved", "contact": "07700 900987"}]
    form = front_door.form | WORDS | {"involved": involved}
    form["child"], form["contacts"] = front_door.form["child"] | CHILD, [PARENT]
    front_door.form = form
    sent = refer(front_door)
    reference = sent["reference"]
    senco.post(f"/api/referrals/{reference}/additions", json={"text": "zzaddition"})
    front_door.decide("health", reference, "return", reason_code="incomplete", comment="zzcomment")
    senco.post(f"/api/referrals/{reference}/additions", json={"text": "zzagain"})
    front_door.settle()
    front_door.waiting(reference)
    block, _ = front_door.commission()
    assert front_door.book(reference, block).status_code == 201
    triager.post("/api/search", json={"name": "Zzcanaria Thistlethwaite", "nhs_number": CHILD["nhs_number"]})
    triager.post("/api/search?name=Zzcanaria", json={"name": 5})
    senco.post("/api/referrals", json=form | {"child": CHILD | {"postcode": "zznone", "zzfield": "zzvalue"}})
    senco.post("/api/referrals", content=b'{"child": "Zzcanaria', headers={"content-type": "application/json"})
    senco.post("/api/referrals", json=form | {"immediate_danger": True})
    senco.get("/Zzcanaria/Thistlethwaite?born=2019-03-27", headers={"traceparent": "zz-zz"})
    senco.request("ZZCANARIA", "/api/referrals")
    senco.get("/api/referrals/Zzcanaria", headers={"Accept": "text/html"})
    senco.post("/sign-in", data={"person": "Zzcanaria", "next": "//zz"})
    front_door.as_person(None).get(sent["status_url"] + "zz")
    assert front_door.as_person(None).get(sent["status_url"]).status_code == 200
    front_door.days_pass(60)
