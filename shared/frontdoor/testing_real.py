"""Real PostgreSQL, Kafka and Redis in containers, for tests; each may be stopped, paused and started again."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self
from uuid import uuid4

import psycopg
import redis
from psycopg.sql import SQL, Identifier
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

PATIENCE = 60
"""Seconds in which a container must have started."""


def free_port() -> int:
    """Find a port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """A container with one published port, the same after each start."""

    inside: int | None = None
    """The port inside the container; None: the same as outside."""

    def __init__(self, container: DockerContainer, port: int) -> None:
        self.container, self.port = container, port
        container.with_bind_ports(self.inside or port, port)

    @classmethod
    @contextmanager
    def started(cls) -> Iterator[Self]:
        """Start one, and remove it at the end."""
        server = cls.described(free_port())
        with server.container:
            server.wait()
            yield server

    @classmethod
    def described(cls, port: int) -> Self:
        """Describe the container."""
        raise NotImplementedError

    def wait(self) -> None:
        """Wait until it answers."""
        raise NotImplementedError

    def kill(self) -> None:
        """Kill it with -9."""
        self.container.get_wrapped_container().kill()

    def start_again(self) -> None:
        """Start it again, on what it has kept, and wait until it answers."""
        self.container.get_wrapped_container().start()
        self.wait()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Freeze it for a while: it neither answers nor refuses."""
        wrapped = self.container.get_wrapped_container()
        wrapped.pause()
        try:
            yield
        finally:
            wrapped.unpause()


def _until_open(port: int) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


ROLES = Path(__file__).parents[2] / "deploy" / "postgres"
"""What makes the roles and databases of the services, as everywhere else."""
DEMO_PASSWORD = "front-door-demo"  # noqa: S105  everybody may know it


def copied(admin: str, template: str = "template0") -> str:
    """Make an empty database, or a copy of another, as this superuser; give its name."""
    name = f"t{uuid4().hex[:12]}"
    made = SQL("create database {} template {} strategy file_copy encoding 'UTF8' locale 'C'")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(made.format(Identifier(name), Identifier(template)))
    return name


def address_of(admin: str, database: str) -> str:
    """Give a database's address for SQLAlchemy."""
    return f"{admin.replace('postgresql:', 'postgresql+psycopg:').rsplit('/', 1)[0]}/{database}"


class PostgreSQL(Server):
    """PostgreSQL 17 with the services' roles and databases; `admin` is the address of its superuser."""

    inside = 5432

    @classmethod
    def described(cls, port: int) -> Self:
        """Describe the container: not safe on power failure, for speed; safe on kill."""
        container = DockerContainer("postgres:17-trixie").with_env("POSTGRES_PASSWORD", "tests")
        container.with_volume_mapping(str(ROLES), "/docker-entrypoint-initdb.d")
        return cls(container.with_command("postgres -c max_connections=300 -c fsync=off"), port)

    @property
    def admin(self) -> str:
        """The superuser's address, without a driver's name."""
        return f"postgresql://postgres:tests@127.0.0.1:{self.port}/postgres"

    def wait(self) -> None:
        """Wait until it lets somebody in."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                psycopg.connect(self.admin, connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)

    def fresh(self, template: str = "template0") -> str:
        """Make an empty database, or a copy of another, and give its address for SQLAlchemy."""
        return address_of(self.admin, copied(self.admin, template))

    def url_of(self, role: str, database: str) -> str:
        """Give the address of a database for one of the demo's roles."""
        return f"postgresql+psycopg://{role}:{DEMO_PASSWORD}@127.0.0.1:{self.port}/{database}"


class Kafka(Server):
    """One Kafka broker and controller in one; `bootstrap` is its address."""

    @classmethod
    def described(cls, port: int) -> Self:
        """Describe the container: what the image does by itself, but reachable under its published port."""
        settings = {
            "PROCESS_ROLES": "broker,controller",
            "NODE_ID": "1",
            "CONTROLLER_QUORUM_VOTERS": "1@localhost:29093",
            "LISTENERS": f"PLAINTEXT://:{port},CONTROLLER://:29093",
            "ADVERTISED_LISTENERS": f"PLAINTEXT://localhost:{port}",
            "CONTROLLER_LISTENER_NAMES": "CONTROLLER",
            "LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
            "TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
            "TRANSACTION_STATE_LOG_MIN_ISR": "1",
            "GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
            "GROUP_MIN_SESSION_TIMEOUT_MS": "1000",
            "AUTO_CREATE_TOPICS_ENABLE": "false",
            "LOG_DIRS": "/var/lib/kafka/data",
        }
        container = DockerContainer("apache/kafka:4.1.1").with_env("KAFKA_HEAP_OPTS", "-Xmx400m")
        for name, value in settings.items():
            container.with_env(f"KAFKA_{name}", value)
        container.waiting_for(LogMessageWaitStrategy("Kafka Server started").with_startup_timeout(PATIENCE))
        return cls(container, port)

    @property
    def bootstrap(self) -> str:
        """The address that clients begin with."""
        return f"localhost:{self.port}"

    def wait(self) -> None:
        """Wait until it listens."""
        _until_open(self.port)


class Redis(Server):
    """Redis 8; `url` is its address."""

    inside = 6379

    @classmethod
    def described(cls, port: int) -> Self:
        """Describe the container: nothing is kept on disk."""
        container = DockerContainer("redis:8-trixie").with_command("redis-server --save '' --appendonly no")
        return cls(container, port)

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://127.0.0.1:{self.port}/0"

    def wait(self) -> None:
        """Wait until it answers."""
        until = time.monotonic() + PATIENCE
        with redis.Redis.from_url(self.url, socket_timeout=2) as client:
            while True:
                try:
                    client.ping()
                    return
                except redis.RedisError:
                    if time.monotonic() > until:
                        raise
                    time.sleep(0.1)
