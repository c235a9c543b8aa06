"""The whole product in one process, on SQLite and the local transport: the same services, wired to these parts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from all_in_one.dispatch import Dispatcher, in_process
from all_in_one.settings import Settings
from frontdoor.areas import Area, areas_folder, load_area
from frontdoor.database import Database
from frontdoor.delivery.hearer import Hearer
from frontdoor.delivery.local import LocalTransport, Owner
from frontdoor.identifiers import FamilyLinks
from frontdoor.migrations import migrate
from frontdoor.origin import Peers
from frontdoor.scanning import scanner
from frontdoor.seal import KeyStore
from frontdoor.service import ChoreRunner, Service, build, data_folder
from frontdoor.settings import kept_secret
from frontdoor.work import Clock, Parts

CAUSES_FIRST = ("referral-intake", "triage-panel", "therapy-booking", "notification", "child-record")
"""The order in which logs are heard: what one says is mostly caused by those before it."""
STUCK_AFTER = 10_000
"""Log rows behind which a hearer is not ready to be relied on."""


def wall_clock() -> datetime:
    """Read the clock: the one place of the embedded product that does."""
    return datetime.now(UTC)


def services() -> list[Service]:
    """Find the installed services, by entry point, in alphabetical order."""
    found = entry_points(group="frontdoor.services")
    return [point.load() for point in sorted(found, key=lambda point: point.name)]


@dataclass(frozen=True)
class Assembly:
    """Five services with their parts, ears and chores; nothing runs yet."""

    services: Mapping[str, Service]
    parts: Mapping[str, Parts]
    hearers: Mapping[str, Hearer]
    transport: LocalTransport
    chores: ChoreRunner
    folder: Path
    area: Area

    def settle(self) -> None:
        """Carry every event and do every chore that is due, in the caller's thread, until nothing is left."""
        while self.transport.drain() + self.chores.once():
            pass

    def start(self) -> None:
        """Begin to carry and to do chores in the background."""
        self.transport.start()
        self.chores.start()

    def stop(self) -> None:
        """Finish what is in hand, stop, and close the databases."""
        self.chores.stop()
        self.transport.stop()
        self.close()

    def close(self) -> None:
        """Close the databases."""
        for parts in self.parts.values():
            parts.database.dispose()

    def hearing(self, name: str) -> dict[str, Any]:
        """Tell how a service's delivery does."""
        behind = self.transport.backlog(self.hearers[name])
        alive = self.transport.alive(name)
        return {"ok": alive and sum(behind.values()) < STUCK_AFTER, "running": alive, "behind": behind}

    def application(self) -> "Dispatcher":
        """Make the one web application that serves all five."""
        apps = {name: self._app(service) for name, service in self.services.items()}
        for app in apps.values():
            app.state.peers = Peers(tuple(apps), in_process(apps))
        dispatcher = Dispatcher(apps, self.services, self.start, self.stop)
        self.transport.busy = dispatcher.busy
        return dispatcher

    def _app(self, service: Service) -> FastAPI:
        return build(service, self.parts[service.name], lambda: self.hearing(service.name))


def assemble(settings: Settings, clock: Clock = wall_clock, only: Sequence[Service] | None = None) -> Assembly:
    """Open the data folder (made where it is not there) and wire every service to it."""
    folder = data_folder(settings.data)
    area = load_area((settings.areas or areas_folder()) / settings.area)
    keys = KeyStore(_sqlite(folder, "keys"))
    known = {service.name: service for service in (only or services())}
    wire = _wiring(settings, folder, area, keys, clock)
    parts = {name: wire(service) for name, service in known.items()}
    hearers = {name: service.hearer(parts[name]) for name, service in known.items()}
    in_order = sorted(parts.items(), key=lambda item: CAUSES_FIRST.index(item[0]))
    owners = {name: Owner(part.database, part.log) for name, part in in_order}
    transport = LocalTransport(owners, list(hearers.values()))
    jobs = [(chore, parts[name]) for name, service in known.items() for chore in service.chores]
    return Assembly(known, parts, hearers, transport, ChoreRunner(jobs), folder, area)


def _wiring(settings: Settings, folder: Path, area: Area, keys: KeyStore, clock: Clock) -> Callable[[Service], Parts]:
    links = FamilyLinks(kept_secret(folder, "family_links"))
    secret = kept_secret(folder, "sessions")

    def wire(service: Service) -> Parts:
        database = _sqlite(folder, service.name)
        migrate(database, service.name)
        return Parts(
            service=service.name,
            database=database,
            log=service.log,
            area=area,
            keys=keys,
            links=links,
            secret=secret,
            clock=clock,
            folder=folder,
            public_url=settings.address,
            demo=settings.env == "demo",
            scan=scanner(settings.scanner),
        )

    return wire


def _sqlite(folder: Path, name: str) -> Database:
    return Database(f"sqlite:///{folder / name}.sqlite")
