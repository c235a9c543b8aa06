"""The queues, wired."""

from fastapi import FastAPI

from frontdoor import access, alone
from frontdoor.events import TriageRefused
from frontdoor.service import Chore, Service
from frontdoor.work import Parts
from triage_panel import api, domain, handlers, pages, store, subscriptions
from triage_panel.settings import Settings

BATCH = 100
"""Breaches said in one transaction."""


def notice_breaches(parts: Parts) -> int:
    """Say which dates have passed, a batch at a time; the database is written only where there is one."""
    with parts.database.read() as session:
        if not store.overdue(session, parts.area.id, parts.clock(), 1):
            return 0
    with parts.work(access.machine(parts.service, parts.area.id)) as work:
        return handlers.notice_breaches(work, BATCH)


service = Service(
    name="triage-panel",
    paths=("/queues", "/standards", "/api/queues", "/api/panels", "/api/standards"),
    routers=(api.router, pages.router),
    log=store.log,
    subscriptions=subscriptions.SUBSCRIPTIONS,
    decides_about=subscriptions.decides_about,
    refusal=TriageRefused,
    lifecycles=domain.LIFECYCLES,
    chores=(Chore("due", notice_breaches),),
    backlog=lambda session, parts: store.backlog(session, parts.area.id, parts.clock()),
)


def create_app(settings: Settings) -> FastAPI:
    """Make the application of this service alone, on PostgreSQL and Kafka."""
    return alone.create_app(service, settings)
