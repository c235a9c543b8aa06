"""How a row is measured: ours and its yardstick by turns, three times, the median of each, and what it cost."""

import statistics
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

REPEATS = 3
TICKS = 100  # of /proc, a second


@dataclass
class Rate:
    """What one measurement gave: so much a second (or milliseconds), and seconds of CPU for each 1,000."""

    value: float
    cpu: float | None = None
    more: dict[str, float] = field(default_factory=dict)


@dataclass
class Row:
    """A line of the table. `goal`: what the ratio should be at least (at most, where `less` is better)."""

    name: str
    what_is_compared: str
    unit: str
    ours: float
    reference: float
    ratio: float
    lowest: float
    highest: float
    goal: float | None = None
    less: bool = False
    cpu: float | None = None
    reference_cpu: float | None = None
    more: dict[str, float] = field(default_factory=dict)

    @property
    def holds(self):
        """Whether the goal is reached; None where there is none."""
        if self.goal is None:
            return None
        return self.ratio <= self.goal if self.less else self.ratio >= self.goal

    def as_json(self):
        """Give it as bench/results.json has it."""
        return asdict(self) | {"holds": self.holds}


def compared(name, what, ours, reference, *, unit="per second", goal=None, less=False, repeats=REPEATS):
    """Measure both by turns; each gives a `Rate`."""
    pairs = [(ours(), reference()) for _ in range(repeats)]
    return row(name, what, pairs, unit=unit, goal=goal, less=less)


def row(name, what, pairs, *, unit="per second", goal=None, less=False):
    """Make a row of measured pairs of `Rate`s."""
    ratios = [mine.value / theirs.value for mine, theirs in pairs]
    mine, theirs = (middle([pair[side] for pair in pairs]) for side in (0, 1))
    return Row(
        name=name,
        what_is_compared=what,
        unit=unit,
        ours=round(mine.value, 3),
        reference=round(theirs.value, 3),
        ratio=round(statistics.median(ratios), 4),
        lowest=round(min(ratios), 4),
        highest=round(max(ratios), 4),
        goal=goal,
        less=less,
        cpu=mine.cpu,
        reference_cpu=theirs.cpu,
        more=mine.more | {f"reference_{name}": value for name, value in theirs.more.items()},
    )


def middle(rates):
    """Give the median of each figure."""
    found = Rate(statistics.median(rate.value for rate in rates))
    spent = [rate.cpu for rate in rates if rate.cpu is not None]
    found.cpu = round(statistics.median(spent), 3) if spent else None
    found.more = {name: round(statistics.median(rate.more[name] for rate in rates), 3) for name in rates[0].more}
    return found


def spent_by(pid):
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def spent_in(server):
    """Seconds of CPU that a container has used."""
    stats = server.container.get_wrapped_container().stats(stream=False)
    return stats["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9


@contextmanager
def timing():
    """Time a block: afterwards `seconds` and this process's `cpu` are there."""
    took = Took(time.perf_counter(), time.process_time())
    yield took
    took.seconds, took.cpu = time.perf_counter() - took.seconds, time.process_time() - took.cpu


@dataclass
class Took:
    """What a block took."""

    seconds: float
    cpu: float
