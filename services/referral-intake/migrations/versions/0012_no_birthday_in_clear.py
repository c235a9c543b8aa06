"""What waits comes up when a month begins, as today's reader reads what was said before: a birthday stands nowhere."""

import sqlalchemy as sa
from alembic import op

from frontdoor.calendars import month_begun

revision = "0012"
down_revision = "0011"

WAITING = sa.table("waiting_assessment", sa.column("ready_on", sa.Date()))


def upgrade() -> None:
    """Bring the tables to this version."""
    bind = op.get_bind()
    for day in bind.scalars(sa.select(WAITING.c.ready_on).distinct()).all():
        bind.execute(sa.update(WAITING).where(WAITING.c.ready_on == day).values(ready_on=month_begun(day)))


def downgrade() -> None:
    """Go back to the version before, for which a month's beginning is a day like any other."""
