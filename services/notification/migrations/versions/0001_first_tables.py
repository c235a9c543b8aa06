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
        "epoch",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        info={"kind": "kept"},
    )
    op.create_table(
        "hold",
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("area"),
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
        "notice",
        sa.Column("notice", sa.String(), nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("child_id", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("cause_type", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("template", sa.String(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("attempted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("task", sa.String(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("notice"),
        info={"kind": "derived"},
    )
    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.create_index("notice_due", ["area", "state", "due_at"], unique=False)
        batch_op.create_index("notice_reference", ["area", "reference", "created_at"], unique=False)
        batch_op.create_index("notice_task", ["area", "task", "created_at"], unique=False)

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
        "recipient",
        sa.Column("contact_id", sa.String(), nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("child_id", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("parental_responsibility", sa.Boolean(), nullable=False),
        sa.Column("safe_to_contact", sa.Boolean(), nullable=False),
        sa.Column("details", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("contact_id"),
        info={"kind": "derived"},
    )
    with op.batch_alter_table("recipient", schema=None) as batch_op:
        batch_op.create_index("recipient_reference", ["area", "reference"], unique=False)

    op.create_table(
        "recipient_link",
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("contact_id", sa.String(), nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("reference", "contact_id"),
        info={"kind": "derived"},
    )
    op.create_table(
        "referral_case",
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("child_id", sa.String(), nullable=False),
        sa.Column("sent_by", sa.String(), nullable=False),
        sa.Column("organisation", sa.String(), nullable=True),
        sa.Column("setting", sa.String(), nullable=True),
        sa.Column("agencies", sa.JSON(), nullable=False),
        sa.Column("family", sa.JSON(), nullable=False),
        sa.Column("standing", sa.JSON(), nullable=False),
        sa.Column("due", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("reference"),
        info={"kind": "derived"},
    )
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
    op.drop_table("referral_case")
    op.drop_table("recipient_link")
    with op.batch_alter_table("recipient", schema=None) as batch_op:
        batch_op.drop_index("recipient_reference")

    op.drop_table("recipient")
    with op.batch_alter_table("parked", schema=None) as batch_op:
        batch_op.drop_index("parked_waits")
        batch_op.drop_index("parked_stream")

    op.drop_table("parked")
    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.drop_index("notice_task")
        batch_op.drop_index("notice_reference")
        batch_op.drop_index("notice_due")

    op.drop_table("notice")
    op.drop_table("log_position")
    with op.batch_alter_table("log", schema=None) as batch_op:
        batch_op.drop_index("log_once_per_cause")

    op.drop_table("log")
    op.drop_table("hold")
    op.drop_table("epoch")
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.drop_index("audit_person")

    op.drop_table("audit")
    with op.batch_alter_table("answer", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_answer_kept_at"))

    op.drop_table("answer")
