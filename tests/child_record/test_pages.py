"""The pages of the shared record, for people who are signed in."""

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
    for words in ("Wilhelmina Thistlethwaite", "27 March 2019", "SLCN", "Declined by the education team", "Timeline"):
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
