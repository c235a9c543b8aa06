"""What the rows stand on: containers, invented forms, and services in processes of their own."""

import json
import os
import random
import secrets
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

import httpx2

from all_in_one.assembly import services
from frontdoor.app import area_of, wall_clock, wire
from frontdoor.database import Database
from frontdoor.migrations import migrate
from frontdoor.seal import KeyStore
from frontdoor.settings import SECRETS, Settings, kept_secret
from frontdoor.testing_real import Kafka, PostgreSQL, free_port

ROOT = Path(__file__).parents[2]
FORM = json.loads((ROOT / "tests" / "journeys" / "examples" / "referral.json").read_text())
LARGE = os.environ.get("FRONTDOOR_BENCH_LARGE") == "1"
NAMES = ("Ada", "Bela", "Cai", "Dot", "Eli", "Fay", "Gus", "Hal", "Ivo", "Jan", "Kit", "Lou", "Max", "Nia", "Oz", "Pip")


class OnDisk(PostgreSQL):
    """PostgreSQL as everywhere but in tests that must be quick."""

    @classmethod
    def described(cls, port):
        made = super().described(port)
        made.container.with_command("postgres -c max_connections=300 -c shared_buffers=512MB")
        return made


def forms(count, seed=1):
    """Make forms of as many children, each with a name and a day of their own, without numbers."""
    chance = random.Random(seed)
    for _ in range(count):
        child = {name: value for name, value in FORM["child"].items() if name not in {"nhs_number", "upn"}}
        day = f"{chance.randint(2016, 2023)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
        names = (chance.choice(NAMES), "".join(chance.choices("abdeiklmnorstu", k=9)).title())
        yield FORM | {"child": child | {"given_name": names[0], "family_name": names[1], "date_of_birth": day}}


@dataclass
class Parts:
    """The containers, a folder with the installation's secrets, and the databases of the run."""

    postgres: PostgreSQL
    kafka: Kafka
    folder: Path

    @property
    def settings(self):
        return Settings(data=self.folder)

    def wired(self, name, url=None):
        """Put a service's parts together on PostgreSQL; `url`: its database, else a fresh one."""
        service = next(service for service in services() if service.name == name)
        database = Database(url or self.postgres.fresh())
        migrate(database, name)
        keys = KeyStore(Database(self.keys))
        return service, wire(service, self.settings, database, keys, area_of(self.settings), self.folder, wall_clock)

    @property
    def keys(self):
        return f"sqlite:///{self.folder / 'keys.sqlite'}"


@contextmanager
def started():
    """Start the containers."""
    with ExitStack() as stack:
        folder = Path(mkdtemp(prefix="bench-"))
        for name in SECRETS:
            kept_secret(folder, name)
        yield Parts(stack.enter_context(OnDisk.started()), stack.enter_context(Kafka.started()), folder)


@dataclass
class Running:
    """A server in a process of its own, and its database's address."""

    process: subprocess.Popen
    port: int
    database: str


@contextmanager
def running(parts, name):
    """Start a service in a process of its own, as in earnest."""
    url, port = parts.postgres.fresh(), free_port()
    told = {
        "FRONTDOOR_DATA": str(parts.folder),
        "FRONTDOOR_DATABASE_URL": url,
        "FRONTDOOR_KEYS_URL": parts.postgres.fresh(),
        "FRONTDOOR_KAFKA": parts.kafka.bootstrap,
        "FRONTDOOR_KAFKA_GROUPS": secrets.token_hex(4),
        "PORT": str(port),
    }
    command = [sys.executable, "-m", name.replace("-", "_")]
    with started_as(command, told, f"http://127.0.0.1:{port}/{name}/health/live") as process:
        yield Running(process, port, url)


@contextmanager
def started_as(command, told, answers_at):
    """Start a process, wait until it answers there, and stop it at the end."""
    with subprocess.Popen(command, env=os.environ | told | {"PYTHONPATH": str(ROOT)}) as process:
        try:
            wait_for(answers_at)
            yield process
        finally:
            process.terminate()
            process.wait()


def wait_for(address, is_there=lambda _answer: True):
    """Wait until something answers there, as `is_there` says."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with suppress(httpx2.HTTPError):
            if is_there(httpx2.get(address, timeout=2)):
                return
        time.sleep(0.1)
    raise SystemExit(f"nothing answers at {address}")
