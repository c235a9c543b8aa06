"""Alembic's way in: the tables of notification."""

from frontdoor import migrations
from notification.app import service

migrations.run(service.metadata)
