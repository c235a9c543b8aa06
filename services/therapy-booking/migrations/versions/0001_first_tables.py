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
        "block",
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("block", sa.String(), nullable=False),
        sa.Column("pool", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("therapist", sa.String(), nullable=False),
        sa.Column("held_by", sa.String(), nullable=True),
        sa.Column("discipline", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=False),
        sa.Column("price_pence", sa.BigInteger(), nullable=False),
        sa.Column("charges", sa.JSON(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("block"),
        info={"kind": "derived"},
    )
    with op.batch_alter_table("block", schema=None) as batch_op:
        batch_op.create_index("block_discipline", ["area", "discipline", "last_at"], unique=False)
        batch_op.create_index("block_pool", ["area", "pool", "first_at"], unique=False)

    op.create_table(
        "booking",
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("booking", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("child_id", sa.String(), nullable=False),
        sa.Column("block", sa.String(), nullable=False),
        sa.Column("discipline", sa.String(), nullable=False),
        sa.Column("seat", sa.Integer(), nullable=False),
        sa.Column("held_by", sa.String(), nullable=True),
        sa.Column("offer", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason_code", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("booking"),
        info={"kind": "derived"},
    )
    with op.batch_alter_table("booking", schema=None) as batch_op:
        batch_op.create_index("booking_block", ["area", "block", "status"], unique=False)
        batch_op.create_index(
            "booking_once",
            ["reference", "discipline"],
            unique=True,
            sqlite_where=sa.text("status = 'booked'"),
            postgresql_where=sa.text("status = 'booked'"),
        )
        batch_op.create_index("booking_reference", ["area", "reference"], unique=False)

    op.create_table(
        "child",
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("child_id", sa.String(), nullable=False),
        sa.Column("identity", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("child_id"),
        info={"kind": "derived"},
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
        "offer",
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("offer", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("child_id", sa.String(), nullable=False),
        sa.Column("block", sa.String(), nullable=False),
        sa.Column("discipline", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("offer"),
        info={"kind": "derived"},
    )
    with op.batch_alter_table("offer", schema=None) as batch_op:
        batch_op.create_index("offer_block", ["area", "block", "status"], unique=False)
        batch_op.create_index("offer_reference", ["area", "reference", "discipline", "status"], unique=False)

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
        "place",
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("postcode", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("place"),
        info={"kind": "derived"},
    )
    with op.batch_alter_table("place", schema=None) as batch_op:
        batch_op.create_index("place_name", ["area", "name"], unique=False)

    op.create_table(
        "pool",
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("pool", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("term", sa.String(), nullable=False),
        sa.Column("contributions", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("pool"),
        info={"kind": "derived"},
    )
    with op.batch_alter_table("pool", schema=None) as batch_op:
        batch_op.create_index("pool_term", ["area", "term", "name"], unique=False)

    op.create_table(
        "provider",
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("provider"),
        info={"kind": "derived"},
    )
    with op.batch_alter_table("provider", schema=None) as batch_op:
        batch_op.create_index("provider_name", ["area", "name"], unique=False)

    op.create_table(
        "seat",
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("session", sa.String(), nullable=False),
        sa.Column("seat", sa.Integer(), nullable=False),
        sa.Column("booking", sa.String(), nullable=False),
        sa.Column("block", sa.String(), nullable=False),
        sa.Column("child_id", sa.String(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("session", "seat"),
        info={"kind": "derived"},
    )
    with op.batch_alter_table("seat", schema=None) as batch_op:
        batch_op.create_index("seat_block", ["area", "block", "starts_at"], unique=False)
        batch_op.create_index("seat_booking", ["area", "booking"], unique=False)
        batch_op.create_index("seat_child", ["area", "child_id", "starts_at"], unique=False)

    op.create_table(
        "slot",
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("session", sa.String(), nullable=False),
        sa.Column("block", sa.String(), nullable=False),
        sa.Column("therapist", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("session"),
        info={"kind": "derived"},
    )
    with op.batch_alter_table("slot", schema=None) as batch_op:
        batch_op.create_index("slot_block", ["area", "block", "starts_at"], unique=False)
        batch_op.create_index("slot_place", ["area", "place", "starts_at"], unique=False)
        batch_op.create_index("slot_therapist", ["area", "therapist", "starts_at"], unique=False)

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
        "therapist",
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("therapist", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("disciplines", sa.JSON(), nullable=False),
        sa.Column("skills", sa.JSON(), nullable=False),
        sa.Column("languages", sa.JSON(), nullable=False),
        sa.Column("person", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("therapist"),
        info={"kind": "derived"},
    )
    with op.batch_alter_table("therapist", schema=None) as batch_op:
        batch_op.create_index("therapist_name", ["area", "name"], unique=False)

    op.create_table(
        "waiting",
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("discipline", sa.String(), nullable=False),
        sa.Column("child_id", sa.String(), nullable=False),
        sa.Column("sessions", sa.Integer(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("priority", sa.String(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("offer_due", sa.DateTime(timezone=True), nullable=False),
        sa.Column("standard_version", sa.String(), nullable=False),
        sa.Column("sent_by", sa.String(), nullable=False),
        sa.Column("setting", sa.String(), nullable=True),
        sa.Column("family", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason_code", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("reference", "discipline"),
        info={"kind": "derived"},
    )
    with op.batch_alter_table("waiting", schema=None) as batch_op:
        batch_op.create_index("waiting_child", ["area", "child_id"], unique=False)
        batch_op.create_index("waiting_line", ["area", "discipline", "status"], unique=False)

    op.create_table(
        "withdrawn",
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("reference"),
        info={"kind": "derived"},
    )


def downgrade() -> None:
    """Go back to the version before."""
    op.drop_table("withdrawn")
    with op.batch_alter_table("waiting", schema=None) as batch_op:
        batch_op.drop_index("waiting_line")
        batch_op.drop_index("waiting_child")

    op.drop_table("waiting")
    with op.batch_alter_table("therapist", schema=None) as batch_op:
        batch_op.drop_index("therapist_name")

    op.drop_table("therapist")
    op.drop_table("stream_position")
    with op.batch_alter_table("slot", schema=None) as batch_op:
        batch_op.drop_index("slot_therapist")
        batch_op.drop_index("slot_place")
        batch_op.drop_index("slot_block")

    op.drop_table("slot")
    with op.batch_alter_table("seat", schema=None) as batch_op:
        batch_op.drop_index("seat_child")
        batch_op.drop_index("seat_booking")
        batch_op.drop_index("seat_block")

    op.drop_table("seat")
    with op.batch_alter_table("provider", schema=None) as batch_op:
        batch_op.drop_index("provider_name")

    op.drop_table("provider")
    with op.batch_alter_table("pool", schema=None) as batch_op:
        batch_op.drop_index("pool_term")

    op.drop_table("pool")
    with op.batch_alter_table("place", schema=None) as batch_op:
        batch_op.drop_index("place_name")

    op.drop_table("place")
    with op.batch_alter_table("parked", schema=None) as batch_op:
        batch_op.drop_index("parked_waits")
        batch_op.drop_index("parked_stream")

    op.drop_table("parked")
    with op.batch_alter_table("offer", schema=None) as batch_op:
        batch_op.drop_index("offer_reference")
        batch_op.drop_index("offer_block")

    op.drop_table("offer")
    op.drop_table("log_position")
    with op.batch_alter_table("log", schema=None) as batch_op:
        batch_op.drop_index("log_once_per_cause")

    op.drop_table("log")
    op.drop_table("epoch")
    op.drop_table("child")
    with op.batch_alter_table("booking", schema=None) as batch_op:
        batch_op.drop_index("booking_reference")
        batch_op.drop_index(
            "booking_once", sqlite_where=sa.text("status = 'booked'"), postgresql_where=sa.text("status = 'booked'")
        )
        batch_op.drop_index("booking_block")

    op.drop_table("booking")
    with op.batch_alter_table("block", schema=None) as batch_op:
        batch_op.drop_index("block_pool")
        batch_op.drop_index("block_discipline")

    op.drop_table("block")
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.drop_index("audit_person")

    op.drop_table("audit")
    with op.batch_alter_table("answer", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_answer_kept_at"))

    op.drop_table("answer")
