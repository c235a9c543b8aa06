"""Telling a stuck hearer from a live one: one that is behind and has not moved for a while hears nothing any more."""

import time
from collections.abc import Callable, Mapping
from typing import Any

STUCK_AFTER = 30.0
"""Seconds of machine time without progress after which a hearer that is behind is stuck."""


class Progress:
    """A hearer's signs of life: that it settled events, or that it looked and there were none."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sign = clock()

    def moved(self) -> None:
        """Note that events were settled, or that none are left."""
        self._sign = self._clock()

    def report(self, behind: Mapping[str, int | None], *, running: bool) -> dict[str, Any]:
        """Say how hearing does; `behind` is a count of events by source (None: nobody can say just now).

        `{"ok": bool, "running": bool, "behind": {source: count}, "still_for": seconds}`: ok is running and not stuck;
        still_for is since when a hearer that is behind has not moved, 0 for one that is not behind.
        """
        if not any(count != 0 for count in behind.values()):
            self.moved()
        still = self._clock() - self._sign
        return {
            "ok": running and still < STUCK_AFTER,
            "running": running,
            "behind": dict(behind),
            "still_for": round(still, 1),
        }
