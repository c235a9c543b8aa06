"""A problem as the rows and columns of a linear programme: one column a pair, then one an opening.

A pair inside an opening is also at most its opening (its link). There are many links and few matter, so they are not
among the rows here; whoever solves adds those that it needs.
"""

from dataclasses import dataclass

import numpy as np

from therapy_booking.allocation.columns import NONE, Floats, Ints
from therapy_booking.allocation.problem import Problem


@dataclass(frozen=True, eq=False, slots=True)
class Matrix:
    """Entries by column: those of column c are start[c] to start[c + 1]."""

    problem: Problem
    start: Ints
    row: Ints
    value: Floats
    lower: Floats
    upper: Floats
    column: Ints  # of each entry

    @property
    def width(self) -> int:
        return len(self.start) - 1

    @property
    def pairs(self) -> int:
        return len(self.problem)

    def entries(self, columns: Ints) -> tuple[Ints, Ints]:
        """Where the entries of these columns are, and where each column's begin among them."""
        length = self.start[columns + 1] - self.start[columns]
        begins = np.concatenate(([0], np.cumsum(length)[:-1])) if len(columns) else np.zeros(0, np.int64)
        within = np.arange(int(length.sum())) - np.repeat(begins, length)
        return np.repeat(self.start[columns], length) + within, begins

    def reduced(self, cost: Floats, duals: Floats) -> Floats:
        """Each column's cost less what its rows are worth."""
        found: Floats = cost - np.bincount(self.column, duals[self.row] * self.value, self.width)
        return found

    def openings_of(self, pairs: Ints) -> Ints:
        """The columns of the openings that these pairs are in."""
        return self.problem.openings.of_pair[pairs] + self.pairs


def matrix_of(problem: Problem) -> Matrix:
    """Lay a problem out as rows and columns."""
    every, inside = np.arange(len(problem)), np.flatnonzero(problem.openings.of_pair != NONE)
    of_pair, openings = problem.openings.of_pair, len(problem.openings)
    columns, rows, values, lower, upper = [every], [problem.request], [np.ones(len(problem))], [], []
    lower.append(np.full(problem.requests, -np.inf))
    upper.append(np.ones(problem.requests))
    first = problem.requests
    for limit in problem.limits:
        mine, opened = np.flatnonzero(limit.row != NONE), np.flatnonzero(limit.opening_row != NONE)
        columns += [mine, len(problem) + opened]
        rows += [first + limit.row[mine], first + limit.opening_row[opened]]
        unit = 1 if len(opened) else max(1, int(np.gcd.reduce(limit.weight[mine])))
        values += [(limit.weight[mine] // unit).astype(np.float64), np.ones(len(opened))]
        lower.append(np.full(len(limit.most), -np.inf))
        upper.append((limit.most // unit).astype(np.float64))
        first += len(limit.most)
    for bound, free, fixed in ((problem.openings.most, lower, upper), (problem.openings.least, upper, lower)):
        columns += [inside, len(problem) + np.arange(openings)]
        rows += [first + of_pair[inside], first + np.arange(openings)]
        values += [np.ones(len(inside)), -bound.astype(np.float64)]
        free.append(np.full(openings, -np.inf if free is lower else np.inf))
        fixed.append(np.zeros(openings))
        first += openings
    column, row, value = np.concatenate(columns), np.concatenate(rows), np.concatenate(values)
    order = np.argsort(column, kind="stable")
    width = len(problem) + openings
    start = np.concatenate(([0], np.cumsum(np.bincount(column, minlength=width))))
    return Matrix(problem, start, row[order], value[order], np.concatenate(lower), np.concatenate(upper), column[order])


def widened(matrix: Matrix, gains: Ints | Floats) -> Floats:
    """Costs of pairs as costs of all columns; an opening itself costs nothing."""
    return np.concatenate((gains.astype(np.float64), np.zeros(matrix.width - matrix.pairs)))


def best_of_each(request: Ints, score: Floats, many: int, among: Ints) -> Ints:
    """For each request the so many pairs with the lowest score, of these pairs (sorted by request)."""
    order = among[np.lexsort((score[among], request[among]))]
    first = np.concatenate(([True], np.diff(request[order]) != 0)) if len(order) else np.zeros(0, np.bool_)
    place = np.arange(len(order))
    rank = place - np.maximum.accumulate(np.where(first, place, 0))
    return np.sort(order[rank < many])


def lowest_sum(request: Ints, reduced: Floats) -> float:
    """The lowest that choosing at most one pair for each request can add, by these costs."""
    starts = np.flatnonzero(np.concatenate(([True], np.diff(request) != 0)))
    return float(np.minimum(0, np.minimum.reduceat(reduced, starts)).sum()) if len(request) else 0.0
