"""the contact log of patients."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "contact_log_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("therapist_id", sa.Uuid(), nullable=False),
        sa.Column("placement_request_id", sa.Uuid(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("direction", sa.Text(), nullable=True),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("available_from", sa.Date(), nullable=True),
        sa.Column("practice_name", sa.Text(), nullable=True),
        sa.Column("practice_address", sa.Text(), nullable=True),
        sa.Column("practice_accreditation", sa.Text(), nullable=True),
        sa.Column("corrects", sa.Uuid(), nullable=True),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "channel IN ('email', 'phone', 'letter', 'fax', 'in_person', 'reply_link', 'appointment_service')",
            name=op.f("ck_contact_log_entries_channel"),
        ),
        sa.CheckConstraint("direction IN ('outbound', 'inbound')", name=op.f("ck_contact_log_entries_direction")),
        sa.CheckConstraint(
            "result IN ('sent', 'received', 'reached', 'no_answer', 'busy', 'voicemail', 'wrong_number', 'call_back', 'not_discussed', 'accepted', 'declined_capacity', 'declined_unsuitable', 'declined_other', 'later', 'confirmation_sent', 'withdrawal_sent', 'taken_back')",
            name=op.f("ck_contact_log_entries_result"),
        ),
        sa.CheckConstraint(
            "practice_accreditation IN ('statutory', 'private', 'unknown')",
            name=op.f("ck_contact_log_entries_practice_accreditation"),
        ),
        sa.CheckConstraint(
            "result <> 'taken_back' OR corrects IS NOT NULL", name=op.f("ck_contact_log_entries_taken_back")
        ),
        sa.ForeignKeyConstraint(
            ["placement_request_id"],
            ["placement_requests.id"],
            name=op.f("fk_contact_log_entries_placement_request_id"),
        ),
        sa.ForeignKeyConstraint(["corrects"], ["contact_log_entries.id"], name=op.f("fk_contact_log_entries_corrects")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_log_entries")),
    )
    op.create_index("ix_contact_log_entries_patient", "contact_log_entries", ["patient_id", "number"], unique=False)
    op.create_index(
        "ix_contact_log_entries_occurred", "contact_log_entries", ["patient_id", "occurred_at", "number"], unique=False
    )
    op.create_index("ix_contact_log_entries_at", "contact_log_entries", ["occurred_at"], unique=False)
    op.create_index("uq_contact_log_entries_corrects", "contact_log_entries", ["corrects"], unique=True)
    # each contact is proof: the service adds rows, and corrects by adding more (tests/architecture/test_privileges.py)
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON contact_log_entries FROM matching_service")


def downgrade() -> None:
    op.drop_table("contact_log_entries")
