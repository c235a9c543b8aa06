"""Exact plans where limits are nested: a minimum-cost flow, all levels in their order.

Levels are packed into one cost as far as 64 bits reach. Where they do not fit, the flow is solved for the first levels,
everything that would make it worse is forbidden (by reduced cost), and the next levels are solved in what is left.
"""

from dataclasses import dataclass

import numpy as np
import pylmcf

from therapy_booking.allocation.columns import NONE, Flags, Ints
from therapy_booking.allocation.problem import Level, Limit, Problem

TIME, THERAPIST, PLACES = "time", "therapist", "places"
NESTED = {TIME, THERAPIST, PLACES}
ROOM = 2**61


def is_nested(problem: Problem) -> bool:
    """Whether the problem is a flow: every limit is a time of a therapist, a therapist, or a commissioner's places."""
    return not len(problem.openings) and {limit.name for limit in problem.limits} <= NESTED


def solve(problem: Problem) -> Ints:
    """The pairs of an optimal plan. Raises ValueError for a problem that is not nested."""
    if not is_nested(problem):
        raise ValueError(f"not a flow: {[limit.name for limit in problem.limits]}, {len(problem.openings)} openings")
    network = network_of(problem)
    levels, last = list(problem.levels), None
    while levels:
        levels, cost = packed(problem, network.gates, levels)
        if last is not None:
            network.keep_to_optimal(last)
        network.minimise(cost)
        last = cost
    return np.flatnonzero(network.flow[: len(problem)] > 0)


def packed(problem: Problem, gates: int, levels: list[Level]) -> tuple[list[Level], Ints]:
    """As many levels as fit in one cost of each pair: gives the levels that are left, and the costs.

    A level outweighs all below it if one unit of it is more than these can change by on any cycle of the network.
    """
    count = len(levels)
    while True:
        cost, swing = np.zeros(len(problem), np.int64), 0
        for level in reversed(levels[:count]):
            unit = swing + 1
            swing += unit * cycle_swing(problem, gates, level)
            if swing * max(problem.requests, 1) > ROOM and count > 1:
                break
            cost = cost + unit * level.gain
        else:
            return levels[count:], cost
        count -= 1


def cycle_swing(problem: Problem, gates: int, level: Level) -> int:
    """How much one cycle can change a level: it passes each request and each gate once."""
    largest = int(np.abs(level.gain).max(initial=0))
    placed = 2 * (gates + 1)
    if level.counts:
        return placed
    starts = np.flatnonzero(np.r_[True, np.diff(problem.request) != 0])
    spread = np.maximum.reduceat(level.gain, starts) - np.minimum.reduceat(level.gain, starts)
    return int(spread.sum()) + placed * largest


def network_of(problem: Problem) -> "Network":
    """Nodes: a gate for each limit on places, requests, times, therapists, and where all flows to."""
    found = {limit.name: limit for limit in problem.limits}
    gate, gates, room = gates_of(problem, found.get(PLACES))
    time, times = rows_of(problem, found.get(TIME))
    person, persons = rows_of(problem, found.get(THERAPIST))
    first = np.cumsum([0, gates, gates, problem.requests, times, persons])
    waiting, allowed, request, at_time, at_person, sink = first.tolist()
    onward = np.where(person == NONE, sink, at_person + person)
    leads_to = np.full(times, sink)  # every pair of a time is one therapist's
    leads_to[time[time != NONE]] = onward[time != NONE]
    arcs: list[tuple[Ints, Ints, Ints | int]] = [
        (request + problem.request, np.where(time == NONE, onward, at_time + time), 1),
        (waiting + np.arange(gates), np.full(gates, sink), problem.requests),
        (waiting + np.arange(gates), allowed + np.arange(gates), room),
        (allowed + gate, request + np.arange(problem.requests), 1),
        (at_time + np.arange(times), leads_to, most_of(found.get(TIME))),
        (at_person + np.arange(persons), np.full(persons, sink), most_of(found.get(THERAPIST))),
    ]
    supply = np.zeros(sink + 1, np.int64)
    supply[:gates] = np.bincount(gate, minlength=gates)
    supply[sink] = -problem.requests
    start, end, most = (np.concatenate([np.broadcast_to(arc[i], arc[0].shape) for arc in arcs]) for i in range(3))
    return Network(gates, supply, start, end, most, bypass=slice(len(problem), len(problem) + gates))


def gates_of(problem: Problem, limit: Limit | None) -> tuple[Ints, int, Ints]:
    """The gate that each request passes, how many there are, and what passes each; the last is for all others."""
    gate = np.full(problem.requests, 0 if limit is None else len(limit.most))
    if limit is None:
        return gate, 1, np.array([problem.requests])
    limited = limit.row != NONE
    gate[problem.request[limited]] = limit.row[limited]
    return gate, len(limit.most) + 1, np.append(limit.most, problem.requests)


def rows_of(problem: Problem, limit: Limit | None) -> tuple[Ints, int]:
    return (np.full(len(problem), NONE), 0) if limit is None else (limit.row, len(limit.most))


def most_of(limit: Limit | None) -> Ints:
    return np.zeros(0, np.int64) if limit is None else limit.most


@dataclass(eq=False)
class Network:
    """A network whose first arcs are the pairs; `bypass` are the arcs of those who are left."""

    gates: int
    supply: Ints
    start: Ints
    end: Ints
    most: Ints
    bypass: slice

    def __post_init__(self) -> None:
        self.order = np.lexsort((self.end, self.start))
        self.graph = pylmcf.Graph(
            len(self.supply), self.start[self.order].astype(np.int64), self.end[self.order].astype(np.int64)
        )
        self.graph.set_node_supply(self.supply)
        self.graph.set_edge_capacities(self.most[self.order].astype(np.int64))
        self.flow: Ints = np.zeros(len(self.start), np.int64)

    def costs(self, pairs: Ints) -> Ints:
        """The cost of every arc, none below 0, where a pair costs this: each child passes one pair or bypass."""
        shift = max(0, -int(pairs.min(initial=0)))
        cost = np.zeros(len(self.start), np.int64)
        cost[: len(pairs)] = pairs + shift
        cost[self.bypass] = shift
        return cost[self.order]

    def minimise(self, pairs: Ints) -> None:
        self.graph.set_edge_costs(self.costs(pairs))
        self.graph.solve()
        self.flow[self.order] = self.graph.result()

    def keep_to_optimal(self, pairs: Ints) -> None:
        """Forbid every change that would make the cost just minimised worse."""
        potential = self.graph.potentials()
        start, end = self.start[self.order], self.end[self.order]
        reduced = self.costs(pairs) + potential[start] - potential[end]
        flow = self.flow[self.order]
        fixed: Flags = reduced != 0
        self.graph.set_edge_minimums(np.where(fixed, flow, 0))
        self.graph.set_edge_capacities(np.where(fixed, flow, self.most[self.order]))
