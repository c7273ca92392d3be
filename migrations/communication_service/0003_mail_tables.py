"""mail tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.shared_tables import aggregate_columns

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "email_suppressions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_by", sa.Uuid(), nullable=True),
        *aggregate_columns(),
        sa.CheckConstraint(
            "source IN ('staff', 'opt_out', 'mail_server', 'link', 'reply', 'bounce')",
            name=op.f("ck_email_suppressions_source"),
        ),
        sa.CheckConstraint(
            "removed_by IS NULL OR removed_at IS NOT NULL", name=op.f("ck_email_suppressions_removed_by_somebody")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_email_suppressions")),
    )
    op.create_index(
        "uq_email_suppressions_email_key",
        "email_suppressions",
        ["email_key", "source"],
        unique=True,
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.create_table(
        "mail_server",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("troubles", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("not_taken", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("refused", sa.ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("to_take_back", sa.ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(troubles > 0) = (next_try_at IS NOT NULL)", name=op.f("ck_mail_server_next_try")),
        sa.CheckConstraint("(troubles > 0) = (since IS NOT NULL)", name=op.f("ck_mail_server_since")),
        sa.CheckConstraint("id = 1", name=op.f("ck_mail_server_only_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_server")),
    )


def downgrade() -> None:
    op.drop_table("mail_server")
    op.drop_table("email_suppressions")
