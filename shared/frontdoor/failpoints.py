"""Places where a test may stop the process, freeze it or fail: nothing at all unless one is armed.

`FRONTDOOR_FAILPOINT=commit.before:3` kills the process with SIGKILL at the third time that place is reached. A third
part says what else happens there: `:freeze` (SIGSTOP), `:fail` (an exception), `:wait=2.5` (seconds). A fourth lets it
count only from SIGUSR1 on: `hear.after:1:kill:later`.

A place is a name given to `reach`, or any line of the product, as `hearer.py@128`. Several are divided by commas.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

Act = Callable[[], None]
_armed: dict[str, tuple[int, Act]] = {}
_files: set[str] = set()
_guard = threading.Lock()


class Failed(RuntimeError):
    """A test has let this fail."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


def reach(name: str) -> None:
    """Say that this place is reached."""
    if _armed:
        _count_down(name)


def arm(name: str, nth: int, act: Act) -> None:
    """Do `act` when the place is reached for the nth time from now."""
    _armed[name] = (nth, act)
    _watch_lines(name)


def disarm() -> None:
    """Forget every armed place."""
    _armed.clear()
    if _files:
        _files.clear()
        sys.settrace(None)
        threading.settrace(None)


def arm_from(setting: str) -> None:
    """Arm what `FRONTDOOR_FAILPOINT` says."""
    for one in setting.split(","):
        name, nth, act, when = (one.split(":") + [""] * 3)[:4]
        wanted = (name, int(nth or 1), _act(act or "kill"))
        if when == "later":
            _arm_later(*wanted)
        else:
            arm(*wanted)


def _arm_later(name: str, nth: int, act: Act) -> None:
    before = signal.getsignal(signal.SIGUSR1)

    def begin(number: int, frame: FrameType | None) -> None:
        arm(name, nth, act)
        if callable(before):
            before(number, frame)

    _watch_lines(name)  # a thread that runs already is watched only if it was from its start
    signal.signal(signal.SIGUSR1, begin)


def _count_down(name: str) -> None:
    with _guard:
        if name not in _armed:
            return
        left, act = _armed[name]
        if left > 1:
            _armed[name] = (left - 1, act)
            return
        del _armed[name]
    act()


# --- what happens there -----------------------------------------------------------------------------------------------


def _act(said: str) -> Act:
    name, _, seconds = said.partition("=")
    if name == "wait":
        return lambda: _wait(float(seconds))
    return {"kill": _die, "freeze": _freeze, "fail": _fail}[name]


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _freeze() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _fail() -> None:
    raise Failed


def _wait(seconds: float) -> None:
    sys.stderr.write('{"event": "failpoint_waits"}\n')
    sys.stderr.flush()
    time.sleep(seconds)


# --- any line ---------------------------------------------------------------------------------------------------------


def _watch_lines(name: str) -> None:
    file, at, _ = name.partition("@")
    if at:
        _files.add(file)
        threading.settrace(_entered)
        sys.settrace(_entered)


def _entered(frame: FrameType, _event: str, _argument: Any) -> Any:
    """Watch the lines of files in which one is armed, or may yet be, and of no others."""
    return _ran if _file_of(frame) in _files else None


def _ran(frame: FrameType, event: str, _argument: Any) -> Any:
    if event == "line" and _armed:
        _count_down(f"{_file_of(frame)}@{frame.f_lineno}")
    return _ran


def _file_of(frame: FrameType) -> str:
    return frame.f_code.co_filename.rpartition("/")[2]
