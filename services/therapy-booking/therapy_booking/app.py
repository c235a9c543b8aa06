"""Booking, wired: what the service is made of."""

from fastapi import FastAPI

from frontdoor import alone
from frontdoor.events import BookingRefused
from frontdoor.service import Service
from therapy_booking import api, domain, pages, store
from therapy_booking.settings import Settings
from therapy_booking.subscriptions import SUBSCRIPTIONS

service = Service(
    name="therapy-booking",
    paths=(
        "/booking",
        "/api/providers",
        "/api/therapists",
        "/api/places",
        "/api/pools",
        "/api/waiting-list",
        "/api/bookings",
        "/api/offers",
        "/api/sessions",
        "/api/calendars",
        "/api/allocations",
        "/api/verify",
    ),
    routers=(api.router, pages.router),
    log=store.log,
    subscriptions=SUBSCRIPTIONS,
    refusal=BookingRefused,
    lifecycles=domain.LIFECYCLES,
)


def create_app(settings: Settings) -> FastAPI:
    """Make the application of this service alone, on PostgreSQL and Kafka."""
    return alone.create_app(service, settings)
