"""the access log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "file_accesses",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("purpose", sa.LargeBinary(), nullable=True),
        sa.Column("accessed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accessed_by", sa.Uuid(), nullable=True),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "action IN ('created', 'read', 'changed', 'revealed', 'audited', 'exported', 'erased')",
            name=op.f("ck_file_accesses_action"),
        ),
        sa.PrimaryKeyConstraint("patient_id", "number", name=op.f("pk_file_accesses")),
    )
    op.create_index("ix_file_accesses_at", "file_accesses", ["accessed_at", "id", "patient_id"], unique=False)
    op.create_table(
        "list_accesses",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("chain", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("patient_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("view", sa.Text(), nullable=False),
        sa.Column("purposes", postgresql.ARRAY(sa.LargeBinary()), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("accessed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accessed_by", sa.Uuid(), nullable=True),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("action IN ('listed', 'exported', 'audited')", name=op.f("ck_list_accesses_action")),
        sa.CheckConstraint("view IN ('full', 'row', 'label')", name=op.f("ck_list_accesses_view")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_list_accesses")),
    )
    op.create_index("uq_list_accesses_chain", "list_accesses", ["chain", "number"], unique=True)
    op.create_index("ix_list_accesses_at", "list_accesses", ["accessed_at", "id", "chain"], unique=False)
    op.create_index("ix_list_accesses_digest", "list_accesses", ["digest", "accessed_at"], unique=False)
    op.create_index("ix_list_accesses_patients", "list_accesses", ["patient_ids"], unique=False, postgresql_using="gin")
    op.create_table(
        "access_anchors",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("chains", sa.Integer(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_access_anchors")),
    )
    op.create_index("uq_access_anchors_day", "access_anchors", ["day"], unique=True)
    op.create_table(
        "anchored_chains",
        sa.Column("anchor", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("chain", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("kind IN ('file', 'list')", name=op.f("ck_anchored_chains_kind")),
        sa.PrimaryKeyConstraint("anchor", "kind", "chain", name=op.f("pk_anchored_chains")),
    )
    op.create_index("ix_anchored_chains_number", "anchored_chains", ["kind", "chain", "number"], unique=False)
    # only ever added to
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON file_accesses FROM patient_service")
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON list_accesses FROM patient_service")
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON access_anchors FROM patient_service")
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON anchored_chains FROM patient_service")


def downgrade() -> None:
    op.drop_table("anchored_chains")
    op.drop_table("access_anchors")
    op.drop_table("list_accesses")
    op.drop_table("file_accesses")
