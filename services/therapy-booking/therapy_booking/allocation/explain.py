"""Why those who are left are left, the smallest change that would place each, and what was used."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from therapy_booking.allocation.columns import Columns, Ints
from therapy_booking.allocation.eligibility import Edges, Reason, edges, exactly, failing
from therapy_booking.allocation.instance import PENCE
from therapy_booking.allocation.levels import TIERS
from therapy_booking.allocation.standing import Barrier, Standing, standing

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
NO_BLOCK = "no-eligible-block"
CODES = {
    Barrier.BUDGET: "budget",
    Barrier.CONTRACT: "contract",
    Barrier.PLACES: "places",
    Barrier.CLASH: "clash",
    Barrier.GROUP: "group-too-small",
    Barrier.CAPACITY: "capacity",
}
ASKED_FIRST = {
    Reason.AVAILABILITY: "the family could come at another time of the week",
    Reason.TRAVEL: "the family could travel further",
    Reason.FORMAT: "the other format, individual or group, would do",
    Reason.MODE: "another kind of place would do",
    Reason.SKILL: "a therapist with the skill asked for had these blocks",
    Reason.COMMUNICATION: "a therapist with the communication asked for had these blocks",
    Reason.SCHOOL: "one of these blocks were at the child's school",
}


@dataclass(frozen=True, slots=True)
class Left:
    """A request that the plan does not place."""

    request: int
    why: str
    change: str
    start_weeks: tuple[int, int] | None  # when it may start at the pace of this plan; None: nobody like it is placed


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the totals."""

    name: str
    placed: int
    left: int
    pounds: float
    most: str = ""


def everybody_left(columns: Columns, assignment: list[tuple[int, int]]) -> list[Left]:
    """Explain every request that is not placed, in order of their ids."""
    placed = np.zeros(len(columns.requests.tier), np.bool_)
    placed[[request for request, _ in assignment]] = True
    waiting = np.flatnonzero(~placed)
    now = standing(columns, assignment)
    ranges = start_ranges(columns, placed)
    found: dict[int, Left] = {}
    for region in np.unique(columns.requests.region[waiting]):
        here = waiting[columns.requests.region[waiting] == region]
        blocks = np.flatnonzero(columns.blocks.region == region)
        pairs = edges(columns, here, blocks)
        for request, why, change in barred(columns, now, pairs):
            found[request] = Left(request, why, change, ranges[request])
        for request in np.setdiff1d(here, pairs.request).tolist():
            found[request] = Left(request, NO_BLOCK, nearest_rule(columns, request, blocks), ranges[request])
    return [found[request] for request in sorted(found)]


def barred(columns: Columns, now: Standing, pairs: Edges) -> Iterator[tuple[int, str, str]]:
    """For each request with eligible blocks: the block with least in the way, and what that is."""
    barrier = now.barriers(pairs.request, pairs.block)
    many = np.sum([barrier & flag > 0 for flag in Barrier], axis=0)
    missing = np.maximum(0, columns.blocks.pence[pairs.block] - now.money[columns.requests.commissioner[pairs.request]])
    order = np.lexsort((pairs.travel, pairs.breach, missing, many, pairs.request))
    first = order[np.r_[True, np.diff(pairs.request[order]) != 0]] if len(order) else order
    for pair in first.tolist():
        request, block = int(pairs.request[pair]), int(pairs.block[pair])
        flags = Barrier(int(barrier[pair]))
        why = next((code for flag, code in CODES.items() if flag in flags), "not-tried")
        changes = [wording(columns, now, flag, request, block) for flag in CODES if flag in flags]
        yield request, why, " and ".join(changes) or f"block {block} can be taken now"


def wording(columns: Columns, now: Standing, flag: Barrier, request: int, block: int) -> str:
    """The change that would take one barrier away."""
    payer = int(columns.requests.commissioner[request])
    row = columns.instance.blocks[block]
    who = columns.instance.commissioners[payer].name or f"commissioner {payer}"
    if flag is Barrier.BUDGET:
        return f"£{(int(columns.blocks.pence[block]) - int(now.money[payer])) / PENCE:,.2f} more from {who}"
    if flag is Barrier.PLACES:
        return f"one more place from {who}"
    if flag is Barrier.CONTRACT:
        return f"one more place for {who} in the contract with provider {row.provider}"
    if flag is Barrier.CLASH:
        return f"block {block} at another time than {DAYS[row.day]}, when the child has another block"
    if flag is Barrier.GROUP:
        return f"{int(columns.blocks.least[block] - now.seats[block]) - 1} more children for group block {block}"
    return one_more(columns, now, block)


def one_more(columns: Columns, now: Standing, block: int) -> str:
    """The seat or the block that is missing. A group that is full could not run a second time for one child."""
    if now.seats[block] >= columns.blocks.cap[block] > 1:
        return f"one more seat in block {block}"
    row, region = columns.instance.blocks[block], int(columns.blocks.region[block])
    return f"one more {row.discipline} block like {block} on {DAYS[row.day]} in region {region}"


def nearest_rule(columns: Columns, request: int, blocks: Ints) -> str:
    """What one rule, if it were otherwise, would make eligible, when nothing is."""
    rows = failing(columns, request, blocks)
    same = ~rows[Reason.DISCIPLINE]
    if not same.any():
        return (
            f"a block of {columns.instance.requests[request].discipline} in region {columns.requests.region[request]}"
        )
    alone = rows[Reason.DISCIPLINE :].sum(0) == 1
    for reason, usual in ASKED_FIRST.items():
        mine = blocks[alone & rows[reason]]
        if len(mine):
            words = further(columns, request, mine) if reason is Reason.TRAVEL else usual
            return f"{len(mine)} blocks, if {words}"
    return "two rules or more stand between this request and every block"


def further(columns: Columns, request: int, blocks: Ints) -> str:
    far = min(exactly(columns, request, int(site)) for site in np.unique(columns.blocks.site[blocks]))
    limit = columns.requests.max_km[request]
    return f"the family could travel {far - limit:.1f} km further than {limit:g} km, for the nearest"


def start_ranges(columns: Columns, placed: Any) -> list[tuple[int, int] | None]:
    """Weeks from now in which those left may start, if coming terms place as many of their region and discipline."""
    ours = columns.requests
    _, cell = np.unique(np.stack((ours.region, ours.discipline), 1), axis=0, return_inverse=True)
    cell = cell.ravel()
    pace = np.bincount(cell[placed], minlength=int(cell.max(initial=-1)) + 1)
    waiting = np.zeros((len(pace), len(TIERS) + 2), np.int64)
    np.add.at(waiting, (cell[~placed], ours.tier[~placed] + 1), 1)
    ahead = waiting.cumsum(1)
    horizon = max(columns.horizon, 1)
    found: list[tuple[int, int] | None] = []
    for request, at in enumerate(cell.tolist()):
        tier = int(ours.tier[request])
        if placed[request] or not pace[at]:
            found.append(None)
            continue
        first, last = int(ahead[at, tier]) // int(pace[at]), (int(ahead[at, tier + 1]) - 1) // int(pace[at])
        found.append((horizon * (1 + first), horizon * (2 + last)))
    return found


def totals(columns: Columns, assignment: list[tuple[int, int]]) -> dict[str, list[Row]]:
    """What was placed and spent, by tier, commissioner and provider."""
    request, block = np.array(assignment, np.int64).reshape(-1, 2).T
    ours, theirs = columns.requests, columns.blocks
    left = np.setdiff1d(np.arange(len(ours.tier)), request)
    pounds = theirs.pence[block] / PENCE
    tiers = [
        Row(
            f"tier {t}",
            int((ours.tier[request] == t).sum()),
            int((ours.tier[left] == t).sum()),
            float(pounds[ours.tier[request] == t].sum()),
        )
        for t in TIERS
    ]
    payers = [
        Row(
            payer.name or f"commissioner {payer.id}",
            int((ours.commissioner[request] == payer.id).sum()),
            int((ours.commissioner[left] == payer.id).sum()),
            float(pounds[ours.commissioner[request] == payer.id].sum()),
            f"{payer.max_places:,} places, £{payer.budget:,.0f}",
        )
        for payer in columns.instance.commissioners
    ]
    providers = [
        Row(
            f"provider {one.id}",
            int((theirs.provider[block] == one.id).sum()),
            0,
            float(pounds[theirs.provider[block] == one.id].sum()),
        )
        for one in columns.instance.providers
    ]
    return {"tier": tiers, "commissioner": payers, "provider": providers}


def why_this_block(columns: Columns, assignment: list[tuple[int, int]], request: int) -> str:
    """The block of a placed request, and why not a better one."""
    taken = dict(assignment)[request]
    row = columns.instance.blocks[taken]
    said = f"block {taken} ({row.discipline}, {row.mode}, {DAYS[row.day]}, from week {row.start_week})"
    region = np.flatnonzero(columns.blocks.region == columns.requests.region[request])
    pairs = edges(columns, np.array([request]), region)
    mine = np.flatnonzero(pairs.block == taken)[0]
    better = np.flatnonzero(
        (pairs.breach < pairs.breach[mine])
        | ((pairs.breach == pairs.breach[mine]) & (pairs.travel < pairs.travel[mine]))
    )
    now = standing(columns, [pair for pair in assignment if pair[0] != request])
    barrier = now.barriers(pairs.request[better], pairs.block[better])
    count = {code: int((barrier & flag > 0).sum()) for flag, code in CODES.items()}
    reasons = ", ".join(f"{code} {number}" for code, number in count.items() if number)
    return f"{said}; of {len(pairs)} eligible blocks {len(better)} suit better" + (f" ({reasons})" if reasons else "")
