"""The shared record as a deployable: what it is called, serves, says and hears."""

from fastapi import FastAPI

from child_record import api, domain, pages, store
from child_record.settings import Settings
from child_record.subscriptions import SUBSCRIPTIONS, decides_about
from frontdoor import alone
from frontdoor.events import RecordRefused
from frontdoor.service import Service

service = Service(
    name=store.SERVICE,
    paths=("/family", "/records", "/api/records"),
    routers=(api.router, pages.router),
    log=store.log,
    subscriptions=SUBSCRIPTIONS,
    decides_about=decides_about,
    refusal=RecordRefused,
    lifecycles=domain.LIFECYCLES,
)


def create_app(settings: Settings) -> FastAPI:
    """Make the application of this service alone, on PostgreSQL and Kafka."""
    return alone.create_app(service, settings)
