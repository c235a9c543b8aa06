"""The log and the audit are never changed."""

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


def upgrade() -> None:
    """Bring the tables to this version."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(STAYS)


def downgrade() -> None:
    """Go back to the version before."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("drop trigger audit_stays on audit")
        op.execute("drop trigger log_stays on log")
        op.execute("drop function refuse_change()")
