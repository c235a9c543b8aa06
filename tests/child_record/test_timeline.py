"""What the shared record tells, to whom, and that it tells it once."""

import json
import random

import pytest
from sqlalchemy import text

from child_record.domain import WORDS
from child_record.subscriptions import SUBSCRIPTIONS
from frontdoor import events
from frontdoor.delivery import parking

ALLOWED = {"senco", "health-triager", "education-triager", "therapist-salt"}


def test_a_referral_opens_one_record_with_its_first_line(stage, told):
    told.hears(told.submitted())
    said = stage.said(f"record/{told.reference}")
    assert [type(event).__name__ for event in said] == ["RecordOpened", "StepNoted"]


def test_each_event_becomes_one_line_at_the_time_it_happened(stage, told, timeline):
    told.hears(told.submitted())
    stage.clock.forward(days=3)
    told.hears(told.queued())
    assert [(line["at"], line["what"]) for line in timeline("health-triager").json()] == [
        ("2026-11-18T09:30:00.000000Z", "received"),
        ("2026-11-21T09:30:00.000000Z", "entry_queued"),
    ]


def test_a_line_says_who_by_role_or_organisation_and_never_by_name(told, timeline):
    told.hears(*told.story())
    by = {line["what"]: line["by"] for line in timeline("health-triager").json()}
    assert by["received"] == "a SENCO at Curlew Road Primary School"
    assert by["entry_accepted"] == "the health team"
    assert by["block_booked"] == "the therapy booking team"


def test_a_timeline_has_the_fields_that_programs_rely_on(told, timeline):
    told.hears(told.submitted())
    [line] = timeline("senco").json()
    assert (
        line | {"service": "referral-intake", "what": "received", "agency": None, "text": "Referral received"} == line
    )
    assert set(line) == {"reference", "at", "service", "what", "by", "agency", "text"}


def test_nothing_personal_stands_in_a_timeline_or_in_the_log(stage, told, timeline, canaries):
    told.hears(*told.story())
    with stage.look() as session:
        log = b" ".join(session.connection().scalars(text("select payload from log"))).decode()
    shown = timeline("health-triager").text
    assert not [word for word in canaries if word in shown or (word in log and word != "SLCN")]


def test_what_comes_before_its_referral_waits_for_it(stage, told, timeline):
    told.hears(told.queued())
    assert stage.said() == []
    told.hears(told.submitted())
    assert [line["what"] for line in timeline("health-triager").json()] == ["received", "entry_queued"]


def test_every_event_delivered_twice_changes_nothing(stage, told, timeline):
    records = [record for stream, event in told.story() for record in stage.hears(stream, event)]
    before = timeline("health-triager").json(), len(stage.said())
    stage.hears_again(*records, *records)
    assert (timeline("health-triager").json(), len(stage.said())) == before


@pytest.mark.parametrize("seed", range(4))
def test_in_whatever_order_events_arrive_the_record_ends_the_same(stage, told, timeline, seed):
    records = [stage.owners.say(*one)[0] for one in told.story()]
    shuffled = random.Random(seed).sample(records, len(records))
    for record in shuffled:
        stage.hearer.deliver(record.source.removeprefix("front-door/"), [record.payload])
    stage.hears_again(*records)  # as the owners are asked to say again what came too early
    stage.hearer.retry_parked()
    lines = [line["what"] for line in timeline("health-triager").json()]
    assert lines[0] == "received"
    assert lines[-2:] == ["block_booked", "notice_sent"]
    assert len(lines) == len(records) - 1  # the child's registration is no line
    with stage.look() as session:
        assert not parking.of(stage.service.metadata).open(session, None)


def test_the_tables_built_again_from_the_log_are_the_same(stage, told):
    told.hears(*told.story())
    tables = [table for table in stage.service.metadata.tables.values() if table.info["kind"] == "derived"]
    with stage.parts.database.write() as session:
        read = lambda: {t.name: sorted(map(repr, session.connection().execute(t.select()))) for t in tables}  # noqa: E731
        before = read()
        for table in tables:
            session.connection().execute(table.delete())
        for _, record in list(stage.service.log.all(session)):
            stage.service.log.apply(session, record)
        session.flush()
        assert read() == before
        assert all(before[name] for name in ("record", "step", "reach", "child"))


# --- who ---


def test_only_those_who_stand_to_the_child_see_its_timeline(stage, told, timeline):
    told.hears(*told.story())
    assert {person for person in stage.parts.area.people if timeline(person).status_code == 200} == ALLOWED
    assert {timeline(person).status_code for person in stage.parts.area.people.keys() - ALLOWED} == {404}


def test_nobody_signed_in_sees_no_timeline(told, timeline):
    told.hears(told.submitted())
    assert timeline(None).status_code == 401


def test_a_stranger_gets_the_same_answer_as_for_what_is_not_there(stage, told, timeline):
    told.hears(told.submitted())
    missing = stage.as_person("other-senco").get("/api/records/R222-22222/timeline")
    assert timeline("other-senco").json() == missing.json()


def test_each_answer_leaves_one_audit_row_with_relation_and_agreement(told, timeline, audit):
    told.hears(*told.story())
    timeline("health-triager")
    assert [(row["relation"], row["agreement"], json.loads(row["references"])) for row in audit()] == [
        ("triager", "sample-front-door", [told.reference])
    ]


@pytest.mark.parametrize("address", ["/records/{}", "/api/records/{}/timeline"])
def test_asking_for_what_is_not_there_costs_and_leaves_what_it_does_for_a_stranger(stage, told, audit, address):
    told.hears(told.submitted())
    for asked in (told.reference, "R222-22222"):
        assert stage.as_person("other-senco").get(address.format(asked)).status_code == 404
    assert [(row["action"], row["answer"], json.loads(row["references"])) for row in audit()] == [
        ("timeline.read", "deny:relation", [told.reference]),
        ("timeline.read", "deny:unknown", ["R222-22222"]),
    ]


def test_a_link_asked_for_what_is_not_there_leaves_a_row_too(stage, audit):
    body = {"recipient": "sender"}
    assert stage.as_person("senco").post("/api/records/R222-22222/links", json=body).status_code == 404
    assert [(row["action"], row["answer"]) for row in audit()] == [("link.renew", "deny:unknown")]


def test_what_somebody_typed_that_is_no_reference_is_not_kept(stage, audit):
    assert stage.as_person("senco").get("/api/records/Wilhelmina%20T/timeline").status_code == 404
    assert [json.loads(row["references"]) for row in audit()] == [["no reference"]]


def test_the_sender_sees_its_own_agencys_part_and_the_statuses_of_others(told, timeline):
    told.hears(*told.story(), told.entry(events.EntryReopened, "education", reason_code="other"))
    seen = [(line["agency"], line["what"]) for line in timeline("senco").json()]
    assert ("education", "entry_declined") in seen
    assert ("health", "entry_accepted") in seen
    assert not {"therapy_agreed", "block_booked", "notice_sent", "entry_claimed"} & {what for _, what in seen}


def test_the_sender_is_not_told_another_agencys_reasons(told, timeline):
    told.hears(told.submitted(), told.queued(), told.entry(events.EntryDeclined, reason_code="known_to_service"))
    assert "known" not in timeline("senco").text
    assert "known to service" in timeline("health-triager").text


def test_a_family_that_sent_it_reads_plain_words_and_no_internal_lines(told, timeline):
    own = {"sent_by": "parent", "organisation": None, "setting": None, "family_raised": True, "referrer_role": "parent"}
    told.hears(told.submitted(**own), told.queued(), told.notice(events.NoticeUncertain))
    assert [line["text"] for line in timeline("parent").json()] == [
        "The referral was received",
        "The health team has the referral and will decide by Wednesday 2 December 2026",
    ]


def test_a_therapist_sees_it_only_while_a_booking_is_theirs(told, timeline):
    told.hears(told.submitted(), told.booked(), told.booked("G-SECOND23"))
    told.hears(told.released())
    assert timeline("therapist-salt").status_code == 200
    told.hears(told.released("G-SECOND23"))
    assert timeline("therapist-salt").status_code == 404


def test_an_agency_that_it_is_passed_to_sees_it_from_then_on(stage, told, timeline):
    told.hears(told.submitted(), told.queued())
    assert timeline("care-triager").status_code == 404
    stage.clock.forward(hours=1)
    told.hears(told.entry(events.EntryRedirected, redirect_to="care", reason_code="other"))
    stage.clock.forward(seconds=1)
    told.hears(told.queued("care", redirected_from="health"))
    assert timeline("care-triager").json()[-2]["text"] == "Passed by the health team to the care team: other"


def test_every_code_that_can_be_noted_has_words(stage, told, timeline):
    told.hears(*told.story(), told.offered(), *everything_else(told))
    noted = {event.what for event in stage.said() if isinstance(event, events.StepNoted)}
    assert noted == set(WORDS)
    assert all(line["text"] and "{" not in line["text"] for line in timeline("health-triager").json())


def test_every_event_that_is_heard_is_tried_in_these_tests(told):
    tried = {type(event) for _, event in [*told.story(), told.offered(), *everything_else(told)]}
    assert tried == set(SUBSCRIPTIONS)


def everything_else(told):
    """One each of the events that the story has no place for."""
    names = {"reference": told.reference, "child_id": told.child_id}
    agencies = ("education", "health")
    changed = {
        events.EntryHeld,
        events.EntryResumed,
        events.EntryReturned,
        events.EntryRequeued,
        events.EntryReopened,
        events.EntryClosed,
        events.EntryWithdrawn,
    }
    amended = events.ReferralAmended(agencies=agencies, text=told.sealed("x"), **names)
    withdrawn = events.ReferralWithdrawn(agencies=agencies, reason=told.sealed("x"), **names)
    pair = {"link": "L-4MXKQ7PD", "child_id": told.child_id, "other_child_id": "C-2222222A"}
    return [
        ("child-link/L-4MXKQ7PD", events.ChildrenLinked(**pair)),
        ("child-link/L-4MXKQ7PD", events.ChildrenUnlinked(**pair, reason=told.sealed("x"))),
        told.adopted(),
        (f"referral/{told.reference}", amended),
        *(told.entry(kind, reason_code="other") for kind in sorted(changed, key=lambda kind: kind.__name__)),
        told.entry(
            events.EntryBroughtUp,
            support="paediatrics",
            ready_on=told.now.date().replace(day=1),
            due_at=told.now,
            standard="triage",
            standard_version="1",
            calendar_version="1",
        ),
        told.entry(events.EntryClaimed, holder=None),
        told.entry(events.EntryRedirected, redirect_to="education", reason_code="other"),
        told.entry(events.StandardBreached, standard="triage", due_at=told.now, noticed_at=told.now),
        ("offer/F-4MXKQ7PD", events.OfferEnded(offer="F-4MXKQ7PD", outcome="place_gone", **names)),
        told.released(),
        (
            f"waiting/{told.reference}/salt",
            events.WaitingEnded(discipline="salt", reason_code="no_longer_needed", **names),
        ),
        told.notice(events.NoticeFailed, status="permanent-failure"),
        told.notice(events.NoticeUncertain),
        told.notice(events.NoticeSuppressed, reason_code="late"),
        (f"referral/{told.reference}", withdrawn),
    ]
