"""A place in a block: all of it or nothing, never twice, given up and offered on."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from frontdoor.events import BlockBooked, OfferEnded, PlaceOffered, PlaceReleased, WaitingEnded

pytestmark = pytest.mark.slow


def test_a_child_has_the_same_seat_in_every_session(desk, supply):
    block, ref = desk.block(supply), desk.child()
    answer = desk.book(ref, block)
    assert answer.status_code == 201
    assert [part["session"] for part in answer.json()["sessions"]] == [f"{block}-{n}" for n in range(1, 7)]
    booked = next(event for event in desk.stage.said() if isinstance(event, BlockBooked))
    assert (booked.seat, len(booked.sessions), booked.held_by) == (1, 6, "therapist-salt")


def test_a_full_block_names_up_to_three_others_that_fit(desk, supply):
    full = desk.block(supply, seats=1)
    others = [desk.block(supply, seats=2) for _ in range(4)]
    short, of_ot = desk.block(supply, weeks=3), desk.block(supply, discipline="ot")
    desk.booked(desk.child(), full)
    answer = desk.book(desk.child(), full)
    assert (answer.status_code, answer.json()["code"]) == (409, "full")
    named = answer.json()["alternatives"]
    assert [found["block"] for found in named] == others[:3]
    assert not {short, of_ot} & {found["block"] for found in named}
    assert named[0]["seats_left"] == 2


def test_a_child_is_in_one_place_at_a_time(desk, supply):
    salt = desk.block(supply, time="09:30")
    other = desk.supply()
    ot = desk.block(other, time="10:00", discipline="ot")
    free = desk.block(other, time="14:00", discipline="ot")
    ref = desk.child()
    desk.child("ot", at=ref)
    desk.booked(ref, salt)
    answer = desk.book(ref, ot)
    assert (answer.status_code, answer.json()["code"]) == (409, "clash")
    assert [found["block"] for found in answer.json()["alternatives"]] == [free]


def test_a_shorter_block_needs_a_word(desk, supply):
    block, ref = desk.block(supply, weeks=5), desk.child()
    answer = desk.book(ref, block)
    assert (answer.status_code, answer.json()["code"]) == (409, "too_short")
    assert desk.book(ref, block, accept_shorter=True).status_code == 201


@pytest.mark.parametrize("field", ["reference", "block"])
def test_what_nobody_knows_is_named(desk, supply, field):
    body = {"reference": desk.child(), "block": desk.block(supply)} | {field: "R222-22222"}
    answer = desk.ask("POST", "/api/bookings", body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


def test_only_agreed_therapy_is_booked_and_only_once(desk, supply):
    block, ref = desk.block(supply), desk.child("ot")
    assert desk.book(ref, block).json()["code"] == "not_allowed"
    desk.child("salt", at=ref)
    assert desk.book(ref, block).status_code == 201
    assert desk.book(ref, block).json()["code"] == "not_allowed"


def test_a_block_in_the_past_takes_nobody(desk, supply):
    block, ref = desk.block(supply), desk.child()
    desk.stage.clock.forward(days=120)
    answer = desk.book(ref, block)
    assert (answer.status_code, answer.json()["code"]) == (409, "past")


def test_a_block_that_has_begun_gives_every_session_still_to_come(desk, supply):
    block, ref = desk.block(supply), desk.child(sessions=4)
    desk.stage.clock.forward(days=15)
    answer = desk.book(ref, block)
    assert [part["session"] for part in answer.json()["sessions"]] == [f"{block}-{n}" for n in range(3, 7)]
    assert not desk.faults()


def test_of_sixty_four_who_ask_at_once_for_the_last_place_one_has_it(desk, supply):
    block = desk.block(supply, seats=1)
    refs = [desk.child() for _ in range(64)]
    with ThreadPoolExecutor(64) as threads:
        codes = list(threads.map(lambda ref: desk.book(ref, block).status_code, refs))
    assert sorted(codes) == [201] + [409] * 63
    assert not desk.faults()


def test_a_cancelled_place_is_free_and_the_child_waits_again(desk, supply):
    block, ref = desk.block(supply, seats=1), desk.child()
    booking = desk.booked(ref, block)
    assert desk.waiting() == []
    answer = desk.cancel(booking)
    assert (answer.status_code, answer.json()["released"]) == (200, [f"{block}-{n}" for n in range(1, 7)])
    assert desk.waiting() == [ref]
    assert desk.book(desk.child(), block).status_code == 201


def test_a_place_is_given_up_once(desk, supply):
    booking = desk.booked(desk.child(), desk.block(supply))
    assert desk.cancel(booking).status_code == 200
    assert (desk.cancel(booking).status_code, desk.cancel(booking).json()["code"]) == (409, "not_allowed")


@pytest.mark.parametrize("reason", ["no_longer_needed", "moved_away", "duplicate"])
def test_some_reasons_end_the_wait(desk, supply, reason):
    booking = desk.booked(desk.child(), desk.block(supply))
    desk.cancel(booking, reason)
    assert desk.waiting() == []
    assert any(isinstance(event, WaitingEnded) and event.reason_code == reason for event in desk.stage.said())


def test_a_freed_place_goes_to_the_next_whom_it_fits_and_never_back(desk, supply):
    block = desk.block(supply, seats=1)
    booking = desk.booked(desk.child(priority="urgent"), block)
    desk.child(sessions=7, priority="urgent")
    desk.child(priority="routine")
    soon = desk.child(priority="soon")
    answer = desk.cancel(booking)
    offers = [event for event in desk.stage.said() if isinstance(event, PlaceOffered)]
    assert [(offer.offer, offer.reference, offer.block) for offer in offers] == [(answer.json()["offer"], soon, block)]
    entry = next(entry for entry in desk.line() if entry["reference"] == soon)
    assert (entry["status"], entry["offer"]) == ("offered", answer.json()["offer"])


def test_a_freed_place_is_offered_only_to_a_child_agreed_for_the_same_mode(desk, supply):
    block = desk.block(supply, seats=1)
    booking = desk.booked(desk.child(), block)
    desk.child(mode="individual", priority="urgent")
    same = desk.child()
    desk.cancel(booking)
    assert [said.reference for said in desk.stage.said() if isinstance(said, PlaceOffered)] == [same]


def test_a_program_may_book_another_mode_than_was_agreed_unless_it_says_not_to(desk, supply):
    block, ref = desk.block(supply), desk.child(mode="individual")
    assert desk.book(ref, block, accept_other_mode=False).json()["code"] == "other_mode"
    assert desk.book(ref, block).status_code == 201


def test_with_nobody_else_waiting_a_place_is_offered_to_nobody(desk, supply):
    booking = desk.booked(desk.child(), desk.block(supply))
    assert desk.cancel(booking).json()["offer"] is None


def offered(desk, supply):
    """A place given up, and offered to a second child."""
    block = desk.block(supply, seats=1)
    booking, second = desk.booked(desk.child(), block), desk.child()
    return block, second, desk.cancel(booking).json()["offer"]


@pytest.mark.parametrize("person", ["booking-coordinator", "parent"])
def test_an_offer_is_taken_up_by_coordinator_or_family(desk, supply, person):
    block, second, offer = offered(desk, supply)
    answer = desk.ask("POST", f"/api/offers/{offer}/accept", None, person)
    assert (answer.status_code, answer.json()["block"]) == (201, block)
    assert second not in desk.waiting()
    assert desk.stage.said(f"offer/{offer}")[-1].outcome == "accepted"
    again = desk.ask("POST", f"/api/offers/{offer}/accept", None, person)
    assert (again.status_code, again.json()["reason"]) == (409, "accepted")


def test_an_offer_reserves_nothing(desk, supply):
    block, second, offer = offered(desk, supply)
    assert desk.book(desk.child(), block).status_code == 201
    answer = desk.ask("POST", f"/api/offers/{offer}/accept")
    assert (answer.status_code, answer.json()["reason"]) == (409, "place_gone")
    assert second in desk.waiting()


def test_booking_the_child_elsewhere_ends_its_offer_and_offers_the_place_on(desk, supply):
    block, second, _ = offered(desk, supply)
    third = desk.child()
    desk.booked(second, desk.block(supply))
    said = [event for event in desk.stage.said() if isinstance(event, PlaceOffered | OfferEnded)]
    assert [type(event).__name__ for event in said] == ["PlaceOffered", "OfferEnded", "PlaceOffered"]
    assert (said[1].outcome, said[2].reference, said[2].block) == ("no_longer_waiting", third, block)


def test_a_booking_may_name_the_offer_that_it_takes_up(desk, supply):
    block, second, offer = offered(desk, supply)
    assert desk.book(second, block, offer="F-NOTHING").status_code == 422
    assert desk.book(desk.child(), block, offer=offer).status_code == 422
    assert desk.book(second, block, offer=offer).status_code == 201


def test_what_was_attended_stays_when_the_rest_is_given_up(desk, supply):
    block = desk.block(supply, seats=1)
    booking = desk.booked(desk.child(), block)
    desk.stage.clock.forward(days=15)
    assert desk.cancel(booking).json()["released"] == [f"{block}-{n}" for n in range(3, 7)]
    assert desk.book(desk.child(sessions=4), block).status_code == 201
    assert not desk.faults()


def test_a_block_that_is_over_cannot_be_given_up(desk, supply):
    booking = desk.booked(desk.child(), desk.block(supply))
    desk.stage.clock.forward(days=120)
    assert desk.cancel(booking).json()["code"] == "not_allowed"


def test_a_booking_says_when_where_and_with_whom(desk, supply):
    booking = desk.booked(desk.child(), desk.block(supply))
    desk.cancel(booking)
    shown = desk.ask("GET", f"/api/bookings/{booking}").json()
    assert (shown["status"], shown["place"]["name"], len(shown["sessions"])) == ("released", "Room 2", 6)
    assert any(isinstance(event, PlaceReleased) for event in desk.stage.said(f"booking/{booking}"))
