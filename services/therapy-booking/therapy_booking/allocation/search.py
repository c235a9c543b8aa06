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
FEW_NODES = 300
MOST_AT_ONCE = 12_000  # pairs in one search for a proof
NEIGHBOURS = 10  # pairs of a request that a neighbourhood offers
NEIGHBOURHOOD = 60  # requests, to begin with
GROWTH = 1.25
ROUNDS = 40  # neighbourhoods of one level
POLISHING = 0.5  # share of the time that must be left after them
DIFFERENT = 0.01
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

    def try_rounded(self, relaxed: Relaxed) -> None:
        """See what is left of a relaxation when everybody has one place or none."""
        self.keep(Whole(greedy.rounded(self.problem, relaxed.x[: self.matrix.pairs]), -math.inf, proven=False))

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
            self.try_rounded(relaxed)
            self.core = np.union1d(self.core, self.promising(relaxed, 0.0))
            cost, _ = weighed(self.matrix, self.problem.levels[-2:])
            start = self.best if self.values[: len(aims)] == aims else None
            self.keep(choose(self.matrix, self.core, cost, self.ceilings(aims), start, NODES, self.seconds() / 5))
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
        self.lost = share * sum(float(highest(self.problem, other).sum()) for other in below)
        self.blurred = cost
        scale = COUNTED if level.counts else LARGEST / max(1.0, float(np.abs(cost).max()))
        self.relaxation.aim(cost * scale)
        relaxed = self.relaxation.solve(scale * BLUR / 2, self.seconds)
        self.scale = scale
        if not np.isfinite(relaxed.bound):
            return relaxed, None
        return relaxed, level.nothing + math.ceil(relaxed.bound / scale - self.lost - NEARLY)

    def settle(self, place: int) -> None:
        """Bound a level, given those above it, and search on if the best plan is not at the bound."""
        level = self.problem.levels[place]
        if self.bounds[place] != self.values[place]:
            relaxed, bound = self.bound(place)
            self.bounds[place] = bound if bound is None else min(bound, self.values[place])
            if bound is not None and bound < self.values[place] and self.seconds() > 0:
                self.try_rounded(relaxed)
                for work in (self.close, self.polish, self.close):
                    if self.bounds[place] != self.values[place] and self.seconds() > 0:
                        work(place, relaxed)
            self.relaxation.bound_level(widened(self.matrix, level.gain), self.values[place] - level.nothing)
        self.report(self)

    def close(self, place: int, relaxed: Relaxed) -> None:
        """Search among all pairs that could make this level better: if that comes to an end, this is the bound."""
        bound = self.bounds[place] or 0
        gap = (self.values[place] - bound + 2 * BLUR) * self.scale
        could = np.flatnonzero(relaxed.reduced[: self.matrix.pairs] <= gap)
        whole = len(could) <= MOST_AT_ONCE
        if not whole:
            could = could[np.argsort(relaxed.reduced[could], kind="stable")[:MOST_AT_ONCE]]
        level, above = self.problem.levels[place], self.ceilings(self.values[:place])
        pairs, seconds = np.union1d(could, self.best), self.seconds() / 3
        near = 1 - BLUR - 2 * NEARLY if level.counts else BLUR / 2
        found = choose(self.matrix, pairs, self.blurred, above, self.best, NODES, seconds, near=near)
        self.keep(found)
        if whole and np.isfinite(found.bound):
            bound = max(bound, level.nothing + math.ceil(found.bound - self.lost - NEARLY))
            self.bounds[place] = min(bound, self.values[place])

    def polish(self, place: int, relaxed: Relaxed) -> None:
        """Plan neighbourhoods of the best plan again, in which it is not what the relaxation would have.

        Grows the neighbourhood while it is searched to the end in vain, and shrinks it when it is not.
        """
        last = len(self.problem.levels) - (place < len(self.problem.levels) - 2)
        cost, _ = weighed(self.matrix, self.problem.levels[place:last])
        near = best_of_each(self.problem.request, relaxed.reduced, NEIGHBOURS, np.arange(self.matrix.pairs))
        pool = np.union1d(near, np.flatnonzero(relaxed.x[: self.matrix.pairs] > 0))
        size, later = float(NEIGHBOURHOOD), place < len(self.problem.levels) - 1
        end = self.seconds() * POLISHING if later and math.isfinite(self.seconds()) else 0.0
        for _ in range(ROUNDS):
            if self.seconds() <= end or self.bounds[place] == self.values[place]:
                return
            free = np.isin(self.problem.request, self.neighbourhood(relaxed, int(size)))
            fixed = self.best[~free[self.best]]
            pairs = np.union1d(pool[free[pool]], self.best)
            above, seconds = self.ceilings(self.values[:place]), min(self.seconds() - end, self.seconds() / 8)
            found = choose(self.matrix, pairs, cost, above, self.best, FEW_NODES, seconds, fixed=fixed)
            if not self.keep(found):
                if found.proven and size >= self.problem.requests:
                    return
                size *= GROWTH if found.proven else 1 / GROWTH

    def neighbourhood(self, relaxed: Relaxed, size: int) -> Ints:
        """Requests to plan again: some for which plan and relaxation differ, and some by chance."""
        chosen = np.zeros(self.problem.requests)
        np.add.at(chosen, self.problem.request[self.best], relaxed.x[self.best])
        wanted = np.bincount(self.problem.request, relaxed.x[: self.matrix.pairs], self.problem.requests)
        differ = np.flatnonzero(np.abs(wanted - chosen) > DIFFERENT)
        some = self.chance.permutation(differ)[: size * 2 // 3]
        return np.union1d(some, self.chance.permutation(self.problem.requests)[: size - len(some)])


def highest(problem: Problem, level: Level) -> Ints:
    """The most that each request could add to a level."""
    starts = np.flatnonzero(np.r_[True, np.diff(problem.request) != 0])
    found: Ints = np.maximum(0, np.maximum.reduceat(level.gain, starts))
    return found
