"""The demo's outbox, and the tasks."""

from dataclasses import replace
from urllib.parse import unquote

import pytest

from frontdoor.access import of_person
from frontdoor.calls import Call
from frontdoor.service import build
from frontdoor.testing import Stage
from frontdoor.work import Refused
from notification.app import service
from notification.pages import came_back, linked

REFERENCE = "R7K2-9QF4Q"
MUM = "K-2AAAAAAA"


def page(stage, person="parent", path="/messages"):
    return stage.as_person(person).get(path, headers={"Accept": "text/html"})


def test_a_sent_message_is_shown_as_its_recipient_sees_it(stage, family):
    family.is_known()
    stage.chores()
    shown = page(stage).text
    assert "Text message to 07700 900••1" in shown
    assert 'href="/family/R7K2-9QF4Q.K-2AAAAAAA.1.' in shown
    assert "900501" not in shown


def test_an_empty_outbox_says_so(stage):
    assert "No messages yet" in page(stage).text


def test_who_is_of_another_area_sees_no_familys_link(stage, family):
    family.is_known()
    stage.chores()
    answer = page(stage, "other-area-triager")
    assert answer.status_code == 404
    assert "/family/" not in answer.text


def test_older_messages_are_a_page_further(stage, family):
    contacts = [(f"K-2AAAAA{letter}{other}", "sms") for letter in "ACDEF" for other in "ACDEF"]
    family.is_known(*contacts)
    stage.chores()
    first = page(stage).text
    older = first.split('href="/messages?before=')[1].split('"')[0]
    assert page(stage, path=f"/messages?before={older}").text.count("Text message to") == 5


@pytest.mark.parametrize(
    ("before", "status"), [("0", 200), ("7", 200), (2**53, 200), (2**53 + 1, 422), (10**30, 422), ("9" * 5000, 422)]
)
def test_a_place_in_the_outbox_is_a_number_or_refused(stage, family, before, status):
    family.is_known()
    stage.chores()
    assert page(stage, path=f"/messages?before={before}").status_code == status


def test_outside_the_demo_there_is_no_outbox_and_nothing_is_sent(tmp_path):
    stage = Stage(service, tmp_path)
    stage.parts = replace(stage.parts, demo=False)
    assert sum(chore.run(stage.parts) for chore in service.chores) == 0
    stage.app = build(service, stage.parts, lambda: {"ok": True})
    assert page(stage).status_code in {303, 404}


def test_nobody_signed_in_is_sent_to_sign_in(stage):
    assert unquote(page(stage, None).headers["location"]) == "/sign-in?next=/messages"


@pytest.mark.parametrize(("person", "shown"), [("admin", True), ("auditor", True), ("parent", False)])
def test_what_could_not_be_sent_stands_first_for_those_who_see_to_it(stage, family, person, shown):
    no_address(stage, family)
    assert ("There is no address" in page(stage, person).text) == shown


def test_a_task_that_was_seen_to_is_gone(stage, family):
    notice = no_address(stage, family)
    for _ in range(2):
        assert stage.as_person("admin").post(f"/messages/{notice}/settled").status_code == 303
    assert "Nothing to do" in page(stage, "admin", "/messages/tasks").text
    assert family.statuses() == ["suppressed"]


def test_a_message_that_is_not_there_cannot_be_settled(stage):
    assert stage.as_person("admin").post("/messages/nothing/settled").status_code == 404


def test_markup_in_a_text_is_text_and_only_our_own_links_are_links():
    shown = linked("<b> http://ours/family/x http://theirs/y", "http://ours")
    assert shown == '&lt;b&gt; <a class="govuk-link" href="/family/x">http://ours/family/x</a> http://theirs/y'


def test_who_tries_the_demo_can_let_a_message_come_back_and_sees_the_task_arise(stage, family):
    family.is_known()
    stage.chores()
    notice = family.notices()[0]["notice"]
    assert "It came back<" in page(stage).text
    for _ in range(2):
        answer = stage.as_person("parent").post(f"/messages/{notice}/came-back")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/messages#{notice}")
    assert "It came back, and waits for an administrator" in page(stage).text
    assert "It came back<" not in page(stage).text
    assert "This was sent, and came back" in page(stage, "admin").text
    assert f'id="{notice}"' in page(stage).text


def test_who_lets_an_older_message_come_back_stays_where_it_is(stage):
    answer = stage.as_person("parent").post("/messages/a%3Cb/came-back", params={"before": 7})
    assert answer.headers["location"] == "/messages?before=7#a%3Cb"


def test_a_message_that_is_not_there_does_not_come_back_and_nobody_is_told_so(stage):
    assert stage.as_person("parent").post("/messages/nothing/came-back").status_code == 303


def test_who_is_of_another_area_lets_nothing_come_back(stage, family):
    family.is_known()
    stage.chores()
    notice = family.notices()[0]["notice"]
    assert stage.as_person("other-area-triager").post(f"/messages/{notice}/came-back").status_code == 404
    assert family.statuses() == ["delivered"]


def test_outside_the_demo_nobody_plays_the_provider(stage, family):
    family.is_known()
    stage.chores()
    notice = family.notices()[0]["notice"]
    object.__setattr__(stage.parts, "demo", False)
    with pytest.raises(Refused):
        came_back(notice, Call(None, stage.parts, of_person(stage.parts.area.people["parent"]), "messages.demo"))
    object.__setattr__(stage.parts, "demo", True)
    assert family.statuses() == ["delivered"]


def no_address(stage, family):
    family.has_contact(MUM, "email", email=None)
    family.submits()
    stage.chores()
    return family.notices()[0]["notice"]
