"""Each service is killed at each step between reading and acknowledging, once; what it was doing is done, once."""

import random
import signal
import time
from types import CodeType

import pytest
from tests.faults.real import SERVICES, Load, wait_until

from frontdoor.delivery import ears, hearer, relay

pytestmark = [pytest.mark.faults, pytest.mark.containers]
STEPS = {
    "writing": ("rows.written", "commit.before", "commit.after"),
    "answering": ("answer.before", "answer.after"),
    "hearing": tuple(f"hear.{step}" for step in ("read", "claimed", "before", "after", "placed", "settled", "acked")),
    "relaying": tuple(f"relay.{step}" for step in ("read", "sent", "acked", "struck")),
}
SENDING = ("send.before", "send.after")
LINES = 2
"""Rounds in which every service is killed at a line that the seed chose."""


def all_die(product, *steps):
    """Let every service die at each of these steps in turn, under load, starting again; give what was never reached."""
    product.arm(steps[0])
    left = {name: list(steps) for name in SERVICES}
    with Load(product):
        product.fire()
        until = time.monotonic() + 45 * len(steps)
        while any(left.values()) and time.monotonic() < until:
            product.poke()
            for name, to_come in left.items():
                if to_come and not product[name].is_running:
                    assert product[name].code == -signal.SIGKILL, f"{name} ended by itself at {to_come[0]}"
                    del to_come[0]
                    product[name].start(ready=False, **({"FAILPOINT": f"{to_come[0]}:1"} if to_come else {}))
            time.sleep(0.1)
    product.whole()
    return {name: to_come for name, to_come in left.items() if to_come}


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
def test_every_service_killed_at_each_of_these_steps_does_what_it_was_doing_once(product, steps):
    assert all_die(product, *steps) == {}


@pytest.mark.parametrize("step", SENDING)
def test_the_sender_killed_around_the_providers_answer_tells_each_family_once(product, step):
    sender = product["notification"]
    sender.kill()
    sender.start(FAILPOINT=f"{step}:2")
    with Load(product):
        wait_until(lambda: not sender.is_running, f"killed at {step}")
    product.whole()


def lines_of(code):
    """The lines of a function and of those inside it, as fail points."""
    file = code.co_filename.rpartition("/")[2]
    found = {f"{file}@{line}" for _, _, line in code.co_lines() if line and line > code.co_firstlineno}
    return found.union(*(lines_of(inner) for inner in code.co_consts if isinstance(inner, CodeType)))


BETWEEN = [
    *(ears.Ears._hear, ears.Ears._settle, ears.Ears._in_order, ears.Ears._hand_over, ears.Ears._step),
    *(ears.Ears._pass_by, ears.Ears._keep_passed, ears.Ears._acknowledge),
    *(hearer.Hearer.deliver, hearer.Hearer._transaction, hearer.Hearing.hear, hearer.Hearing._hear_one),
    *(hearer.Hearing._apply, hearer.Hearing._run, hearer.Hearing._handle, hearer.Hearing.keep),
    *(hearer.Hearing.follow_waiters, hearer.Hearing._follow_stream, hearer.Hearing._try_parked),
    *(relay.Relay._send, relay.Relay._hand_over),
]
"""What runs between reading an event and acknowledging it."""


def lines_between():
    """Name every line between reading an event and acknowledging it, as a fail point."""
    return sorted(set().union(*(lines_of(function.__code__) for function in BETWEEN)))


@pytest.mark.patient
@pytest.mark.parametrize("number", range(LINES))
def test_every_service_killed_at_a_line_that_chance_chose_does_what_it_was_doing_once(product, seed, number):
    chance = random.Random(f"{seed} {number}")
    chosen = {name: chance.choice(lines_between()) for name in SERVICES}
    print(chosen)
    all_die(product, chosen)


def test_asked_to_stop_in_the_middle_of_a_handler_a_service_ends_well_and_nothing_is_lost(product):
    product.arm("hear.after", "wait=3")
    waited = {name: product[name].says("failpoint_waits") for name in SERVICES}
    codes = {}
    with Load(product):
        product.fire()
        for name in SERVICES:
            process = product[name]
            wait_until(lambda p=process, n=name: p.says("failpoint_waits") > waited[n], f"{name} is in a handler")
            process.send(signal.SIGTERM)
        for name in SERVICES:
            codes[name] = product[name].terminate()
            product[name].start(ready=False)
    product.whole()

    assert set(codes.values()) <= {0, -signal.SIGTERM}
