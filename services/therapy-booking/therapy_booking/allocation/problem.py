"""What a solver sees: pairs to choose from, limits they share, blocks that must be opened, and levels to minimise.

Nothing here knows of children or therapists, so that problems of other origin can be put to the same solvers.
"""

from dataclasses import dataclass, replace

import numpy as np

from therapy_booking.allocation.columns import NONE, Flags, Ints


@dataclass(frozen=True, eq=False, slots=True)
class Limit:
    """A family of rows: the weights of what is chosen in each row add up to at most the row's limit."""

    name: str
    row: Ints  # of each pair, or NONE
    weight: Ints  # of each pair
    most: Ints  # of each row
    opening_row: Ints  # of each opening, or NONE; an opened block weighs 1 here


@dataclass(frozen=True, eq=False, slots=True)
class Openings:
    """Blocks of several seats: either closed, or with at least `least` and at most `most` children."""

    of_pair: Ints  # the opening that each pair is in, or NONE
    least: Ints
    most: Ints

    def __len__(self) -> int:
        return len(self.least)


@dataclass(frozen=True, eq=False, slots=True)
class Level:
    """One aim, to be as small as possible: `nothing` with nothing chosen, plus `gain` of each pair that is chosen."""

    name: str
    gain: Ints
    nothing: int
    counts: bool = False  # whether every gain is 0 or -1: this level counts who is left

    def of(self, chosen: Ints | Flags) -> int:
        return self.nothing + int(self.gain[chosen].sum())


@dataclass(frozen=True, eq=False, slots=True)
class Problem:
    """Choose pairs, at most one for each request (numbered from 0; pairs sorted by request), levels in order."""

    requests: int
    request: Ints
    levels: list[Level]
    limits: list[Limit]
    openings: Openings
    name: Ints  # what each pair is called where it came from
    origin: Ints  # what each request is called there

    def __len__(self) -> int:
        return len(self.request)

    def objective(self, chosen: Ints) -> list[int]:
        """The value of each level, in order."""
        return [level.of(chosen) for level in self.levels]

    def only(self, wanted: Flags) -> "Problem":
        """The same problem without some of its pairs."""
        return replace(
            self,
            request=self.request[wanted],
            levels=[replace(level, gain=level.gain[wanted]) for level in self.levels],
            limits=[replace(limit, row=limit.row[wanted], weight=limit.weight[wanted]) for limit in self.limits],
            openings=replace(self.openings, of_pair=self.openings.of_pair[wanted]),
            name=self.name[wanted],
        )


def tightened(problem: Problem) -> Problem:
    """Drop what can never be chosen, and the rows that can never be full."""
    while not (possible := can_be_chosen(problem)).all():
        problem = problem.only(possible)
    limits = [without_slack(problem, limit) for limit in problem.limits]
    return replace(problem, limits=[limit for limit in limits if (limit.row != NONE).any()])


def can_be_chosen(problem: Problem) -> Flags:
    """Pairs that no limit and no group minimum rules out by itself."""
    possible = np.ones(len(problem), np.bool_)
    for limit in problem.limits:
        mine = limit.row != NONE
        possible[mine] &= limit.weight[mine] <= limit.most[limit.row[mine]]
    openings, inside = problem.openings, problem.openings.of_pair != NONE
    runs = openings.least <= np.minimum(openings.most, heads(problem))
    for limit in problem.limits:
        runs &= np.append(limit.most >= 1, True)[limit.opening_row]
    possible[inside] &= runs[openings.of_pair[inside]]
    return possible


def heads(problem: Problem) -> Ints:
    """How many requests could be in each opening."""
    found: Ints = np.bincount(
        problem.openings.of_pair[problem.openings.of_pair != NONE], minlength=len(problem.openings)
    )
    return found


def without_slack(problem: Problem, limit: Limit) -> Limit:
    """Take out of a limit the rows that cannot be full, whatever is chosen."""
    mine = np.flatnonzero(limit.row != NONE)
    key = limit.row[mine] * problem.requests + problem.request[mine]
    if (limit.weight[mine] == 1).all():
        key.sort()
        different = key[np.r_[True, np.diff(key) != 0][: len(key)]]
        load = np.bincount(different // max(problem.requests, 1), minlength=len(limit.most))
    else:
        order = np.lexsort((-limit.weight[mine], key))
        heaviest = mine[order[np.r_[True, np.diff(key[order]) != 0]]]
        load = np.bincount(limit.row[heaviest], limit.weight[heaviest], len(limit.most))
    load += np.bincount(limit.opening_row[limit.opening_row != NONE], minlength=len(limit.most))
    full = np.append(load > limit.most, False)  # the last is what NONE looks up
    return replace(
        limit,
        row=np.where(full[limit.row], limit.row, NONE),
        opening_row=np.where(full[limit.opening_row], limit.opening_row, NONE),
    )


def parts(problem: Problem) -> list[Problem]:
    """Split into problems that have nothing to do with one another, each numbered from 0."""
    label = components(problem)
    order = np.argsort(label, kind="stable")
    cuts = np.flatnonzero(np.diff(label[order])) + 1
    return [compact(problem, pairs) for pairs in np.split(order, cuts)] if len(order) else []


def components(problem: Problem) -> Ints:
    """Number the parts that share no request, row or opening: one number for each pair."""
    first_opening = problem.requests
    first_row = first_opening + len(problem.openings)
    links = [(problem.request, problem.openings.of_pair + first_opening, problem.openings.of_pair != NONE)]
    for limit in problem.limits:
        links.append((problem.request, limit.row + first_row, limit.row != NONE))
        opening = np.arange(len(problem.openings)) + first_opening
        links.append((opening, limit.opening_row + first_row, limit.opening_row != NONE))
        first_row += len(limit.most)
    pairs = [(one[joined], other[joined]) for one, other, joined in links if joined.any()]
    label, before = np.arange(first_row), np.zeros(0, np.int64)
    while not np.array_equal(label, before):
        before = label.copy()
        for one, other in pairs:
            low = np.minimum(label[one], label[other])
            np.minimum.at(label, one, low)
            np.minimum.at(label, other, low)
        label = label[label]
    return label[problem.request]


def compact(problem: Problem, pairs: Ints) -> Problem:
    """A problem of these pairs alone, with requests, rows and openings numbered from 0."""
    requests, request = np.unique(problem.request[pairs], return_inverse=True)
    openings, of_pair = renumbered(problem.openings.of_pair[pairs])
    limits = []
    for limit in problem.limits:
        rows, both = renumbered(np.concatenate((limit.row[pairs], limit.opening_row[openings])))
        if len(rows):
            row, opening_row = both[: len(pairs)], both[len(pairs) :]
            limits.append(Limit(limit.name, row, limit.weight[pairs], limit.most[rows], opening_row))
    return Problem(
        len(requests),
        request,
        [replace(level, gain=level.gain[pairs], nothing=0) for level in problem.levels],
        limits,
        Openings(of_pair, problem.openings.least[openings], problem.openings.most[openings]),
        problem.name[pairs],
        problem.origin[requests],
    )


def renumbered(numbers: Ints) -> tuple[Ints, Ints]:
    """The different numbers, and each number's place among them; NONE stays NONE."""
    known = np.unique(numbers[numbers != NONE])
    place = np.searchsorted(known, numbers)
    return known, np.where(numbers == NONE, NONE, place)
