"""what comes back by e-mail."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.shared_tables import aggregate_columns

revision = "0006"
down_revision = "0005"
branch_labels = depends_on = None


def upgrade() -> None:
    op.create_table(
        "replies",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("email_id", sa.Uuid(), nullable=True),
        sa.Column("matched_by", sa.Text(), nullable=True),
        sa.Column("suggested_email_id", sa.Uuid(), nullable=True),
        sa.Column("patient_id", sa.Uuid(), nullable=True),
        sa.Column("placement_request_ids", postgresql.ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("notes", postgresql.ARRAY(sa.LargeBinary()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("is_cut", sa.Boolean(), nullable=False),
        sa.Column("attachments", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("uid_validity", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        *aggregate_columns(),
        sa.CheckConstraint(
            "kind IN ('answer', 'patient_answer', 'auto_reply', 'bounce', 'no_more', 'unreadable')",
            name=op.f("ck_replies_kind"),
        ),
        sa.CheckConstraint("state IN ('waiting', 'recorded', 'confirmed', 'dismissed')", name=op.f("ck_replies_state")),
        sa.CheckConstraint("matched_by IN ('token', 'message_id', 'staff')", name=op.f("ck_replies_matched_by")),
        sa.CheckConstraint("(email_id IS NULL) = (matched_by IS NULL)", name=op.f("ck_replies_matched")),
        sa.CheckConstraint(
            "patient_id IS NULL OR (email_id IS NOT NULL AND cardinality(placement_request_ids) = 0)",
            name=op.f("ck_replies_of_a_patient_or_about_requests"),
        ),
        sa.CheckConstraint(
            "state <> 'confirmed' OR email_id IS NOT NULL", name=op.f("ck_replies_confirmed_of_an_email")
        ),
        sa.ForeignKeyConstraint(["email_id"], ["emails.id"], name=op.f("fk_replies_email_id")),
        sa.ForeignKeyConstraint(["suggested_email_id"], ["emails.id"], name=op.f("fk_replies_suggested_email_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replies")),
    )
    op.create_index("uq_replies_fingerprint", "replies", ["fingerprint"], unique=True)
    op.create_index("ix_replies_received_at", "replies", ["received_at", "id"], unique=False)
    op.create_index(op.f("ix_replies_email_id"), "replies", ["email_id"], unique=False)
    op.create_index(op.f("ix_replies_patient_id"), "replies", ["patient_id"], unique=False)
    op.create_index(op.f("ix_replies_suggested_email_id"), "replies", ["suggested_email_id"], unique=False)
    op.create_index(
        "ix_replies_placement_request_ids",
        "replies",
        ["placement_request_ids"],
        unique=False,
        postgresql_using="gin",
    )
    op.create_table(
        "mailbox",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("uid_validity", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_uid", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("trouble_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_mailbox_only_one")),
        sa.CheckConstraint("(trouble_since IS NULL) = (cause IS NULL)", name=op.f("ck_mailbox_cause")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mailbox")),
    )


def downgrade() -> None:
    op.drop_table("mailbox")
    op.drop_table("replies")
