"""The best plan that can be found where limits cross: relaxation, then whole choices among what it finds promising.

The relaxation says how good any plan can be, level by level, and which pairs matter. Choices among those are made by
HiGHS; neighbourhoods of the best plan are searched again while there is something to gain.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from therapy_booking.allocation import greedy
from therapy_booking.allocation.columns import Floats, Ints
from therapy_booking.allocation.integer import Ceiling, Whole, choose
from therapy_booking.allocation.ledger import holds
from therapy_booking.allocation.matrix import Matrix, best_of_each, matrix_of, widened
from therapy_booking.allocation.problem import Level, Problem
from therapy_booking.allocation.relaxation import Relaxation, Relaxed, Seconds

LARGEST = 5e6  # of any cost in a relaxation: its tolerances are absolute
APART = 8  # a level outweighs so many of the largest changes of the level below
FIRST_PAIRS = 4  # of each request that a relaxation begins with
CORE = 0.05  # reduced cost, in units of the last level but one, up to which a pair is promising
NODES = 2000
COUNTED = 1000.0  # what one child weighs where children are counted
NEARLY = 1e-4
BLUR = 0.2  # how much of a unit of a level may be given away to the level below, in a bound


def spans(problem: Problem, level: Level) -> Floats:
    """How much each request's pairs differ in a level, counting having none."""
    starts = np.flatnonzero(np.r_[True, np.diff(problem.request) != 0])
    high = np.maximum(0, np.maximum.reduceat(level.gain, starts))
    low = np.minimum(0, np.minimum.reduceat(level.gain, starts))
    found: Floats = (high - low).astype(np.float64)
    return found


def units(problem: Problem, levels: list[Level]) -> list[float]:
    """What one unit of each level weighs, so that none is given away for levels below it, as good as ever."""
    weight, found = 1.0, []
    for level in reversed(levels):
        found.append(weight)
        weight *= APART * (1.0 if level.counts else max(1.0, float(spans(problem, level).max())))
    return found[::-1]


def weighed(matrix: Matrix, levels: list[Level]) -> tuple[Floats, list[float]]:
    """One cost of all columns for several levels, and what a unit of each weighs in it."""
    weights = units(matrix.problem, levels)
    total = np.zeros(matrix.pairs)
    for weight, level in zip(weights, levels, strict=True):
        total += weight * level.gain
    return widened(matrix, total), weights


class Search:
    """One search, from a first plan to the end of its time or its limit."""

    def __init__(self, problem: Problem, seconds: Seconds, seed: int, report: Callable[["Search"], None]) -> None:
        self.problem, self.seconds, self.report = problem, seconds, report
        self.chance = np.random.default_rng(seed)
        self.best = greedy.in_turn(problem, greedy.best_first(problem))
        self.values = problem.objective(self.best)
        self.bounds: list[int | None] = [None] * len(problem.levels)

    def run(self) -> bool:
        """Search; gives whether the time was enough."""
        self.matrix = matrix_of(self.problem)
        cost, weights = weighed(self.matrix, self.problem.levels)
        scale = LARGEST / max(weights)
        first = best_of_each(self.problem.request, cost, FIRST_PAIRS, np.arange(len(self.problem)))
        self.relaxation = Relaxation(self.matrix, cost * scale, np.union1d(first, self.best))
        relaxed = self.relaxation.solve(scale, self.seconds)
        self.core = self.promising(relaxed, CORE * scale * weights[-2])
        self.aim_at_bounds()
        for place in range(len(self.problem.levels)):
            if self.seconds() <= 0:
                return False
            self.settle(place)
        return self.seconds() > 0

    def keep(self, found: Whole) -> bool:
        """Take a plan if it is better and keeps every rule."""
        if found.chosen is None:
            return False
        values = self.problem.objective(found.chosen)
        if values >= self.values or not holds(self.problem, found.chosen):
            return False
        self.best, self.values = found.chosen, values
        self.report(self)
        return True

    def ceilings(self, values: Sequence[int]) -> list[Ceiling]:
        """The first levels must not become worse than these values."""
        return [
            Ceiling(widened(self.matrix, level.gain), value - level.nothing)
            for level, value in zip(self.problem.levels, values, strict=False)
        ]

    def promising(self, relaxed: Relaxed, near: float) -> Ints:
        """Pairs shown to the relaxation that it chose, or nearly."""
        shown = self.relaxation.columns[self.relaxation.columns < self.matrix.pairs]
        if not len(relaxed.reduced):
            return np.sort(shown)
        return np.sort(shown[(relaxed.reduced[shown] <= near) | (relaxed.x[shown] > 0)])

    def aim_at_bounds(self) -> None:
        """Bound each level but the last two, as if those above were at their bounds; look for a plan that is there."""
        aims: list[int] = []
        for place, level in enumerate(self.problem.levels[:-2]):
            relaxed, bound = self.bound(place)
            if bound is None:
                break
            self.core = np.union1d(self.core, self.promising(relaxed, 0.0))
            self.relaxation.bound_level(widened(self.matrix, level.gain), bound - level.nothing)
            aims.append(bound)
        else:
            relaxed, _ = self.bound(len(aims))
            self.core = np.union1d(self.core, self.promising(relaxed, 0.0))
            cost, _ = weighed(self.matrix, self.problem.levels[-2:])
            start = self.best if self.values[: len(aims)] == aims else None
            self.keep(choose(self.matrix, self.core, cost, self.ceilings(aims), start, NODES, self.seconds() / 3))
        reached = [aim == value for aim, value in zip(aims, self.values, strict=False)]
        known = reached.index(False) + 1 if False in reached else len(aims)
        self.bounds[:known] = aims[:known]
        self.relaxation.free_levels(known - (False in reached))

    def bound(self, place: int) -> tuple[Relaxed, int | None]:
        """Relax one level, those above it being bounded; the level below decides among equals."""
        level, below = self.problem.levels[place], self.problem.levels[place + 1 : place + 2]
        room = sum(float(spans(self.problem, other).sum()) for other in below)
        share = BLUR / max(room, 1.0)
        cost = widened(self.matrix, level.gain)
        for other in below:
            cost += share * widened(self.matrix, other.gain)
        lost = share * sum(float(highest(self.problem, other).sum()) for other in below)
        scale = COUNTED if level.counts else LARGEST / max(1.0, float(np.abs(cost).max()))
        self.relaxation.aim(cost * scale)
        relaxed = self.relaxation.solve(scale * BLUR / 2, self.seconds)
        self.scale = scale
        if not np.isfinite(relaxed.bound):
            return relaxed, None
        return relaxed, level.nothing + math.ceil(relaxed.bound / scale - lost - NEARLY)

    def settle(self, place: int) -> None:
        """Bound a level, given those above it, and search on if the best plan is not at the bound."""
        level = self.problem.levels[place]
        if self.bounds[place] != self.values[place]:
            relaxed, bound = self.bound(place)
            if bound is not None and bound < self.values[place]:
                bound = self.close(place, relaxed, bound)
            self.bounds[place] = bound if bound is None else min(bound, self.values[place])
            self.relaxation.bound_level(widened(self.matrix, level.gain), self.values[place] - level.nothing)
        self.report(self)

    def close(self, place: int, relaxed: Relaxed, bound: int) -> int:
        """Search among all pairs that could make this level better; gives the bound that is then known."""
        gap = (self.values[place] - bound + 2 * BLUR) * self.scale
        could = np.flatnonzero(relaxed.reduced[: self.matrix.pairs] <= gap)
        cost, _ = weighed(self.matrix, self.problem.levels[place : place + 2])
        above = self.ceilings(self.values[:place])
        found = choose(self.matrix, np.union1d(could, self.best), cost, above, self.best, NODES, self.seconds() / 2)
        self.keep(found)
        return self.values[place] if found.proven else bound


def highest(problem: Problem, level: Level) -> Ints:
    """The most that each request could add to a level."""
    starts = np.flatnonzero(np.r_[True, np.diff(problem.request) != 0])
    found: Ints = np.maximum(0, np.maximum.reduceat(level.gain, starts))
    return found
