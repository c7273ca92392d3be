"""templates."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.shared_tables import aggregate_columns

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "templates",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("body_text", sa.Text(), nullable=False),
        sa.Column("body_html", sa.Text(), nullable=True),
        *aggregate_columns(),
        sa.CheckConstraint("(subject IS NULL) = (body_html IS NULL)", name=op.f("ck_templates_an_email_has_both")),
        sa.CheckConstraint(
            "kind IN ('inquiry', 'confirmation', 'withdrawal', 'patient_notice', 'patient_progress', 'call_script', "
            "'voicemail_script')",
            name=op.f("ck_templates_kind"),
        ),
        sa.CheckConstraint("language IN ('de', 'en')", name=op.f("ck_templates_language")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_templates")),
    )
    op.create_index("ix_templates_kind", "templates", ["kind", "language", "name", "id"])
    op.create_index(
        "uq_templates_active",
        "templates",
        ["kind", "language"],
        unique=True,
        postgresql_where=sa.text("active"),
    )
    op.create_table(
        "template_versions",
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("body_text", sa.Text(), nullable=False),
        sa.Column("body_html", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["template_id"], ["templates.id"], name=op.f("fk_template_versions_template_id")),
        sa.PrimaryKeyConstraint("template_id", "version", name=op.f("pk_template_versions")),
    )
    op.add_column("emails", sa.Column("template_version", sa.Integer(), nullable=True))
    op.create_foreign_key(
        op.f("fk_emails_template_id_template_version"),
        "emails",
        "template_versions",
        ["template_id", "template_version"],
        ["template_id", "version"],
    )
    op.create_check_constraint(
        op.f("ck_emails_a_version_of_its_template"), "emails", "(template_id IS NULL) = (template_version IS NULL)"
    )
    op.execute("REVOKE DELETE, TRUNCATE ON templates FROM communication_service")
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON template_versions FROM communication_service")


def downgrade() -> None:
    op.drop_constraint(op.f("ck_emails_a_version_of_its_template"), "emails")
    op.drop_constraint(op.f("fk_emails_template_id_template_version"), "emails")
    op.drop_column("emails", "template_version")
    op.drop_table("template_versions")
    op.drop_table("templates")
