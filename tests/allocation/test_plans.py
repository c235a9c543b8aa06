"""What anybody may rely on of a plan."""

import json
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.allocation.invented import CHARACTERS, invent
from tests.allocation.slow_checker import broken, values
from tests.allocation.tiny import best_by_trying, tiny_instances

from therapy_booking.allocation.columns import columns
from therapy_booking.allocation.instance import of
from therapy_booking.allocation.levels import LEVELS
from therapy_booking.allocation.plan import NotAFlow, Wanted, make_plan

pytestmark = pytest.mark.slow

AT_ONCE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


def planned(instance, **wanted):
    return make_plan(columns(of(instance)), Wanted(**wanted))


def test_the_public_instance_with_every_rule_is_planned_as_well_as_is_proven_possible(balanced):
    plan = planned(balanced)
    assert (plan.objective, plan.optimal) == ([2, 7, 19, 14, 126230, 635], True)
    assert not broken(balanced, plan.assignment)


def test_the_public_instance_with_nested_limits_is_planned_exactly_as_a_flow(at_scale):
    plan = planned(at_scale, method="flow")
    assert (plan.objective, plan.optimal) == ([25, 95, 237, 254, 1312098, 17025], True)


@settings(AT_ONCE, max_examples=60)
@given(tiny_instances())
def test_no_plan_of_a_small_instance_is_better(instance):
    plan = planned(instance)
    assert not broken(instance, plan.assignment)
    assert plan.objective == best_by_trying(instance)


@settings(AT_ONCE, max_examples=30)
@given(tiny_instances(), st.permutations(LEVELS))
def test_the_order_of_the_levels_is_obeyed(instance, order):
    plan = planned(instance, order=tuple(order))
    first = LEVELS.index(order[0])
    found = [values(instance, planned(instance, order=(order[0], *(x for x in LEVELS if x != order[0]))).assignment)]
    assert plan.in_levels()[0] == values(instance, plan.assignment)
    assert plan.objective[0] == found[0][first]


@pytest.mark.parametrize("character", ["balanced", "groups", "clashes", "contracts"])
def test_a_block_more_never_makes_a_proven_plan_worse(character):
    instance, chance = invent(36, character, seed=2), random.Random(3)
    whole = planned(instance)
    fewer = planned(without_block(instance, chance.randrange(len(instance["blocks"]))))
    assert whole.optimal
    assert whole.objective <= fewer.objective


@settings(AT_ONCE, max_examples=30)
@given(tiny_instances())
def test_a_block_more_never_makes_a_plan_worse(instance):
    fewer = {**instance, "blocks": instance["blocks"][:-1]}
    assert planned(instance).objective <= planned(fewer).objective


@settings(AT_ONCE, max_examples=20)
@given(tiny_instances(), st.randoms(use_true_random=False))
def test_the_order_of_the_file_changes_nothing_but_ids(instance, chance):
    mixed = shuffled(instance, chance)
    assert planned(mixed).objective == planned(instance).objective


@settings(AT_ONCE, max_examples=40)
@given(tiny_instances(), st.integers(0, 60))
def test_whenever_it_is_stopped_a_plan_keeps_the_rules_and_claims_no_more_than_is_true(instance, looks):
    plan = planned(instance, seconds_left=stopping_after(looks))
    best = best_by_trying(instance)
    assert not broken(instance, plan.assignment)
    assert best <= plan.objective <= planned(instance, method="priority").objective
    same = [value == least for value, least in zip(plan.objective, best, strict=True)] + [False]
    for bound, least in list(zip(plan.bound, best, strict=True))[: same.index(False) + 1]:
        assert bound is None or bound <= least


def stopping_after(looks):
    """A clock that is looked at so many times, and then says that the time is up."""
    left = [float(looks)]

    def seconds():
        left[0] -= 1
        return max(left[0], 0.0)

    return seconds


@pytest.mark.parametrize("character", CHARACTERS)
@pytest.mark.parametrize("method", ["plan", "priority", "first-come"])
def test_every_method_keeps_every_rule(character, method):
    instance = invent(40, character)
    plan = planned(instance, method=method)
    assert not broken(instance, plan.assignment)
    assert plan.objective == values(instance, plan.assignment)
    assert all(bound is None or bound <= value for bound, value in zip(plan.bound, plan.objective, strict=True))


def test_the_plan_is_no_worse_than_what_a_coordinator_or_the_calendar_would_do():
    instance = invent(80, "balanced", seed=3)
    best = planned(instance).objective
    assert best <= planned(instance, method="priority").objective <= planned(instance, method="first-come").objective


@pytest.mark.parametrize(("size", "character"), [(100, "groups"), (40, "mixed")])
def test_the_same_instance_and_seed_give_the_same_plan(size, character):
    instance = invent(size, character, seed=5)
    once, again = (json.dumps(planned(instance, seed=4).assignment) for _ in range(2))
    assert once == again


def test_a_flow_is_refused_where_limits_cross(balanced):
    with pytest.raises(NotAFlow, match="use the method plan"):
        planned(balanced, method="flow")


def test_when_there_is_no_time_a_plan_is_there_all_the_same(balanced):
    plan = planned(balanced, seconds_left=lambda: 0.0)
    assert plan.stopped_by == "seconds"
    assert plan.assignment
    assert not broken(balanced, plan.assignment)


def test_regions_that_share_a_purse_are_planned_together():
    instance = invent(60, "balanced", per_region=30)
    for request in instance["requests"]:
        request["commissioner"] = 0
    instance["contracts"] = []
    instance["commissioners"][0] |= {"budget": 4000, "max_places": 9}
    plan = planned(instance)
    assert not broken(instance, plan.assignment)
    assert len(plan.assignment) == 9


def without_block(instance, gone):
    """The same instance without one of its blocks."""
    rows = [row for row in instance["blocks"] if row["id"] != gone]
    return {**instance, "blocks": [{**row, "id": place} for place, row in enumerate(rows)]}


def shuffled(instance, chance):
    """The same instance in another order, ids and what refers to them changed alike."""
    chance = chance or random.Random(1)
    renumbered = {}
    for table in ("requests", "blocks"):
        rows = list(instance[table])
        chance.shuffle(rows)
        renumbered[table] = [{**row, "id": place} for place, row in enumerate(rows)]
    return {**instance, **renumbered}
