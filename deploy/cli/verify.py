"""`frontdoor verify`: what must always hold, derived again from the logs and tables of all services, read only.

One line for each invariant, with counts and references, never personal data. What is between an owner's log and a
hearer, and a notice not yet attempted, is on its way and not a fault, unless `--wait S` has passed and it still is.
Nothing is gathered in memory: a country's referrals take longer than a county's, and no more room.
"""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from rich.console import Console

from all_in_one.assembly import Assembly
from cli.invariants.auditing import audit_is_complete, audit_is_unchanged
from cli.invariants.bookings import capacity, no_double_booking, whole_blocks
from cli.invariants.finding import Finding
from cli.invariants.hearing import effect_once, no_event_vanishes
from cli.invariants.histories import legal_transitions, state_is_what_was_said
from cli.invariants.keys import erased_is_gone, keys_are_there
from cli.invariants.private import nothing_personal_outside
from cli.invariants.relaying import relay_is_lively
from cli.invariants.routing import exactly_once_routing, no_silent_drop, one_key_one_thing
from cli.invariants.telling import told_once

LOOK_AGAIN = 1.0
"""Seconds after which what is on its way is looked at again: a look keeps nobody waiting, but costs."""


def verify(assembly: Assembly, say: Console, journal: Path | None = None, wait: float = 0.0) -> int:
    """Check every invariant and print its line; give back how many do not hold."""
    until = time.monotonic() + wait
    findings = _check(assembly, journal)
    while wait and any(finding.on_their_way for finding in findings) and time.monotonic() < until:
        time.sleep(LOOK_AGAIN)
        findings = _check(assembly, journal)
    failed = 0
    for finding in findings:
        if wait and finding.on_their_way:
            finding.fault(f"{finding.on_their_way} still on their way")
        say.print(finding.line, markup=False, soft_wrap=True)
        failed += bool(finding.failed)
    say.print(f"{len(findings) - failed} passed, {failed} failed")
    return failed


def _check(assembly: Assembly, journal: Path | None) -> list[Finding]:
    checks: dict[str, Callable[[Assembly], Finding]] = {
        "I1": exactly_once_routing,
        "I2": partial(no_silent_drop, journal=journal),
        "I3": one_key_one_thing,
        "I4": state_is_what_was_said,
        "I5": legal_transitions,
        "I6": relay_is_lively,
        "I7": effect_once,
        "I8": no_event_vanishes,
        "I9": no_double_booking,
        "I10": capacity,
        "I11": whole_blocks,
        "I12": told_once,
        "I14": nothing_personal_outside,
        "I15": audit_is_complete,
        "I16": audit_is_unchanged,
        "I24": keys_are_there,
        "I24 erased": erased_is_gone,
    }
    return [_safely(number, check, assembly) for number, check in checks.items()]


def _safely(number: str, check: Callable[[Assembly], Finding], assembly: Assembly) -> Finding:
    try:
        return check(assembly)
    except Exception as failure:  # noqa: BLE001  what cannot be checked does not hold
        finding = Finding(f"{number} could not be checked")
        finding.fault(type(failure).__name__)
        return finding
