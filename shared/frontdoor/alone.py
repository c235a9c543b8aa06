"""One service in a process of its own, on PostgreSQL and Kafka: its parts, what runs beside its pages, how it ends.

Stopping takes at most 15 seconds for what a handler has in hand, 20 for requests; whoever stops the process should wait
longer than both (docker-compose.yml: `stop_grace_period`).
"""

import asyncio
import gc
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import structlog
import uvicorn
from fastapi import FastAPI
from sqlalchemy.exc import OperationalError
from starlette.types import ASGIApp

from frontdoor import failpoints, tracing
from frontdoor.app import area_of, wall_clock, wire
from frontdoor.areas import AreaError
from frontdoor.database import Database
from frontdoor.logs import set_up_logs
from frontdoor.migrations import NotMigrated, migrate
from frontdoor.peers import NAMES, Peers, ask_again, over_http
from frontdoor.seal import KeyStore
from frontdoor.service import ChoreRunner, Service, build, data_folder
from frontdoor.settings import SECRETS, AloneSettings, SecretMissing, Settings, WrongSettings, read
from frontdoor.work import Clock, Parts

log = structlog.get_logger()
GRACE = 20
"""Seconds in which requests in hand may finish when the process is asked to stop."""
LOOK_AGAIN = 1.0
"""Seconds after which a database that was away is tried again."""
Opened = TypeVar("Opened")


def create_app(service: Service, settings: AloneSettings, clock: Clock = wall_clock) -> FastAPI:
    """Wire a service to PostgreSQL and Kafka, whose tables are brought to this release; waits for PostgreSQL.

    Carrying and chores begin and end with the application's lifespan. Raises `SecretMissing` and `AreaError`.
    """
    from frontdoor.delivery.kafka import KafkaTransport  # noqa: PLC0415  half a second, for one process alone only
    from frontdoor.delivery.topics import Brokers  # noqa: PLC0415

    parts = _opened(service, settings, clock)
    say_again = ask_again(settings.peers, parts)
    brokers = Brokers(settings.kafka, groups=settings.kafka_groups)
    transport = KafkaTransport(parts, service.hearer(parts), brokers, settings.member, say_again)
    chores = ChoreRunner([(chore, parts) for chore in service.chores])

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        transport.start()
        chores.start()
        yield
        await asyncio.gather(asyncio.to_thread(chores.stop), asyncio.to_thread(transport.stop))
        parts.database.dispose()

    app = build(service, parts, transport.hearing, lifespan)
    app.state.peers = Peers(NAMES, over_http(settings.peers, parts))
    return app


def _opened(service: Service, settings: AloneSettings, clock: Clock) -> Parts:
    area, folder = area_of(settings), data_folder(settings.data)
    for name in SECRETS:
        settings.secret(name)  # before waiting for anything: this will not come by itself
    keys = _once_there(lambda: KeyStore(Database(settings.keys_url)), "keys")
    database = Database(settings.database_url)
    _once_there(lambda: migrate(database, service.name), service.name)
    return wire(service, settings, database, keys, area, folder, clock)


def _once_there(open_it: Callable[[], Opened], name: str) -> Opened:
    """Open a database, as soon as it is there."""
    while True:
        try:
            return open_it()
        except (OperationalError, NotMigrated) as away:
            reason = str(getattr(away, "orig", away)).strip().partition("\n")[0]
            log.warning("database_away", database=name, reason=reason)
            time.sleep(LOOK_AGAIN)


def main(kind: type[AloneSettings], make: Callable[..., FastAPI]) -> None:
    """Start a service: read its settings, make its application with `create_app` of its `app.py`, serve until stopped.

    What keeps it from starting is said in a sentence, with exit code 2.
    """
    try:
        settings = read(kind)
        set_up_logs(settings.log_level)
        if settings.failpoint:
            failpoints.arm_from(settings.failpoint)
        serve(make(settings), settings)
    except (WrongSettings, SecretMissing, AreaError) as wrong:
        sys.stderr.write(f"{wrong}\n")
        raise SystemExit(2) from None


SWITCH = 0.0005
"""Seconds of a turn with the interpreter, which requests share with hearing: at the usual 5 ms, each of a request's
many short waits for the disk could cost it a turn of every hearer."""


def spare_the_collector() -> None:
    """Keep what is there now out of the collector's walks, and let it walk less often.

    What is there when work begins stays, and what a piece of work makes is mostly gone by itself when it ends.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def serve(app: ASGIApp, settings: Settings) -> None:
    """Serve an application until the process is asked to stop."""
    if settings.otlp:
        tracing.start_exporting(settings.otlp)
    sys.setswitchinterval(SWITCH)
    spare_the_collector()
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        log_level="warning",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )
    tracing.stop()
