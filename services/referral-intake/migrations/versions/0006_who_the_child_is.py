"""Who the child is: keys to know a child again by, possible matches, and links."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Bring the tables to this version."""
    op.create_table(
        "child_link",
        sa.Column("link", sa.String(), nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("child_id", sa.String(), nullable=False),
        sa.Column("other_child_id", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("link"),
        info={"kind": "derived"},
    )
    op.create_index("child_link_child", "child_link", ["child_id"], unique=False)
    op.create_index("child_link_other", "child_link", ["other_child_id"], unique=False)
    op.create_table(
        "match_key",
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("child_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("area", "hash", "child_id"),
        info={"kind": "kept"},
    )
    op.create_index("match_child", "match_key", ["child_id"], unique=False)
    op.create_table(
        "possible_match",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("earlier", sa.String(), nullable=False),
        sa.Column("later", sa.String(), nullable=False),
        sa.Column("strength", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("link", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("earlier", "later"),
        info={"kind": "kept"},
    )
    op.create_index("possible_match_open", "possible_match", ["area", "decided_at", "found_at"], unique=False)


def downgrade() -> None:
    """Go back to the version before."""
    op.drop_table("possible_match")
    op.drop_table("match_key")
    op.drop_table("child_link")
