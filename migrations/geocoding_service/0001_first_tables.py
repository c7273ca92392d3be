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
        sa.Column("federal_states", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("lookup_key", sa.Text(), nullable=True),
        *aggregate_columns(),
        sa.Column("erased", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint("owner_kind IN ('patient', 'therapist')", name=op.f("ck_located_addresses_owner_kind")),
        sa.CheckConstraint(
            "(latitude IS NULL) = (longitude IS NULL)", name=op.f("ck_located_addresses_both_coordinates")
        ),
        sa.CheckConstraint("answered_sequence <= owner_sequence", name=op.f("ck_located_addresses_answered_sequence")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_located_addresses")),
    )
    op.create_index(
        "ix_located_addresses_lookup_key",
        "located_addresses",
        ["lookup_key"],
        postgresql_where=sa.text("lookup_key IS NOT NULL"),
    )
    op.create_table(
        "address_lookups",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("street", sa.Text(), nullable=False),
        sa.Column("house_number", sa.Text(), nullable=True),
        sa.Column("postal_code", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("requested_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("precision", sa.Text(), nullable=True),
        sa.Column("federal_state", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(latitude IS NULL) = (longitude IS NULL)", name=op.f("ck_address_lookups_both_coordinates")
        ),
        sa.CheckConstraint(
            "precision IS NULL OR precision IN ('address', 'street')", name=op.f("ck_address_lookups_precision")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_address_lookups")),
    )
    op.create_index("ix_address_lookups_due_at", "address_lookups", ["due_at"])
    op.create_index(
        "ix_address_lookups_requested",
        "address_lookups",
        ["due_at"],
        postgresql_where=sa.text("requested_until IS NOT NULL"),
    )
    op.create_table(
        "routes",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("from_latitude", sa.Double(), nullable=False),
        sa.Column("from_longitude", sa.Double(), nullable=False),
        sa.Column("to_latitude", sa.Double(), nullable=False),
        sa.Column("to_longitude", sa.Double(), nullable=False),
        sa.Column("alone", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("kept_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("route_km", sa.Double(), nullable=True),
        sa.Column("travel_minutes", sa.Double(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("(route_km IS NULL) = (travel_minutes IS NULL)", name=op.f("ck_routes_both_measures")),
        sa.CheckConstraint("route_km >= 0 AND travel_minutes >= 0", name=op.f("ck_routes_measures")),
        sa.CheckConstraint("mode IN ('car', 'transit', 'bicycle', 'foot')", name=op.f("ck_routes_mode")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_routes")),
    )
    op.create_index("ix_routes_due_at", "routes", ["mode", "due_at"])
    op.create_index("ix_routes_kept_until", "routes", ["kept_until"])
    op.create_table(
        "outside_servers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("next_request_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_outside_servers")),
    )


def downgrade() -> None:
    op.drop_table("outside_servers")
    op.drop_table("routes")
    op.drop_table("address_lookups")
    op.drop_table("located_addresses")
    drop_shared_tables()
