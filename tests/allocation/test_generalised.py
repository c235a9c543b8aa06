"""Generalised assignment: the textbook problem, put to the same search."""

from itertools import product

import numpy as np
import pytest

from therapy_booking.allocation.generalised import assign, generalised_assignment
from therapy_booking.allocation.instance import Malformed

SMALL = "2 4  5 9 3 4  8 2 7 6  3 4 2 5  2 3 4 3  7 6"


def test_a_small_instance_is_assigned_as_cheaply_as_trying_everything():
    numbers = np.array(SMALL.split(), int)
    cost, weight, capacity = numbers[2:10].reshape(2, 4), numbers[10:18].reshape(2, 4), numbers[18:]
    cheapest = min(
        sum(cost[agent, job] for job, agent in enumerate(agents))
        for agents in product((0, 1), repeat=4)
        if all(sum(weight[a, j] for j, a in enumerate(agents) if a == one) <= capacity[one] for one in (0, 1))
    )
    found = assign(generalised_assignment(SMALL), lambda: 60.0)
    assert (found.cost, found.bound, found.left) == (cheapest, cheapest, 0)


@pytest.mark.parametrize("text", ["", "2", "2 4 1 2 3", "two four", "1 1 1 1 -1", "9" * 40])
def test_what_is_no_instance_is_refused(text):
    with pytest.raises(Malformed):
        generalised_assignment(text)
