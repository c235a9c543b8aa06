"""The best plan that can be found where limits cross: relaxation, then whole choices among what it finds promising.

The relaxation says how good any plan can be, level by level, and which pairs matter. Choices among those are made by
HiGHS; neighbourhoods of the best plan are searched again while there is something to gain.
"""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from therapy_booking.allocation import greedy
from therapy_booking.allocation.columns import NONE, Flags, Floats, Ints
from therapy_booking.allocation.integer import Ceiling, Whole, choose
from therapy_booking.allocation.ledger import holds
from therapy_booking.allocation.matrix import Matrix, best_of_each, matrix_of, widened
from therapy_booking.allocation.problem import Level, Problem
from therapy_booking.allocation.relaxation import Relaxation, Relaxed, Seconds

LARGEST = 5e6  # of any cost in a relaxation: its tolerances are absolute
APART = 8  # a level outweighs so many of the largest changes of the level below
FIRST_PAIRS = 4  # of each request that a relaxation begins with
CORE = 0.05  # reduced cost, in units of the last level but one, up to which a pair is promising
FIRST_SHARE = 0.2  # of the time, for a plan at all bounds at once
FEW_NODES = 300
EFFORTS = ((1, 0.08), (30, 0.65), (200, 0.9), (1000, 1.0))  # time after time: how much more, and a share of time
UNTIMED = 2  # efforts, where nobody says how long
QUICK_ROUNDS = 6  # neighbourhoods of one level, before a proof is tried
NODES = 500  # of a search for a proof, with the first effort
MOST_AT_ONCE = 20_000  # pairs in one search for a proof
NEIGHBOURS = 10  # pairs of a request that a neighbourhood offers
NEIGHBOURHOOD = 60  # requests, to begin with
GROWTH = 1.25
ROUNDS = 20  # neighbourhoods of one level, with the first effort
NARROWINGS = 4  # of what a relaxation may choose from, as long as each leaves less than WORTH_IT of it
WORTH_IT = 0.95
ENOUGH = 0.02  # of a unit of a level, between what a relaxation is and what it has proven
DIFFERENT = 0.01
COUNTED = 1000.0  # what one child weighs where children are counted
SAVED = 20.0  # what is saved of what is scarce weighs beside that, for as much as one child is worth
NEARLY = 1e-4
BLUR = 0.05  # how much of a unit of a level may be given away to the level below, in a bound


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


@dataclass(frozen=True, eq=False, slots=True)
class Sight:
    """One level relaxed, those above it being bounded. A little of the level below decides among equals."""

    place: int
    relaxed: Relaxed
    cost: Floats  # of all columns, in units of the level
    scale: float  # what a unit is in the relaxation
    lost: float  # what the level below may add to a plan's cost at most, in units
    bound: int | None

    def slack(self, gain: int) -> float:
        """How much reduced cost a plan of this gain can have at most."""
        return (gain + self.lost + NEARLY) * self.scale - self.relaxed.bound


class Search:
    """One search, from a first plan to the end of its time or its limit."""

    def __init__(self, problem: Problem, seconds: Seconds, seed: int, report: Callable[["Search"], None]) -> None:
        self.problem, self.seconds, self.report = problem, seconds, report
        self.seed, self.searches = seed, 0
        self.best = greedy.in_turn(problem, greedy.best_first(problem))
        self.values = problem.objective(self.best)
        self.bounds: list[int | None] = [None] * len(problem.levels)
        self.alive = [np.ones(len(problem), np.bool_)] * (len(problem.levels) + 1)
        self.sights: dict[int, Sight] = {}

    def run(self) -> bool:
        """Search; gives whether the time was enough: without a limit of time, it always is."""
        self.matrix = matrix_of(self.problem)
        cost, weights = weighed(self.matrix, self.problem.levels)
        scale = LARGEST / max(weights)
        first = best_of_each(self.problem.request, cost, FIRST_PAIRS, np.arange(len(self.problem)))
        self.relaxation = Relaxation(self.matrix, cost * scale, np.union1d(first, self.best))
        relaxed = self.relaxation.solve(scale, self.seconds)
        self.core = self.promising(relaxed, CORE * scale * weights[-2])
        self.aim_at_bounds()
        place = 0
        timed = math.isfinite(self.seconds())
        for effort, share in EFFORTS if timed else EFFORTS[:UNTIMED]:
            while place < len(self.problem.levels):
                if self.seconds() <= 0:
                    return False
                place = self.settle(place, effort, share)
            if self.bounds == self.values:
                return True
            place = self.first_open()
        return not timed

    def first_open(self) -> int:
        """The first level that is not at its bound."""
        return [bound == value for bound, value in zip(self.bounds, self.values, strict=True)].index(False)

    def keep(self, chosen: Ints | None) -> None:
        """Take a plan if it is better and keeps every rule."""
        if chosen is None:
            return
        values = self.problem.objective(chosen)
        if values >= self.values or not holds(self.problem, chosen):
            return
        first = [old == new for old, new in zip(self.values, values, strict=True)].index(False)
        self.bounds[first + 1 :] = [None] * (len(values) - first - 1)
        self.best, self.values = chosen, values
        self.report(self)

    def try_rounded(self, relaxed: Relaxed) -> None:
        """See what is left of a relaxation when everybody has one place or none."""
        self.keep(greedy.rounded(self.problem, relaxed.x[: self.matrix.pairs]))

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
            sight = self.look(place)
            if sight.bound is None:
                break
            self.core = np.union1d(self.core, self.promising(sight.relaxed, 0.0))
            self.relaxation.bound_level(widened(self.matrix, level.gain), sight.bound - level.nothing)
            self.sights[place] = sight
            aims.append(sight.bound)
        else:
            sight = self.look(len(aims))
            self.try_rounded(sight.relaxed)
            self.core = np.union1d(self.core, self.promising(sight.relaxed, 0.0))
            cost, _ = weighed(self.matrix, self.problem.levels[-2:])
            start = self.best if self.values[: len(aims)] == aims else None
            seconds = self.seconds() * FIRST_SHARE
            self.keep(choose(self.matrix, self.core, cost, self.ceilings(aims), start, FEW_NODES, seconds).chosen)
        self.aims = aims
        reached = [aim == value for aim, value in zip(aims, self.values, strict=False)]
        known = reached.index(False) + 1 if False in reached else len(aims)
        self.bounds[:known] = aims[:known]

    def look(self, place: int) -> Sight:
        """Relax one level, those above it being bounded."""
        level, below = self.problem.levels[place], self.problem.levels[place + 1 : place + 2]
        room = sum(float(spans(self.problem, other).sum()) for other in below)
        share = BLUR / max(room, 1.0)
        cost = widened(self.matrix, level.gain)
        for other in below:
            cost += share * widened(self.matrix, other.gain)
        lost = share * sum(float(highest(self.problem, other).sum()) for other in below)
        scale = COUNTED if level.counts else LARGEST / max(1.0, float(np.abs(cost).max()))
        self.relaxation.aim(cost * scale)
        relaxed = self.relaxation.solve(scale * ENOUGH, self.seconds)
        bound = None
        if np.isfinite(relaxed.bound):
            bound = level.nothing + math.ceil(relaxed.bound / scale - lost - NEARLY)
        return Sight(place, relaxed, cost, scale, lost, bound)

    def settle(self, place: int, effort: int, share: float) -> int:
        """Bound a level, given those above it, and search on if the best plan is not at the bound.

        Gives the level to settle next: an earlier one if it has become better.
        """
        above = self.values[:place]
        self.relaxation.free_levels(place)
        sight = self.sights.pop(place, None) if above == self.aims[:place] else None
        if sight is None or self.bounds[place] != self.values[place]:
            sight = self.narrowed(place)
        if self.bounds[place] != self.values[place] and sight.bound is not None and self.seconds() > 0:
            self.try_rounded(sight.relaxed)
            self.work(sight, effort, self.seconds() * share)
        better = [old == new for old, new in zip(above, self.values, strict=False)]
        if False in better:
            return better.index(False)
        level = self.problem.levels[place]
        self.alive[place + 1] = self.alive[place] & self.possible(sight)
        self.relaxation.bound_level(widened(self.matrix, level.gain), self.values[place] - level.nothing)
        self.report(self)
        return place + 1

    def narrowed(self, place: int) -> Sight:
        """Relax a level, leave out what cannot be in a plan as good as the best, and again while that says more."""
        alive = self.alive[place]
        for _ in range(NARROWINGS):
            self.relaxation.admit(alive)
            sight = self.look(place)
            if sight.bound is None:
                break
            self.raise_bound(place, sight.bound)
            before = alive.sum()
            alive = alive & self.possible(sight)
            if self.bounds[place] == self.values[place] or alive.sum() > before * WORTH_IT:
                break
        return sight

    def raise_bound(self, place: int, bound: int) -> None:
        self.bounds[place] = min(max(bound, self.bounds[place] or bound), self.values[place])

    def possible(self, sight: Sight) -> Flags:
        """Pairs that could be in a plan as good as the best in this level, if it is as good in those above."""
        if sight.bound is None:
            return self.relaxation.admitted
        level = self.problem.levels[sight.place]
        found: Flags = self.prices(sight.relaxed) <= sight.slack(self.values[sight.place] - level.nothing)
        found[self.best] = True
        return found

    def prices(self, relaxed: Relaxed) -> Floats:
        """By how much a plan exceeds the bound at least, if it has this pair."""
        reduced, opening = relaxed.reduced[: self.matrix.pairs], self.problem.openings.of_pair
        starts = np.flatnonzero(np.r_[True, np.diff(self.problem.request) != 0])
        best = np.minimum(0, np.minimum.reduceat(reduced, starts))[self.problem.request]
        opened = np.append(np.maximum(0, relaxed.reduced[self.matrix.pairs :]), 0.0)
        found: Floats = reduced - best + opened[opening]
        return found

    def work(self, sight: Sight, effort: int, seconds: float) -> None:
        """Look at some neighbourhoods; then search for a proof in one thread, and in more neighbourhoods in another.

        A proof makes the others void. Otherwise neither listens to the other, so that it does not matter which of them
        is faster.
        """
        place, end = sight.place, self.seconds() - seconds if math.isfinite(seconds) else 0.0
        self.keep(self.polish(sight, QUICK_ROUNDS, end))
        if self.bounds[place] == self.values[place] or self.seconds() <= end:
            return
        with ThreadPoolExecutor(1) as other:
            closing = other.submit(self.close, sight, self.best, effort, self.seconds() - end)
            polished = self.polish(sight, ROUNDS * effort, end, closing)
            closed = closing.result()
        self.keep(closed.chosen)
        if not closed.proven:
            self.keep(polished)
        level = self.problem.levels[place]
        if np.isfinite(closed.bound):
            self.raise_bound(place, level.nothing + math.ceil(closed.bound - sight.lost - NEARLY))

    def close(self, sight: Sight, best: Ints, effort: int, seconds: float) -> Whole:
        """Search among all pairs that could make this level better: if that comes to an end, this is the bound."""
        level, matrix = self.problem.levels[sight.place], self.matrix
        prices, slack = self.prices(sight.relaxed), sight.slack(level.of(best) - level.nothing - 1)
        could, beyond = np.flatnonzero(prices <= slack), math.inf
        if len(could) > MOST_AT_ONCE:
            could = could[np.argsort(prices[could], kind="stable")]
            beyond = (sight.relaxed.bound + float(prices[could[MOST_AT_ONCE]])) / sight.scale
            could = could[:MOST_AT_ONCE]
        values = self.problem.objective(best)
        above, near = self.ceilings(values[: sight.place]), 1 - BLUR - 2 * NEARLY
        pairs = np.union1d(could, best)
        found = choose(matrix, pairs, sight.cost, above, best, NODES * effort, seconds, near=near)
        return Whole(found.chosen, min(found.bound, beyond), found.proven and math.isinf(beyond))

    def polish(self, sight: Sight, rounds: int, end: float, closing: "Future[Whole] | None" = None) -> Ints:
        """Plan neighbourhoods of the best plan again, in which it is not what the relaxation would have.

        Among plans that count the same, those are better that leave more of what is scarce. Grows the neighbourhood
        while it is searched to the end in vain, and shrinks it when it is not.
        """
        place, best, requests = sight.place, self.best, self.problem.requests
        cost, pool = self.preferences(sight), self.neighbours(sight.relaxed)
        above, size, rank = self.ceilings(self.values[:place]), float(NEIGHBOURHOOD), self.rank(sight, cost, best)
        self.searches += 1
        chance = np.random.default_rng((self.seed, self.searches))
        for _ in range(rounds):
            if self.seconds() <= end or rank[place] == self.bounds[place] or is_proven(closing):
                break
            free = np.isin(self.problem.request, self.neighbourhood(sight.relaxed, best, int(size), chance))
            fixed, pairs = best[~free[best]], np.union1d(pool[free[pool]], best)
            seconds = min(self.seconds() - end, self.seconds() / 8)
            found = choose(self.matrix, pairs, cost, above, best, FEW_NODES, seconds, fixed=fixed)
            new = rank if found.chosen is None else self.rank(sight, cost, found.chosen)
            if new < rank and found.chosen is not None and holds(self.problem, found.chosen):
                best, rank = found.chosen, new
            elif found.proven and size >= requests:
                break
            else:
                size *= GROWTH if found.proven else 1 / GROWTH
        return best

    def preferences(self, sight: Sight) -> Floats:
        """What a neighbourhood is searched for: this level, then the one below, or where it counts, what is saved."""
        place, levels = sight.place, self.problem.levels
        if not levels[place].counts:
            return weighed(self.matrix, levels[place : place + 2 if place == len(levels) - 2 else place + 1])[0]
        saved = np.clip(sight.relaxed.reduced / sight.scale, 0.0, 1.0)
        return COUNTED * widened(self.matrix, levels[place].gain) + SAVED * saved

    def rank(self, sight: Sight, cost: Floats, chosen: Ints) -> list[float]:
        """Plans with a lower one are better for this level: the values down to it, then cost."""
        inside = chosen[self.problem.openings.of_pair[chosen] != NONE]
        opened = np.unique(self.matrix.openings_of(inside))
        values = self.problem.objective(chosen)[: sight.place + 1]
        return [*values, round(float(cost[chosen].sum() + cost[opened].sum()), 3)]

    def neighbours(self, relaxed: Relaxed) -> Ints:
        """For each request the pairs that a neighbourhood offers."""
        alive = np.flatnonzero(np.isfinite(relaxed.reduced[: self.matrix.pairs]))
        near = best_of_each(self.problem.request, relaxed.reduced, NEIGHBOURS, alive)
        return np.union1d(near, np.flatnonzero(relaxed.x[: self.matrix.pairs] > 0))

    def neighbourhood(self, relaxed: Relaxed, best: Ints, size: int, chance: np.random.Generator) -> Ints:
        """Requests to plan again: some for which plan and relaxation differ, and some by chance."""
        chosen = np.zeros(self.problem.requests)
        np.add.at(chosen, self.problem.request[best], relaxed.x[best])
        wanted = np.bincount(self.problem.request, relaxed.x[: self.matrix.pairs], self.problem.requests)
        differ = np.flatnonzero(np.abs(wanted - chosen) > DIFFERENT)
        some = chance.permutation(differ)[: size * 2 // 3]
        return np.union1d(some, chance.permutation(self.problem.requests)[: size - len(some)])


def is_proven(closing: "Future[Whole] | None") -> bool:
    return closing is not None and closing.done() and closing.result().proven


def highest(problem: Problem, level: Level) -> Ints:
    """The most that each request could add to a level."""
    starts = np.flatnonzero(np.r_[True, np.diff(problem.request) != 0])
    found: Ints = np.maximum(0, np.maximum.reduceat(level.gain, starts))
    return found
