"""Intake, wired."""

from fastapi import FastAPI

from frontdoor import access, alone, origin
from frontdoor.calendars import local_date
from frontdoor.events import IntakeRefused
from frontdoor.service import Chore, Service
from frontdoor.work import Parts
from referral_intake import alerts, api, applied, domain, fhir_api, pages, pathways, store, subscriptions
from referral_intake.settings import Settings


def bring_up_ready(parts: Parts) -> int:
    """Bring up again what waited for a birthday; the database is written only where there is something."""
    with parts.database.read() as session:
        if not store.ready_assessments(session, local_date(parts.clock())):
            return 0
    with parts.work(access.machine(parts.service, parts.area.id)) as work:
        return pathways.bring_up_ready(work)


def escalate_alerts(parts: Parts) -> int:
    """Escalate alerts that nobody has read in time; the database is written only where there is one."""
    with parts.database.read() as session:
        if not store.alerts_to_escalate(session, parts.clock() - domain.ESCALATE_AFTER):
            return 0
    with parts.work(access.machine(parts.service, parts.area.id)) as work:
        return alerts.escalate_alerts(work)


service = Service(
    name="referral-intake",
    paths=(
        "/sign-in",
        "/sign-out",
        "/refer",
        "/referrals",
        "/alerts",
        "/matches",
        "/links",
        "/pathways",
        "/concerns",
        "/screening",
        "/accessibility",
        "/api/referrals",
        "/api/uploads",
        "/api/search",
        "/api/alerts",
        "/api/matches",
        "/api/links",
        "/api/pathways",
        "/api/concerns",
        "/api/fhir",
    ),
    routers=(api.router, fhir_api.router, pages.router, origin.router),
    log=applied.log,
    subscriptions=subscriptions.SUBSCRIPTIONS,
    decides_about=subscriptions.decides_about,
    refusal=IntakeRefused,
    lifecycles=domain.LIFECYCLES,
    chores=(Chore("alerts", escalate_alerts, every=5.0), Chore("birthdays", bring_up_ready, every=60.0)),
    backlog=lambda session, parts: store.backlog(session, parts.area.id),
)


def create_app(settings: Settings) -> FastAPI:
    """Make the application of this service alone, on PostgreSQL and Kafka."""
    return alone.create_app(service, settings)
