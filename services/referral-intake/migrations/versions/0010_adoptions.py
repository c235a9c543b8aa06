"""Children who live on under another identity."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Bring the tables to this version."""
    op.create_table(
        "adoption",
        sa.Column("adoption", sa.String(), nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("child_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("adoption"),
        info={"kind": "derived"},
    )
    op.create_index("adoption_child", "adoption", ["child_id"], unique=False)


def downgrade() -> None:
    """Go back to the version before."""
    op.drop_table("adoption")
