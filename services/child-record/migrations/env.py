"""Alembic's way in: the tables of child-record."""

from child_record.app import service
from frontdoor import migrations

migrations.run(service.metadata)
