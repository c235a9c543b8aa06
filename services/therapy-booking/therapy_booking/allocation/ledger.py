"""What is still free while pairs are chosen one by one, and which pairs fit."""

import numpy as np

from therapy_booking.allocation.columns import NONE, Flags, Ints
from therapy_booking.allocation.problem import Problem


class Ledger:
    """The room left in each row and opening. The minimum of an opening is not asked here: it is settled at the end."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.left = [np.append(limit.most, 0) for limit in problem.limits]
        self.inside = np.zeros(len(problem.openings), np.int64)
        self.pair = np.full(problem.requests, NONE)
        self.start = np.searchsorted(problem.request, np.arange(problem.requests + 1))

    def pairs_of(self, request: int) -> Ints:
        return np.arange(self.start[request], self.start[request + 1])

    def fits(self, pairs: Ints) -> Flags:
        """Which of these pairs could be chosen now, each by itself."""
        openings = self.problem.openings
        opening = openings.of_pair[pairs]
        free = np.ones(len(pairs), np.bool_)
        for limit, left in zip(self.problem.limits, self.left, strict=True):
            row = limit.row[pairs]
            free &= (row == NONE) | (limit.weight[pairs] <= left[row])
        grouped = np.flatnonzero(opening != NONE)
        if len(grouped):
            free[grouped] &= self.seats(opening[grouped])
        return free

    def seats(self, opening: Ints) -> Flags:
        """Which of these openings have a seat left, or could be opened."""
        taken = self.inside[opening]
        free = taken < self.problem.openings.most[opening]
        for limit, left in zip(self.problem.limits, self.left, strict=True):
            row = limit.opening_row[opening]
            free &= (taken > 0) | (row == NONE) | (left[row] >= 1)
        return free

    def take(self, pair: int) -> None:
        """Choose a pair."""
        self.move(pair, 1)
        self.pair[self.problem.request[pair]] = pair

    def give_back(self, pair: int) -> None:
        """Choose a pair no longer."""
        self.move(pair, -1)
        self.pair[self.problem.request[pair]] = NONE

    def move(self, pair: int, sign: int) -> None:
        opening = int(self.problem.openings.of_pair[pair])
        before = self.inside[opening] if opening != NONE else 0
        opens = opening != NONE and (before == 0 if sign > 0 else before == 1)
        if opening != NONE:
            self.inside[opening] += sign
        for limit, left in zip(self.problem.limits, self.left, strict=True):
            if (row := limit.row[pair]) != NONE:
                left[row] -= sign * limit.weight[pair]
            if opens and (row := limit.opening_row[opening]) != NONE:
                left[row] -= sign

    def chosen(self) -> Ints:
        return np.sort(self.pair[self.pair != NONE])

    def too_few(self) -> Ints:
        """Openings that have children, but not enough to run."""
        found: Ints = np.flatnonzero((self.inside > 0) & (self.inside < self.problem.openings.least))
        return found


def holds(problem: Problem, chosen: Ints) -> bool:
    """Whether a choice keeps every rule."""
    if len(np.unique(problem.request[chosen])) < len(chosen):
        return False
    inside = np.bincount(problem.openings.of_pair[chosen] + 1, minlength=len(problem.openings) + 1)[1:]
    opened = inside > 0
    if ((inside > problem.openings.most) | (opened & (inside < problem.openings.least))).any():
        return False
    return all(
        (
            load(limit.row[chosen], limit.weight[chosen], len(limit.most))
            + load(limit.opening_row[opened], None, len(limit.most))
            <= limit.most
        ).all()
        for limit in problem.limits
    )


def load(rows: Ints, weight: Ints | None, count: int) -> Ints:
    """How full each row is."""
    mine = rows != NONE
    found: Ints = np.bincount(rows[mine], None if weight is None else weight[mine], count)
    return found
