"""Plans made one child after the other: first come, first served, and what a careful coordinator would do."""

from collections.abc import Iterable

import numpy as np

from therapy_booking.allocation.columns import NONE, Flags, Floats, Ints
from therapy_booking.allocation.ledger import Ledger
from therapy_booking.allocation.problem import Problem


def in_turn(problem: Problem, turn: Ints, ranked: Ints | None = None) -> Ints:
    """Give each request, in this order, the best pair that is free; the pairs chosen. `ranked`: best first, by request.

    A group that comes out too small is closed, and its children have another turn, until every group can run; then
    those who have nothing have a turn at what is left.
    """
    ledger, closed = Ledger(problem), np.zeros(len(problem.openings) + 1, np.bool_)
    ranked = by_levels(problem) if ranked is None else ranked
    for _ in range(2):
        serve(ledger, turn, ranked, closed)
        while len(few := ledger.too_few()):
            closed[few] = True
            chosen = ledger.chosen()
            out = chosen[np.isin(problem.openings.of_pair[chosen], few)]
            for pair in out:
                ledger.give_back(int(pair))
            serve(ledger, turn[np.isin(turn, problem.request[out])], ranked, closed)
    return ledger.chosen()


def serve(ledger: Ledger, turn: Iterable[int], ranked: Ints, closed: Flags) -> None:
    """Give everybody who has nothing the best pair that is free."""
    for request in turn:
        if ledger.pair[request] != NONE:
            continue
        pairs = ranked[ledger.start[request] : ledger.start[request + 1]]
        free = ledger.fits(pairs) & ~closed[ledger.problem.openings.of_pair[pairs]]
        if free.any():
            ledger.take(int(pairs[free.argmax()]))


def by_levels(problem: Problem) -> Ints:
    """All pairs, still by request, but each request's best first."""
    found: Ints = np.lexsort((*(level.gain for level in reversed(problem.levels)), problem.request))
    return found


def rounded(problem: Problem, x: Floats) -> Ints:
    """A plan near a relaxation: who has most of a place there comes first, and takes what it has most of."""
    most = np.zeros(problem.requests)
    np.maximum.at(most, problem.request, x)
    first = np.empty(problem.requests, np.int64)
    first[best_first(problem)] = np.arange(problem.requests)
    turn = np.lexsort((first, -np.round(most, 3)))
    levels = (level.gain for level in reversed(problem.levels))
    return in_turn(problem, turn, np.lexsort((*levels, -np.round(x, 3), problem.request)))


def best_first(problem: Problem) -> Ints:
    """Requests in the order in which the levels would have them: who weighs most, first."""
    first = by_levels(problem)[np.searchsorted(problem.request, np.arange(problem.requests))]
    found: Ints = np.lexsort([level.gain[first] for level in reversed(problem.levels)])
    return found
