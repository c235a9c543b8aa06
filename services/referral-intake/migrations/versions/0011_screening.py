"""What settings find when they screen young children."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Bring the tables to this version."""
    op.create_table(
        "screening",
        sa.Column("screening", sa.String(), nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("child_id", sa.String(), nullable=False),
        sa.Column("setting", sa.String(), nullable=False),
        sa.Column("half_term", sa.String(), nullable=False),
        sa.Column("year", sa.String(), nullable=False),
        sa.Column("results", sa.JSON(), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("screening"),
        info={"kind": "derived"},
    )
    op.create_index("screening_setting", "screening", ["area", "setting", "recorded_at"], unique=False)


def downgrade() -> None:
    """Go back to the version before."""
    op.drop_table("screening")
