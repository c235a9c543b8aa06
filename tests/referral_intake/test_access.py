"""Who may do what, as the contract's last table says; each answer leaves its audit row."""

from contextlib import suppress
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdoor.events import instant
from frontdoor.problems import Problem
from referral_intake.commands import read_cursor

pytestmark = pytest.mark.slow

REFERRERS = ("senco", "teacher", "health-visitor", "gp", "nurse", "social-worker", "parent", "young-person",
             "therapist-salt", "health-triager", "education-triager", "care-triager")  # fmt: skip
OTHERS = ("panel-chair", "panel-health", "booking-coordinator", "provider-manager", "advocate", "auditor", "admin")


@pytest.fixture(scope="module")
def reference(shared_intake):
    """A referral sent by a teacher of sample-school, about speech: health and education have it."""
    return shared_intake.sent(person="teacher")


@pytest.mark.parametrize("person", REFERRERS)
def test_everybody_who_refers_may_send(shared_intake, person):
    assert shared_intake.send(person=person).status_code == 201


@pytest.mark.parametrize("person", [*OTHERS, "other-area-triager"])
def test_others_may_not_send(shared_intake, person):
    assert shared_intake.send(person=person).status_code == 403


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/referrals"), ("GET", "/api/referrals"), ("GET", "/api/referrals/R222-22222"),
     ("POST", "/api/uploads"), ("POST", "/api/search"), ("GET", "/api/alerts")],
)  # fmt: skip
def test_nobody_signed_in_is_asked_to_sign_in(shared_intake, method, path):
    assert shared_intake.stage.as_person(None).request(method, path).status_code == 401


READERS = {
    "teacher": "sender",
    "senco": "school",
    "health-triager": "triager",
    "education-triager": "triager",
}


@pytest.mark.parametrize("person", READERS)
def test_who_sent_it_its_triagers_and_the_schools_senco_may_read_it(shared_intake, reference, person):
    assert shared_intake.get(f"/api/referrals/{reference}", person).status_code == 200
    assert shared_intake.audit()[-1] == (person, "referral.read", [reference], "allow", READERS[person])


@pytest.mark.parametrize("person", ["other-senco", "other-area-triager", "care-triager", "gp", "parent", *OTHERS])
def test_to_everybody_else_it_is_not_there(shared_intake, reference, person):
    real = shared_intake.get(f"/api/referrals/{reference}", person)
    never = shared_intake.get("/api/referrals/R222-22222", person)
    assert (real.status_code, real.json()) == (never.status_code, never.json()) == (404, real.json())


@pytest.mark.parametrize(
    ("method", "action", "path", "body"),
    [
        ("GET", "referral.read", "", None),
        ("GET", "referral.read", "/evidence/U-2AAAAAAA", None),
        ("POST", "referral.withdraw", "/withdraw", {"reason": "Moved away"}),
        ("POST", "referral.add", "/additions", {"text": "More"}),
        ("POST", "referral.contacts", "/contacts", {"name": "Gran", "relationship": "grandmother",
                                                    "parental_responsibility": False, "channel": "none"}),
    ],
)  # fmt: skip
def test_a_reference_that_nobody_has_leaves_one_row_of_audit_like_a_strangers(
    shared_intake, reference, method, action, path, body
):
    for named, why in ((reference, "deny:relation"), ("R222-22222", "deny:unknown")):
        before = len(shared_intake.audit())
        answer = shared_intake.stage.as_person("gp").request(method, f"/api/referrals/{named}{path}", json=body)
        assert answer.status_code == 404
        assert shared_intake.audit()[before:] == [("gp", action, [named], why, None)]


def test_what_was_typed_in_place_of_a_reference_is_not_kept(shared_intake):
    shared_intake.get("/api/referrals/ZZCANARY")
    assert shared_intake.audit()[-1] == ("senco", "referral.read", [""], "deny:unknown", None)


def test_the_senco_of_the_childs_own_school_may_read_what_a_health_visitor_sent(intake):
    reference = intake.sent(intake.form(child__setting="Sandpiper School"), "health-visitor")
    assert intake.get(f"/api/referrals/{reference}", "other-senco").status_code == 200
    assert intake.get(f"/api/referrals/{reference}", "senco").status_code == 404


def test_a_school_that_matches_nothing_grants_nothing(intake):
    reference = intake.sent(intake.form(child__setting="Sandpiper School (old site)"), "health-visitor")
    assert intake.get(f"/api/referrals/{reference}", "other-senco").status_code == 404


@pytest.mark.parametrize(
    ("action", "body", "may", "forbidden"),
    [
        ("withdraw", {"reason": "Moved away"}, ["teacher", "senco"], ["health-triager", "education-triager"]),
        ("additions", {"text": "More"}, ["teacher", "senco", "health-triager"], []),
        ("contacts", {"name": "Gran", "relationship": "grandmother", "parental_responsibility": False,
                      "channel": "none"}, ["teacher", "education-triager"], ["senco"]),
    ],
)  # fmt: skip
def test_who_may_change_a_referral(intake, action, body, may, forbidden):
    for person in may:
        path = f"/api/referrals/{intake.sent(person='teacher')}/{action}"
        assert intake.post(path, body, person).status_code in {200, 201}, person
    path = f"/api/referrals/{intake.sent(person='teacher')}/{action}"
    assert {intake.post(path, body, person).status_code for person in forbidden} <= {403}
    assert {intake.post(path, body, person).status_code for person in ("other-senco", "gp", "care-triager")} == {404}


def test_a_parent_who_sent_it_reads_and_withdraws_their_own(intake):
    reference = intake.sent(intake.form("from-the-family"), "parent")
    assert intake.get(f"/api/referrals/{reference}", "parent").status_code == 200
    assert intake.post(f"/api/referrals/{reference}/withdraw", {"reason": "No"}, "parent").status_code == 200


def test_a_triager_sees_what_the_agreement_opens_to_their_agency(intake):
    reference = intake.sent(intake.form("needs-assessment", child__care_status="section_20", child__sen_status="K"))
    seen = {
        person: intake.get(f"/api/referrals/{reference}", f"{person}-triager").json()["child"]
        for person in ("health", "education", "care")
    }
    assert ["care_status" in seen[person] for person in ("health", "education", "care")] == [False, False, True]
    assert ["sen_status" in seen[person] for person in ("health", "education", "care")] == [True, True, True]


@pytest.fixture(scope="module")
def listed(fresh_intake):
    """Two referrals about sample-school's children, one about a child of another school."""
    fresh_intake.sent(person="teacher")
    fresh_intake.sent(person="senco")
    fresh_intake.sent(fresh_intake.form("early-help"), "senco")
    return fresh_intake


@pytest.mark.parametrize(
    ("person", "query", "count"),
    [
        ("teacher", "", 1),
        ("senco", "", 3),
        ("senco", "?mine=true", 2),
        ("senco", "?setting=sample-school", 2),
        ("other-senco", "?setting=sample-school", 0),
        ("care-triager", "", 1),
        ("health-triager", "", 2),
        ("other-area-triager", "", 0),
        ("admin", "", 0),
    ],
)
def test_a_list_has_what_its_reader_may_read(listed, person, query, count):
    assert len(listed.get(f"/api/referrals{query}", person).json()["referrals"]) == count


def test_a_long_list_comes_in_pages_with_none_twice(intake):
    sent = [intake.sent() for _ in range(52)]
    first = intake.get("/api/referrals?mine=true").json()
    second = intake.get(f"/api/referrals?mine=true&cursor={first['next']}").json()
    shown = [row["reference"] for row in (*first["referrals"], *second["referrals"])]
    assert (len(first["referrals"]), second["next"]) == (50, None)
    assert sorted(shown) == sorted(sent)


@pytest.mark.parametrize(
    "query",
    ["cursor=x", "cursor=2026-11-18|R222-22222", "cursor=0001-01-01T00:00:00%2B14:00|R222-22222", "mine=perhaps"],
)
def test_a_wrong_part_of_the_address_is_said(shared_intake, query):
    assert shared_intake.get(f"/api/referrals?{query}").status_code == 422


@given(
    st.text(),
    st.text()
    | st.datetimes().map(datetime.isoformat)
    | st.datetimes(timezones=st.timezones()).map(datetime.isoformat)
    | st.just("2026-11-18T09:30:00.000000Z"),
    st.text() | st.just("R222-22222"),
)
def test_whatever_stands_in_a_cursor_it_is_exactly_ours_or_refused(junk, at, ref):
    for cursor in (junk, f"{at}|{ref}", f"{at}|{ref}{junk}"):
        with suppress(Problem):
            read = read_cursor(cursor)
            assert read is None if not cursor else f"{instant(read[0])}|{read[1]}" == cursor


def test_a_list_leaves_one_audit_row_with_all_that_it_showed(intake):
    references = {intake.sent() for _ in range(2)}
    intake.get("/api/referrals")
    person, action, shown, *_ = intake.audit()[-1]
    assert (person, action, set(shown)) == ("senco", "referral.list", references)
