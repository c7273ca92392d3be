"""first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.shared_tables import aggregate_columns, create_shared_tables, drop_shared_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_shared_tables()
    op.create_table(
        "located_addresses",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_kind", sa.Text(), nullable=False),
        sa.Column("owner_sequence", sa.BigInteger(), nullable=False),
        sa.Column("owner_event_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_sequence", sa.BigInteger(), nullable=False),
        sa.Column("street", sa.Text(), nullable=True),
        sa.Column("house_number", sa.Text(), nullable=True),
        sa.Column("postal_code", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("precision", sa.Text(), nullable=True),
        sa.Column("federal_state", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        *aggregate_columns(),
        sa.Column("erased", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint("owner_kind IN ('patient', 'therapist')", name=op.f("ck_located_addresses_owner_kind")),
        sa.CheckConstraint(
            "(latitude IS NULL) = (longitude IS NULL)", name=op.f("ck_located_addresses_both_coordinates")
        ),
        sa.CheckConstraint("answered_sequence <= owner_sequence", name=op.f("ck_located_addresses_answered_sequence")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_located_addresses")),
    )


def downgrade() -> None:
    op.drop_table("located_addresses")
    drop_shared_tables()
