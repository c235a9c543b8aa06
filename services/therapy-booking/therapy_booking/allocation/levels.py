"""From requests and blocks to a problem: which aims, in which order, and which limits."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from therapy_booking.allocation.columns import NONE, Columns, Flags, Ints
from therapy_booking.allocation.eligibility import Edges, unplaced_breach
from therapy_booking.allocation.flow import PLACES, THERAPIST, TIME
from therapy_booking.allocation.problem import Level, Limit, Openings, Problem

BUDGET, CONTRACT, MOMENT = "budget", "contract", "moment"
NOBODY: Mapping[int, int] = MappingProxyType({})
TIERS = (1, 2, 3, 4)
LEVELS = ("tier1", "tier2", "tier3", "tier4", "breach", "travel")


def therapy_problem(
    columns: Columns, edges: Edges, order: Sequence[str] = LEVELS, confirmed: Mapping[int, int] = NOBODY
) -> Problem:
    """State what is to be decided among these pairs, with all rules, levels in this order.

    Those who are confirmed have a block; two more levels count them: `kept`, without a block, `moved`, to another one.
    """
    stay = staying(columns, edges, confirmed)
    kept = worth_keeping(columns, edges) | stay
    edges, stay = edges.only(kept), stay[kept]
    blocks, request = columns.blocks, edges.request
    openings, of_pair = np.unique(edges.block[many_seats(columns, edges.block)], return_inverse=True)
    inside = np.full(len(edges), NONE)
    inside[many_seats(columns, edges.block)] = of_pair
    limits = [
        *seats(columns, edges, inside, openings),
        *money(columns, edges, openings),
        moments(columns, edges, openings),
    ]
    return Problem(
        len(columns.requests.tier),
        request,
        [level(columns, edges, name, confirmed, stay) for name in order],
        [limit for limit in limits if limit is not None],
        Openings(inside, blocks.least[openings], blocks.cap[openings]),
        edges.block,
        np.arange(len(columns.requests.tier)),
    )


def many_seats(columns: Columns, block: Ints) -> Flags:
    """Whether a block has to be opened: it has more than one seat, or runs only with more than one child."""
    found: Flags = (columns.blocks.cap[block] > 1) | (columns.blocks.least[block] > 1)
    return found


def worth_keeping(columns: Columns, edges: Edges) -> Flags:
    """Leave out what another single seat at the same time beats: no further, no later, no dearer."""
    blocks, single = columns.blocks, np.flatnonzero(~many_seats(columns, edges.block))
    slot, request = blocks.slot[edges.block[single]], edges.request[single]
    pence = np.where(
        may_run_out(columns, edges)[columns.requests.commissioner[request]], blocks.pence[edges.block[single]], 0
    )
    where = request * (int(blocks.slot.max(initial=0)) + 1) + slot
    order = np.lexsort((*([pence] if pence.any() else []), edges.travel[single], edges.breach[single], where))
    group = np.cumsum(np.r_[0, np.diff(where[order]) != 0][: len(order)])
    cheaper = pence[order] - group * (int(pence.max(initial=0)) + 1)
    kept = cheaper < np.r_[np.iinfo(np.int64).max, np.minimum.accumulate(cheaper)[:-1]][: len(order)]
    found = np.ones(len(edges), np.bool_)
    found[single[order[~kept]]] = False
    return found


def may_run_out(columns: Columns, edges: Edges) -> Flags:
    """For each commissioner, whether the dearest block for each of its requests would cost more than its budget."""
    dearest = np.zeros(len(columns.requests.tier), np.int64)
    np.maximum.at(dearest, edges.request, columns.blocks.pence[edges.block])
    spent = np.bincount(columns.requests.commissioner, dearest, len(columns.budget))
    found: Flags = spent > columns.budget
    return found


def staying(columns: Columns, edges: Edges, confirmed: Mapping[int, int]) -> Flags:
    """Which pairs are a confirmed request and its own block."""
    own = np.full(len(columns.requests.tier), NONE)
    own[list(confirmed)] = list(confirmed.values())
    found: Flags = own[edges.request] == edges.block
    return found


def level(columns: Columns, edges: Edges, name: str, confirmed: Mapping[int, int], stay: Flags) -> Level:
    """One aim: how much each pair takes off what it is when nobody is placed."""
    everyone = np.arange(len(columns.requests.tier))
    known = np.isin(edges.request, list(confirmed)) if name in {"kept", "moved"} else stay
    if name == "kept":
        return Level(name, -known.astype(np.int64), len(confirmed), counts=True)
    if name == "moved":
        return Level(name, (known & ~stay).astype(np.int64), 0)
    if name == "travel":
        return Level(name, edges.travel, 0)
    if name == "breach":
        unplaced = unplaced_breach(columns, everyone)
        return Level(name, edges.breach - unplaced[edges.request], int(unplaced.sum()))
    mine = columns.requests.tier == int(name.removeprefix("tier"))
    return Level(name, -mine[edges.request].astype(np.int64), int(mine.sum()), counts=True)


def seats(columns: Columns, edges: Edges, inside: Ints, openings: Ints) -> list[Limit]:
    """One block at a therapist's time, and so many blocks of a therapist; a block of many seats counts when opened."""
    blocks, one = columns.blocks, np.ones(len(edges), np.int64)
    alone = inside == NONE
    times, therapist = blocks.slot, blocks.therapist
    count = int(times.max(initial=-1)) + 1
    return [
        Limit(TIME, np.where(alone, times[edges.block], NONE), one, np.ones(count, np.int64), times[openings]),
        Limit(THERAPIST, np.where(alone, therapist[edges.block], NONE), one, columns.contracted, therapist[openings]),
    ]


def money(columns: Columns, edges: Edges, openings: Ints) -> list[Limit | None]:
    """A commissioner's places and pounds, and what each provider may take of each commissioner."""
    one, outside = np.ones(len(edges), np.int64), np.full(len(openings), NONE)
    payer = columns.requests.commissioner[edges.request]
    found: list[Limit | None] = [
        Limit(PLACES, payer, one, columns.places, outside),
        Limit(BUDGET, payer, columns.blocks.pence[edges.block], columns.budget, outside),
    ]
    if columns.contracts is not None:
        payers = len(columns.places)
        most = np.zeros(len(columns.instance.providers) * payers, np.int64)
        for (provider, commissioner), places in columns.contracts.items():
            most[provider * payers + commissioner] = places
        found.append(Limit(CONTRACT, columns.blocks.provider[edges.block] * payers + payer, one, most, outside))
    return found


def moments(columns: Columns, edges: Edges, openings: Ints) -> Limit | None:
    """A child with more than one request is in one place at a moment."""
    children, child = np.unique(columns.requests.child, return_inverse=True)
    several = np.bincount(child, minlength=len(children))[child] > 1
    mine = np.flatnonzero(several[edges.request])
    if not len(mine):
        return None
    span = int(columns.blocks.moment.max()) + 1
    key = child[edges.request[mine]] * span + columns.blocks.moment[edges.block[mine]]
    keys, row = np.unique(key, return_inverse=True)
    rows = np.full(len(edges), NONE)
    rows[mine] = row
    one = np.ones(len(edges), np.int64)
    return Limit(MOMENT, rows, one, np.ones(len(keys), np.int64), np.full(len(openings), NONE))
