"""What the allocation engine costs and how near to the best it comes, each beside a yardstick of the same run."""

import math
import os
import random
import time
from pathlib import Path

import highspy
import numpy as np
from tests.allocation.invented import invent

from therapy_booking.allocation import generalised
from therapy_booking.allocation.columns import columns
from therapy_booking.allocation.eligibility import edges
from therapy_booking.allocation.flow import solve
from therapy_booking.allocation.instance import of
from therapy_booking.allocation.integer import programme
from therapy_booking.allocation.levels import therapy_problem
from therapy_booking.allocation.matrix import matrix_of, widened
from therapy_booking.allocation.plan import Wanted, make_plan
from therapy_booking.allocation.problem import tightened
from therapy_booking.allocation.relaxation import quiet
from therapy_booking.allocation.reoffer import Offers

ROOT = Path(__file__).parents[2]

LARGE = os.environ.get("FRONTDOOR_BENCH_LARGE") == "1"  # the rows that take minutes
ASSIGNMENTS = Path(os.environ.get("FRONTDOOR_BENCH_GAP", ROOT / "bench" / "generalised-assignment"))
BEST_KNOWN = {"d05100": 6353, "e10100": 11577, "d10400": 24961, "e20400": 44877}
ALL_RULES = ("balanced", "scarce", "rural", "budget", "groups")


def rows():
    """Every row that can be measured here."""
    yield flow_beside_greedy()
    yield flow_beside_linear_programme()
    for character in ALL_RULES:
        yield all_rules(character)
    yield reoffered(100_000 if LARGE else 10_000)
    if LARGE:
        yield large_flow()
        yield ten_regions()
    yield from assignments()


def row(name, ours, reference, unit, compared):
    """One line of the table, in the form of all others."""
    return {
        "name": name,
        "ours": round(ours, 4),
        "reference": round(reference, 4),
        "ratio": round(ours / reference, 5) if reference else 0.0,
        "unit": unit,
        "what_is_compared": compared,
    }


def timed(work):
    """The seconds that some work takes, and what it gives."""
    began = time.perf_counter()
    found = work()
    return time.perf_counter() - began, found


def flow_beside_greedy():
    instance = columns(of(invent(10_000, "flow")))
    greedy, _ = timed(lambda: make_plan(instance, Wanted(method="priority")))
    flow, plan = timed(lambda: make_plan(instance))
    assert plan.optimal
    return row("allocation: exact flow", flow, greedy, "s", "10,000 requests, proven best, beside priority-greedy")


def flow_beside_linear_programme():
    instance = columns(of(invent(1_000, "flow")))
    everything = np.arange(len(instance.requests.tier)), np.arange(len(instance.blocks.cap))
    problem = tightened(therapy_problem(instance, edges(instance, *everything)))
    flow, _ = timed(lambda: solve(problem))
    matrix = matrix_of(problem)
    cost = widened(matrix, problem.levels[4].gain + 10**6 * sum(level.gain for level in problem.levels[:4]))
    model, _ = programme(matrix, np.arange(len(problem)), cost, [])
    model.integrality_ = []
    solver = quiet()
    solver.passModel(model)
    linear, _ = timed(solver.run)
    assert solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return row("allocation: flow beside LP", flow, linear, "s", "1,000 requests, all levels, beside HiGHS on one level")


def all_rules(character, size=1_000, seconds=30.0):
    """Weeks beyond the standard, squared, beside their bound, at 1,000 requests with every rule."""
    return bounded(f"allocation: {character}", invent(size, character), seconds, f"{size:,} requests, all rules")


def bounded(name, invented, seconds, said):
    instance = columns(of(invented))
    end = time.monotonic() + seconds
    plan = make_plan(instance, Wanted(seconds_left=lambda: end - time.monotonic()))
    objective, bound = plan.in_levels()
    tiers = "tiers proven" if objective[:4] == bound[:4] else f"tiers {objective[:4]}, at least {bound[:4]}"
    return row(name, objective[4], bound[4] or 0, "weeks²", f"{said}, {seconds:g} s, beside the bound; {tiers}")


def large_flow():
    instance = columns(of(invent(100_000, "flow")))
    seconds, plan = timed(lambda: make_plan(instance))
    assert plan.optimal
    return row("allocation: 100,000 requests", seconds, 20, "s", "300,000 blocks, proven best, beside 20 s")


def ten_regions():
    return bounded("allocation: ten regions", invent(10_000, "balanced"), 150.0, "10,000 requests in ten regions")


def reoffered(size):
    """What re-offering a freed place takes at most, but for one in a hundred, beside 5 ms."""
    instance = columns(of(invent(size, "balanced")))
    plan = make_plan(instance, Wanted(method="priority"))
    offers, chance = Offers(instance, plan.assignment), random.Random(1)
    taken = []
    for request in chance.sample([request for request, _ in plan.assignment], 500):
        began = time.thread_time()
        offer = offers.best_offer(offers.give_up(request))
        taken.append((time.thread_time() - began) * 1000)
        if offer is not None:
            offers.accept(*offer)
    slow = sorted(taken)[math.ceil(len(taken) * 0.99) - 1]
    return row("allocation: reoffer, p99", slow, 5, "ms", f"one freed place among {size:,} requests, processor time")


def assignments(seconds=15.0):
    """Generalised assignment on public instances, where they have been put."""
    missing = [name for name in BEST_KNOWN if not (ASSIGNMENTS / name).is_file()]
    if missing:
        print(f"Generalised assignment is left out: {', '.join(missing)} not in {ASSIGNMENTS}")
    for name, best in BEST_KNOWN.items():
        if name in missing:
            continue
        problem = generalised.generalised_assignment((ASSIGNMENTS / name).read_text())
        end = time.monotonic() + seconds
        found = generalised.assign(problem, lambda: end - time.monotonic())  # noqa: B023
        yield row(f"allocation: {name}", found.cost, best, "cost", f"generalised assignment, {seconds:g} s, best known")
