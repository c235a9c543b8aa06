"""Places where a test may stop the process or the transaction: nothing at all unless one is armed.

`FRONTDOOR_FAILPOINT=commit.before:3` kills the process with SIGKILL at the third time that place is reached.
"""

import os
import signal
from collections.abc import Callable

_armed: dict[str, tuple[int, Callable[[], None]]] = {}


def reach(name: str) -> None:
    """Say that this place is reached."""
    if _armed:
        _count_down(name)


def arm(name: str, nth: int, act: Callable[[], None]) -> None:
    """Do `act` when the place is reached for the nth time from now."""
    _armed[name] = (nth, act)


def disarm() -> None:
    """Forget every armed place."""
    _armed.clear()


def arm_from(setting: str) -> None:
    """Arm what `FRONTDOOR_FAILPOINT` says: `name:nth`."""
    name, _, nth = setting.partition(":")
    arm(name, int(nth or 1), _die)


def _count_down(name: str) -> None:
    if name not in _armed:
        return
    left, act = _armed[name]
    if left > 1:
        _armed[name] = (left - 1, act)
        return
    del _armed[name]
    act()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
