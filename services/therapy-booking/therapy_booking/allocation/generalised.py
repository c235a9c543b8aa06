"""Generalised assignment, the textbook problem, put to the same search: it is judged on instances nobody here wrote.

The files are those of `fontanf/generalizedassignmentsolver`: numbers of agents and jobs, the cost of each job by agent,
its weight by agent, then each agent's capacity. Every job goes to one agent, as cheaply as possible.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from therapy_booking.allocation.columns import NONE, Ints
from therapy_booking.allocation.instance import Malformed
from therapy_booking.allocation.plan import Clock
from therapy_booking.allocation.problem import Level, Limit, Openings, Problem
from therapy_booking.allocation.search import Search

AGENTS, LEFT, COST = "agent", "left", "cost"


@dataclass(frozen=True, slots=True)
class Assigned:
    """The agent of each job (NONE: nowhere), the cost, and the least that any assignment could cost."""

    agent: list[int]
    cost: int
    bound: int | None
    left: int


def generalised_assignment(text: str) -> Problem:
    """Read an instance; raise `Malformed` for what is none."""
    try:
        numbers = np.array(text.split(), np.int64)
    except (ValueError, OverflowError):
        raise Malformed("the file", "whole numbers, please") from None
    if len(numbers) < 2 or (numbers < 0).any():
        raise Malformed("the file", "it begins with the numbers of agents and jobs, and nothing is below 0")
    agents, jobs = (int(number) for number in numbers[:2])
    if len(numbers) != 2 + 2 * agents * jobs + agents:
        raise Malformed("the file", f"{agents} agents and {jobs} jobs need {2 + 2 * agents * jobs + agents} numbers")
    cost, weight = numbers[2 : 2 + 2 * agents * jobs].reshape(2, agents, jobs)
    none = np.zeros(0, np.int64)
    pairs = agents * jobs
    return Problem(
        jobs,
        np.repeat(np.arange(jobs), agents),
        [
            Level(LEFT, np.full(pairs, -1), jobs, counts=True),
            Level(COST, cost.T.ravel(), 0),
        ],
        [Limit(AGENTS, np.tile(np.arange(agents), jobs), weight.T.ravel(), numbers[-agents:], none)],
        Openings(np.full(pairs, NONE), none, none),
        np.tile(np.arange(agents), jobs),
        np.arange(jobs),
    )


def assign(
    problem: Problem, seconds_left: Clock, seed: int = 0, report: Callable[[Search], None] = lambda _: None
) -> Assigned:
    """Search for the cheapest assignment."""
    search = Search(problem, seconds_left, seed, report)
    search.run()
    agent: Ints = np.full(problem.requests, NONE)
    agent[problem.request[search.best]] = problem.name[search.best]
    left, cost = search.values
    return Assigned(agent.tolist(), cost, search.bounds[1], left)
