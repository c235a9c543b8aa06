"""`make soak SECONDS=300 SEED=…`: load, and a nemesis that breaks something every few seconds; then all must be whole.

The seed decides what is broken, in which order and for how long. Exit code 0: nothing that a client was told is lost,
doubled or untrue, and every invariant holds.
"""

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table
from tests.faults.provider import Provider
from tests.faults.real import PARTS, SERVICES, Load, Product
from tests.faults.test_steps import SENDING, STEPS, lines_between

say = Console(highlight=False, soft_wrap=True)


class Nemesis:
    """Whoever breaks things: each fault is a context, whole again at its end."""

    def __init__(self, product, provider, chance):
        self.product, self.provider, self.chance = product, provider, chance
        self.members, self.touched = 1, set()
        self.faults = {
            "kill": self.kill,
            "kill at a step": self.kill_at_a_step,
            "kill at a line": self.kill_at_a_line,
            "stop": self.stop,
            "freeze": self.freeze,
            "another member": self.another_member,
            "wrong clock": self.wrong_clock,
            "kill a part": self.kill_a_part,
            "pause a part": self.pause_a_part,
            "cut off": self.cut_off,
            "silence": self.silence,
            "slow network": self.slow_network,
            "slow disk": self.slow_disk,
            "provider": self.moody_provider,
        }

    def service(self):
        """Choose a service that nothing else has happened to in this step."""
        return self.product[self._untouched(SERVICES)]

    def part(self):
        """Choose a part, likewise."""
        return self._untouched(PARTS)

    def _untouched(self, names):
        name = self.chance.choice([name for name in names if name not in self.touched])
        self.touched.add(name)
        return name

    def while_(self, most):
        """Wait for up to so many seconds."""
        time.sleep(self.chance.uniform(most / 5, most))

    @contextmanager
    def kill(self):
        process = self.service()
        process.kill()
        yield process.name
        self.while_(3)

    @contextmanager
    def kill_at_a_step(self):
        process = self.service()
        sending = SENDING if process.name == "notification" else ()
        step = self.chance.choice([*chain.from_iterable(STEPS.values()), *sending])
        with self._armed(process, f"{step}:{self.chance.randint(1, 6)}"):
            yield f"{process.name} at {process.armed}"

    @contextmanager
    def kill_at_a_line(self):
        process = self.service()
        with self._armed(process, f"{self.chance.choice(lines_between())}:{self.chance.randint(1, 4)}"):
            yield f"{process.name} at {process.armed}"

    @contextmanager
    def _armed(self, process, place):
        process.kill()
        process.start(ready=False, FAILPOINT=place)
        yield
        until = time.monotonic() + 10
        while process.is_running and time.monotonic() < until:
            time.sleep(0.2)
        process.kill()

    @contextmanager
    def stop(self):
        process = self.service()
        code = process.terminate()
        yield f"{process.name}: {code}"
        assert code in {0, -signal.SIGTERM}, f"{process.name} ended with {code} when it was asked to stop"

    @contextmanager
    def freeze(self):
        process = self.service()
        process.send(signal.SIGSTOP)
        yield process.name
        self.while_(15)
        process.send(signal.SIGCONT)

    @contextmanager
    def another_member(self):
        self.members += 1
        other = self.product.another(self.chance.choice(SERVICES), str(self.members))
        other.odd = self.product[other.name].odd
        other.start(ready=False)
        yield other.name
        self.while_(15)
        self.product.remove(other)

    @contextmanager
    def wrong_clock(self):
        process, seconds = self.service(), self.chance.choice((-7200, -300, 300, 7200))
        process.kill()
        process.start("--clock", str(seconds), ready=False)
        yield f"{process.name} by {seconds} s"
        self.while_(15)
        process.kill()

    @contextmanager
    def kill_a_part(self):
        name = self.part()
        part = getattr(self.product, name)
        part.kill()
        yield name
        self.while_(8)
        part.start_again()

    @contextmanager
    def pause_a_part(self):
        name = self.part()
        with getattr(self.product, name).paused():
            yield name
            self.while_(10)

    @contextmanager
    def _gate(self, do, most):
        process, part = self.service(), self.chance.choice(PARTS)
        gate = self.product.gates[process.name][part]
        do(gate)
        yield f"{process.name} from {part}"
        self.while_(most)
        gate.open()

    def cut_off(self):
        return self._gate(lambda gate: gate.shut(), 15)

    def silence(self):
        return self._gate(lambda gate: gate.silence(), 10)

    def slow_network(self):
        delay = self.chance.uniform(0.01, 0.2)
        return self._gate(lambda gate: gate.slow(delay), 15)

    @contextmanager
    def slow_disk(self):
        milliseconds = self.chance.choice((20, 50, 100))
        self.product.postgres.slow_disk(milliseconds)
        yield f"{milliseconds} ms a commit"
        self.while_(10)
        self.product.postgres.slow_disk(0)

    @contextmanager
    def moody_provider(self):
        self.provider.mood = self.chance.choice(("busy", "fails", "lost", "refuses"))
        yield self.provider.mood
        self.while_(8)
        self.provider.mood = "fine"


class Soak:
    """One run: load, nemesis, and what there is to tell of both."""

    def __init__(self, product, provider, chance):
        self.product, self.nemesis, self.chance = product, Nemesis(product, provider, chance), chance
        self.began, self.broken, self.doing = time.monotonic(), Counter(), "nothing is broken"
        self.slowest, self.died = (0.0, "nothing"), []

    @property
    def seconds(self):
        return time.monotonic() - self.began

    def run(self, seconds, clients):
        """Break things for so long, under load."""
        with Load(self.product, clients) as load:
            while self.seconds < seconds and not load.trouble:
                time.sleep(self.chance.uniform(0.5, 3))
                self.step(self.chance.sample(sorted(self.nemesis.faults), self.chance.choice((1, 1, 2))))

    def step(self, names):
        """Break these at the same time, put them right, and measure until all are ready."""
        self.died += [process.name for process in self.product.processes.values() if not process.is_running]
        self.nemesis.touched.clear()
        with ExitStack() as broken:
            for name in names:
                self.broken[name] += 1
                what = broken.enter_context(self.nemesis.faults[name]())
                self.doing = f"{name}: {what}"
                say.print(f"[{self.seconds:6.1f} s] {self.doing}", markup=False)
        mended = time.monotonic()
        self.product.heal()
        took = time.monotonic() - mended
        self.doing = f"whole again after {took:.1f} s"
        say.print(f"[{self.seconds:6.1f} s]   {self.doing}", markup=False)
        self.slowest = max(self.slowest, (took, " and ".join(names)))

    def __rich__(self):
        journal = self.product.journal
        table = Table.grid(padding=(0, 2))
        table.add_row(
            f"{self.seconds:.0f} s",
            f"{len(journal.referrals)} referred",
            f"{len(journal.decisions)} accepted",
            f"{len(journal.bookings)} booked",
            f"{self.broken.total()} faults",
            self.doing,
        )
        return table

    def summary(self):
        """What happened, a line each."""
        journal = self.product.journal
        statuses = dict(self.product.rows("notification", "select status, count(*) from notice group by 1 order by 1"))
        kinds = ", ".join(f"{count} × {name}" for name, count in sorted(self.broken.items()))
        counts = f"{len(journal.referrals)} referred, {len(journal.decisions)} accepted, {len(journal.bookings)} booked"
        return (
            counts,
            f"{self.broken.total()} faults: {kinds}",
            f"slowest recovery: {self.slowest[0]:.1f} s, after {self.slowest[1]}",
            "messages: " + ", ".join(f"{count} {status}" for status, count in statuses.items()),
        )


def main():
    """Run it; give the exit code."""
    words = argparse.ArgumentParser()
    words.add_argument("seconds", type=float, nargs="?", default=300.0)
    words.add_argument("seed", nargs="?", default=str(random.SystemRandom().randrange(10**6)))
    words.add_argument("--clients", type=int, default=3)
    wanted = words.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="front-door-soak-"))
    say.print(f"Seed {wanted.seed}, {wanted.seconds:.0f} s. What the services say is in {folder}.")
    product, ending = Product.started(folder)
    with ending:
        provider = Provider(product.data)
        ending.callback(provider.stop)
        product["notification"].odd = ("--provider", provider.address)
        product["notification"].kill()
        product.start()
        soak = Soak(product, provider, random.Random(wanted.seed))
        fault = shown(soak, lambda: proven(soak, wanted))
        for line in soak.summary():
            say.print(line)
    say.print(f"Seed {wanted.seed}: {fault or 'nothing was lost, doubled or untrue.'}", markup=False)
    return 1 if fault else 0


def shown(soak, run):
    """Run, and on a terminal show meanwhile how it goes."""
    if not say.is_terminal:
        return run()
    with Live(soak, console=say, refresh_per_second=4, get_renderable=lambda: soak):
        return run()


def proven(soak, wanted):
    """Break, mend, prove; give what is wrong, None where nothing is."""
    try:
        soak.run(wanted.seconds, wanted.clients)
        soak.doing = "proving"
        say.print(soak.product.whole(wait=120).rstrip(), markup=False)
        soak.doing = "whole"
    except (AssertionError, subprocess.TimeoutExpired) as wrong:
        return str(wrong) or type(wrong).__name__
    return f"{soak.died} died without being killed" if soak.died else None


if __name__ == "__main__":
    threading.current_thread().name = "soak"
    sys.exit(main())
