"""Files from before it was noted whom one is about: marked, so that it is found out from the referrals that name them."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Bring the tables to this version."""
    op.execute(
        "insert into upload_of (upload, child_id) "
        "select id, '' from upload where id not in (select upload from upload_of)"
    )


def downgrade() -> None:
    """Go back to the version before."""
    op.execute(sa.text("delete from upload_of where child_id = ''"))
