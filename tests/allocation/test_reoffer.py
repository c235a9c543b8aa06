"""A place that is given up."""

import pytest
from tests.allocation.invented import invent
from tests.allocation.slow_checker import broken, may

from therapy_booking.allocation.columns import columns
from therapy_booking.allocation.instance import of
from therapy_booking.allocation.plan import make_plan
from therapy_booking.allocation.reoffer import Offers, fewest_moves


@pytest.fixture(scope="module")
def planned():
    instance = invent(70, "scarce", seed=4)
    ours = columns(of(instance))
    return instance, ours, make_plan(ours)


def test_a_freed_place_goes_to_the_best_waiting_child_and_moves_nobody(planned):
    instance, ours, plan = planned
    for request, block in plan.assignment[::6]:
        if instance["blocks"][block]["format"] == "group":
            continue
        offers = Offers(ours, plan.assignment)
        offers.give_up(request)
        rest = [pair for pair in plan.assignment if pair[0] != request]
        waiting = {one["id"] for one in instance["requests"]} - dict(plan.assignment).keys()
        able = [
            (instance["requests"][one]["tier"], one)
            for one in waiting
            if may(instance, instance["requests"][one], instance["blocks"][block])
            and not broken(instance, [*rest, (one, block)])
        ]
        offer = offers.best_for(block)
        assert (offer is None) == (not able)
        assert offer is None or instance["requests"][offer]["tier"] == min(able)[0]


def test_when_a_block_is_empty_any_block_of_that_time_may_be_offered(planned):
    instance, ours, plan = planned
    for request, block in plan.assignment:
        offers = Offers(ours, plan.assignment)
        offers.give_up(request)
        offer = offers.best_offer(block)
        if offer is None or offer[1] == block:
            continue
        rest = [pair for pair in plan.assignment if pair[0] != request]
        assert not broken(instance, [*rest, offer])
        one, other = instance["blocks"][block], instance["blocks"][offer[1]]
        assert all(one[part] == other[part] for part in ("therapist", "window", "day", "hour"))
        return
    pytest.fail("no place is offered elsewhere at its time")


def test_whoever_gave_a_place_up_is_not_offered_it_again(planned):
    _, ours, plan = planned
    offers = Offers(ours, plan.assignment)
    request, block = plan.assignment[0]
    assert offers.give_up(request) == block
    assert offers.best_for(block) != request


def test_what_is_accepted_is_no_longer_free(planned):
    _, ours, plan = planned
    offers = Offers(ours, plan.assignment)
    for request, _ in plan.assignment:
        block = offers.give_up(request)
        if (next_one := offers.best_for(block)) is not None:
            offers.accept(next_one, block)
            assert offers.best_for(block) != next_one
            return
    pytest.fail("nobody waits for anything here")


def test_a_proposal_keeps_every_confirmed_family_and_moves_fewer_than_planning_anew(planned):
    instance, ours, plan = planned
    confirmed = dict(plan.assignment[3:])
    proposal = fewest_moves(ours, confirmed.items())
    assert confirmed.keys() <= dict(proposal.plan.assignment).keys()
    assert not broken(instance, proposal.plan.assignment)
    anew = dict(make_plan(ours).assignment)
    assert len(proposal.moved) <= sum(anew.get(request) != block for request, block in confirmed.items())


def test_a_proposal_for_a_plan_that_is_best_already_moves_nobody(planned):
    _, ours, plan = planned
    assert fewest_moves(ours, plan.assignment).moved == []
