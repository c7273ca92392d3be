"""what was published of how practices can be contacted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.shared_tables import aggregate_columns

revision = "0005"
down_revision = "0004"
branch_labels = depends_on = None


def upgrade() -> None:
    op.create_table(
        "published_contacts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email_suppressed", sa.Boolean(), nullable=False),
        sa.Column("email_again_on", sa.Date(), nullable=True),
        sa.Column("call_again_on", sa.Date(), nullable=True),
        sa.Column("planned_call_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("number_is_wrong", sa.Boolean(), nullable=False),
        *aggregate_columns(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_published_contacts")),
    )
    op.create_table(
        "published_calling_hours",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("callers", sa.Integer(), nullable=False),
        sa.Column("days", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
        *aggregate_columns(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_published_calling_hours")),
    )


def downgrade() -> None:
    op.drop_table("published_calling_hours")
    op.drop_table("published_contacts")
