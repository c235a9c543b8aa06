"""How long a form took, who drafted it for whom, and which file was sent before."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Bring the tables to this version."""
    with op.batch_alter_table("draft", schema=None) as batch_op:
        batch_op.add_column(sa.Column("active_seconds", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("drafted_by", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("handed_to", sa.String(), nullable=True))
        batch_op.create_index("draft_handed_to", ["area", "handed_to"], unique=False)
    with op.batch_alter_table("upload", schema=None) as batch_op:
        batch_op.add_column(sa.Column("digest", sa.String(), nullable=True))


def downgrade() -> None:
    """Go back to the version before."""
    with op.batch_alter_table("upload", schema=None) as batch_op:
        batch_op.drop_column("digest")
    with op.batch_alter_table("draft", schema=None) as batch_op:
        batch_op.drop_index("draft_handed_to")
        batch_op.drop_column("handed_to")
        batch_op.drop_column("drafted_by")
        batch_op.drop_column("active_seconds")
