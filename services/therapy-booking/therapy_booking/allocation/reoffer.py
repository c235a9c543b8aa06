"""A place that is given up: whom to offer it to at once, moving nobody; and what moving a few could gain.

Confirmed families never move by themselves: `fewest_moves` gives a proposal, and says who would have to agree.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from therapy_booking.allocation.columns import Columns, Ints
from therapy_booking.allocation.eligibility import who_may, with_costs
from therapy_booking.allocation.plan import USUAL, Plan, Wanted, make_plan
from therapy_booking.allocation.standing import standing


class Offers:
    """Places and waiting children, kept ready so that a freed place finds its child without a search of the area."""

    def __init__(self, columns: Columns, assignment: Iterable[tuple[int, int]]) -> None:
        self.columns = columns
        self.block_of = dict(assignment)
        self.standing = standing(columns, list(self.block_of.items()))
        ours = columns.requests
        cells = np.stack((ours.region, ours.discipline), 1)
        keys, cell = np.unique(cells, axis=0, return_inverse=True)
        order = np.argsort(cell.ravel(), kind="stable")
        cuts = np.flatnonzero(np.diff(cell.ravel()[order])) + 1
        self.cells: dict[tuple[int, int], Ints] = {
            (int(region), int(discipline)): mine
            for (region, discipline), mine in zip(keys, np.split(order, cuts), strict=False)
        }
        self.by_slot = np.argsort(columns.blocks.slot, kind="stable")
        self.slots = columns.blocks.slot[self.by_slot]
        self.waiting = np.ones(len(ours.tier), np.bool_)
        self.waiting[list(self.block_of)] = False

    def give_up(self, request: int) -> int:
        """Free a request's place, and do not offer to it again; the block. Raises KeyError if it has none."""
        block = self.block_of.pop(request)
        self.standing.give_back(request, block)
        return block

    def best_offer(self, block: int) -> tuple[int, int] | None:
        """Whom to offer what, now that a place in this block is free: a waiting request and a block.

        If nobody is left in the block, its therapist's time is free, and any block of that time could be opened.
        """
        blocks = [block] if self.standing.seats[block] else self.at_same_time(block)
        offers = [(rank, other) for other in blocks if (rank := self.first_in_line(other)) is not None]
        return (min(offers)[0][-1], min(offers)[1]) if offers else None

    def at_same_time(self, block: int) -> list[int]:
        """The blocks of one therapist at one time."""
        slot = self.columns.blocks.slot[block]
        first, last = np.searchsorted(self.slots, [slot, slot + 1])
        return [int(other) for other in self.by_slot[first:last]]

    def best_for(self, block: int) -> int | None:
        """The waiting request that should have a place in this very block."""
        rank = self.first_in_line(block)
        return None if rank is None else rank[-1]

    def first_in_line(self, block: int) -> tuple[int, int, int, int] | None:
        """Who may have a place in this block and comes first: (tier, weeks saved, travel, request), least first."""
        columns, theirs = self.columns, self.columns.blocks
        mine = self.cells.get((int(theirs.region[block]), int(theirs.discipline[block])))
        if mine is None:
            return None
        able = who_may(columns, block, mine[self.waiting[mine]])
        able = able[self.standing.barriers(able, np.full(len(able), block)) == 0]
        if not len(able):
            return None
        pairs = with_costs(columns, able, np.full(len(able), block))
        saved = pairs.breach - np.maximum(0, columns.requests.late[able] + columns.horizon) ** 2
        tier = columns.requests.tier[able]
        first = np.lexsort((pairs.travel, saved, tier))[0]
        return int(tier[first]), int(saved[first]), int(pairs.travel[first]), int(able[first])

    def accept(self, request: int, block: int) -> None:
        """Give a waiting request the place."""
        self.standing.take(request, block)
        self.block_of[request] = block
        self.waiting[request] = False


@dataclass(frozen=True, slots=True)
class Proposal:
    """A plan that moves as few confirmed families as its gain allows; nothing of it happens until they agree."""

    plan: Plan
    moved: list[tuple[int, int, int]]  # request, from block, to block
    placed: list[tuple[int, int]]  # requests that had nothing, and their blocks


def fewest_moves(columns: Columns, confirmed: Iterable[tuple[int, int]], wanted: Wanted = USUAL) -> Proposal:
    """Place who can be placed, keep every confirmed family placed, and move as few of them as that needs."""
    kept = dict(confirmed)
    tiers = [name for name in wanted.order if name.startswith("tier")]
    rest = [name for name in wanted.order if not name.startswith("tier")]
    plan = make_plan(columns, replace(wanted, confirmed=kept, order=("kept", *tiers, "moved", *rest)))
    moved = [(request, kept[request], block) for request, block in plan.assignment if kept.get(request, block) != block]
    placed = [(request, block) for request, block in plan.assignment if request not in kept]
    return Proposal(plan, moved, placed)
