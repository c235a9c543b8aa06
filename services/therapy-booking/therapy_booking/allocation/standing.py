"""What a plan leaves free, and what stands between a request and a block: the rules that no pair breaks by itself."""

from dataclasses import dataclass
from enum import IntFlag

import numpy as np

from therapy_booking.allocation.columns import Columns, Flags, Ints


class Barrier(IntFlag):
    """Why an eligible block is not to be had."""

    CAPACITY = 1  # full, or its therapist has another block at that time, or no block left
    PLACES = 2
    BUDGET = 4
    CONTRACT = 8
    CLASH = 16
    GROUP = 32  # closed, and one child more would not be enough for it to run


@dataclass(eq=False)
class Standing:
    """The tallies of a plan. `take` and `give_back` keep them up to date."""

    columns: Columns
    seats: Ints  # children in each block
    slot_open: Ints  # blocks open in each slot: 0 or 1
    opened: Ints  # blocks open of each therapist
    places: Ints  # left of each commissioner
    money: Ints  # pence left of each commissioner
    contract: Ints  # left, by provider and commissioner; very many where contracts are not used
    busy: set[tuple[int, int]]  # child and moment

    def take(self, request: int, block: int, sign: int = 1) -> None:
        """Put a request in a block, or with -1 take it out."""
        blocks, payer = self.columns.blocks, self.columns.requests.commissioner[request]
        before = self.seats[block]
        self.seats[block] += sign
        if before == 0 or before + sign == 0:
            self.slot_open[blocks.slot[block]] += sign
            self.opened[blocks.therapist[block]] += sign
        self.places[payer] -= sign
        self.money[payer] -= sign * blocks.pence[block]
        self.contract[blocks.provider[block], payer] -= sign
        moment = (int(self.columns.requests.child[request]), int(blocks.moment[block]))
        if sign > 0:
            self.busy.add(moment)
        else:
            self.busy.discard(moment)

    def give_back(self, request: int, block: int) -> None:
        """Take a request out of a block."""
        self.take(request, block, -1)

    def barriers(self, request: Ints, block: Ints) -> Ints:
        """For each pair the `Barrier`s that stand between them; 0 where the place could be taken now."""
        columns, blocks = self.columns, self.columns.blocks
        payer, inside = columns.requests.commissioner[request], self.seats[block]
        shut = inside == 0
        no_room = (self.slot_open[blocks.slot[block]] > 0) | (
            self.opened[blocks.therapist[block]] >= columns.contracted[blocks.therapist[block]]
        )
        found = np.zeros(len(request), np.int64)
        found[(inside >= blocks.cap[block]) | (shut & no_room)] |= Barrier.CAPACITY
        found[self.places[payer] < 1] |= Barrier.PLACES
        found[self.money[payer] < blocks.pence[block]] |= Barrier.BUDGET
        found[self.contract[blocks.provider[block], payer] < 1] |= Barrier.CONTRACT
        found[inside + 1 < blocks.least[block]] |= Barrier.GROUP
        found[self.clashes(request, block)] |= Barrier.CLASH
        return found

    def clashes(self, request: Ints, block: Ints) -> Flags:
        """Whether the request's child is elsewhere at the block's moment."""
        children = zip(
            self.columns.requests.child[request].tolist(), self.columns.blocks.moment[block].tolist(), strict=True
        )
        return np.fromiter((pair in self.busy for pair in children), np.bool_, len(request))


def standing(columns: Columns, assignment: list[tuple[int, int]]) -> Standing:
    """Tally a plan."""
    blocks = columns.blocks
    request, block = np.array(assignment, np.int64).reshape(-1, 2).T
    payer = columns.requests.commissioner[request]
    seats = np.bincount(block, minlength=len(blocks.cap))
    opened = np.flatnonzero(seats)
    contract = np.full((len(columns.instance.providers), len(columns.places)), np.iinfo(np.int64).max // 2)
    if columns.contracts is not None:
        contract[:] = 0
        for (provider, commissioner), most in columns.contracts.items():
            contract[provider, commissioner] = most
    np.subtract.at(contract, (blocks.provider[block], payer), 1)
    spent = np.zeros(len(columns.budget), np.int64)
    np.add.at(spent, payer, blocks.pence[block])
    return Standing(
        columns,
        seats,
        np.bincount(blocks.slot[opened], minlength=int(blocks.slot.max(initial=-1)) + 1),
        np.bincount(blocks.therapist[opened], minlength=len(columns.contracted)),
        columns.places - np.bincount(payer, minlength=len(columns.places)),
        columns.budget - spent,
        contract,
        set(zip(columns.requests.child[request].tolist(), blocks.moment[block].tolist(), strict=True)),
    )
