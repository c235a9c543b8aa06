"""Instances small enough to try every plan, with all rules close enough to matter."""

from itertools import product

from hypothesis import strategies as st
from tests.allocation.slow_checker import broken, may, values

numbers = st.integers


@st.composite
def tiny_instances(draw):
    """Two therapists, up to six blocks, up to five requests, purses for some of them."""
    blocks = [draw(block(place)) for place in range(draw(numbers(1, 6)))]
    requests = [draw(request(place)) for place in range(draw(numbers(1, 5)))]
    return {
        "format": "therapy-blocks/1",
        "horizon_weeks": 13,
        "sites": [
            {"id": 0, "x": 0.0, "y": 0.0},
            {"id": 1, "x": 3.0, "y": 4.0},
        ],
        "providers": [{"id": 0, "region": 0}, {"id": 1, "region": 0}],
        "commissioners": [
            {"id": payer, "name": name, "budget": draw(numbers(0, 12)) * 100, "max_places": draw(numbers(0, 5))}
            for payer, name in enumerate(("health", "council"))
        ],
        "contracts": draw(st.sampled_from(([], contracts(draw)))),
        "therapists": [
            {
                "id": one,
                "discipline": "SALT",
                "provider": one,
                "skills": ["aac"] if one else [],
                "comms": ["bsl"],
                "contracted_blocks": draw(numbers(0, 3)),
            }
            for one in (0, 1)
        ],
        "blocks": blocks,
        "requests": requests,
    }


def contracts(draw):
    return [{"provider": p, "commissioner": c, "max_places": draw(numbers(0, 3))} for p, c in product((0, 1), (0, 1))]


@st.composite
def block(draw, place):
    group, window, therapist = draw(st.booleans()), draw(numbers(0, 1)), draw(numbers(0, 1))
    cap = draw(numbers(1, 3)) if group else draw(st.sampled_from((1, 1, 2)))
    return {
        "id": place,
        "therapist": therapist,
        "provider": therapist,
        "site": draw(numbers(0, 1)),
        "mode": draw(st.sampled_from(("clinic", "school", "online"))),
        "discipline": "SALT",
        "format": "group" if group else "individual",
        "cap": cap,
        "min_run": draw(numbers(1, cap)) if group else 1,
        "window": window,
        "start_week": (1, 7)[window],
        "day": 0,
        "hour": draw(numbers(0, 1)),
        "price": draw(numbers(1, 5)) * 100,
    }


@st.composite
def request(draw, place):
    return {
        "id": place,
        "child": draw(st.sampled_from((place, 0))),
        "discipline": "SALT",
        "format": draw(st.sampled_from(("either", "either", "individual", "group"))),
        "tier": draw(numbers(1, 4)),
        "waited_weeks": draw(numbers(0, 30)),
        "standard_weeks": 12,
        "x": draw(numbers(0, 4)) * 1.25,
        "y": 0.0,
        "school": draw(numbers(0, 1)),
        "modes": ["clinic", "school", "online"],
        "max_km": draw(st.sampled_from((4.0, 9.0))),
        "needs": [],
        "skill": draw(st.sampled_from((None, None, "aac"))),
        "avail": draw(st.sampled_from(([0, 1], [0], [1]))),
        "commissioner": draw(numbers(0, 1)),
        "prev_therapist": draw(st.sampled_from((None, 0, 1))),
        "sibling_of": None,
        "region": 0,
    }


def best_by_trying(instance):
    """The values of the best plan, found by trying every one."""
    choices = [
        [None, *(block["id"] for block in instance["blocks"] if may(instance, one, block))]
        for one in instance["requests"]
    ]
    return min(
        values(instance, plan)
        for chosen in product(*choices)
        if not broken(instance, plan := [(r, b) for r, b in enumerate(chosen) if b is not None])
    )
