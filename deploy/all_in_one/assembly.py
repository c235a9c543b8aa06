"""The whole product in one process, on SQLite and the local transport: the same services, wired to these parts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

from fastapi import FastAPI

from all_in_one.dispatch import Dispatcher, in_process
from all_in_one.settings import Settings
from frontdoor.app import area_of, wall_clock, wire
from frontdoor.areas import Area
from frontdoor.database import Database
from frontdoor.delivery.hearer import Hearer
from frontdoor.delivery.local import LocalTransport, Owner
from frontdoor.migrations import migrate
from frontdoor.peers import Peers
from frontdoor.seal import KeyStore
from frontdoor.service import ChoreRunner, Service, build, data_folder
from frontdoor.settings import SECRETS, kept_secret
from frontdoor.work import Clock, Parts

CAUSES_FIRST = ("referral-intake", "triage-panel", "therapy-booking", "notification", "child-record")
"""The order in which logs are heard: what one says is mostly caused by those before it."""


@dataclass(frozen=True)
class Unheard:
    """An event of a log that seems not to have been heard yet."""

    source: str
    log_id: int
    stream: str
    version: int
    type: str


@dataclass(frozen=True)
class Between:
    """What was between the owners' logs and a hearer at the moment of looking.

    `held` are those of the events asked for, as (source, log id), that were; `astray` are places of the hearer behind
    the end of what there is to hear.
    """

    held: frozenset[tuple[str, int]]
    astray: list[str]


def services() -> list[Service]:
    """Find the installed services, by entry point, in alphabetical order."""
    found = entry_points(group="frontdoor.services")
    return [point.load() for point in sorted(found, key=lambda point: point.name)]


@dataclass(frozen=True)
class Assembly:
    """Five services' parts, ears and chores, as a command uses them; nothing runs."""

    services: Mapping[str, Service]
    parts: Mapping[str, Parts]
    hearers: Mapping[str, Hearer]
    chores: ChoreRunner
    folder: Path
    area: Area

    @property
    def secret(self) -> bytes:
        """The installation's secret, which all services share."""
        return next(iter(self.parts.values())).secret

    def look_between(self, hearer: Hearer, unheard: Sequence[Unheard]) -> Between:
        """Look which of these are on their way to a hearer. What is not, and is unheard a moment later, is lost."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the databases."""
        for parts in self.parts.values():
            parts.database.dispose()


@dataclass(frozen=True)
class AllInOne(Assembly):
    """The five services of one process, over the local transport."""

    transport: LocalTransport

    def look_between(self, hearer: Hearer, unheard: Sequence[Unheard]) -> Between:
        """Look how far the hearer has come in each log: what stands behind that is on its way."""
        places = self.transport.places(hearer)
        ends = {source: self._end(source) for source in places}
        astray = [
            f"{hearer.parts.service} stands at {place} of {source}, which ends at {ends[source]}"
            for source, place in places.items()
            if place > ends[source]
        ]
        held = frozenset((event.source, event.log_id) for event in unheard if event.log_id > places[event.source])
        return Between(held, astray)

    def _end(self, source: str) -> int:
        parts = self.parts[source]
        with parts.database.read() as session:
            return parts.log.last_id(session)

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

    def application(self) -> "Dispatcher":
        """Make the one web application that serves all five."""
        apps = {name: self._app(service) for name, service in self.services.items()}
        for name, app in apps.items():
            app.state.peers = Peers(tuple(apps), in_process(apps, self.parts[name]))
        dispatcher = Dispatcher(apps, self.services, self.start, self.stop)
        self.transport.busy = dispatcher.busy
        return dispatcher

    def _app(self, service: Service) -> FastAPI:
        return build(service, self.parts[service.name], lambda: self.transport.hearing(service.name))


def assemble(settings: Settings, clock: Clock = wall_clock, only: Sequence[Service] | None = None) -> AllInOne:
    """Open the data folder (made where it is not there) and wire every service to it."""
    folder = data_folder(settings.data)
    area = area_of(settings)
    keys = KeyStore(_sqlite(folder, "keys"))
    for name in SECRETS:
        kept_secret(settings.secrets_folder, name)
    known = {service.name: service for service in (only or services())}

    def opened(service: Service) -> Parts:
        database = _sqlite(folder, service.name)
        migrate(database, service.name)
        return wire(service, settings, database, keys, area, folder, clock)

    parts = {name: opened(service) for name, service in known.items()}
    hearers = {name: service.hearer(parts[name]) for name, service in known.items()}
    in_order = sorted(parts.items(), key=lambda item: CAUSES_FIRST.index(item[0]))
    owners = {name: Owner(part.database, part.log) for name, part in in_order}
    transport = LocalTransport(owners, list(hearers.values()))
    jobs = [(chore, parts[name]) for name, service in known.items() for chore in service.chores]
    return AllInOne(known, parts, hearers, ChoreRunner(jobs), folder, area, transport)


def _sqlite(folder: Path, name: str) -> Database:
    return Database(f"sqlite:///{folder / name}.sqlite")
