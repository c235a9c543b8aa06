"""Alembic's way in: the tables of triage-panel."""

from frontdoor import migrations
from triage_panel.app import service

migrations.run(service.metadata)
