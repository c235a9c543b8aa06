"""Who may take which block, and why not: all pairs that may be, and the first reason for each pair that may not."""

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from therapy_booking.allocation.columns import FORMATS, MODES, NONE, Columns, Flags, Floats, Ints

PAIRS_AT_ONCE = 4_000_000
MOST_PAIRS = 20_000_000
CLINIC, SCHOOL = MODES["clinic"], MODES["school"]
NEAR = 1e-9  # kilometres: closer than this to a limit, a distance is worked out once more, exactly


class Reason(IntEnum):
    """Why a request may not take a block. The order is that in which they are asked."""

    MAY = 0
    DISCIPLINE = 1
    FORMAT = 2
    AVAILABILITY = 3
    SKILL = 4
    COMMUNICATION = 5
    REGION = 6
    MODE = 7
    TRAVEL = 8
    SCHOOL = 9


class TooMany(ValueError):
    """More pairs than can be planned together."""


@dataclass(frozen=True, eq=False, slots=True)
class Edges:
    """Pairs of request and block that may be, sorted by request, then block; with what each would cost."""

    request: Ints
    block: Ints
    breach: Ints  # squared weeks beyond the standard at the block's start
    travel: Ints  # 2 * half kilometres + 3 for a change of therapist

    def __len__(self) -> int:
        return len(self.request)

    def only(self, wanted: Flags | Ints) -> "Edges":
        return Edges(self.request[wanted], self.block[wanted], self.breach[wanted], self.travel[wanted])


def regions(columns: Columns) -> list[int]:
    """All regions that have a request, in order."""
    return [int(region) for region in np.unique(columns.requests.region)]


def edges(columns: Columns, requests: Ints, blocks: Ints) -> Edges:
    """All pairs that may be, among these requests and blocks (sorted numbers). Raises `TooMany`."""
    parts, count = [], 0
    for mine, theirs in cells(columns, requests, blocks):
        for some in np.array_split(mine, max(1, len(mine) * len(theirs) // PAIRS_AT_ONCE)):
            parts.append(pair_up(columns, some, theirs))
            count += len(parts[-1][0])
            if count > MOST_PAIRS:
                region = int(columns.requests.region[mine[0]])
                raise TooMany(
                    f"more than {MOST_PAIRS:,} pairs of request and block to plan together, in region {region}"
                )
    if not parts:
        return with_costs(columns, np.zeros(0, np.int64), np.zeros(0, np.int64))
    request, block = (np.concatenate(found) for found in zip(*parts, strict=True))
    order = np.argsort(request, kind="stable")
    return with_costs(columns, request[order], block[order])


def cells(columns: Columns, requests: Ints, blocks: Ints) -> list[tuple[Ints, Ints]]:
    """Requests and blocks of one region and discipline: no pair reaches out of its cell."""
    ours, theirs = columns.requests, columns.blocks
    of_request = np.stack((ours.region[requests], ours.discipline[requests]), 1)
    of_block = np.stack((theirs.region[blocks], theirs.discipline[blocks]), 1)
    found = []
    for cell in np.unique(of_request, axis=0):
        mine, others = requests[(of_request == cell).all(1)], blocks[(of_block == cell).all(1)]
        if len(others):
            found.append((mine, others))
    return found


def pair_up(columns: Columns, requests: Ints, blocks: Ints) -> tuple[Ints, Ints]:
    """The pairs that may be in one cell: each rule is a small table, looked up by what a block is."""
    ours, theirs = columns.requests, columns.blocks
    place = np.stack((theirs.mode[blocks], theirs.site[blocks]), 1)
    places, at = np.unique(place, axis=0, return_inverse=True)
    may = ours.times[requests].take(theirs.time[blocks], axis=1)
    may &= reachable(columns, requests, places).take(at.ravel(), axis=1)
    may &= suits(ours.format[requests]).take(theirs.format[blocks], axis=1)
    able = columns.skilled[ours.skill[requests]] & columns.speaks[ours.needs[requests]]
    if not able.all():
        may &= able.take(theirs.therapist[blocks], axis=1)
    row, column = np.nonzero(may)
    return requests[row], blocks[column]


def suits(wanted: Ints) -> Flags:
    """Whether each wanted format admits individual blocks and groups."""
    found: Flags = (wanted[:, None] == FORMATS["either"]) | (wanted[:, None] == np.arange(2))
    return found


def reachable(columns: Columns, requests: Ints, places: Ints) -> Flags:
    """Whether each request can be treated in each place, a place being (mode, site)."""
    ours, mode, site = columns.requests, places[:, 0], places[:, 1]
    can = ours.modes[requests].take(mode, axis=1)
    can[:, mode == SCHOOL] &= ours.school[requests][:, None] == site[mode == SCHOOL]
    clinics = np.flatnonzero(mode == CLINIC)
    if len(clinics):
        far = kilometres(columns, requests[:, None], site[clinics][None, :])
        limit = ours.max_km[requests][:, None]
        within = far <= limit
        for row, column in zip(*np.nonzero(np.abs(far - limit) < NEAR), strict=True):
            within[row, column] = exactly(columns, requests[row], site[clinics[column]]) <= limit[row, 0]
        can[:, clinics] &= within
    return can


def kilometres(columns: Columns, request: Ints, site: Ints) -> Floats:
    """Straight-line distance; may be off in the last bit, see `exactly`."""
    found: Floats = np.hypot(
        columns.site_x[site] - columns.requests.x[request], columns.site_y[site] - columns.requests.y[request]
    )
    return found


def exactly(columns: Columns, request: int, site: int) -> float:
    """Straight-line distance, rounded as `math.hypot` rounds it."""
    return math.hypot(
        columns.site_x[site] - columns.requests.x[request], columns.site_y[site] - columns.requests.y[request]
    )


def with_costs(columns: Columns, request: Ints, block: Ints) -> Edges:
    """Add to pairs what each would cost."""
    ours, theirs = columns.requests, columns.blocks
    breach = np.maximum(0, ours.late[request] + theirs.start[block]) ** 2
    known, therapist = ours.therapist[request], theirs.therapist[block]
    travel = 2 * half_kilometres(columns, request, block) + 3 * ((known != NONE) & (known != therapist))
    return Edges(request, block, breach, travel)


def half_kilometres(columns: Columns, request: Ints, block: Ints) -> Ints:
    """Kilometres to a clinic in halves, rounded half up; nothing for a school or online."""
    halves = np.zeros(len(request), np.int64)
    clinic = np.flatnonzero(columns.blocks.mode[block] == CLINIC)
    twice = 2 * kilometres(columns, request[clinic], columns.blocks.site[block[clinic]]) + 0.5
    rounded = np.floor(twice)
    for place in np.flatnonzero(np.abs(twice - np.rint(twice)) < NEAR):
        edge = clinic[place]
        rounded[place] = math.floor(2 * exactly(columns, request[edge], columns.blocks.site[block[edge]]) + 0.5)
    halves[clinic] = rounded
    return halves


def unplaced_breach(columns: Columns, requests: Ints) -> Ints:
    """Squared weeks beyond the standard that these requests have when nothing is found for them."""
    found: Ints = np.maximum(0, columns.requests.late[requests] + columns.horizon) ** 2
    return found


def reasons(columns: Columns, request: int) -> NDArray[np.uint8]:
    """For each block, the first `Reason` why this request may not take it."""
    found: NDArray[np.uint8] = failing(columns, request, np.arange(len(columns.blocks.cap))).argmax(0).astype(np.uint8)
    return found


def failing(columns: Columns, request: int, blocks: Ints) -> Flags:
    """A row for each `Reason`, a column for each block: whether it stands between them. MAY: none does."""
    ours, theirs = columns.requests, columns.blocks
    mode, site = theirs.mode[blocks], theirs.site[blocks]
    wanted, clinic = ours.format[request], mode == CLINIC
    rows = np.zeros((len(Reason), len(blocks)), np.bool_)
    rows[Reason.DISCIPLINE] = theirs.discipline[blocks] != ours.discipline[request]
    rows[Reason.FORMAT] = (wanted != FORMATS["either"]) & (theirs.format[blocks] != wanted)
    rows[Reason.AVAILABILITY] = ~ours.times[request][theirs.time[blocks]]
    rows[Reason.SKILL] = ~columns.skilled[ours.skill[request]][theirs.therapist[blocks]]
    rows[Reason.COMMUNICATION] = ~columns.speaks[ours.needs[request]][theirs.therapist[blocks]]
    rows[Reason.REGION] = theirs.region[blocks] != ours.region[request]
    rows[Reason.MODE] = ~ours.modes[request][mode]
    for place in np.unique(site[clinic]):
        rows[Reason.TRAVEL, clinic & (site == place)] = exactly(columns, request, place) > ours.max_km[request]
    rows[Reason.SCHOOL] = (mode == SCHOOL) & (site != ours.school[request])
    rows[Reason.MAY] = ~rows[1:].any(0)
    return rows


def who_may(columns: Columns, block: int, requests: Ints) -> Ints:
    """Those of these requests, all of the block's region and discipline, who may take the block."""
    ours, theirs = columns.requests, columns.blocks
    therapist, mode, site = int(theirs.therapist[block]), int(theirs.mode[block]), int(theirs.site[block])
    wanted = ours.format[requests]
    may = ours.times[requests, theirs.time[block]] & ours.modes[requests, mode]
    may &= (wanted == FORMATS["either"]) | (wanted == theirs.format[block])
    may &= columns.skilled[ours.skill[requests], therapist] & columns.speaks[ours.needs[requests], therapist]
    if mode == SCHOOL:
        may &= ours.school[requests] == site
    found: Ints = requests[may]
    if mode == CLINIC:
        found = found[[exactly(columns, int(r), site) <= ours.max_km[r] for r in found]]
    return found
