"""Alembic's way in: the tables of referral-intake."""

from frontdoor import migrations
from referral_intake.app import service

migrations.run(service.metadata)
