"""What the provider says later of a message that it took: a person hears of what came back, and nothing goes twice."""

import json
from contextlib import suppress
from dataclasses import replace
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.notification.conftest import MUM, REFERENCE, Family, Killed, Provider

from frontdoor import access, signin
from frontdoor.events import NoticeConfirmed, NoticeFailed
from frontdoor.testing import NOW, Stage, logged
from notification import domain, handlers, store
from notification.app import service

RIGHT = bytes(range(32)).hex()
DEAD = "ZZCANARY@example.org"
FAILURES = ("temporary-failure", "permanent-failure", "technical-failure")


def receipt(notice, status="permanent-failure", **more):
    """A receipt as GOV.UK Notify writes it."""
    return {
        "id": "740e5834-3a29-46b4-9a6f-16142fde533a",
        "reference": notice,
        "to": DEAD,
        "status": status,
        "created_at": "2026-11-18T09:30:01.000000Z",
        "completed_at": "2026-11-18T09:31:00.000000Z",
        "sent_at": "2026-11-18T09:30:02.000000Z",
        "notification_type": "email",
        "template_id": "f33517ff-2a88-4f6e-b855-c550268ce08a",
        "template_version": 1,
    } | more


def tells(stage, body, token=RIGHT):
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    return stage.as_person(None).post("/api/notices/receipts", json=body, headers=headers)


def sent(family, send, channel=None):
    """Let a family be told, and give the notice that tells it."""
    family.is_known()
    send(channel or Provider())
    return family.notices()[0]["notice"]


def stands(stage, notice):
    """(state, status, task) of a notice, which went legal ways and which `verify` finds nothing wrong with."""
    with stage.look() as session:
        assert list(store.notice_faults(session)) == []
        row, state = store.notice(session, notice), ""
        for event in store.life_of(session, notice):
            may_happen_in, leads_to = domain.LIFECYCLES["notice"][type(event).__name__]
            assert state in may_happen_in
            state = leads_to or state
    assert row.state == state
    return row.state, row.status, row.task


# --- the decision -----------------------------------------------------------------------------------------------------


def notice_in(state, attempts=1):
    about = {"notice": str(uuid4()), "reference": REFERENCE, "child_id": "C-4MXKQ7PD", "recipient": MUM}
    told = {"cause": "e", "cause_type": "ReferralSubmitted", "template": "received", "facts": {}}
    return domain.Notice(
        **about,
        **told,
        channel="sms",
        language="en",
        state=state,
        created_at=NOW,
        attempts=attempts,
        attempted_at=NOW,
        version=3,
    )


ANY = ("delivered", *FAILURES)
AS_TOLD = dict.fromkeys(FAILURES, NoticeFailed) | {"delivered": NoticeConfirmed}
STILL_FAILED = dict.fromkeys(FAILURES, type(None)) | {"delivered": NoticeConfirmed}
NOTHING = dict.fromkeys(ANY, type(None))


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        ("sending", AS_TOLD),
        ("delayed", AS_TOLD),
        ("delivered", AS_TOLD),
        ("uncertain", AS_TOLD),
        ("failed", STILL_FAILED),
        ("confirmed", NOTHING),
        ("suppressed", NOTHING),
        ("settled", NOTHING),
    ],
)
def test_what_a_receipt_makes_of_a_notice_depends_on_how_it_stands(state, wanted):
    assert {status: type(domain.received(notice_in(state), status)) for status in ANY} == wanted


@pytest.mark.parametrize("state", [*domain.STATUSES, "failed", "settled"])
def test_what_was_never_attempted_is_changed_by_no_receipt(state):
    assert [domain.received(notice_in(state, attempts=0), status) for status in ANY] == [None] * 4


# --- what becomes of a notice -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", FAILURES)
def test_what_came_back_after_it_was_sent_is_a_task_for_a_person_and_is_never_sent_again(stage, family, send, status):
    channel = Provider()
    notice = sent(family, send, channel)
    assert tells(stage, receipt(notice, status)).status_code == 204
    for _ in range(3):
        stage.clock.forward(hours=4)
        send(channel)
    assert stands(stage, notice) == ("failed", status, "came_back")
    assert (family.statuses(), list(channel.ledger.values())) == ([status], [1])


def test_the_task_says_that_it_came_back_and_about_whom_it_is(stage, family, send):
    notice = sent(family, send)
    tells(stage, receipt(notice))
    page = stage.as_person("admin").get("/messages/tasks").text
    assert "This was sent, and came back" in page
    assert all(named in page for named in (REFERENCE, MUM, "· SMS ·"))
    assert DEAD not in page


def test_what_arrived_is_confirmed_and_stays_delivered_whatever_else_is_said_of_it(stage, family, send):
    notice = sent(family, send)
    for status in ("delivered", *FAILURES, "delivered"):
        assert tells(stage, receipt(notice, status)).status_code == 204
    assert stands(stage, notice) == ("confirmed", "delivered", None)
    assert [type(event) for event in stage.said(f"notice/{notice}")].count(NoticeConfirmed) == 1


def test_somebody_got_what_came_back_first_and_arrived_later_so_that_nobody_need_see_to_it(stage, family, send):
    notice = sent(family, send)
    for status in ("temporary-failure", "permanent-failure", "delivered", "temporary-failure"):
        tells(stage, receipt(notice, status))
    assert stands(stage, notice) == ("confirmed", "delivered", None)


def test_a_receipt_that_comes_twice_changes_nothing_the_second_time(stage, family, send):
    notice = sent(family, send)
    for _ in range(3):
        assert tells(stage, receipt(notice)).status_code == 204
    assert [type(event) for event in stage.said(f"notice/{notice}")].count(NoticeFailed) == 1


def test_a_receipt_of_weeks_later_is_as_good_as_an_early_one(stage, family, send):
    notice = sent(family, send)
    stage.clock.forward(days=40)
    tells(stage, receipt(notice))
    assert stands(stage, notice) == ("failed", "permanent-failure", "came_back")


@pytest.mark.parametrize(
    ("status", "stood"),
    [("delivered", ("confirmed", "delivered", None)), ("permanent-failure", ("failed",) + ("permanent-failure",) * 2)],
)
@pytest.mark.parametrize("answer", ["accepted", "busy", (TimeoutError(), "after")], ids=["taken", "busy", "lost"])
def test_a_receipt_that_is_faster_than_our_own_commit_counts_as_the_answer(stage, family, send, status, stood, answer):
    channel = Fast(stage, status, answer)
    notice = sent(family, send, channel)
    stage.clock.forward(hours=1)
    send(channel)
    assert stands(stage, notice) == stood
    assert len(channel.seen) == 1


@pytest.mark.parametrize("status", ["delivered", "permanent-failure"])
def test_what_nobody_could_say_a_receipt_says(stage, family, send, status):
    channel = Provider(TimeoutError())
    channel.knows = "unknown"
    notice = sent(family, send, channel)
    send(channel)
    assert stands(stage, notice) == ("uncertain", "uncertain", "uncertain")
    tells(stage, receipt(notice, status))
    assert stands(stage, notice)[1:] == (status, None if status == "delivered" else status)


@pytest.mark.parametrize("status", ["delivered", "permanent-failure"])
def test_what_waits_for_another_attempt_is_not_sent_again_after_a_receipt_for_the_first(stage, family, send, status):
    channel = Provider("busy", "busy")
    notice = sent(family, send, channel)
    assert stands(stage, notice)[0] == "delayed"
    tells(stage, receipt(notice, status))
    stage.clock.forward(hours=4)
    send(channel)
    assert (stands(stage, notice)[1], len(channel.seen)) == (status, 2)


@pytest.mark.parametrize("status", ["delivered", "temporary-failure"])
def test_a_task_that_a_person_has_seen_to_is_not_opened_again(stage, family, send, status):
    notice = sent(family, send)
    tells(stage, receipt(notice))
    stage.as_person("admin").post(f"/messages/{notice}/settled")
    tells(stage, receipt(notice, status))
    assert stands(stage, notice) == ("settled", "permanent-failure", None)


def test_what_was_never_sent_or_will_not_be_is_changed_by_no_receipt(stage, family, send):
    family.is_known()
    waiting = family.notices()[0]["notice"]
    tells(stage, receipt(waiting))
    assert stands(stage, waiting) == ("created", "created", None)
    stage.clock.forward(days=8)
    send(Provider())
    tells(stage, receipt(waiting, "delivered"))
    assert stands(stage, waiting) == ("suppressed", "suppressed", "late")


def test_tables_built_again_from_the_log_say_the_same_of_what_came_back(stage, family, send):
    notice = sent(family, send)
    tells(stage, receipt(notice))
    before = stands(stage, notice)
    with stage.look() as session:
        records = [record for _, record in service.log.all(session) if record.stream == f"notice/{notice}"]
    with stage.parts.database.write() as session:
        session.delete(store.notice(session, notice))
        session.flush()
        for record in records:
            service.log.apply(session, record)
            session.flush()
    assert stands(stage, notice) == before


class Fast(Provider):
    """A provider whose receipt is here before its answer."""

    def __init__(self, stage, status, answer="accepted"):
        super().__init__(answer)
        self.stage, self.status = stage, status

    def send(self, message):
        assert tells(self.stage, receipt(message.notice, self.status)).status_code == 204
        return super().send(message)


# --- any order --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reused(tmp_path_factory):
    """A family for many examples, which each tell it of one more step: making a stage takes longer than trying one."""
    made = Family(Stage(service, tmp_path_factory.mktemp("receipts")))
    made.is_known()
    handlers.send_notices(made.stage.parts, Provider())
    return made


STATUSES = st.sampled_from(ANY)


class Talkative(Provider):
    """A provider whose receipts come in its own order: some before its answer, in which the process may be killed."""

    def __init__(self, work, answer, early):
        super().__init__(answer)
        self.work, self.early = work, early

    def send(self, message):
        for status in self.early:
            self.work(message.notice, status)
        return super().send(message)


@given(
    answer=st.sampled_from(["accepted", (TimeoutError(), "after"), (Killed(), "after"), "refused", "broken"]),
    early=st.lists(STATUSES, max_size=3),
    later=st.lists(STATUSES | st.just("round"), max_size=6),
    at=st.integers(0, 9),
)
@settings(max_examples=60, deadline=None, database=None)
@pytest.mark.slow
def test_in_any_order_and_however_often_what_arrived_is_delivered_and_sent_once(reused, answer, early, later, at):
    stage = reused.stage
    reused.declines()
    notice = next(one["notice"] for one in reused.notices() if one["status"] == "created")
    told = [*early, *later]
    told.insert(min(at, len(told)), "delivered")
    early, later = told[: len(early)], told[len(early) :]
    channel = Talkative(lambda notice, status: note(stage, notice, status), answer, early)
    for move in ("round", *later, "round", "round"):
        if move == "round":
            with suppress(Killed):
                handlers.send_notices(stage.parts, channel)
        else:
            note(stage, notice, move)

    assert stands(stage, notice) == ("confirmed", "delivered", None)
    assert len(channel.seen) == 1


def note(stage, notice, status):
    with stage.parts.work(access.provider("sample")) as work:
        assert handlers.note_receipt(work, notice, status)


# --- the route --------------------------------------------------------------------------------------------------------


FORGED = {
    "no token": None,
    "an empty one": "",
    "another": "00" * 32,
    "half of it": RIGHT[:32],
    "more than it": RIGHT + "0",
    "in capitals": RIGHT.upper(),
    "no ASCII": "\xff" * 64,
    "a service's that is none": f"inside-{RIGHT}",
    "a person's that is none": f"demo-{RIGHT}",
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_receipt_changes_nothing(stage, family, send, name):
    notice = sent(family, send)
    token = FORGED[name]
    headers = {} if token is None else {"Authorization": f"Bearer {token}".encode("latin-1")}
    answer = stage.as_person(None).post("/api/notices/receipts", json=receipt(notice), headers=headers)
    assert answer.status_code == 401
    assert stands(stage, notice) == ("delivered", "delivered", None)


def test_where_there_is_no_token_no_token_is_right(stage, family, send):
    notice = sent(family, send)
    stage.app.state.parts = replace(stage.parts, receipts=b"")
    assert [tells(stage, receipt(notice), token).status_code for token in ("", RIGHT, None)] == [401] * 3


def test_a_forged_receipt_is_refused_before_anybody_looks_at_it(stage):
    assert tells(stage, {}, "00" * 32).status_code == 401


@pytest.mark.parametrize("person", ["admin", "auditor", "parent"])
def test_no_person_may_play_the_provider_here(stage, family, send, person):
    notice = sent(family, send)
    assert tells(stage, receipt(notice), f"demo-{person}").status_code == 403
    assert stands(stage, notice)[0] == "delivered"


def test_the_providers_token_opens_nothing_else(stage, family, send):
    sent(family, send)
    client = stage.as_person(None)
    client.headers["Authorization"] = f"Bearer {RIGHT}"
    asked = ("/messages", "/messages/tasks", "/notification/metrics", f"/api/notices?reference={REFERENCE}")
    assert {path: client.get(path).status_code for path in asked} == dict.fromkeys(asked[:3], 403) | {asked[3]: 404}


def test_the_answer_does_not_say_whether_a_notice_is_there(stage, family, send):
    notice = sent(family, send)
    references = [notice, notice, str(uuid4()), notice.upper(), "ZZCANARY", "x" * 1000, "\0", "notice/../1"]
    answers = [tells(stage, receipt(reference)) for reference in references]
    assert {(answer.status_code, answer.content) for answer in answers} == {(204, b"")}
    assert len({tuple(sorted(answer.headers)) for answer in answers}) == 1


def test_another_areas_notice_is_none_of_ours(stage, family, send):
    notice = sent(family, send)
    with stage.parts.work(access.provider("elsewhere")) as work:
        assert not handlers.note_receipt(work, notice, "permanent-failure")
    assert stands(stage, notice)[0] == "delivered"


def test_a_receipt_for_nobody_is_told_to_the_operator_without_what_stood_in_it(stage, family, send):
    sent(family, send)
    with logged() as lines:
        tells(stage, receipt("ZZCANARY"))
        said = lines()
    assert [line["event"] for line in said if line["level"] == "warning"] == ["receipt_unknown"]
    assert "ZZCANARY" not in json.dumps(said)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"status": "sending"}, "status"),
        ({"status": None}, "status"),
        ({"status": ["delivered"]}, "status"),
        ({"reference": None}, "reference"),
        ({"reference": ""}, "reference"),
        ({"reference": 7}, "reference"),
        ({"reference": "x" * 1001}, "reference"),
    ],
    ids=str,
)
def test_a_receipt_that_cannot_be_read_is_refused_beside_its_field(stage, change, field):
    answer = tells(stage, receipt(str(uuid4())) | change)
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (422, [field])
    assert "ZZCANARY" not in answer.text


@pytest.mark.parametrize("missing", ["reference", "status"])
def test_a_receipt_in_which_something_is_missing_is_refused(stage, missing):
    body = receipt(str(uuid4()))
    del body[missing]
    assert tells(stage, body).status_code == 422


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), (b"[]", 422), (b"null", 422), (b'{"a":"' + b"x" * 2**20 + b'"}', 413)]
)
def test_a_body_that_is_no_receipt_is_refused(stage, body, status):
    headers = {"Authorization": f"Bearer {RIGHT}", "Content-Type": "application/json"}
    assert stage.as_person(None).post("/api/notices/receipts", content=body, headers=headers).status_code == status


def test_the_address_in_a_receipt_reaches_no_log_no_event_and_no_audit(stage, family, send, capfd):
    notice = sent(family, send)
    with logged("DEBUG") as lines:
        for body in (receipt(notice), receipt(notice, "nonsense"), receipt(str(uuid4())), receipt(notice, more=DEAD)):
            tells(stage, body)
        said = json.dumps(lines())
    with stage.look() as session:
        kept = "".join(str(record.payload) for _, record in service.log.all(session))
        tables = [table for table in service.metadata.sorted_tables if table.name != "recipient"]
        kept += "".join(str(row) for table in tables for row in session.connection().execute(table.select()))
    written = capfd.readouterr()
    assert notice in kept
    assert "ZZCANARY" not in said + kept + written.out + written.err


def test_the_providers_token_is_worth_nothing_as_a_cookie(stage):
    client = stage.as_person(None)
    client.cookies.set(signin.COOKIE, RIGHT)
    assert client.post("/api/notices/receipts", json=receipt(str(uuid4()))).status_code == 401
