"""A real process of the whole product, that a test may kill and start again on the same data."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx2
import pytest

EXAMPLE = json.loads((Path(__file__).parent / "referral.json").read_text())


class Process:
    """`frontdoor run` on its own folder and port, and the journal of what clients were told."""

    def __init__(self, folder):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.folder, self.journal, self._running = folder, {}, None
        self.environment = os.environ | {
            "FRONTDOOR_DATA": str(folder / "data"),
            "FRONTDOOR_SEED": "none",
            "FRONTDOOR_LOG_LEVEL": "ERROR",
            "PORT": str(self.port),
        }
        self._guard = threading.Lock()

    def start(self, **environment):
        """Start it and wait until it is ready."""
        command = [str(Path(sys.executable).parent / "frontdoor"), "run"]
        log = (self.folder / "log.txt").open("ab")
        self._running = subprocess.Popen(command, env=self.environment | environment, stdout=log, stderr=log)
        self.wait_until(lambda: self._answers("/health/ready") or not self.is_running)

    def kill(self):
        """Kill it with -9 and wait until it is gone."""
        self._running.send_signal(signal.SIGKILL)
        self._running.wait()

    def stop(self):
        """Ask it to stop, and give back its exit code."""
        self._running.terminate()
        return self._running.wait(timeout=30)

    @property
    def is_running(self):
        """Whether the process lives."""
        return self._running.poll() is None

    def client(self, person):
        """Give a client signed in as a sample person."""
        headers = {"Authorization": f"Bearer demo-{person}"}
        return httpx2.Client(base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=10, verify=False)

    def _answers(self, path):
        try:
            return httpx2.get(f"http://127.0.0.1:{self.port}{path}", timeout=2, verify=False).status_code == 200
        except httpx2.HTTPError:
            return False

    @staticmethod
    def wait_until(holds, seconds=30):
        """Wait until something holds."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if holds():
                return
            time.sleep(0.05)
        raise AssertionError("waited in vain")

    def refer(self, client, key):
        """Send a referral with this idempotency key; note its reference in the journal where one was given."""
        try:
            answer = client.post("/api/referrals", json=EXAMPLE, headers={"Idempotency-Key": key})
        except httpx2.HTTPError:
            return None
        if answer.status_code not in {200, 201}:
            return None
        with self._guard:
            known = self.journal.setdefault(key, answer.json())
        assert known["reference"] == answer.json()["reference"]
        return known

    def verify(self):
        """Run `frontdoor verify` with the journal; give back (exit code, what it printed)."""
        journal = self.folder / "journal.txt"
        journal.write_text("\n".join(given["reference"] for given in self.journal.values()))
        return self.frontdoor("verify", "--journal", str(journal), "--wait", "10")

    def frontdoor(self, *words):
        """Run another `frontdoor` command on the same data."""
        command = [str(Path(sys.executable).parent / "frontdoor"), *words]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def process(tmp_path):
    """A product that has not been started yet."""
    made = Process(tmp_path)
    yield made
    if made._running and made.is_running:
        made.kill()


@pytest.fixture(scope="session")
def shared_product(engine, tmp_path_factory):
    """The five services in processes of their own on real parts, one set for all faults."""
    from tests.faults.real import Product  # noqa: PLC0415  containers are for those who ask

    made, ending = Product.started(tmp_path_factory.mktemp("product"))
    with ending:
        yield made


@pytest.fixture
def product(shared_product):
    """The product, as whole before each test as after the one before: whatever has become of that."""
    yield shared_product
    shared_product.put_right()


SEED = os.environ.get("FRONTDOOR_FAULTS_SEED") or str(random.SystemRandom().randrange(10**6))


@pytest.fixture(scope="session")
def seed():
    """What chance begins with: the same one chooses the same."""
    return SEED


@pytest.fixture
def chance(seed, request):
    """Chance for one test."""
    return random.Random(f"{seed} {request.node.name}")


def pytest_terminal_summary(terminalreporter):
    """Say the seed, so that a run can be repeated."""
    if any(
        "faults" in report.nodeid
        for reports in terminalreporter.stats.values()
        for report in reports
        if hasattr(report, "nodeid")
    ):
        terminalreporter.write_line(f"Faults were chosen by FRONTDOOR_FAULTS_SEED={SEED}")
