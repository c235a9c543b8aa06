"""Every plan explains itself."""

import pytest
from tests.allocation.invented import invent

from therapy_booking.allocation.columns import columns
from therapy_booking.allocation.explain import everybody_left, totals, why_this_block
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
