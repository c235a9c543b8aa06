"""Whom a file and a concern's key are about, so that erasing a child empties them too."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Bring the tables to this version."""
    op.create_table(
        "upload_of",
        sa.Column("upload", sa.String(), nullable=False),
        sa.Column("child_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("upload", "child_id"),
        info={"kind": "kept"},
    )
    op.create_index("upload_of_child", "upload_of", ["child_id"], unique=False)
    with op.batch_alter_table("concern_key", schema=None) as batch_op:
        batch_op.add_column(sa.Column("child_id", sa.String(), nullable=False, server_default=""))
    op.execute(
        "update concern_key set child_id = coalesce("
        "(select child_id from concern where concern.concern = concern_key.concern), '')"
    )


def downgrade() -> None:
    """Go back to the version before."""
    with op.batch_alter_table("concern_key", schema=None) as batch_op:
        batch_op.drop_column("child_id")
    op.drop_table("upload_of")
