"""Pathways that were adopted, and what waits for a birthday."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Bring the tables to this version."""
    op.create_table(
        "pathway_version",
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("adopted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("adopted_by", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("rules", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("version"),
        info={"kind": "derived"},
    )
    op.create_index("pathway_adopted", "pathway_version", ["area", "adopted_at"], unique=False)
    op.create_table(
        "waiting_assessment",
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("support", sa.String(), nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("child_id", sa.String(), nullable=False),
        sa.Column("ready_on", sa.Date(), nullable=False),
        sa.Column("is_ready", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("reference", "support"),
        info={"kind": "derived"},
    )
    op.create_index("waiting_ready", "waiting_assessment", ["is_ready", "ready_on"], unique=False)


def downgrade() -> None:
    """Go back to the version before."""
    op.drop_table("waiting_assessment")
    op.drop_table("pathway_version")
