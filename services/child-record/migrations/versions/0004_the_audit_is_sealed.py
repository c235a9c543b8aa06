"""The audit is sealed in ranges, and what waits for Kafka says since when."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

STAYS = """
create or replace trigger audit_seal_stays before update or delete or truncate on audit_seal
  for each statement execute function refuse_change();
"""


def upgrade() -> None:
    """Bring the tables to this version."""
    op.create_table(
        "audit_seal",
        sa.Column(
            "first_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("last_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("first_id"),
        info={"kind": "kept"},
    )
    with op.batch_alter_table("unrelayed", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("since", sa.DateTime(timezone=True), server_default=sa.text("CURRENT_TIMESTAMP"), nullable=False)
        )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(STAYS)


def downgrade() -> None:
    """Go back to the version before."""
    with op.batch_alter_table("unrelayed", schema=None) as batch_op:
        batch_op.drop_column("since")
    op.drop_table("audit_seal")
