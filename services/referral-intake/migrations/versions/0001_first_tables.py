"""First tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Bring the tables to this version."""
    op.create_table(
        "addition",
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("evidence", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("reference", "version"),
        info={"kind": "derived"},
    )
    op.create_table(
        "alert",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("sent_by", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("sent", sa.String(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_by", sa.String(), nullable=True),
        sa.Column("escalated_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        info={"kind": "kept"},
    )
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.create_index("alert_received", ["area", "received_at"], unique=False)

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
        sa.Column("child_id", sa.String(), nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("identity", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("child_id"),
        info={"kind": "derived"},
    )
    op.create_table(
        "contact",
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
    with op.batch_alter_table("contact", schema=None) as batch_op:
        batch_op.create_index("contact_reference", ["area", "reference"], unique=False)

    op.create_table(
        "draft",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("values", sa.String(), nullable=False),
        sa.Column("page", sa.String(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        info={"kind": "kept"},
    )
    with op.batch_alter_table("draft", schema=None) as batch_op:
        batch_op.create_index("draft_person", ["person", "updated_at"], unique=False)

    op.create_table(
        "epoch",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        info={"kind": "kept"},
    )
    op.create_table(
        "form_token",
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("person", "token"),
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
        "progress",
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("reference", "agency"),
        info={"kind": "derived"},
    )
    with op.batch_alter_table("progress", schema=None) as batch_op:
        batch_op.create_index("progress_agency", ["area", "agency", "received_at", "reference"], unique=False)

    op.create_table(
        "referral",
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("child_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("acknowledge_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("flags", sa.String(), nullable=False),
        sa.Column("support", sa.String(), nullable=False),
        sa.Column("contacts", sa.String(), nullable=False),
        sa.Column("sent_by", sa.String(), nullable=False),
        sa.Column("family_raised", sa.Boolean(), nullable=False),
        sa.Column("organisation", sa.String(), nullable=True),
        sa.Column("setting", sa.String(), nullable=True),
        sa.Column("concern_raised_on", sa.Date(), nullable=False),
        sa.Column("story", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawal", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("reference"),
        info={"kind": "derived"},
    )
    with op.batch_alter_table("referral", schema=None) as batch_op:
        batch_op.create_index("referral_child", ["area", "child_id"], unique=False)
        batch_op.create_index(
            "referral_organisation", ["area", "organisation", "received_at", "reference"], unique=False
        )
        batch_op.create_index("referral_sender", ["area", "sent_by", "received_at", "reference"], unique=False)
        batch_op.create_index("referral_setting", ["area", "setting", "received_at", "reference"], unique=False)

    op.create_table(
        "referral_agency",
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rules", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("reference", "agency"),
        info={"kind": "derived"},
    )
    with op.batch_alter_table("referral_agency", schema=None) as batch_op:
        batch_op.create_index("referral_agency_of", ["area", "agency", "received_at", "reference"], unique=False)

    op.create_table(
        "search_hash",
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("child_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("area", "hash", "child_id"),
        info={"kind": "kept"},
    )
    with op.batch_alter_table("search_hash", schema=None) as batch_op:
        batch_op.create_index("search_child", ["child_id"], unique=False)

    op.create_table(
        "sender_link",
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
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
    op.create_table(
        "upload",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        info={"kind": "kept"},
    )


def downgrade() -> None:
    """Go back to the version before."""
    op.drop_table("upload")
    op.drop_table("stream_position")
    op.drop_table("sender_link")
    with op.batch_alter_table("search_hash", schema=None) as batch_op:
        batch_op.drop_index("search_child")

    op.drop_table("search_hash")
    with op.batch_alter_table("referral_agency", schema=None) as batch_op:
        batch_op.drop_index("referral_agency_of")

    op.drop_table("referral_agency")
    with op.batch_alter_table("referral", schema=None) as batch_op:
        batch_op.drop_index("referral_setting")
        batch_op.drop_index("referral_sender")
        batch_op.drop_index("referral_organisation")
        batch_op.drop_index("referral_child")

    op.drop_table("referral")
    with op.batch_alter_table("progress", schema=None) as batch_op:
        batch_op.drop_index("progress_agency")

    op.drop_table("progress")
    with op.batch_alter_table("parked", schema=None) as batch_op:
        batch_op.drop_index("parked_waits")
        batch_op.drop_index("parked_stream")

    op.drop_table("parked")
    op.drop_table("log_position")
    with op.batch_alter_table("log", schema=None) as batch_op:
        batch_op.drop_index("log_once_per_cause")

    op.drop_table("log")
    op.drop_table("form_token")
    op.drop_table("epoch")
    with op.batch_alter_table("draft", schema=None) as batch_op:
        batch_op.drop_index("draft_person")

    op.drop_table("draft")
    with op.batch_alter_table("contact", schema=None) as batch_op:
        batch_op.drop_index("contact_reference")

    op.drop_table("contact")
    op.drop_table("child")
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.drop_index("audit_person")

    op.drop_table("audit")
    with op.batch_alter_table("answer", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_answer_kept_at"))

    op.drop_table("answer")
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.drop_index("alert_received")

    op.drop_table("alert")
    op.drop_table("addition")
