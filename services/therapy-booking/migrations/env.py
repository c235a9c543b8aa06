"""Alembic's way in: the tables of therapy-booking."""

from frontdoor import migrations
from therapy_booking.app import service

migrations.run(service.metadata)
