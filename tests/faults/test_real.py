"""Faults on real parts: each ends healed, with everything arrived, proven, and as clients were told."""

import pytest

from tests.faults.real import SERVICES, Load

pytestmark = [pytest.mark.faults, pytest.mark.containers]


def test_every_service_is_killed_under_load_and_nothing_answered_is_lost_or_doubled(product):
    with Load(product) as load:
        for name in SERVICES:
            product[name].kill()
            product[name].start()
    assert load.cases
    product.whole()
