"""Wires any service to its parts, and reads the clock: for one in a process of its own, for all in one, for tools."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from frontdoor.areas import Area, areas_folder, load_area
from frontdoor.database import Database
from frontdoor.identifiers import FamilyLinks
from frontdoor.replicas import Replicas
from frontdoor.scanning import scanner
from frontdoor.seal import KeyStore
from frontdoor.service import Service
from frontdoor.settings import Settings
from frontdoor.work import Clock, Parts


def wall_clock() -> datetime:
    """Read the clock: the one place of the product that does."""
    return datetime.now(UTC)


def area_of(settings: Settings) -> Area:
    """Read the area's folder; raises `AreaError`."""
    return load_area((settings.areas or areas_folder()) / settings.area)


@cache
def _replicas(url: str | None, secret: bytes) -> Replicas:
    """Make a process's line to the other replicas: one for all its services."""
    return Replicas(url, secret)


def wire(
    service: Service, settings: Settings, database: Database, keys: KeyStore, area: Area, folder: Path, clock: Clock
) -> Parts:
    """Put a service's parts together; raises `SecretMissing` where the installation has none."""
    return Parts(
        service=service.name,
        database=database,
        log=service.log,
        area=area,
        keys=keys,
        links=FamilyLinks(settings.secret("family_links")),
        secret=settings.secret("sessions"),
        receipts=settings.secret("receipts"),
        clock=clock,
        folder=folder,
        public_url=settings.address,
        demo=settings.env == "demo",
        scan=scanner(settings.scanner),
        replicas=_replicas(settings.redis, settings.secret("sessions")),
    )
