"""Booking's pages: what they show, what they keep, and what a form does, once."""

import re

import pytest

from frontdoor import events
from frontdoor.testing import NOW


@pytest.fixture
def page(desk):
    """Open a page, or send a form, as the coordinator or somebody else."""

    def open_page(path, form=None, person="booking-coordinator"):
        if person not in desk.clients:
            desk.ask("GET", "/booking", None, person)
        client = desk.clients[person]
        return client.get(path) if form is None else client.post(path, data=form)

    return open_page


BLOCK = {
    "discipline": "salt",
    "mode": "group",
    "first_date-day": "25",
    "first_date-month": "11",
    "first_date-year": "2026",
    "time": "9:30",
    "minutes": "45",
    "weeks": "6",
    "seats": "2",
    "price_pence": "£1,200.50",
    "_do": "commission",
}


def order(supply, **changed):
    return BLOCK | {"provider": supply.provider, "therapist": supply.therapist, "place": supply.place} | changed


def test_an_empty_desk_says_what_to_do(page):
    shown = page("/booking").text
    assert "There are no pools yet." in shown
    assert "No block has a place left." in shown
    assert "Nobody waits here." in page("/booking/waiting-list").text


def test_what_a_block_needs_is_registered_by_forms(desk, page):
    page("/booking/providers/new", {"name": "Clear Words", "kind": "private"})
    provider = desk.stage.said()[0].provider
    page("/booking/therapists/new", {"name": "Emma", "provider": provider, "disciplines": ["salt", "ot"]})
    page("/booking/places/new", {"name": "Room 2", "kind": "clinic", "postcode": "nn168aa"})
    opened = page(
        "/booking/pools/new",
        {
            "name": "Autumn",
            "term": "2026-autumn",
            "contributions.0.organisation": "sample-icb",
            "contributions.0.discipline": "salt",
            "contributions.0.pence": "1,200.50",
            "contributions.1.organisation": "",
        },
    )
    assert opened.status_code == 303
    said = desk.stage.said()
    assert said[1].disciplines == ("salt", "ot")
    assert said[2].postcode == "NN16 8AA"
    assert said[3].contributions[0].pence == 120_050


@pytest.mark.parametrize(
    ("path", "form", "kept", "message"),
    [
        ("/booking/providers/new", {"name": "Clear Words"}, "Clear Words", "Select what kind it is"),
        ("/booking/places/new", {"name": "Hub", "kind": "hub", "postcode": "12"}, "Hub", "Enter a full UK postcode"),
        (
            "/booking/places/new",
            {"name": "Home", "kind": "home", "postcode": "SS1 9ZZ"},
            "Home",
            "Leave the postcode out",
        ),
        ("/booking/therapists/new", {"name": "Emma"}, "Emma", "Select at least one therapy"),
        ("/booking/pools/new", {"name": "Autumn"}, "Autumn", "Select a term"),
    ],
)  # fmt: skip
def test_a_form_keeps_what_was_typed_and_says_what_is_wrong(page, desk, path, form, kept, message):
    desk.provider()
    answer = page(path, form)
    assert answer.status_code == 422
    assert f'value="{kept}"' in answer.text
    assert "There is a problem" in answer.text
    assert message in answer.text


def test_the_dates_are_shown_before_anything_is_bought(page, desk, supply):
    answer = page(f"/booking/pools/{supply.pool}", order(supply, _do="preview"))
    assert "Wednesday 25 November 2026 at 9:30am" in answer.text
    assert "Wednesday 6 January 2027 at 9:30am" in answer.text
    assert 'value="£1,200.50"' in answer.text
    assert desk.ask("GET", f"/api/pools/{supply.pool}/blocks").json()["blocks"] == []


def test_a_block_is_commissioned_for_its_price_in_pounds(page, desk, supply):
    answer = page(f"/booking/pools/{supply.pool}", order(supply))
    assert answer.status_code == 303
    assert "The block is commissioned" in page(answer.headers["location"]).text
    assert desk.ask("GET", f"/api/pools/{supply.pool}").json()["spent"] == 120_050


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"price_pence": "lots"}, "Enter the price in pounds"),
        ({"first_date-day": "31"}, "must be a real date"),
        ({"weeks": "many"}, "Enter how many sessions"),
        (
            {"price_pence": "99,999"},
            "Saltmarsh Council has £4,000.00 and NHS Saltmarsh Integrated Care Board has £6,000.00",
        ),
        ({"weeks": "60"}, "Enter how many sessions"),
        ({"therapist": ""}, "Select a therapist"),
    ],
)
def test_a_block_that_cannot_be_bought_says_why(page, supply, changed, message):
    answer = page(f"/booking/pools/{supply.pool}", order(supply, **changed))
    assert answer.status_code == 422
    assert message in answer.text


def wrong(answer):
    """The fields that the summary of a page leads to."""
    summary = answer.text.partition("govuk-error-summary__list")[2].partition("</ul>")[0]
    return re.findall(r'href="#([^"]*)"', summary)


def test_a_price_that_is_too_high_is_the_prices_error(page, supply):
    assert wrong(page(f"/booking/pools/{supply.pool}", order(supply, price_pence="99,999"))) == ["price_pence"]


def test_a_therapist_who_is_busy_is_named_with_the_dates(page, desk, supply):
    desk.block(supply, time="09:30", weeks=2)
    answer = page(f"/booking/pools/{supply.pool}", order(supply))
    said = "Emma Lindqvist is busy on Wednesday 25 November 2026 at 9:30am and Wednesday 2 December 2026 at 9:30am"
    assert said in answer.text
    assert wrong(answer) == ["first_date-day"]


SATURDAY = {"first_date-day": "28"}
IN_TWO_DAYS = {"first_date-day": "20"}


@pytest.mark.parametrize("slip", [SATURDAY, IN_TWO_DAYS])
def test_dates_that_may_be_a_slip_are_shown_once_more_before_money_is_spent(page, desk, supply, slip):
    where = f"/booking/pools/{supply.pool}"
    asked = page(where, order(supply, **slip))
    dates = re.search(r'name="_dates" value="([^"]+)"', asked.text)[1]
    assert (asked.status_code, wrong(asked)) == (422, ["_sure"])
    assert "The sessions would be" in asked.text
    assert desk.ask("GET", f"/api/pools/{supply.pool}").json()["spent"] == 0
    assert page(where, order(supply, **slip, _sure="yes", _dates=dates)).status_code == 303


def test_a_tick_is_for_the_dates_that_were_shown_and_no_others(page, supply):
    where = f"/booking/pools/{supply.pool}"
    asked = page(where, order(supply, **SATURDAY))
    dates = re.search(r'name="_dates" value="([^"]+)"', asked.text)[1]
    again = page(where, order(supply, **IN_TWO_DAYS, _sure="yes", _dates=dates))
    assert wrong(again) == ["_sure"]
    assert "checked" not in again.text.partition('name="_sure"')[2].partition(">")[0]


def test_a_row_of_money_that_is_wrong_is_said_once(page):
    row = {"contributions.0.organisation": "", "contributions.0.discipline": "salt", "contributions.0.pence": "lots"}
    answer = page("/booking/pools/new", {"name": "Autumn", "term": "2026-autumn"} | row)
    assert wrong(answer) == ["contributions-0-organisation", "contributions-0-pence"]


@pytest.mark.parametrize(("agreed", "bought"), [("group", "individual"), ("individual", "group")])
def test_another_kind_than_was_agreed_is_booked_on_a_page_only_where_that_is_ticked(page, desk, supply, agreed, bought):
    block, ref = desk.block(supply, mode=bought), desk.child(mode=agreed)
    where = f"/booking/waiting-list/{ref}/salt"
    assert ", but agreed " in page(where).text
    assert "Also though it was agreed" in page(f"/booking/blocks/{block}").text
    refused = page(where, {"block": block})
    assert (refused.status_code, wrong(refused)) == (422, ["accept_other_mode"])
    assert page(where, {"block": block, "accept_other_mode": "yes"}).status_code == 303


def test_the_same_form_sent_twice_opens_one_pool(page, desk):
    form = {
        "_token": "one",
        "name": "Autumn",
        "term": "2026-autumn",
        "contributions.0.organisation": "sample-icb",
        "contributions.0.discipline": "salt",
        "contributions.0.pence": "1",
    }
    first, second = page("/booking/pools/new", form), page("/booking/pools/new", form)
    assert first.headers["location"] == second.headers["location"]
    assert len(desk.ask("GET", "/api/pools").json()["pools"]) == 1


def named(desk, ref, name="Ada Finch"):
    child = f"C-{ref[-5:]}"
    given, family = name.split()
    desk.stage.keys.create(child, NOW)
    identity = desk.stage.keys.seal(child, {"given_name": given, "family_name": family})
    desk.stage.hears(f"child/{child}", events.ChildRegistered(child_id=child, identity=identity))
    return child


def test_the_next_child_is_picked_from_the_waiting_list(page, desk, supply):
    block, ref = desk.block(supply), desk.child()
    named(desk, ref)
    assert f"Ada Finch, {ref}" in page(f"/booking/blocks/{block}").text
    answer = page(f"/booking/blocks/{block}", {"reference": ref})
    shown = page(answer.headers["location"]).text
    assert "1 of 2 places left" in shown
    assert "Ada Finch" in shown


def test_a_child_is_booked_from_the_waiting_list_into_a_block_that_fits(page, desk, supply):
    ref = desk.child()
    short, block = desk.block(supply, weeks=2), desk.block(supply)
    assert f"/booking/waiting-list/{ref}/salt" in page("/booking/waiting-list").text
    shown = page(f"/booking/waiting-list/{ref}/salt").text
    assert block in shown
    assert short not in shown
    answer = page(f"/booking/waiting-list/{ref}/salt", {"block": block})
    assert "Cancel this booking" in page(answer.headers["location"]).text


def test_where_nothing_is_long_enough_a_shorter_block_can_be_accepted(page, desk, supply):
    ref, block = desk.child(), desk.block(supply, weeks=2)
    where = f"/booking/waiting-list/{ref}/salt"
    assert "These have fewer." in page(where).text
    assert page(where, {"block": block}).status_code == 422
    assert page(where, {"block": block, "accept_shorter": "yes"}).status_code == 303


def test_a_full_block_says_so_beside_the_form_and_is_not_among_those_with_places(page, desk, supply):
    block, ref = desk.block(supply, seats=1), desk.child()
    assert block in page("/booking").text
    desk.booked(desk.child(), block)
    assert block not in page("/booking").text
    answer = page(f"/booking/blocks/{block}", {"reference": ref})
    assert answer.status_code == 422
    assert "This block is full" in answer.text
    assert f'href="/booking/waiting-list/{ref}/salt"' in answer.text
    assert "alternatives" not in answer.text


def test_a_booking_is_cancelled_with_a_reason_and_the_place_offered_on(page, desk, supply):
    block = desk.block(supply, seats=1)
    booking, second = desk.booked(desk.child(), block), desk.child()
    assert "Select a reason" in page(f"/booking/bookings/{booking}", {}).text
    page(f"/booking/bookings/{booking}", {"reason_code": "child_unwell"}, "parent")
    assert "Cancelled: child unwell." in page(f"/booking/bookings/{booking}").text
    shown = page(f"/booking/blocks/{block}").text
    offer = re.search(r"/booking/offers/(F-\w+)", shown)[1]
    answer = page(f"/booking/offers/{offer}", {})
    assert second in page(answer.headers["location"]).text


def test_a_name_that_was_erased_or_is_not_shared_is_not_shown(page, desk, supply):
    ref = desk.child()
    child = named(desk, ref, "ZZCANARY Lark")
    assert "ZZCANARY" in page("/booking/waiting-list").text
    desk.stage.keys.destroy(child, NOW)
    shown = page("/booking/waiting-list").text
    assert "ZZCANARY" not in shown
    assert ref in shown


def test_a_booking_of_a_withdrawn_referral_is_marked_for_a_person(page, desk, supply):
    block, ref = desk.block(supply), desk.child()
    desk.booked(ref, block)
    closed = events.EntryClosed(reference=ref, agency="health", child_id="C", reason_code="need_met")
    desk.stage.hears(f"entry/{ref}/health", closed)
    assert "decide whether to cancel" in page(f"/booking/blocks/{block}").text
