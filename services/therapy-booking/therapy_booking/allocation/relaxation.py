"""The linear relaxation, solved by column generation: only pairs that could matter are ever shown to HiGHS.

Its duals give a bound that holds for all pairs, and reduced costs that say which pairs are worth a search.
"""

import ctypes
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import highspy
import numpy as np

from therapy_booking.allocation.columns import NONE, Flags, Floats, Ints
from therapy_booking.allocation.matrix import Matrix, best_of_each, lowest_sum

TOLERANCE = 1e-7
VIOLATED = 1e-6
ADDED = 3  # pairs of one request that are added at once
ROUNDS = 200
PRIMAL = 4  # of HiGHS' simplex methods: what was best stays allowed when columns come or the aim changes

Seconds = Callable[[], float]


@cache
def announced() -> None:
    """Let HiGHS say once to nobody who it is: it does so in each process, before it can be told to be silent."""
    shown, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        highspy.Highs()  # type: ignore[no-untyped-call]
        ctypes.CDLL(None).fflush(None)
    finally:
        os.dup2(shown, 1)
        os.close(shown)
        os.close(nowhere)


def quiet(seconds: float = np.inf) -> highspy.Highs:
    """Give a HiGHS that prints nothing and uses one thread, so that its answers are always the same."""
    announced()
    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    solver.silent()
    solver.setOptionValue("threads", 1)
    if seconds < np.inf:
        solver.setOptionValue("time_limit", max(seconds, 0.01))
    return solver


@dataclass(frozen=True, eq=False, slots=True)
class Relaxed:
    """What a relaxation found: a bound, each column's value, and the reduced costs that give the bound.

    Pairs that may not be chosen have an infinite one.
    """

    bound: float
    value: float
    x: Floats
    reduced: Floats
    settled: bool


class Relaxation:
    """A linear programme over some of a matrix's columns, which grows; a level can be bounded, the aim be changed."""

    def __init__(self, matrix: Matrix, cost: Floats, pool: Ints) -> None:
        self.matrix = matrix
        self.cost = cost
        self.solver = quiet()
        self.solver.setOptionValue("simplex_strategy", PRIMAL)
        none = np.zeros(0)
        self.solver.addRows(
            len(matrix.lower), matrix.lower, matrix.upper, 0, np.zeros(0, np.int32), np.zeros(0, np.int32), none
        )
        self.columns = np.zeros(0, np.int64)
        self.place = np.full(matrix.width, NONE)
        self.admitted = np.ones(matrix.pairs, np.bool_)
        self.linked = np.zeros(0, np.int64)  # the pair of each link row
        self.link_row = np.zeros(0, np.int64)
        self.level_gains: list[Floats] = []
        self.level_rows: list[int] = []
        self.level_most: list[float] = []
        self.rows = len(matrix.lower)
        self.grow(np.concatenate((np.arange(matrix.pairs, matrix.width), pool)))

    def grow(self, columns: Ints) -> None:
        """Show these columns to the solver."""
        new = columns[self.place[columns] == NONE]
        if not len(new):
            return
        entries, begins = self.matrix.entries(new)
        count = len(new)
        self.solver.addCols(
            count,
            self.cost[new],
            np.zeros(count),
            np.concatenate((np.where(self.admitted, np.inf, 0.0), np.ones(self.matrix.width - self.matrix.pairs)))[new],
            len(entries),
            begins.astype(np.int32),
            self.matrix.row[entries].astype(np.int32),
            self.matrix.value[entries],
        )
        self.place[new] = len(self.columns) + np.arange(count)
        self.columns = np.concatenate((self.columns, new))
        for gains, row in zip(self.level_gains, self.level_rows, strict=True):
            for column in new[gains[new] != 0]:
                self.solver.changeCoeff(row, int(self.place[column]), float(gains[column]))

    def admit(self, pairs: Flags) -> None:
        """Let only these pairs be chosen."""
        changed = np.flatnonzero((pairs != self.admitted) & (self.place[: self.matrix.pairs] != NONE))
        self.admitted = pairs
        count = len(changed)
        if count:
            places = self.place[changed].astype(np.int32)
            most = np.where(pairs[changed], np.inf, 0.0)
            self.solver.changeColsBounds(count, places, np.zeros(count), most)

    def link(self, pairs: Ints) -> None:
        """Bound these pairs by their openings."""
        count = len(pairs)
        if not count:
            return
        both = np.stack((self.place[pairs], self.place[self.matrix.openings_of(pairs)]), 1).ravel()
        self.solver.addRows(
            count,
            np.full(count, -np.inf),
            np.zeros(count),
            2 * count,
            (2 * np.arange(count)).astype(np.int32),
            both.astype(np.int32),
            np.tile([1.0, -1.0], count),
        )
        self.linked = np.concatenate((self.linked, pairs))
        self.link_row = np.concatenate((self.link_row, self.rows + np.arange(count)))
        self.rows += count

    def broken_links(self, x: Floats) -> Ints:
        """Shown pairs that are chosen more than their openings are."""
        shown = self.columns[self.columns < self.matrix.pairs]
        shown = np.setdiff1d(shown[self.matrix.problem.openings.of_pair[shown] != NONE], self.linked)
        broken: Ints = shown[x[shown] > x[self.matrix.openings_of(shown)] + VIOLATED]
        return broken

    def bound_level(self, gains: Floats, most: float) -> None:
        """Add a row: the gains of what is chosen add up to at most this. Gains are of all columns."""
        scale = float(np.abs(gains).max(initial=0.0)) or 1.0
        mine = np.flatnonzero(gains[self.columns])
        self.solver.addRow(-np.inf, most / scale, len(mine), mine.astype(np.int32), gains[self.columns[mine]] / scale)
        self.level_gains.append(gains / scale)
        self.level_rows.append(self.rows)
        self.level_most.append(most / scale)
        self.rows += 1

    def free_levels(self, count: int) -> None:
        """Keep only the first so many levels bounded."""
        for place in range(count, len(self.level_rows)):
            self.solver.changeRowBounds(self.level_rows[place], -np.inf, np.inf)
        del self.level_gains[count:], self.level_rows[count:], self.level_most[count:]

    def aim(self, cost: Floats) -> None:
        """Minimise something else."""
        self.cost = cost
        count = len(self.columns)
        self.solver.changeColsCost(count, np.arange(count, dtype=np.int32), cost[self.columns])

    def solve(self, enough: float, seconds: Seconds) -> Relaxed:
        """Generate columns until bound and value are this near, nothing is left to add, or the time is up."""
        best, value, priced, x = -np.inf, np.inf, np.zeros(0), np.zeros(self.matrix.width)
        for _ in range(ROUNDS):
            self.solver.setOptionValue("time_limit", self.solver.getRunTime() + max(0.01, seconds()))
            self.solver.run()
            if self.solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
                break
            solution = self.solver.getSolution()
            value = self.solver.getInfo().objective_function_value
            x = np.zeros(self.matrix.width)
            x[self.columns] = solution.col_value
            reduced, constant = self.price(np.array(solution.row_dual))
            lagrangian = constant + lowest_sum(self.matrix.problem.request, reduced[: self.matrix.pairs])
            lagrangian += float(np.minimum(0, reduced[self.matrix.pairs :]).sum())
            if lagrangian > best:
                best, priced = lagrangian, reduced
            cut = self.broken_links(x)
            self.link(cut)
            entering = np.flatnonzero(
                (reduced[: self.matrix.pairs] < -TOLERANCE) & (self.place[: self.matrix.pairs] == NONE)
            )
            if not len(cut) and (not len(entering) or value - best <= enough):
                return Relaxed(best, value, x, priced, settled=True)
            self.grow(best_of_each(self.matrix.problem.request, reduced, ADDED, entering))
        return Relaxed(best, value, x, priced, settled=False)

    def price(self, duals: Floats) -> tuple[Floats, float]:
        """Reduced costs of all columns and the constant of the bound, from duals put right in sign."""
        matrix = self.matrix
        fixed = duals[: len(matrix.lower)]
        fixed = np.where(
            np.isinf(matrix.lower), np.minimum(fixed, 0), np.where(np.isinf(matrix.upper), np.maximum(fixed, 0), fixed)
        )
        side = np.where(np.isinf(matrix.upper), matrix.lower, matrix.upper)
        reduced = matrix.reduced(self.cost, fixed)
        constant = float(fixed @ side)
        links = np.minimum(duals[self.link_row], 0)
        reduced[self.linked] -= links
        np.add.at(reduced, matrix.openings_of(self.linked), links)
        for gains, row, most in zip(self.level_gains, self.level_rows, self.level_most, strict=True):
            dual = min(float(duals[row]), 0.0)
            reduced = reduced - dual * gains
            constant += dual * most
        reduced[: matrix.pairs][~self.admitted] = np.inf
        return reduced, constant
