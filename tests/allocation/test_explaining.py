"""Every plan explains itself."""

import copy
import re

import pytest
from hypothesis import HealthCheck, given, settings
from tests.allocation.invented import invent
from tests.allocation.tiny import tiny_instances

from therapy_booking.allocation.columns import columns
from therapy_booking.allocation.explain import NO_BLOCK, everybody_left, totals, why_this_block
from therapy_booking.allocation.instance import of
from therapy_booking.allocation.plan import make_plan


def test_each_request_that_is_left_has_a_reason_and_a_change(balanced):
    ours = columns(of(balanced))
    plan = make_plan(ours)
    left = everybody_left(ours, plan.assignment)
    assert {one.request for one in left} == set(range(160)) - dict(plan.assignment).keys()
    assert all(one.why and one.change for one in left)


@pytest.mark.parametrize(
    ("squeeze", "why", "said"),
    [
        ({"budget": 0}, "budget", "£"),
        ({"max_places": 0}, "places", "one more place from health-0"),
    ],
)
def test_the_reason_is_what_binds(squeeze, why, said):
    instance = invent(40, "flow", seed=9)
    instance["commissioners"][0].update(squeeze)
    ours = columns(of(instance))
    left = everybody_left(ours, make_plan(ours).assignment)
    mine = [one for one in left if instance["requests"][one.request]["commissioner"] == 0]
    assert why in {one.why for one in mine}
    assert any(said in one.change for one in mine)


def test_giving_the_change_that_is_named_makes_a_better_plan_possible():
    instance = invent(40, "balanced", seed=2)
    instance["commissioners"][0]["budget"] = 900
    instance["contracts"] = []
    ours = columns(of(instance))
    before = make_plan(ours)
    pounds = [
        one.change
        for one in everybody_left(ours, before.assignment)
        if one.why == "budget" and " and " not in one.change
    ]
    instance["commissioners"][0]["budget"] += float(pounds[0].split(" ")[0].strip("£").replace(",", ""))
    assert make_plan(columns(of(instance))).objective < before.objective


def test_totals_add_up(balanced):
    ours = columns(of(balanced))
    plan = make_plan(ours)
    for rows in totals(ours, plan.assignment).values():
        assert sum(row.placed for row in rows) == len(plan.assignment)
    spent = {row.name: row.pounds for row in totals(ours, plan.assignment)["commissioner"]}
    assert all(spent[payer["name"]] <= payer["budget"] for payer in balanced["commissioners"])


def test_a_placed_request_hears_what_it_has(balanced):
    ours = columns(of(balanced))
    plan = make_plan(ours)
    request, block = plan.assignment[0]
    assert why_this_block(ours, plan.assignment, request).startswith(f"block {block} ")


@pytest.mark.slow
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True, max_examples=60)
@given(tiny_instances())
def test_whoever_is_left_would_be_placed_by_the_change_that_is_named(instance):
    ours = columns(of(instance))
    plan = make_plan(ours)
    for one in everybody_left(ours, plan.assignment):
        if one.why != NO_BLOCK:
            changed = given_what_it_takes(instance, plan.assignment, one)
            assert make_plan(columns(of(changed))).objective < plan.objective, one.change


def given_what_it_takes(instance, assignment, left):
    """The instance with the change that is named for one request, word for word."""
    changed = copy.deepcopy(instance)
    request = changed["requests"][left.request]
    payer = request["commissioner"]
    for words in left.change.split(" and "):
        if found := re.fullmatch(r"£([\d.,]+) more from (\w+)", words):
            purse(changed, found[2])["budget"] += float(found[1].replace(",", ""))
        elif found := re.fullmatch(r"one more place from (\w+)", words):
            purse(changed, found[1])["max_places"] += 1
        elif found := re.fullmatch(r"one more place for \w+ in the contract with provider (\d+)", words):
            contract(changed, int(found[1]), payer)["max_places"] += 1
        elif found := re.fullmatch(r"(\d+) more children for group block (\d+)", words):
            more_children(changed, request, int(found[1]))
        elif found := re.fullmatch(r"one more seat in block (\d+)", words):
            changed["blocks"][int(found[1])]["cap"] += 1
        elif found := re.fullmatch(r"one more (\w+) block like (\d+) on (\w+) in region 0", words):
            one_more_block(changed, int(found[2]))
        elif found := re.fullmatch(r"block (\d+) at another time than .*, when the child has another block", words):
            at_another_time(changed, int(found[1]), request)
        else:
            pytest.fail(f"nobody knows how to do this: {words}")
    return changed


def purse(instance, name):
    return next(payer for payer in instance["commissioners"] if payer["name"] == name)


def contract(instance, provider, payer):
    return next(row for row in instance["contracts"] if (row["provider"], row["commissioner"]) == (provider, payer))


def more_children(instance, like, count):
    """So many children like this one, paid for by somebody who has enough."""
    payer = len(instance["commissioners"])
    instance["commissioners"].append({"id": payer, "name": "generous", "budget": 1e6, "max_places": 1000})
    if instance["contracts"]:
        instance["contracts"] += [{"provider": p, "commissioner": payer, "max_places": 1000} for p in (0, 1)]
    for _ in range(count):
        place = len(instance["requests"])
        instance["requests"].append({**like, "id": place, "child": 1000 + place, "commissioner": payer})


def one_more_block(instance, like):
    """A block like this one, of another therapist who is like its own."""
    block, therapist = instance["blocks"][like], len(instance["therapists"])
    instance["therapists"].append(
        {**instance["therapists"][block["therapist"]], "id": therapist, "contracted_blocks": 1}
    )
    instance["blocks"].append({**block, "id": len(instance["blocks"]), "therapist": therapist})


def at_another_time(instance, like, request):
    """This block on a day that nobody uses, when the child has time."""
    one_more_block(instance, like)
    instance["blocks"][-1]["day"] = 6
    request["avail"] = [*request["avail"], 6 * 6 + instance["blocks"][-1]["hour"]]
