"""A plan for a whole instance: region by region where regions have nothing to do with one another, each part by the
method that suits it, and what is known of how good it is.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from therapy_booking.allocation import flow, greedy
from therapy_booking.allocation.columns import Columns, Ints
from therapy_booking.allocation.eligibility import edges, unplaced_breach, with_costs
from therapy_booking.allocation.levels import LEVELS, NOBODY, TIERS, therapy_problem
from therapy_booking.allocation.problem import Problem, parts, tightened
from therapy_booking.allocation.search import Search

Method = Literal["plan", "flow", "priority", "first-come"]
METHODS: tuple[Method, ...] = ("plan", "flow", "priority", "first-come")
StoppedBy = Literal["optimal", "iterations", "seconds"]
Clock = Callable[[], float]


class NotAFlow(ValueError):
    """Asked for a pure flow where limits cross."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a plan is: levels in their order, summed over what is done and what is at work."""

    share: float  # of the pairs that are settled, from 0 to 1
    objective: list[int]
    bound: list[int | None]


Watcher = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """Who gets which block, and how good that is. Levels in `objective` and `bound` are in the order asked for.

    A bound is the least that any plan could have in that level, given the levels before it as they are here; None where
    nothing is known.
    """

    assignment: list[tuple[int, int]]
    order: tuple[str, ...]
    objective: list[int]
    bound: list[int | None]
    stopped_by: StoppedBy

    @property
    def optimal(self) -> bool:
        return self.objective == self.bound

    def in_levels(self) -> tuple[list[int], list[int | None]]:
        """Objective and bound in the order of `LEVELS`, whatever order was asked for."""
        place = [self.order.index(name) for name in LEVELS]  # all of them are always in the order
        return [self.objective[i] for i in place], [self.bound[i] for i in place]


@dataclass(frozen=True, slots=True)
class Wanted:
    """How to plan: the method, the order of the levels, and how long."""

    method: Method = "plan"
    order: tuple[str, ...] = LEVELS
    seed: int = 0
    seconds_left: Clock = lambda: math.inf
    confirmed: Mapping[int, int] = field(default_factory=dict)  # the block of each request that has one already


USUAL = Wanted()


def make_plan(columns: Columns, wanted: Wanted = USUAL, watch: Watcher = lambda _: None) -> Plan:
    """Plan an instance. Without a limit of seconds, the same instance and seed give the same plan."""
    planner = Planner(columns, wanted, watch)
    for requests, blocks in independent(columns):
        planner.plan(requests, blocks)
    return planner.result()


def independent(columns: Columns) -> Iterator[tuple[Ints, Ints]]:
    """Requests and blocks, region by region; regions that share a purse that may run out, or a child, together."""
    names, region = np.unique(columns.requests.region, return_inverse=True)
    label = np.arange(len(names))
    wanting = in_want(columns)
    label = merged(label, region[wanting], columns.requests.commissioner[wanting])
    label = merged(label, region, columns.requests.child)
    for one in np.unique(label):
        here = names[label == one]
        yield (
            np.flatnonzero(np.isin(columns.requests.region, here)),
            np.flatnonzero(np.isin(columns.blocks.region, here)),
        )


def in_want(columns: Columns) -> Ints:
    """Requests of commissioners whose places or money might not be enough for all of their requests."""
    payer = columns.requests.commissioner
    count = np.bincount(payer, minlength=len(columns.places))
    dearest = int(columns.blocks.pence.max(initial=0))
    found: Ints = np.flatnonzero(((count > columns.places) | (count * dearest > columns.budget))[payer])
    return found


def merged(label: Ints, region: Ints, shared: Ints) -> Ints:
    """Give regions that share something the same label."""
    order = np.lexsort((region, shared))
    same = np.flatnonzero(np.diff(shared[order]) == 0)
    for one, other in np.unique(np.stack((region[order[same]], region[order[same + 1]]), 1), axis=0):
        label = np.where(label == label[other], label[one], label)
    return label


class Planner:
    """Adds up the parts of a plan."""

    def __init__(self, columns: Columns, wanted: Wanted, watch: Watcher) -> None:
        self.columns, self.wanted, self.watch = columns, wanted, watch
        self.pairs: list[tuple[Ints, Ints]] = []
        everyone = np.arange(len(columns.requests.tier))
        self.nothing = [nothing_placed(columns, name, everyone, wanted.confirmed) for name in wanted.order]
        self.objective = list(self.nothing)
        self.bound: list[int | None] = list(self.nothing)
        self.in_time = True
        self.left = max(len(everyone), 1)
        self.total = self.left

    def plan(self, requests: Ints, blocks: Ints) -> None:
        """Plan one independent set of requests and blocks, part by part, the largest last."""
        edges_here = edges(self.columns, requests, blocks)
        problem = tightened(therapy_problem(self.columns, edges_here, self.wanted.order, self.wanted.confirmed))
        del edges_here
        self.left -= len(requests) - len(np.unique(problem.request))  # they have no pairs, and need no time
        for part in sorted(parts(problem), key=len):
            self.solve(part)
            self.left -= part.requests

    def solve(self, part: Problem) -> None:
        """Plan one part, and add it to what there is."""
        bound: list[int | None] = [None] * len(part.levels)
        if self.wanted.method in {"priority", "first-come"}:
            turn = np.arange(part.requests)
            if self.wanted.method == "priority":
                turn = greedy.best_first(part)
            chosen = greedy.in_turn(part, turn)
        elif flow.is_nested(part):
            chosen = flow.solve(part)
            bound = list(part.objective(chosen))
        elif self.wanted.method == "flow":
            raise NotAFlow("Money, contracts, groups or a child's other appointments bind here: use the method plan.")
        else:
            chosen, bound = self.search(part)
        self.add(part, chosen, bound)

    def search(self, part: Problem) -> tuple[Ints, list[int | None]]:
        """Search a part for its share of the time."""
        share = part.requests / max(self.left, part.requests)
        left = self.wanted.seconds_left
        end = left() * (1 - share) if math.isfinite(left()) else -math.inf
        search = Search(
            part, lambda: left() - max(end, 0) if math.isfinite(end) else math.inf, self.wanted.seed, self.show
        )
        self.in_time &= search.run()
        return search.best, search.bounds

    def show(self, search: Search) -> None:
        """Say how far we are."""
        self.watch(
            Progress(
                1 - self.left / self.total,
                [sum(both) for both in zip(self.objective, search.values, strict=True)],
                [added(*both) for both in zip(self.bound, search.bounds, strict=True)],
            )
        )

    def add(self, part: Problem, chosen: Ints, bound: Sequence[int | None]) -> None:
        """Add a part's pairs and values."""
        self.pairs.append((part.origin[part.request[chosen]], part.name[chosen]))
        values = part.objective(chosen)
        self.objective = [sum(both) for both in zip(self.objective, values, strict=True)]
        self.bound = [added(*both) for both in zip(self.bound, bound, strict=True)]
        self.watch(Progress(1 - (self.left - part.requests) / self.total, self.objective, self.bound))

    def result(self) -> Plan:
        """The whole plan, its values worked out again from its pairs."""
        request = np.concatenate([pair[0] for pair in self.pairs] or [np.zeros(0, np.int64)])
        block = np.concatenate([pair[1] for pair in self.pairs] or [np.zeros(0, np.int64)])
        order = np.argsort(request, kind="stable")
        assignment = list(zip(request[order].tolist(), block[order].tolist(), strict=True))
        objective = values_of(self.columns, assignment, self.wanted.order, self.wanted.confirmed)
        proven = objective == self.bound
        stopped: StoppedBy = "optimal" if proven else "iterations" if self.in_time else "seconds"
        return Plan(assignment, tuple(self.wanted.order), objective, self.bound, stopped)


def added(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def nothing_placed(columns: Columns, name: str, requests: Ints, confirmed: Mapping[int, int]) -> int:
    """What a level is for these requests while none of them is placed."""
    if name in {"travel", "moved"}:
        return 0
    if name == "kept":
        return len(confirmed)
    if name == "breach":
        return int(unplaced_breach(columns, requests).sum())
    return int((columns.requests.tier[requests] == int(name.removeprefix("tier"))).sum())


def values_of(
    columns: Columns,
    assignment: Sequence[tuple[int, int]],
    order: Sequence[str] = LEVELS,
    confirmed: Mapping[int, int] = NOBODY,
) -> list[int]:
    """The levels of any assignment, from the instance itself."""
    request, block = np.array(assignment, np.int64).reshape(-1, 2).T
    found = with_costs(columns, request, block)
    left = np.setdiff1d(np.arange(len(columns.requests.tier)), request)
    values = {f"tier{tier}": int((columns.requests.tier[left] == tier).sum()) for tier in TIERS}
    values["breach"] = int(found.breach.sum() + unplaced_breach(columns, left).sum())
    values["travel"] = int(found.travel.sum())
    values["kept"] = len(confirmed.keys() - set(request.tolist()))
    values["moved"] = sum(confirmed.get(one, other) != other for one, other in assignment)
    return [values[name] for name in order]
