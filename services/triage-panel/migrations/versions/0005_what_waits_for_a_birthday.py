"""What was asked for too early, and what has come up since."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Bring the tables to this version."""
    with op.batch_alter_table("entry", schema=None) as batch_op:
        for name in ("waits", "old_enough_for"):
            batch_op.add_column(sa.Column(name, sa.JSON(), server_default=sa.text("'[]'"), nullable=False))


def downgrade() -> None:
    """Go back to the version before."""
    with op.batch_alter_table("entry", schema=None) as batch_op:
        for name in ("old_enough_for", "waits"):
            batch_op.drop_column(name)
