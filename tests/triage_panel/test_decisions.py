"""What may be decided about an entry, and what it means for the clock and the other agencies."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from frontdoor.testing import NOW


@pytest.fixture
def queues(one_stage):
    """Each test has a referral of its own, so one stage serves them all."""
    one_stage.stage.clock.now = NOW
    return one_stage


def therapy(discipline="salt", sessions=6):
    return {"discipline": discipline, "sessions": sessions, "mode": "group"}


def answer(response):
    body = response.json()
    return response.status_code, body.get("code"), [error["field"] for error in body.get("errors", [])]


@pytest.mark.parametrize(
    ("before", "outcome", "status"),
    [
        ([], "accept", "accepted"),
        ([], "decline", "declined"),
        ([], "return", "returned"),
        ([], "hold", "on_hold"),
        (["hold"], "resume", "queued"),
        (["hold"], "accept", "accepted"),
        (["hold"], "return", "returned"),
        (["return"], "accept", "accepted"),
        (["return"], "decline", "declined"),
        (["accept"], "close", "closed"),
        (["accept"], "reopen", "queued"),
        (["decline"], "reopen", "queued"),
        (["accept", "close"], "reopen", "queued"),
    ],
)
def test_a_decision_leads_to_its_status(queues, before, outcome, status):
    reference = queues.refer("health")
    for earlier in before:
        queues.decide(reference, earlier)

    decided = queues.decide(reference, outcome)

    line = queues.line(reference)
    assert decided.status_code == 201
    assert decided.json() == {
        "reference": reference,
        "agency": "health",
        "status": status,
        "version": line["version"],
    }
    assert line["status"] == status


@pytest.mark.parametrize(
    ("before", "outcome"),
    [
        ([], "resume"),
        ([], "close"),
        ([], "reopen"),
        (["hold"], "hold"),
        (["return"], "return"),
        (["accept"], "accept"),
        (["accept"], "decline"),
        (["decline"], "accept"),
        (["accept", "close"], "close"),
    ],
)
def test_what_is_not_possible_now_is_refused_with_a_sentence(queues, before, outcome):
    reference = queues.refer("health")
    for earlier in before:
        queues.decide(reference, earlier)

    refused = queues.decide(reference, outcome)

    assert answer(refused) == (409, "not_allowed", [])
    assert refused.json()["title"].startswith("This referral is ")


@pytest.mark.parametrize("outcome", ["decline", "return", "redirect", "hold", "close", "reopen"])
def test_whoever_does_not_accept_says_why(queues, outcome):
    reference = queues.refer("health")
    to = "care" if outcome == "redirect" else None

    assert answer(queues.decide(reference, outcome, reason_code=None, redirect_to=to)) == (
        422,
        "invalid",
        ["reason_code"],
    )


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"outcome": "maybe"}, "outcome"),
        ({}, "outcome"),
        ({"outcome": "accept", "reason_code": "need_met"}, "reason_code"),
        ({"outcome": "resume", "reason_code": "other", "comment": "x"}, "reason_code"),
        ({"outcome": "decline", "reason_code": "because"}, "reason_code"),
        ({"outcome": "decline", "reason_code": "other"}, "comment"),
        ({"outcome": "decline", "reason_code": "other", "comment": "  "}, "comment"),
        ({"outcome": "decline", "reason_code": "other", "comment": "\u200b\u2060\u200d"}, "comment"),
        ({"outcome": "decline", "reason_code": "other", "comment": "\u3164"}, "comment"),
        ({"outcome": "accept", "comment": "x" * 20_001}, "comment"),
        ({"outcome": "accept", "comment": "a\0b"}, "comment"),
        ({"outcome": "accept", "comment": "a\u202eb"}, "comment"),
        ({"outcome": "accept", "comment": "a\x1b[31mb"}, "comment"),
        ({"outcome": "accept", "comment": "e" + "\u0301" * 50}, "comment"),
        ({"outcome": "accept", "comment": "\u200b"}, "comment"),
        ({"outcome": "accept", "version": 2**31}, "version"),
        ({"outcome": "accept", "version": 2**63 - 1}, "version"),
        ({"outcome": "accept", "version": 10**30}, "version"),
        ({"outcome": "redirect", "reason_code": "wrong_form"}, "redirect_to"),
        ({"outcome": "redirect", "reason_code": "wrong_form", "redirect_to": "police"}, "redirect_to"),
        ({"outcome": "redirect", "reason_code": "wrong_form", "redirect_to": "health"}, "redirect_to"),
        ({"outcome": "accept", "redirect_to": "care"}, "redirect_to"),
        ({"outcome": "accept", "version": "1"}, "version"),
        ({"outcome": "accept", "version": 0}, "version"),
        ({"outcome": "accept", "priority": "high"}, "priority"),
        ({"outcome": "resume", "priority": "soon"}, "priority"),
        ({"outcome": "accept", "therapy": therapy("salt", 0)}, "therapy.sessions"),
        ({"outcome": "accept", "therapy": therapy("salt", 53)}, "therapy.sessions"),
        (
            {"outcome": "accept", "therapy": therapy("salt", "6")},
            "therapy.sessions",
        ),
        ({"outcome": "accept", "therapy": therapy("art", 6)}, "therapy.discipline"),
        ({"outcome": "accept", "therapy": {"discipline": "salt", "sessions": 6}}, "therapy.mode"),
        ({"outcome": "resume", "therapy": therapy("salt", 6)}, "therapy"),
        ({"outcome": "accept", "unknown": 1}, "unknown"),
    ],
)
def test_what_cannot_be_used_is_named(queues, body, field):
    reference = queues.refer("health")

    refused = queues.stage.as_person("health-triager").post(f"/api/queues/health/{reference}/decisions", json=body)

    assert answer(refused) == (422, "invalid", [field])


def test_health_agrees_therapy_with_accepting(queues):
    reference = queues.refer("health")

    queues.decide(reference, "accept", therapy=therapy("ot"), priority="soon")

    _, accepted, agreed, met = queues.stage.said(f"entry/{reference}/health")
    assert (accepted.therapy, accepted.priority, type(met).__name__) == ("ot", "soon", "StandardMet")
    assert agreed.model_dump(include={"discipline", "sessions", "mode", "priority"}) == therapy("ot") | {
        "priority": "soon"
    }


def test_another_agency_cannot_agree_therapy(queues):
    reference = queues.refer("education")

    assert answer(queues.decide(reference, "accept", "education", therapy=therapy())) == (409, "not_allowed", [])


def test_a_priority_stays_unless_accepting_changes_it(queues):
    reference = queues.refer("health")
    queues.decide(reference, "accept", priority="urgent")
    queues.decide(reference, "reopen")

    queues.decide(reference, "accept")

    assert queues.line(reference)["priority"] == "urgent"


# --- versions --------------------------------------------------------------------------------------------------------


def test_of_two_triagers_who_saw_the_same_version_one_decides_and_the_other_learns_what_changed(queues):
    reference = queues.refer("health")

    first = queues.decide(reference, "hold", version=1)
    second = queues.decide(reference, "accept", version=1)

    assert (first.status_code, *answer(second)) == (201, 409, "stale", [])
    assert second.json()["changed"] == {
        "status": "on_hold",
        "version": 2,
        "what": "EntryHeld",
        "by": "health triager",
        "at": "2026-11-18T09:30:00.000000Z",
    }


def test_of_two_triagers_at_the_same_moment_exactly_one_decides(queues):
    reference = queues.refer("health")

    with ThreadPoolExecutor(8) as together:
        answers = list(together.map(lambda _: queues.decide(reference, "accept", version=1), range(8)))

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert queues.said(reference) == ["ReferralQueued", "EntryAccepted", "StandardMet"]


def test_a_date_that_passed_or_ones_own_claim_makes_no_decision_stale(queues):
    reference = queues.refer("health")
    triager = queues.stage.as_person("health-triager")
    triager.post(f"/api/queues/health/{reference}/claim", json={})
    queues.stage.clock.forward(days=30)
    queues.stage.chores()

    assert queues.decide(reference, "accept", version=1).status_code == 201


def test_the_same_key_gives_the_first_answer_again(queues):
    reference = queues.refer("health")
    triager = queues.stage.as_person("health-triager")
    address, key = f"/api/queues/health/{reference}/decisions", {"Idempotency-Key": "one"}

    first, again = (triager.post(address, json={"outcome": "accept"}, headers=key) for _ in range(2))

    assert (first.status_code, again.status_code, again.json()) == (201, 200, first.json())
    assert again.headers["Idempotent-Replay"] == "true"


# --- passing on ------------------------------------------------------------------------------------------------------


def test_a_referral_passed_on_stands_in_the_other_queue_as_received_then(queues):
    reference = queues.refer("health")
    received = queues.line(reference)["received_at"]
    queues.stage.clock.forward(days=2)

    queues.decide(reference, "redirect", redirect_to="education")

    there = queues.line(reference, "education")
    assert (queues.line(reference)["status"], there["status"]) == ("redirected", "queued")
    assert (there["received_at"], there["due_at"]) == (received, "2026-12-02T23:59:59.000000Z")


def test_a_referral_passed_on_is_due_by_the_other_agencys_own_standard(queues):
    reference = queues.refer("health", support=("ehc_needs_assessment",))

    queues.decide(reference, "redirect", redirect_to="education")

    queued = queues.stage.said(f"entry/{reference}/education")[0]
    assert (queued.standard, queued.redirected_from) == ("ehcna_decision", "health")


def test_passing_to_an_agency_that_has_it_joins_its_entry(queues):
    reference = queues.refer("health", "care")

    queues.decide(reference, "redirect", redirect_to="care", comment="please see both")

    assert queues.said(reference, "care") == ["ReferralQueued", "EntryAmended"]


def test_passing_it_back_opens_the_first_entry_again(queues):
    reference = queues.refer("health")
    queues.decide(reference, "redirect", redirect_to="care")

    queues.decide(reference, "redirect", "care", redirect_to="health")

    assert [queues.line(reference, agency)["status"] for agency in ("health", "care")] == ["queued", "redirected"]
    assert queues.said(reference)[-1] == "EntryRequeued"


# --- taking back -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", ["accept", "decline", "return", "redirect", "close"])
@pytest.mark.parametrize(("hours", "expected"), [(24, 201), (24.01, 409)])
def test_a_wrong_decision_can_be_taken_back_for_a_day(queues, outcome, hours, expected):
    reference = queues.refer("health")
    if outcome == "close":
        queues.decide(reference, "accept")
    queues.decide(reference, outcome, redirect_to="care" if outcome == "redirect" else None)
    queues.stage.clock.forward(hours=hours)

    assert queues.decide(reference, "reopen").status_code == expected


def test_a_decision_of_a_withdrawn_referral_stands(queues):
    reference = queues.refer("health", "care")
    queues.decide(reference, "decline")
    queues.withdraw(reference)

    assert answer(queues.decide(reference, "reopen")) == (409, "not_allowed", [])


# --- claiming --------------------------------------------------------------------------------------------------------


def test_a_claim_names_the_caller_and_null_lets_go(queues):
    reference = queues.refer("health")
    triager = queues.stage.as_person("health-triager")
    address = f"/api/queues/health/{reference}/claim"

    answers = [triager.post(address, json=body) for body in ({}, {}, {"holder": None})]

    assert [(one.status_code, one.json()["holder"], one.json()["version"]) for one in answers] == [
        (201, "health-triager", 2),
        (201, "health-triager", 2),
        (201, None, 3),
    ]


@pytest.mark.parametrize("holder", ["senco", "care-triager", "other-area-triager", "nobody", ""])
def test_only_somebody_of_the_agency_takes_an_entry_in_hand(queues, holder):
    reference = queues.refer("health")

    refused = queues.stage.as_person("health-triager").post(
        f"/api/queues/health/{reference}/claim", json={"holder": holder}
    )

    assert answer(refused) == (422, "invalid", ["holder"])


def test_nobody_takes_in_hand_what_has_ended(queues):
    reference = queues.refer("health")
    queues.decide(reference, "decline")

    refused = queues.stage.as_person("health-triager").post(f"/api/queues/health/{reference}/claim", json={})

    assert answer(refused) == (409, "not_allowed", [])


@pytest.mark.parametrize(("typed", "kept"), [("one\r\ntwo", "one\ntwo"), ("  \n", None), ("", None), (None, None)])
def test_a_comment_may_have_several_lines_and_may_be_left_blank(queues, typed, kept):
    reference = queues.refer("health")

    answer = queues.decide(reference, "hold", comment=typed)

    comment = next(
        event.comment for event in queues.stage.said(f"entry/{reference}/health") if hasattr(event, "comment")
    )
    assert answer.status_code == 201
    assert (queues.stage.keys.unseal_or(comment, None) if comment else None) == kept
