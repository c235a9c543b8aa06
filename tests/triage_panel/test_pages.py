"""The pages: the list, the entry with its decision form, the standards."""

import re
from datetime import timedelta

import pytest

from frontdoor.testing import NOW
from triage_panel import domain


@pytest.fixture
def queues(one_stage):
    """Each test has a referral of its own, so one stage serves them all."""
    one_stage.stage.clock.now = NOW
    return one_stage


@pytest.fixture
def triager(queues):
    return queues.stage.as_person("health-triager")


def typed(page, **fields):
    """The decision form as a browser would send it: its hidden fields, and what was typed."""
    hidden = dict(re.findall(r'type="hidden" name="(version|_token)" value="(\w+)"', page.text))
    return hidden | fields


def test_the_list_leads_to_each_entry(queues, triager):
    reference = queues.refer("health", received_at=NOW - timedelta(days=30))

    page = triager.get("/queues/health?status=queued")

    assert f'href="/queues/health/{reference}"' in page.text
    assert "Canary Invented" in page.text


def test_an_empty_list_says_so(queues):
    assert "There is nothing here." in queues.stage.as_person("care-triager").get("/queues/care").text


@pytest.mark.parametrize(("person", "leads_to"), [("health-triager", "/queues/health"), ("panel-care", "/queues/care")])
def test_the_queues_link_leads_to_ones_own(queues, person, leads_to):
    answer = queues.stage.as_person(person).get("/queues")

    assert (answer.status_code, answer.headers["Location"]) == (303, leads_to)


def test_a_panel_chair_chooses_among_three_and_opens_no_entry(queues):
    queues.refer("health")
    chair = queues.stage.as_person("panel-chair")

    assert re.findall(r'href="(/queues/\w+)"', chair.get("/queues").text) == [
        "/queues/care",
        "/queues/education",
        "/queues/health",
    ]
    assert 'href="/queues/health/R' not in chair.get("/queues/health").text


@pytest.mark.parametrize(
    "written",
    [
        "he cannot be understood",
        "word games at the table",
        "kind and patient",
        "I like the sand",
        "we worry about school",
        "Speech, language and communication (primary): CANARY two-word phrases",
        "Support asked for: Speech and language",
        "14 March 2021 (5 years old)",
        "Curlew Road Primary School",
    ],
)
def test_an_entry_shows_what_was_written(queues, triager, written):
    assert written in triager.get(f"/queues/health/{queues.refer('health')}").text


@pytest.mark.parametrize("story", [{}, "just a text", {"tried": "one", "needs": ["SLCN"], "involved": [1, {}]}])
def test_an_entry_with_an_unusual_story_still_opens(queues, triager, story):
    child_id = "C-33333333"
    queues.stage.keys.create(child_id, NOW)
    reference = queues.refer("health", story=queues.stage.keys.seal(child_id, story))

    assert triager.get(f"/queues/health/{reference}").status_code == 200


def test_nothing_that_was_written_becomes_part_of_the_page(queues, triager):
    child_id, script = "C-44444444", "<script>alert(1)</script>"
    queues.stage.keys.create(child_id, NOW)
    story = {"concern": script, "tried": [script], "needs": [{"code": script, "detail": script}]}
    reference = queues.refer("health", story=queues.stage.keys.seal(child_id, story), flags=(script,))
    queues.decide(reference, "hold", reason_code="other", comment=script)

    page = triager.get(f"/queues/health/{reference}").text

    assert script not in page
    assert page.count("&lt;script&gt;") >= 5


def test_a_decision_made_on_the_form_says_what_the_family_will_be_told(queues, triager):
    address = f"/queues/health/{queues.refer('health')}"
    form = typed(triager.get(address), outcome="decline", reason_code="universal_first", comment="Talk group first")

    answer = triager.post(address, data=form)

    page = triager.get(answer.headers["Location"])
    assert answer.status_code == 303
    assert "The family will be told that health does not take the referral on" in page.text
    assert "Talk group first" in page.text


def test_a_form_sent_twice_decides_once(queues, triager):
    reference = queues.refer("health")
    form = typed(triager.get(f"/queues/health/{reference}"), outcome="accept")

    answers = [triager.post(f"/queues/health/{reference}", data=form).status_code for _ in range(2)]

    assert (answers, queues.said(reference).count("EntryAccepted")) == ([303, 303], 1)


def test_what_is_wrong_is_shown_beside_what_was_typed(queues, triager):
    address = f"/queues/health/{queues.refer('health')}"
    form = typed(triager.get(address), outcome="decline", comment="Kept as typed")

    page = triager.post(address, data=form)

    assert page.status_code == 422
    assert 'href="#reason_code"' in page.text
    assert "Kept as typed" in page.text


def test_a_decision_on_an_older_page_says_what_changed_and_keeps_what_was_typed(queues, triager):
    reference = queues.refer("health")
    form = typed(triager.get(f"/queues/health/{reference}"), outcome="accept", comment="Kept as typed")
    queues.decide(reference, "hold")

    page = triager.post(f"/queues/health/{reference}", data=form)

    assert page.status_code == 409
    assert "It is now: on hold, by health triager on Wednesday 18 November 2026" in page.text
    assert "Kept as typed" in page.text
    assert triager.post(f"/queues/health/{reference}", data=typed(page, outcome="accept")).status_code == 303


def test_therapy_is_agreed_on_the_form(queues, triager):
    reference = queues.refer("health")
    therapy = {"therapy.discipline": "salt", "therapy.sessions": "6", "therapy.mode": "group"}
    form = typed(triager.get(f"/queues/health/{reference}"), outcome="accept", priority="soon", **therapy)

    triager.post(f"/queues/health/{reference}", data=form)

    assert "TherapyAgreed" in queues.said(reference)


@pytest.mark.parametrize("sessions", ["six", "0", "99", "1.5", "\u0664"])
def test_a_number_that_is_none_is_named(queues, triager, sessions):
    address = f"/queues/health/{queues.refer('health')}"
    therapy = {"therapy.discipline": "salt", "therapy.sessions": sessions, "therapy.mode": "group"}

    page = triager.post(address, data=typed(triager.get(address), outcome="accept", **therapy))

    assert (page.status_code, 'href="#therapy-sessions"' in page.text) == (422, True)


def test_a_reason_is_refused_beside_its_field_when_accepting(queues, triager):
    reference = queues.refer("health")
    form = typed(triager.get(f"/queues/health/{reference}"), outcome="accept", reason_code="need_met")

    page = triager.post(f"/queues/health/{reference}", data=form)

    assert (page.status_code, "A reason is not needed when you accept" in page.text) == (422, True)
    assert "EntryAccepted" not in queues.said(reference)


def test_a_reason_that_does_not_fit_the_decision_is_refused_on_the_page_and_taken_from_programs(queues, triager):
    reference = queues.refer("health")
    form = typed(triager.get(f"/queues/health/{reference}"), outcome="hold", reason_code="out_of_age")

    page = triager.post(f"/queues/health/{reference}", data=form)

    assert (page.status_code, "does not fit this decision" in page.text) == (422, True)
    assert queues.decide(reference, "hold", reason_code="out_of_age").status_code == 201


def test_an_accepted_entry_asks_only_what_closing_it_or_taking_it_back_needs(queues, triager):
    reference = queues.refer("health")
    queues.decide(reference, "accept")

    page = triager.get(f"/queues/health/{reference}").text

    assert not [name for name in ("redirect_to", "priority", "therapy.mode") if f'name="{name}"' in page]
    assert 'value="need_met"' in page
    assert 'value="incomplete"' not in page


def test_therapy_that_is_half_agreed_is_asked_for_in_the_words_of_the_form(queues, triager):
    address = f"/queues/health/{queues.refer('health')}"

    page = triager.post(address, data=typed(triager.get(address), outcome="accept", **{"therapy.sessions": "6"})).text

    assert "Select the therapy agreed" in page
    assert "Select whether it is alone or in a group" in page


def test_every_decision_that_needs_a_reason_has_fitting_ones_that_it_may_be_explained_with():
    assert {outcome for outcome, reasons in domain.FITTING.items() if "other" in reasons} == domain.NEED_A_REASON


def test_an_entry_is_taken_in_hand_and_let_go(queues, triager):
    address = f"/queues/health/{queues.refer('health')}"

    triager.post(f"{address}/claim", data={"do": "take"})
    held = triager.get(address).text
    triager.post(f"{address}/claim", data={"do": "release"})

    assert "In hand: Ruth Okafor" in held
    assert "In hand: nobody" in triager.get(address).text


def test_the_standards_are_in_plain_words_for_anybody(queues):
    page = queues.stage.as_person(None).get("/standards")

    assert (page.status_code, "10 school days" in page.text) == (200, True)
