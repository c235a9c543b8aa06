"""Which children are one, as was heard."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Bring the tables to this version."""
    op.create_table(
        "child_link",
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("link", sa.String(), nullable=False),
        sa.Column("child_id", sa.String(), nullable=False),
        sa.Column("other_child_id", sa.String(), nullable=False),
        sa.Column("is_linked", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("area", "link"),
        info={"kind": "derived"},
    )
    op.create_index("child_link_child", "child_link", ["area", "child_id"], unique=False)
    op.create_index("child_link_other", "child_link", ["area", "other_child_id"], unique=False)
    op.create_index("record_child", "record", ["area", "child_id"], unique=False)


def downgrade() -> None:
    """Go back to the version before."""
    op.drop_index("record_child", table_name="record")
    op.drop_table("child_link")
