"""Who may take which block, and why not."""

import numpy as np
import pytest
from tests.allocation.invented import invent
from tests.allocation.slow_checker import may

from therapy_booking.allocation.columns import columns
from therapy_booking.allocation.eligibility import Reason, edges, reasons, who_may
from therapy_booking.allocation.instance import of


@pytest.fixture(scope="module")
def rural():
    return invent(45, "access", seed=2)


def test_the_pairs_that_may_be_are_those_that_break_no_rule(rural):
    ours = columns(of(rural))
    found = edges(ours, np.arange(len(ours.requests.tier)), np.arange(len(ours.blocks.cap)))
    expected = [(r["id"], b["id"]) for r in rural["requests"] for b in rural["blocks"] if may(rural, r, b)]
    assert list(zip(found.request.tolist(), found.block.tolist(), strict=True)) == expected


def test_every_refused_pair_has_a_reason_and_no_other(rural):
    ours = columns(of(rural))
    for request in rural["requests"][::5]:
        allowed = [may(rural, request, block) for block in rural["blocks"]]
        assert (reasons(ours, request["id"]) == Reason.MAY).tolist() == allowed


def test_asking_by_block_finds_the_same_pairs(rural):
    ours = columns(of(rural))
    for block in rural["blocks"][::29]:
        same = [r["id"] for r in rural["requests"] if r["discipline"] == block["discipline"]]
        expected = [r for r in same if may(rural, rural["requests"][r], block)]
        assert who_may(ours, block["id"], np.array(same)).tolist() == expected


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"discipline": "OT"}, Reason.DISCIPLINE),
        ({"format": "group"}, Reason.FORMAT),
        ({"avail": []}, Reason.AVAILABILITY),
        ({"skill": "juggling"}, Reason.SKILL),
        ({"needs": ["esperanto"]}, Reason.COMMUNICATION),
        ({"region": 7}, Reason.REGION),
        ({"modes": ["online"]}, Reason.MODE),
        ({"max_km": 0.0}, Reason.TRAVEL),
    ],
)
def test_the_reason_is_the_rule_that_is_broken(change, reason):
    instance = invent(40, "flow", seed=3)
    request, block = next(
        (r, b)
        for r in instance["requests"]
        for b in instance["blocks"]
        if b["mode"] == "clinic" and may(instance, r, b)
    )
    request.update({"skill": None, "needs": [], "x": request["x"] + 0.5, **change})
    assert reasons(columns(of(instance)), request["id"])[block["id"]] == reason
