"""Wires notification: its routes, its ears, and the sender with the demo's channel."""

from functools import cache
from pathlib import Path

from fastapi import FastAPI

from frontdoor import alone
from frontdoor.events import NotificationRefused
from frontdoor.service import Chore, Service
from frontdoor.work import Parts
from notification import api, domain, handlers, pages, store, subscriptions
from notification.channels import DemoChannel
from notification.settings import Settings


@cache
def demo_channel(folder: Path) -> DemoChannel:
    """The demo's channel on a data folder: one for each, because it remembers what it has read."""
    return DemoChannel(folder)


def send(parts: Parts) -> int:
    """Send what is due. Only the demo's channel is there yet: elsewhere notices wait, counted as on their way."""
    return handlers.send_notices(parts, demo_channel(parts.folder)) if parts.demo else 0


service = Service(
    name="notification",
    paths=("/messages", "/api/notices"),
    routers=(api.router, pages.router),
    log=store.log,
    subscriptions=subscriptions.SUBSCRIPTIONS,
    decides_about=subscriptions.decides_about,
    refusal=NotificationRefused,
    lifecycles=domain.LIFECYCLES,
    chores=(Chore("sender", send, every=0.5),),
    backlog=lambda session, parts: store.backlog(session, parts.area.id, parts.clock()),
)


def create_app(settings: Settings) -> FastAPI:
    """Make the application of this service alone, on PostgreSQL and Kafka."""
    return alone.create_app(service, settings)
