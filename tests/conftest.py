"""Fixtures of all tests: a Chromium that is there, and real PostgreSQL, Kafka and Redis where an engine is there."""

import os
import shutil
from contextlib import contextmanager, suppress

import pytest
from anyio.from_thread import start_blocking_portal
from starlette.testclient import TestClient

from frontdoor import engines, testing

engines.SYNCHRONOUS = "OFF"
testing.postgres = os.environ.get("FRONTDOOR_TEST_POSTGRES")
REQUIRED = os.environ.get("FRONTDOOR_REQUIRE", "")
"""Names what must be there: without it a test fails instead of being left out."""


def left_out(what: str, why: str) -> None:
    """Leave the test out, or let it fail where it must run."""
    if what in REQUIRED:
        pytest.fail(f"Tests with {what} must run here. {why}")
    pytest.skip(why)


class OneLoop:
    """An event loop for all clients: beginning one for each request takes longer than most requests."""

    def __init__(self):
        self._begin()

    def _begin(self):
        self._running = start_blocking_portal()
        self._portal = self._running.__enter__()

    @contextmanager
    def portal_of(self, client):
        """Give a client the loop, or another one where a test has killed it in the middle of a request."""
        try:
            self._portal.call(int)
        except RuntimeError:
            self._begin()
        yield client.portal or self._portal

    def end(self):
        with suppress(RuntimeError):
            self._running.__exit__(None, None, None)


@pytest.fixture(scope="session", autouse=True)
def one_loop():
    """Let all clients of this process share a loop."""
    loop, usual = OneLoop(), TestClient._portal_factory

    def portal_factory(client):
        return loop.portal_of(client)

    TestClient._portal_factory = portal_factory
    yield
    TestClient._portal_factory = usual
    loop.end()


@pytest.fixture(scope="session")
def chromium():
    """The path of a Chromium that is there; without one, a browser test is left out, or fails where it must run."""
    known = ("chromium", "chromium-browser", "google-chrome")
    path = os.environ.get("FRONTDOOR_CHROMIUM") or next(filter(None, map(shutil.which, known)), None)
    if path is None:
        left_out("browser", "There is no Chromium.")
    return path


@pytest.fixture(scope="session")
def engine():
    """A container engine that answers; without one, a test is left out, or fails where it must run."""
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    from testcontainers.core.docker_client import DockerClient  # noqa: PLC0415

    try:
        DockerClient().client.ping()
    except Exception as trouble:  # noqa: BLE001  whatever it is, there is no engine
        left_out("containers", f"No container engine answers here ({type(trouble).__name__}).")


@pytest.fixture(scope="session")
def postgres(engine):
    """A real PostgreSQL server, for all tests of this process."""
    from frontdoor.testing_real import PostgreSQL  # noqa: PLC0415  containers are for those who ask

    with PostgreSQL.started() as server:
        yield server


@pytest.fixture(scope="session")
def kafka(engine):
    """A real Kafka broker, for all tests of this process: its bootstrap address."""
    from frontdoor.testing_real import Kafka  # noqa: PLC0415  containers are for those who ask

    with Kafka.started() as broker:
        yield broker


@pytest.fixture(scope="session")
def redis(engine):
    """A real Redis, for all tests of this process: its URL."""
    from frontdoor.testing_real import Redis  # noqa: PLC0415  containers are for those who ask

    with Redis.started() as server:
        yield server
