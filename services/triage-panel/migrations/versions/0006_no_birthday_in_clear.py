"""What waits comes up when a month begins, as today's reader reads what was said before: a birthday stands nowhere."""

from datetime import date

import sqlalchemy as sa
from alembic import op

from frontdoor.calendars import month_begun

revision = "0006"
down_revision = "0005"

ENTRY = sa.table(
    "entry", *(sa.column(name, sa.String()) for name in ("area", "reference", "agency")), sa.column("waits", sa.JSON())
)
KEY = (ENTRY.c.area, ENTRY.c.reference, ENTRY.c.agency)


def upgrade() -> None:
    """Bring the tables to this version."""
    bind = op.get_bind()
    waiting = sa.select(*KEY, ENTRY.c.waits).where(sa.cast(ENTRY.c.waits, sa.Text()) != "[]")
    for *key, waits in bind.execute(waiting).all():
        said = [wait | {"ready_on": month_begun(date.fromisoformat(wait["ready_on"])).isoformat()} for wait in waits]
        own = [column == value for column, value in zip(KEY, key, strict=True)]
        bind.execute(sa.update(ENTRY).where(*own).values(waits=said))


def downgrade() -> None:
    """Go back to the version before, for which a month's beginning is a day like any other."""
