"""how practices can be contacted, and when callers phone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import shared.values.weekly

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "practice_contacts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email_suppressed", sa.Boolean(), nullable=False),
        sa.Column("email_again_on", sa.Date(), nullable=True),
        sa.Column("call_again_on", sa.Date(), nullable=True),
        sa.Column("planned_call_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("number_is_wrong", sa.Boolean(), nullable=False),
        *_copy_columns(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_practice_contacts")),
    )
    op.create_table(
        "calling_hours",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("callers", sa.Integer(), nullable=False),
        sa.Column("days", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
        *_copy_columns(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calling_hours")),
    )
    op.add_column("therapists", sa.Column("phone_hours", shared.values.weekly.WeeklyColumn(), nullable=True))
    op.add_column(
        "therapists", sa.Column("holidays", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False)
    )
    op.add_column(
        "therapists",
        sa.Column("geocoded_states", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    )
    op.add_column("contact_plans", sa.Column("calls_in_callers_hours", sa.Integer(), nullable=True))


def _copy_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("event_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("written_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    ]


def downgrade() -> None:
    op.drop_column("contact_plans", "calls_in_callers_hours")
    op.drop_column("therapists", "geocoded_states")
    op.drop_column("therapists", "holidays")
    op.drop_column("therapists", "phone_hours")
    op.drop_table("calling_hours")
    op.drop_table("practice_contacts")
