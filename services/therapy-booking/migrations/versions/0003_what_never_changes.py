"""The log and the audit are never changed, and nobody is in two places at once."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

STAYS = """
create or replace function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'what stands in % is never changed', tg_table_name using errcode = 'insufficient_privilege';
end $$;
create or replace trigger log_stays before update or delete or truncate on log
  for each statement execute function refuse_change();
create or replace trigger audit_stays before update or delete or truncate on audit
  for each statement execute function refuse_change();
"""
ONE_AT_A_TIME = """
create extension if not exists btree_gist;
alter table slot add constraint slot_therapist_once
  exclude using gist (area with =, therapist with =, tstzrange(starts_at, ends_at) with &&);
alter table slot add constraint slot_room_once
  exclude using gist (area with =, room with =, tstzrange(starts_at, ends_at) with &&);
"""


def upgrade() -> None:
    """Bring the tables to this version."""
    op.add_column("slot", sa.Column("room", sa.String(), nullable=True))
    if op.get_bind().dialect.name == "postgresql":
        op.execute(STAYS)
        op.execute(ONE_AT_A_TIME)


def downgrade() -> None:
    """Go back to the version before."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("alter table slot drop constraint slot_room_once")
        op.execute("alter table slot drop constraint slot_therapist_once")
        op.execute("drop trigger audit_stays on audit")
        op.execute("drop trigger log_stays on log")
        op.execute("drop function refuse_change()")
    op.drop_column("slot", "room")
