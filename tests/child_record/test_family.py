"""What a family's link shows: at once, to whoever holds it, in plain words, and nothing that names a child."""

import re
from datetime import timedelta

import pytest

from frontdoor import events
from frontdoor.testing import NOW

JSON = {"Accept": "application/json"}


@pytest.fixture
def look(stage):
    """What the holder of a link gets, as JSON."""
    return lambda path, accept=JSON["Accept"]: stage.as_person(None).get(path, headers={"Accept": accept})


def step(answer, agency="health"):
    return next(step for step in answer.json()["steps"] if step["agency"] == agency)


def test_a_link_opens_before_the_referral_has_arrived(told, look):
    answer = look(told.link())
    assert answer.status_code == 200
    assert answer.json()["reference"] == told.reference
    assert [one["what"] for one in answer.json()["steps"]] == ["Received, being passed on"]


def test_before_arrival_the_page_says_so_and_looks_again_by_itself(stage, told):
    page = stage.as_person(None).get(told.link())
    assert "Received, being passed on" in page.text
    assert page.headers["refresh"] == "2"


def test_the_answer_has_the_shape_that_programs_rely_on(told, look):
    told.hears(*told.story())
    answer = look(told.link()).json()
    assert {"reference", "steps", "next", "contact"} <= set(answer)
    assert all({"agency", "what", "when", "due_at", "clock"} <= set(step) for step in answer["steps"])
    assert [step["agency"] for step in answer["steps"]] == ["education", "health"]


def test_each_agencys_step_has_its_date_and_clock(stage, told, look):
    told.hears(told.submitted(), told.queued())
    waiting = step(look(told.link()))
    assert (waiting["what"], waiting["clock"]) == ("Waiting for the health team to look at it", "on_track")
    assert waiting["due_at"] == "2026-12-02T09:30:00.000000Z"
    stage.clock.forward(days=12)
    assert step(look(told.link()))["clock"] == "due_soon"
    stage.clock.forward(days=3)
    assert step(look(told.link()))["clock"] == "overdue"
    told.hears(told.entry(events.EntryAccepted, priority="soon"))
    assert step(look(told.link()))["clock"] == "met"


def test_next_says_in_one_sentence_what_happens_and_by_when(told, look):
    told.hears(told.submitted(), told.queued("education"), told.queued())
    expected = "Next, the education and health teams will decide by Wednesday 2 December 2026."
    assert look(told.link()).json()["next"] == expected


def test_a_date_that_has_passed_is_not_promised_again(stage, told, look):
    told.hears(told.submitted(), told.queued("education"), told.queued())
    stage.clock.forward(days=20)
    assert "that date has passed, so ask why" in look(told.link()).json()["next"]


def test_contact_names_the_areas_lead_and_the_reference(told, look):
    said = look(told.link()).json()["contact"]
    assert said == (
        "Ask Saltmarsh Council, which runs Front Door in Saltmarsh: 01632 960103, send.team@example.org. "
        f"Give the reference {told.reference}. For free, independent advice ask Saltmarsh SENDIASS, 01632 960104, "
        "advice@example.org, https://sendiass.example.org/."
    )


@pytest.mark.parametrize("link", ["tel:01632960103", "mailto:send.team@example.org", "tel:01632960104"])
def test_a_family_can_ring_or_write_from_its_page(stage, told, link):
    assert f'href="{link}"' in stage.as_person(None).get(told.link()).text


def test_a_printed_family_page_does_not_give_the_link_away(stage, told):
    refresh = stage.as_person(None).get(told.link()).text.split("Refresh this page")[0].rpartition("<p ")[2]
    css = stage.as_person(None).get("/static/frontdoor.css").text.partition("@media print")[2]
    assert "fd-not-printed" in refresh
    assert ".fd-not-printed { display: none; }" in css
    assert 'a[href^="/"]::after' in css


def test_booked_sessions_show_the_week_of_their_start_and_no_day_time_or_place(told, look):
    told.hears(*told.story())
    assert step(look(told.link()))["what"] == (
        "A block of therapy sessions has been booked: the message we sent you has the details. "
        "The first is in the week of Monday 23 November 2026"
    )
    assert "2026-11-27" not in look(told.link()).text


def test_sessions_that_have_begun_are_not_announced_again(stage, told, look):
    told.hears(*told.story())
    stage.clock.forward(days=30)
    assert look(told.link()).json()["next"] == "Next, the therapy sessions will go on."


def test_cancelled_sessions_put_a_child_back_on_the_waiting_list(told, look):
    told.hears(*told.story(), told.released())
    assert step(look(told.link()))["state"] == "waiting"


def test_nothing_personal_stands_on_the_bare_link(stage, told, look, canaries):
    told.hears(*told.story(), told.offered())
    shown = look(told.link()).text + stage.as_person(None).get(told.link()).text
    assert not [
        word for word in (*canaries, "speech", "salt", "no functional", "Curlew", "senco") if in_page(word, shown, told)
    ]


def in_page(word, shown, told):
    """Whether a word stands there: beside the links (which name their recipient) and the council of Saltmarsh."""
    return word.lower() in shown.replace(told.link(), "").lower().replace("saltmarsh", "")


@pytest.mark.parametrize("spoil", [lambda path: path[:-1] + "g", lambda path: path + ".x", lambda _: "/family/a.b.1.c"])
def test_a_wrong_token_opens_nothing(told, look, spoil):
    assert look(spoil(told.link())).status_code == 404
    assert look(spoil(told.link()) + "/events").status_code == 404


def test_a_renewed_link_replaces_the_old_one_which_gets_the_answer_of_a_wrong_one(stage, told, look):
    told.hears(told.submitted())
    triager = stage.as_person("health-triager")
    renewed = triager.post(f"/api/records/{told.reference}/links", json={"recipient": "K-4MXKQ7PD"})
    assert renewed.status_code == 201
    assert look(renewed.json()["status_url"]).status_code == 200
    assert look(told.link("K-4MXKQ7PD")).json() == look("/family/nonsense").json()


@pytest.mark.parametrize("recipient", ["sender", "K-4MXKQ7PD", "K-2222222A"])
def test_after_an_adoption_every_link_of_the_old_referral_gets_the_answer_of_a_wrong_one(told, look, recipient):
    told.hears(told.submitted(), told.queued())
    assert look(told.link(recipient)).status_code == 200

    told.hears(told.adopted())

    for wanted in ("application/json", "text/html"):
        closed, wrong = (look(path, accept=wanted) for path in (told.link(recipient), "/family/nonsense"))
        assert (closed.status_code, without_link(closed)) == (404, without_link(wrong))
    assert look(told.link(recipient) + "/events").status_code == 404


def without_link(answer):
    """A page without its own address and what is made anew for each."""
    return re.sub(r"/family/[^\"&]*|[0-9a-f-]{32,36}", "", answer.text)


def test_an_adoption_that_is_heard_before_the_referral_closes_its_links_too(told, look):
    told.hears(told.adopted(), told.submitted())
    assert look(told.link()).status_code == 404


def test_after_an_adoption_no_link_can_be_made_anew_and_another_childs_opens(stage, told, look):
    stage.keys.create("C-2222222A", NOW)
    other = type(told)(stage, child_id="C-2222222A")
    other.hears(other.child(), other.submitted())
    told.hears(told.submitted(), told.adopted(), told.adopted())

    triager = stage.as_person("health-triager")
    renewed = triager.post(f"/api/records/{told.reference}/links", json={"recipient": "K-4MXKQ7PD"})

    assert (renewed.status_code, renewed.json()["title"]) == (
        409,
        "The links of this referral are closed: ask the care team.",
    )
    assert look(other.link()).status_code == 200


def test_renewing_one_adults_link_leaves_the_others_alone(stage, told, look):
    told.hears(told.submitted())
    stage.as_person("senco").post(f"/api/records/{told.reference}/links", json={"recipient": "K-4MXKQ7PD"})
    assert look(told.link("sender")).status_code == 200


def test_a_link_renewed_twice_with_the_same_key_is_renewed_once(stage, told):
    told.hears(told.submitted())
    renew = {"url": f"/api/records/{told.reference}/links", "json": {"recipient": "sender"}}
    answers = [stage.as_person("senco").post(**renew, headers={"Idempotency-Key": "one"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].json() == answers[1].json() == {"status_url": told.link("sender", 2)}


def test_only_its_triagers_and_its_sender_renew_a_link(stage, told):
    told.hears(*told.story())
    body = {"recipient": "sender"}
    answers = {
        person: stage.as_person(person).post(f"/api/records/{told.reference}/links", json=body).status_code
        for person in stage.parts.area.people
    }
    assert {person for person, status in answers.items() if status == 201} == {
        "senco",
        "health-triager",
        "education-triager",
    }
    assert answers["other-senco"] == answers["other-area-triager"] == 404
    assert answers["therapist-salt"] == 403


def test_a_link_for_somebody_unknown_is_not_made(stage, told):
    told.hears(told.submitted())
    answer = stage.as_person("senco").post(f"/api/records/{told.reference}/links", json={"recipient": "K-STRANGER"})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"field": "recipient", "message": "Choose somebody who is told about this referral"}
    ]


def test_looking_changes_nothing(stage, told):
    told.hears(told.submitted())
    before = len(stage.said())
    anybody = stage.as_person(None)
    assert anybody.head(told.link()).status_code == anybody.get(told.link()).status_code == 200
    assert len(stage.said()) == before
    with stage.look() as session:
        assert not session.connection().exec_driver_sql("select 1 from audit").all()


def test_a_family_page_is_kept_nowhere_and_tells_no_other_site(stage, told):
    headers = stage.as_person(None).get(told.link()).headers
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"


def test_a_late_decision_is_not_called_done_in_time(stage, told):
    told.hears(told.submitted(), told.queued())
    stage.clock.now = NOW + timedelta(days=30)
    told.hears(told.entry(events.EntryAccepted, priority="soon"))
    page = stage.as_person(None).get(told.link()).text
    assert "Done, but after the date we gave" in page
    assert "Done in time" not in page


def test_an_erased_child_breaks_nothing(stage, told, look):
    told.hears(*told.story())
    stage.keys.destroy(told.child_id, NOW)
    assert look(told.link()).status_code == 200
    assert "Child not named here" in stage.as_person("health-triager").get(f"/records/{told.reference}").text
