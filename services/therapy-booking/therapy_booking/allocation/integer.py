"""Whole choices among a few columns: a mixed-integer programme, solved by HiGHS."""

from collections.abc import Sequence
from dataclasses import dataclass

import highspy
import numpy as np

from therapy_booking.allocation.columns import NONE, Floats, Ints
from therapy_booking.allocation.matrix import Matrix
from therapy_booking.allocation.relaxation import quiet

MISCOUNT = 1e-5


@dataclass(frozen=True, eq=False, slots=True)
class Ceiling:
    """A level that must not be worse than this: gains of all columns, and the most they may add up to."""

    gains: Floats
    most: float


@dataclass(frozen=True, eq=False, slots=True)
class Whole:
    """Pairs chosen (None: nothing found), and a bound for choices among the same columns."""

    chosen: Ints | None
    bound: float
    proven: bool


def choose(
    matrix: Matrix,
    pairs: Ints,
    cost: Floats,
    ceilings: Sequence[Ceiling],
    start: Ints | None,
    nodes: int,
    seconds: float,
    near: float = 0.5,
    fixed: Ints | None = None,
) -> Whole:
    """The cheapest choice among these pairs (sorted) that keeps all rows and ceilings, and has all that is fixed.

    The search ends when value and bound are this near.
    """
    if not len(pairs):
        return Whole(pairs, 0.0, proven=True)
    model, columns = programme(matrix, pairs, cost, ceilings)
    if fixed is not None:
        model.col_lower_ = np.isin(columns, fixed).astype(np.float64)
    solver = quiet(seconds)
    solver.setOptionValue("mip_rel_gap", 0.0)
    solver.setOptionValue("mip_abs_gap", near)
    solver.setOptionValue("mip_max_nodes", nodes)
    solver.passModel(model)
    if start is not None:
        give(solver, matrix, columns, start)
    solver.run()
    if miscounted(solver, cost[columns]):
        solver.setOptionValue("presolve", "off")
        solver.clearSolver()
        solver.run()
    information = solver.getInfo()
    proven = solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
    if information.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        return Whole(None, information.mip_dual_bound, proven)
    x = np.array(solver.getSolution().col_value)
    return Whole(columns[(x > 0.5) & (columns < matrix.pairs)], information.mip_dual_bound, proven)


def miscounted(solver: highspy.Highs, cost: Floats) -> bool:
    """Whether HiGHS gives a plan another value than it has: 1.16 does when presolve leaves nothing to choose."""
    x = np.array(solver.getSolution().col_value)
    said = solver.getInfo().objective_function_value
    return len(x) > 0 and np.isfinite(said) and abs(float(cost @ x) - said) > MISCOUNT * max(1.0, abs(said))


def programme(matrix: Matrix, pairs: Ints, cost: Floats, ceilings: Sequence[Ceiling]) -> tuple[highspy.HighsLp, Ints]:
    """The programme of these pairs, their openings, and the rows that they touch.

    Only pairs have to be whole: an opening is at least each pair inside it, so it is whole when they are. Told so,
    HiGHS branches on who goes where, and that proves far more than branching on what is opened.
    """
    inside = pairs[matrix.problem.openings.of_pair[pairs] != NONE]
    columns = np.concatenate((pairs, np.unique(matrix.openings_of(inside))))
    entries, _ = matrix.entries(columns)
    rows, row = np.unique(matrix.row[entries], return_inverse=True)
    column = np.repeat(np.arange(len(columns)), matrix.start[columns + 1] - matrix.start[columns])
    value, lower, upper = matrix.value[entries], matrix.lower[rows], matrix.upper[rows]
    link = len(rows) + np.arange(len(inside))
    one = np.ones(len(inside))
    row = np.concatenate((row, link, link))
    column = np.concatenate(
        (
            column,
            np.searchsorted(pairs, inside),
            len(pairs) + np.searchsorted(columns[len(pairs) :], matrix.openings_of(inside)),
        )
    )
    value = np.concatenate((value, one, -one))
    lower, upper = (
        np.concatenate((lower, np.full(len(inside), -np.inf))),
        np.concatenate((upper, np.zeros(len(inside)))),
    )
    for ceiling in ceilings:
        gains = ceiling.gains[columns]
        mine, scale = np.flatnonzero(gains), float(np.abs(gains).max(initial=0.0)) or 1.0
        row = np.concatenate((row, np.full(len(mine), len(lower))))
        column, value = np.concatenate((column, mine)), np.concatenate((value, gains[mine] / scale))
        lower, upper = np.append(lower, -np.inf), np.append(upper, ceiling.most / scale)
    return assembled(cost[columns], row, column, value, lower, upper, len(pairs)), columns


def assembled(
    cost: Floats, row: Ints, column: Ints, value: Floats, lower: Floats, upper: Floats, whole: int
) -> highspy.HighsLp:
    """Put entries in order; every column is from 0 to 1, and the first so many are one or the other."""
    model, width = highspy.HighsLp(), len(cost)
    order = np.argsort(column, kind="stable")
    model.num_col_, model.num_row_ = width, len(lower)
    model.col_cost_, model.col_lower_, model.col_upper_ = cost, np.zeros(width), np.ones(width)
    model.row_lower_, model.row_upper_ = lower, upper
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_ = np.concatenate(([0], np.cumsum(np.bincount(column, minlength=width))))
    model.a_matrix_.index_, model.a_matrix_.value_ = row[order], value[order]
    kinds = highspy.HighsVarType
    model.integrality_ = [kinds.kInteger] * whole + [kinds.kContinuous] * (width - whole)
    return model


def give(solver: highspy.Highs, matrix: Matrix, columns: Ints, chosen: Ints) -> None:
    """Let the search start from a choice that is known to keep all rows."""
    opened = matrix.openings_of(chosen[matrix.problem.openings.of_pair[chosen] != NONE])
    values = np.isin(columns, np.concatenate((chosen, opened))).astype(np.float64)
    solver.setSolution(len(columns), np.arange(len(columns), dtype=np.int32), values)
