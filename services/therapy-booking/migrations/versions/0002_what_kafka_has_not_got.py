"""What Kafka has not got, and how far it has been heard."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

NOTE_UNRELAYED = """
create or replace function note_unrelayed() returns trigger language plpgsql as $$
begin
  insert into unrelayed (log_id) select id from fresh;
  perform pg_notify('frontdoor_log_grew', '');
  return null;
end $$;
create or replace trigger log_is_relayed after insert on log
  referencing new table as fresh for each statement execute function note_unrelayed();
"""


def upgrade() -> None:
    """Bring the tables to this version."""
    op.create_table(
        "kafka_position",
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("offset", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition"),
        info={"kind": "kept"},
    )
    op.create_table(
        "unrelayed",
        sa.Column("log_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("log_id"),
        info={"kind": "kept"},
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(NOTE_UNRELAYED)


def downgrade() -> None:
    """Go back to the version before."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("drop trigger log_is_relayed on log")
        op.execute("drop function note_unrelayed()")
    op.drop_table("unrelayed")
    op.drop_table("kafka_position")
