"""First tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Bring the tables to this version."""
    op.create_table(
        "answer",
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("sent", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("location", sa.String(), nullable=True),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("person", "address", "key"),
        info={"kind": "kept"},
    )
    with op.batch_alter_table("answer", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_answer_kept_at"), ["kept_at"], unique=False)

    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("organisation", sa.String(), nullable=True),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("relation", sa.String(), nullable=True),
        sa.Column("agreement", sa.String(), nullable=True),
        sa.Column("references", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        info={"kind": "kept"},
    )
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.create_index("audit_person", ["area", "person", "at"], unique=False)

    op.create_table(
        "child",
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("child_id", sa.String(), nullable=False),
        sa.Column("identity", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("area", "child_id"),
        info={"kind": "derived"},
    )
    op.create_table(
        "entry",
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("child_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("priority", sa.String(), nullable=False),
        sa.Column("priority_order", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("standard", sa.String(), nullable=False),
        sa.Column("standard_version", sa.String(), nullable=False),
        sa.Column("needs", sa.JSON(), nullable=False),
        sa.Column("support", sa.JSON(), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("flags", sa.JSON(), nullable=False),
        sa.Column("referrer_role", sa.String(), nullable=True),
        sa.Column("sent_by", sa.String(), nullable=False),
        sa.Column("organisation", sa.String(), nullable=True),
        sa.Column("setting", sa.String(), nullable=True),
        sa.Column("family", sa.JSON(), nullable=False),
        sa.Column("out_of_area", sa.Boolean(), nullable=False),
        sa.Column("to_be_sorted", sa.Boolean(), nullable=False),
        sa.Column("redirected_from", sa.String(), nullable=True),
        sa.Column("story", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("corrected_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("met", sa.Boolean(), nullable=False),
        sa.Column("breached", sa.Boolean(), nullable=False),
        sa.Column("clock_runs", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("area", "reference", "agency"),
        info={"kind": "derived"},
    )
    with op.batch_alter_table("entry", schema=None) as batch_op:
        batch_op.create_index(
            "entry_by_status",
            ["area", "agency", "status", "priority_order", "due_at", "received_at", "reference"],
            unique=False,
        )
        batch_op.create_index("entry_clock", ["area", "clock_runs", "due_at"], unique=False)
        batch_op.create_index(
            "entry_queue",
            ["area", "agency", "open", "priority_order", "due_at", "received_at", "reference"],
            unique=False,
        )

    op.create_table(
        "epoch",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        info={"kind": "kept"},
    )
    op.create_table(
        "log",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("caused_by", sa.String(), nullable=True),
        sa.Column("ordinal", sa.Integer(), nullable=True),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("event_id"),
        sa.UniqueConstraint("stream", "version", name="log_stream_version"),
        info={"kind": "log"},
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("log", schema=None) as batch_op:
        batch_op.create_index("log_once_per_cause", ["caused_by", "stream", "type", "ordinal"], unique=True)

    op.create_table(
        "log_position",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("log_id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("source"),
        info={"kind": "kept"},
    )
    op.create_table(
        "parked",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("waits_source", sa.String(), nullable=True),
        sa.Column("waits_stream", sa.String(), nullable=True),
        sa.Column("parked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        info={"kind": "kept"},
    )
    with op.batch_alter_table("parked", schema=None) as batch_op:
        batch_op.create_index("parked_stream", ["source", "stream", "version", "hash"], unique=True)
        batch_op.create_index("parked_waits", ["state", "waits_source", "waits_stream"], unique=False)

    op.create_table(
        "stream_position",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("history", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("source", "stream"),
        info={"kind": "kept"},
    )


def downgrade() -> None:
    """Go back to the version before."""
    op.drop_table("stream_position")
    with op.batch_alter_table("parked", schema=None) as batch_op:
        batch_op.drop_index("parked_waits")
        batch_op.drop_index("parked_stream")

    op.drop_table("parked")
    op.drop_table("log_position")
    with op.batch_alter_table("log", schema=None) as batch_op:
        batch_op.drop_index("log_once_per_cause")

    op.drop_table("log")
    op.drop_table("epoch")
    with op.batch_alter_table("entry", schema=None) as batch_op:
        batch_op.drop_index("entry_queue")
        batch_op.drop_index("entry_clock")
        batch_op.drop_index("entry_by_status")

    op.drop_table("entry")
    op.drop_table("child")
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.drop_index("audit_person")

    op.drop_table("audit")
    with op.batch_alter_table("answer", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_answer_kept_at"))

    op.drop_table("answer")
