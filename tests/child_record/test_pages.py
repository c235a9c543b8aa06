"""The pages of the shared record, for people who are signed in."""

import threading
import time
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from child_record import store
from frontdoor import events
from frontdoor.events import instant
from frontdoor.identifiers import reference
from frontdoor.testing import NOW


def test_a_record_shows_the_child_where_it_stands_and_what_happened(stage, told):
    told.hears(*told.story())
    page = stage.as_person("health-triager").get(f"/records/{told.reference}").text
    for words in (
        "Wilhelmina Thistlethwaite",
        "27 March 2019",
        "Speech, language and",
        "Declined by the education team",
        "Timeline",
    ):
        assert words in page
    assert f'href="/queues/health/{told.reference}"' in page


def test_a_record_is_not_there_for_a_stranger(stage, told):
    told.hears(told.submitted())
    assert stage.as_person("other-senco").get(f"/records/{told.reference}").status_code == 404
    assert stage.as_person(None).get(f"/records/{told.reference}").status_code == 303


def test_a_page_waits_for_what_is_on_its_way_and_never_says_404(stage, told, monkeypatch):
    monkeypatch.setattr("frontdoor.calls.ARRIVAL_WAIT", 0.01)
    address = f"/records/{told.reference}?after=referral-intake:referral/{told.reference}:1"
    page = stage.as_person("senco").get(address)
    assert (page.status_code, page.headers["refresh"]) == (200, "2")
    assert "Still arriving" in page.text
    told.hears(told.submitted())
    assert "Still arriving" not in stage.as_person("senco").get(address).text


def hears_soon(told):
    """Let the referral arrive while a page waits for it."""
    timer = threading.Timer(0.2, told.hears, [told.submitted()])
    timer.start()
    return timer


def test_a_page_that_waited_shows_the_record_to_its_sender(stage, told):
    soon = hears_soon(told)
    page = stage.as_person("senco").get(f"/records/{told.reference}?after={submitted(told)}").text
    soon.join()
    assert "Timeline" in page


def test_a_stranger_who_waited_is_not_told_that_it_has_come(stage, told):
    soon = hears_soon(told)
    page = stage.as_person("other-senco").get(f"/records/{told.reference}?after={submitted(told)}")
    soon.join()
    assert (page.status_code, page.headers["refresh"]) == (200, "2")
    assert "Still arriving" in page.text


def submitted(told):
    return f"referral-intake:referral/{told.reference}:1"


@pytest.mark.parametrize("version", [1, 3, 999999])
@pytest.mark.parametrize(
    "stream", ["triage-panel:entry/{}/care", "triage-panel:entry/{}/health", "referral-intake:referral/{}"]
)
def test_a_stranger_learns_nothing_by_naming_what_to_wait_for(stage, told, monkeypatch, stream, version):
    monkeypatch.setattr("frontdoor.calls.ARRIVAL_WAIT", 10)
    told.hears(*told.story())
    began = time.monotonic()
    address = f"/records/{told.reference}?after={stream.format(told.reference)}:{version}"
    assert stage.as_person("other-senco").get(address).status_code == 404
    assert time.monotonic() - began < 5


def test_only_who_could_have_sent_it_is_asked_to_wait_for_a_referral_that_is_not_here(stage, told, monkeypatch):
    monkeypatch.setattr("frontdoor.calls.ARRIVAL_WAIT", 0.01)
    address = f"/records/{told.reference}?after={submitted(told)}"
    told_to_wait = {one for one in stage.parts.area.people if stage.as_person(one).get(address).status_code == 200}
    assert {"senco", "other-senco", "parent", "gp"} <= told_to_wait
    assert not told_to_wait & {"admin", "auditor", "booking-coordinator", "panel-chair", "other-area-triager"}


@pytest.mark.parametrize(
    "after",
    [
        "",
        "nonsense",
        "referral-intake:referral/R222-22222:1",
        "referral-intake:referral/{}:0",
        "referral-intake:referral/{}:one",
        "triage-panel:referral/{}:1",
        "triage-panel:entry/{}/health:1",
    ],
)
def test_a_reference_that_is_not_here_is_waited_for_only_by_its_own_name(stage, told, after):
    address = f"/records/{told.reference}?after={after.format(told.reference)}"
    assert stage.as_person("senco").get(address).status_code == 404


def test_a_reader_does_not_wait_for_what_the_record_does_not_show_arriving(stage, told):
    told.hears(told.submitted())
    address = f"/records/{told.reference}?after=triage-panel:entry/{told.reference}/health:9"
    assert "Timeline" in stage.as_person("senco").get(address).text


def test_a_reader_waits_for_what_they_have_just_added(stage, told, monkeypatch):
    monkeypatch.setattr("frontdoor.calls.ARRIVAL_WAIT", 0.01)
    told.hears(told.submitted())
    address = f"/records/{told.reference}?after=referral-intake:referral/{told.reference}:2"
    assert "Still arriving" in stage.as_person("senco").get(address).text


# --- the list ---


def test_the_list_shows_what_somebody_may_read_and_nothing_else(stage, told):
    told.hears(*told.story())
    seen = {
        person: told.reference in stage.as_person(person).get("/records").text for person in stage.parts.area.people
    }
    assert {person for person, sees in seen.items() if sees} == {
        "senco",
        "health-triager",
        "education-triager",
        "therapist-salt",
    }


def test_the_list_names_the_child_to_those_who_may_know_who_it_is(stage, told):
    told.hears(*told.story())
    named = {
        person: "Wilhelmina Thistlethwaite" in stage.as_person(person).get("/records").text
        for person in ("senco", "health-triager", "other-senco")
    }
    assert named == {"senco": True, "health-triager": True, "other-senco": False}


def test_the_list_leaves_one_row_in_the_audit(stage, told):
    told.hears(*told.story())
    stage.as_person("health-triager").get("/records")
    with stage.look() as session:
        rows = session.connection().exec_driver_sql("select action from audit").scalars().all()
    assert rows == ["record.list"]


def test_what_nobody_did_is_said_to_have_happened_automatically(stage, told):
    told.hears(*told.story())
    page = stage.as_person("health-triager").get(f"/records/{told.reference}").text
    assert "</time> automatically" in page
    assert "by itself" not in page


def test_an_empty_list_says_what_will_stand_there(stage):
    assert "There is no shared record for you yet" in stage.as_person("gp").get("/records").text


def test_a_long_list_goes_on_from_where_the_page_ended(stage, told):
    references = [reference() for _ in range(30)]
    for told.reference in references:
        stage.clock.forward(minutes=1)
        told.hears(told.submitted(received_at=stage.clock.now))
    first = stage.as_person("health-triager").get("/records").text
    following = first.split("/records?before=")[1].split('"')[0]
    second = stage.as_person("health-triager").get(f"/records?before={following}").text
    on_first = {ref for ref in references if ref in first}
    on_second = {ref for ref in references if f">{ref}<" in second}
    assert on_first == set(references[5:])
    assert on_second == set(references[:5])


def test_a_place_that_is_no_place_starts_at_the_first(stage, told):
    told.hears(told.submitted())
    assert told.reference in stage.as_person("senco").get("/records?before=nonsense").text


@given(
    st.text()
    | st.builds(
        "{}.{}".format,
        st.text() | st.datetimes(timezones=st.timezones()).map(datetime.isoformat) | st.just(instant(NOW)),
        st.text() | st.just(reference()),
    )
)
def test_a_place_in_the_list_is_exactly_ours_or_none(text):
    found = store.place(text)
    assert found is None or f"{instant(found[0])}.{found[1]}" == text


@pytest.mark.parametrize("before", ["0001-01-01T00:00:00%2B14:00.R222-22222", "%00", "9" * 5000])
def test_a_place_that_somebody_made_up_starts_at_the_first(stage, before):
    assert stage.as_person("senco").get(f"/records?before={before}").status_code == 200


def test_a_sender_sees_no_other_agencys_therapy(stage, told):
    told.hears(*told.story())
    page = stage.as_person("senco").get(f"/records/{told.reference}").text
    assert "Accepted by the health team" in page
    assert "block of" not in page


def test_a_withdrawn_referral_says_so_everywhere(stage, told):
    reason = told.sealed("we moved")
    agencies = ("education", "health")
    withdrawn = events.ReferralWithdrawn(
        reference=told.reference, child_id=told.child_id, agencies=agencies, reason=reason
    )
    told.hears(told.submitted(), told.queued(), (f"referral/{told.reference}", withdrawn))
    page = stage.as_person("senco").get(f"/records/{told.reference}").text
    assert page.count('<p class="fd-steps__what">Withdrawn</p>') == 2
