"""Concerns of schools' staff."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Bring the tables to this version."""
    op.create_table(
        "concern",
        sa.Column("concern", sa.String(), nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("child_id", sa.String(), nullable=False),
        sa.Column("setting", sa.String(), nullable=False),
        sa.Column("logged_by", sa.String(), nullable=False),
        sa.Column("logged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("raised_on", sa.Date(), nullable=False),
        sa.Column("area_of_need", sa.String(), nullable=False),
        sa.Column("impact", sa.String(), nullable=False),
        sa.Column("strategy_helped", sa.Boolean(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=True),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("told", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("concern"),
        info={"kind": "derived"},
    )
    op.create_index("concern_setting", "concern", ["area", "setting", "logged_at"], unique=False)
    op.create_table(
        "concern_key",
        sa.Column("concern", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("concern"),
        info={"kind": "kept"},
    )
    op.create_index("concern_hash", "concern_key", ["hash"], unique=False)


def downgrade() -> None:
    """Go back to the version before."""
    op.drop_table("concern_key")
    op.drop_table("concern")
