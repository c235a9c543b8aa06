"""What somebody may rely on at the front page, when signing in, and with a referral that has been sent."""

import json
import re
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from frontdoor import access
from frontdoor.events import ProgressNoted, ReferralQueued
from frontdoor.testing import NOW, Stage
from referral_intake import handlers, pages
from referral_intake.app import service

FORM = {
    "child": {
        "given_name": "Maisie",
        "family_name": "Thorne",
        "date_of_birth": "2021-02-14",
        "postcode": "SS2 9ZZ",
        "setting": "sample-school",
    },
    "contacts": [
        {
            "name": "Dawn Thorne",
            "relationship": "mother",
            "parental_responsibility": True,
            "phone": "07700 900101",
            "channel": "sms",
            "language": "en",
        }
    ],
    "referrer": {"role": "senco", "organisation": "sample-school"},
    "needs": [{"code": "SLCN", "rank": "primary"}],
    "support": ["speech_and_language"],
    "concern": "Speech is hard to <b>understand</b>.",
    "concern_raised_on": "2026-09-22",
    "tried": ["Small groups"],
    "consent": {"given": True, "by": "Dawn Thorne", "on": "2026-10-06"},
    "immediate_danger": False,
}


@pytest.fixture
def stage(intake):
    return intake.stage


@pytest.fixture
def visitor(stage):
    return stage.as_person(None)


@pytest.fixture
def senco(stage):
    return stage.as_person("senco")


@pytest.fixture
def reference(senco):
    return senco.post("/api/referrals", json=FORM).json()["reference"]


def text_of(answer):
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def signed_in(stage, person, wanted="/"):
    browser = TestClient(stage.app, follow_redirects=False)
    return browser, browser.post("/sign-in", data={"person": person, "next": wanted})


def audited(stage, action):
    table = stage.parts.audit
    with stage.look() as session:
        return [json.loads(row.references) for row in session.execute(table.select()) if row.action == action]


# --- home and sign-in -------------------------------------------------------------------------------------------------


def test_the_front_page_is_for_anybody(visitor):
    home = visitor.get("/")
    said = text_of(home)
    assert home.status_code == 200
    assert "call 999" in said
    assert all(f'href="{link}"' in home.text for link in ("/refer", "/sign-in", "/standards", "/accessibility"))


def test_the_front_page_says_whom_to_ask_for_a_lost_link(stage, visitor):
    contacts, home = stage.parts.area.contacts, visitor.get("/").text
    assert f'href="tel:{contacts.send_team_phone.replace(" ", "")}"' in home
    assert f'href="mailto:{contacts.send_team_email}"' in home


def test_the_front_page_shows_each_person_their_own_work(stage):
    links = {
        "senco": ["/refer", "/referrals"],
        "health-triager": ["/queues"],
        "care-triager": ["/queues", "/alerts"],
        "booking-coordinator": ["/booking"],
        "admin": ["/operations"],
    }
    for person, expected in links.items():
        page = stage.as_person(person).get("/").text
        main = page[page.index("<main") :]
        assert all(f'href="{link}"' in main for link in expected), person
    assert "/alerts" not in stage.as_person("health-triager").get("/").text


def test_everybody_of_the_area_can_sign_in_and_out(stage):
    for person in stage.parts.area.people.values():
        browser, answer = signed_in(stage, person.person)
        assert answer.headers["location"] == "/"
        assert f"Signed in as {person.name}" in unescape(browser.get("/").text)
    browser.post("/sign-out")
    assert "Signed in as" not in browser.get("/").text


def test_signing_in_says_who_each_person_is(visitor):
    said = text_of(visitor.get("/sign-in"))
    assert "Priya Raman SENCO, Curlew Road Primary School" in said
    assert "Ruth Okafor Triager for health, Saltmarsh Community NHS Trust" in said


def test_the_session_cookie_is_kept_from_scripts_and_other_sites(stage):
    _, answer = signed_in(stage, "senco")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


@pytest.mark.parametrize("wanted", ["/", "/refer", "/referrals?cursor=a%7Cb", "/queues/health"])
def test_after_signing_in_one_goes_where_one_wanted(stage, wanted):
    assert signed_in(stage, "senco", wanted)[1].headers["location"] == wanted


@pytest.mark.parametrize(
    "evil",
    [
        "//evil.example.org",
        "/\\evil.example.org",
        "\\\\evil.example.org",
        "https://evil.example.org",
        "/\t/evil.example.org",
        " //evil.example.org",
        "javascript:alert(1)",
        "evil.example.org",
        "/a\r\nSet-Cookie: b=c",
        "",
    ],
)
def test_signing_in_never_leads_to_another_site(stage, evil):
    assert signed_in(stage, "senco", evil)[1].headers["location"] == "/"


def test_signing_in_as_nobody_asks_again_and_keeps_where_one_wanted_to_go(stage):
    _, answer = signed_in(stage, "a-stranger", "/refer")
    assert answer.status_code == 422
    assert "Select who you want to sign in as" in answer.text
    assert 'name="next" value="/refer"' in answer.text


def test_what_stands_in_the_address_is_never_markup(visitor):
    assert "<script>x" not in visitor.get("/sign-in", params={"next": '"><script>x</script>'}).text


def test_the_demo_sign_in_is_refused_where_it_is_off(tmp_path):
    stage = Stage(service, tmp_path)
    object.__setattr__(stage.parts, "demo", False)
    assert stage.as_person(None).get("/sign-in").status_code == 403
    _, answer = signed_in(stage, "senco")
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_the_accessibility_statement_is_for_anybody(visitor):
    assert "Web Content Accessibility Guidelines" in visitor.get("/accessibility").text


# --- what became of a referral ----------------------------------------------------------------------------------------


def test_without_a_referral_the_list_says_what_will_be_there(senco):
    assert "You have not made a referral yet" in text_of(senco.get("/referrals"))


def test_a_referral_is_listed_with_its_teams_and_leaves_an_audit_row(stage, senco, reference):
    page = senco.get("/referrals")
    said = text_of(page)
    assert f'href="/referrals/{reference}"' in page.text
    assert all(word in said for word in ("Maisie Thorne", "Received", "Education", "Health", "Queued"))
    assert audited(stage, "referral.list")[-1] == [reference]


def test_a_referral_shows_where_it_stands_with_each_team_and_why(stage, senco, reference):
    due = NOW + timedelta(days=14)
    row = senco.get(f"/api/referrals/{reference}").json()
    assert {entry["agency"] for entry in row["agencies"]} == {"education", "health"}
    stage.hears(f"entry/{reference}/health", queued(reference, due))
    page = senco.get(f"/referrals/{reference}")
    said = text_of(page)
    assert "Wednesday 2 December 2026" in said
    assert "Asked for: Speech and language therapy" in said
    assert "Need: Speech, language and communication" in said
    assert f'href="/records/{reference}?after=referral-intake:referral/{reference}:1"' in page.text
    assert "<b>understand</b>" not in page.text
    assert audited(stage, "referral.read")[-1] == [reference]


def queued(reference, due):
    return ReferralQueued.model_validate(
        {
            "reference": reference,
            "agency": "health",
            "child_id": "C-1",
            "kind": "request",
            "received_at": NOW,
            "due_at": due,
            "standard": "triage",
            "standard_version": "1",
            "calendar_version": "1",
            "priority": "routine",
            "needs": (),
            "support": (),
            "sent_by": "senco",
            "organisation": None,
            "setting": None,
            "out_of_area": False,
            "to_be_sorted": False,
            "story": "s1.C-1.AAAA",
        }
    )


def test_a_referral_that_was_not_decided_in_time_says_so(stage, senco, reference):
    stage.hears(f"entry/{reference}/health", queued(reference, NOW + timedelta(days=14)))
    stage.clock.forward(days=15)
    for page in ("/referrals", f"/referrals/{reference}"):
        assert "Overdue was due Wednesday 2 December 2026" in text_of(senco.get(page))


@pytest.mark.parametrize(("said", "headline"), [
    ({}, "Received"),
    ({"health": "accepted"}, "Being looked at"),
    ({"health": "accepted", "education": "accepted"}, "With the teams"),
    ({"health": "accepted", "education": "returned"}, "More information needed"),
])  # fmt: skip
def test_the_headline_says_how_far_the_teams_are(stage, senco, reference, said, headline):
    with stage.parts.work(access.machine("referral-intake", "sample")) as work:
        for agency, status in said.items():
            handlers.note_progress(work, ProgressNoted(reference=reference, agency=agency, status=status, due_at=None))
    for page in ("/referrals", f"/referrals/{reference}"):
        assert headline in text_of(senco.get(page))


def test_a_parent_reads_where_it_stands_in_plain_words(stage):
    parent = stage.as_person("parent")
    sent = parent.post("/api/referrals", json=FORM | {"referrer": {"role": "parent"}}).json()["reference"]
    for page in ("/referrals", f"/referrals/{sent}"):
        said = text_of(parent.get(page))
        assert "Waiting to be looked at" in said
        assert "Queued" not in said


def test_a_referral_is_found_however_its_reference_is_written(senco, reference):
    assert senco.get(f"/referrals/{reference.replace('-', '').lower()}").status_code == 200


@pytest.mark.parametrize("page", ["", "/received", "/add", "/withdraw"])
def test_a_strangers_referral_is_not_there(stage, reference, page):
    for person in ("other-senco", "other-area-triager", "care-triager", "gp"):
        assert stage.as_person(person).get(f"/referrals/{reference}{page}").status_code == 404
    assert stage.as_person("senco").get(f"/referrals/R222-22222{page}").status_code == 404


def test_a_triager_sees_a_referral_but_cannot_take_it_back(stage, reference):
    triager = stage.as_person("health-triager")
    page = triager.get(f"/referrals/{reference}")
    assert page.status_code == 200
    assert "/withdraw" not in page.text
    assert "/family/" not in page.text
    assert triager.get(f"/referrals/{reference}/withdraw").status_code == 403
    assert triager.post(f"/referrals/{reference}/withdraw", data={"reason": "mine"}).status_code == 403


def test_something_is_added_and_shown(senco, reference):
    added = senco.post(f"/referrals/{reference}/add", data={"token": "X-1", "text": "A hearing test was fine."})
    assert added.headers["location"] == f"/referrals/{reference}"
    said = text_of(senco.get(f"/referrals/{reference}"))
    assert "A hearing test was fine. Wednesday 18 November 2026 at 9:30am by Priya Raman" in said


def test_the_same_page_sent_twice_adds_once(senco, reference):
    page = senco.get(f"/referrals/{reference}/add").text
    token = re.search(r'name="token" value="([^"]+)"', page)[1]
    for text in ("A hearing test was fine.", "A hearing test was fine.", "And her eyes."):
        assert senco.post(f"/referrals/{reference}/add", data={"token": token, "text": text}).status_code == 303
    assert len(senco.get(f"/api/referrals/{reference}").json()["additions"]) == 2


def test_nothing_is_not_added(senco, reference):
    answer = senco.post(f"/referrals/{reference}/add", data={"token": "X-1", "text": "  "})
    assert answer.status_code == 422
    assert "Enter what you want to add" in answer.text


def test_a_referral_is_taken_back_with_a_reason(senco, reference):
    assert senco.post(f"/referrals/{reference}/withdraw", data={"reason": ""}).status_code == 422
    senco.post(f"/referrals/{reference}/withdraw", data={"reason": "They have moved away."})
    page = senco.get(f"/referrals/{reference}")
    assert "Withdrawn" in text_of(page)
    assert "They have moved away." in text_of(page)
    assert "/withdraw" not in page.text
    assert "/add" not in page.text


def test_taking_back_what_is_taken_back_says_so(senco, reference):
    for _ in range(2):
        answer = senco.post(f"/referrals/{reference}/withdraw", data={"reason": "They have moved away."})
    assert answer.status_code == 409
    assert "has been withdrawn" in text_of(answer)


def test_an_erased_child_breaks_no_page(stage, senco, reference):
    child = next(event.child_id for event in stage.said() if type(event).__name__ == "ChildRegistered")
    stage.keys.destroy(child, NOW)
    assert "Name erased" in text_of(senco.get("/referrals"))
    for page in ("", "/received"):
        assert senco.get(f"/referrals/{reference}{page}").status_code == 200


# --- immediate danger -------------------------------------------------------------------------------------------------


@pytest.fixture
def alert(senco):
    return senco.post("/api/referrals", json=FORM | {"immediate_danger": True}).json()["alert"]


def test_the_duty_team_reads_an_alert_and_takes_it(stage, alert):
    duty = stage.as_person("care-triager")
    assert "Not taken" in text_of(duty.get("/alerts"))
    said = text_of(duty.get(f"/alerts/{alert}"))
    assert all(words in said for words in ("Maisie", "Priya Raman", "07700 900501", "acting on it"))
    assert duty.post(f"/alerts/{alert}").headers["location"] == f"/alerts/{alert}"
    assert "Sian Powell" in text_of(duty.get(f"/alerts/{alert}"))
    assert "Not taken" not in text_of(duty.get("/alerts"))


def test_an_alert_that_nobody_takes_is_marked_as_escalated(stage, alert):
    stage.clock.forward(minutes=16)
    stage.chores()
    assert "Escalated" in text_of(stage.as_person("care-triager").get("/alerts"))


def test_alerts_are_for_the_duty_team_alone(stage, alert):
    for person in ("senco", "health-triager", "admin", "other-area-triager"):
        assert stage.as_person(person).get("/alerts").status_code == 403
        assert stage.as_person(person).get(f"/alerts/{alert}").status_code == 403
        assert stage.as_person(person).post(f"/alerts/{alert}").status_code == 403
    assert stage.as_person("care-triager").get("/alerts/A-22222222").status_code == 404


def test_no_page_names_a_template_that_is_not_there():
    folder = Path(pages.__file__).parent
    used = {name for file in folder.glob("*pages.py") for name in re.findall(r'"(\w+\.html)"', file.read_text())}
    assert used <= {file.name for file in (folder / "templates").iterdir()}
