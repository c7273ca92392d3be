"""first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.shared_tables import aggregate_columns, create_shared_tables, drop_shared_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_shared_tables()
    op.create_table(
        "accounts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(collation="de-x-icu"), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("email_key", sa.Text(), nullable=True),
        sa.Column("roles", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("password_changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=True),
        sa.Column("otp_secret", sa.LargeBinary(), nullable=True),
        sa.Column("otp_confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("otp_last_step", sa.BigInteger(), nullable=True),
        sa.Column("last_signed_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        *aggregate_columns(),
        sa.CheckConstraint("kind IN ('person', 'machine')", name=op.f("ck_accounts_kind")),
        sa.CheckConstraint(
            "roles <@ ARRAY['admin', 'coordinator', 'caller', 'importer', 'auditor', 'service']",
            name=op.f("ck_accounts_roles"),
        ),
        sa.CheckConstraint(
            "(kind = 'machine') = ('service' = ANY (roles))", name=op.f("ck_accounts_machines_have_the_role_service")
        ),
        sa.CheckConstraint("kind = 'machine' OR scopes = '{}'", name=op.f("ck_accounts_scopes_are_of_machines")),
        sa.CheckConstraint("(email IS NULL) = (email_key IS NULL)", name=op.f("ck_accounts_email_has_a_key")),
        sa.CheckConstraint(
            "(email IS NULL) = (kind = 'machine' OR deleted_at IS NOT NULL)",
            name=op.f("ck_accounts_people_have_an_email"),
        ),
        sa.CheckConstraint(
            "deleted_at IS NULL OR (NOT active AND password_hash IS NULL AND secret_hash IS NULL"
            " AND otp_secret IS NULL)",
            name=op.f("ck_accounts_deleted_cannot_sign_in"),
        ),
        sa.CheckConstraint(
            "otp_confirmed_at IS NULL OR otp_secret IS NOT NULL", name=op.f("ck_accounts_otp_has_a_secret")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("email_key", name=op.f("uq_accounts_email_key")),
    )
    op.create_index(
        "uq_accounts_machine_name",
        "accounts",
        ["name"],
        unique=True,
        postgresql_where=sa.text("kind = 'machine' AND deleted_at IS NULL"),
    )
    op.create_index("ix_accounts_name", "accounts", ["name", "id"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "end_reason IN ('signed_out', 'revoked', 'token_reused', 'password_changed', 'account_closed')",
            name=op.f("ck_sessions_end_reason"),
        ),
        sa.CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name=op.f("ck_sessions_an_end_has_a_reason")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_sessions_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
    )
    op.create_index("ix_sessions_account_id", "sessions", ["account_id", "created_at"], unique=False)
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"], unique=False)
    op.create_table(
        "refresh_tokens",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name=op.f("fk_refresh_tokens_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_refresh_tokens")),
    )
    op.create_index("ix_refresh_tokens_session_id", "refresh_tokens", ["session_id"], unique=False)
    op.create_table(
        "signing_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signs_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("public_jwk", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("private_jwk", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_keys")),
    )
    op.create_table(
        "one_time_tokens",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("purpose IN ('invitation', 'password_reset')", name=op.f("ck_one_time_tokens_purpose")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_one_time_tokens_account_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_one_time_tokens")),
    )
    op.create_index("ix_one_time_tokens_account_id", "one_time_tokens", ["account_id"], unique=False)
    op.create_index("ix_one_time_tokens_expires_at", "one_time_tokens", ["expires_at"], unique=False)
    op.create_table(
        "account_emails",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("email_key", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("held_up_by", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('invitation', 'password_reset', 'password_changed', 'email_changed', 'otp_enabled',"
            " 'otp_disabled', 'recovery_code_used')",
            name=op.f("ck_account_emails_kind"),
        ),
        sa.CheckConstraint(
            "(email_key IS NOT NULL) = (kind = 'password_reset')", name=op.f("ck_account_emails_a_reset_has_an_address")
        ),
        sa.CheckConstraint(
            "(account_id IS NULL) = (kind = 'password_reset')", name=op.f("ck_account_emails_others_have_an_account")
        ),
        sa.CheckConstraint(
            "(address IS NOT NULL) = (kind = 'email_changed')",
            name=op.f("ck_account_emails_a_changed_address_has_the_old_one"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_account_emails_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_emails")),
        sa.UniqueConstraint("email_key", name=op.f("uq_account_emails_email_key")),
    )
    op.create_index("ix_account_emails_due_at", "account_emails", ["due_at"], unique=False)
    op.create_index(
        "uq_account_emails_invitation",
        "account_emails",
        ["account_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'invitation'"),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_recovery_codes_account_id")),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_recovery_codes")),
    )
    op.create_index("ix_recovery_codes_account_id", "recovery_codes", ["account_id"], unique=False)
    op.create_table(
        "sign_in_throttles",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_sign_in_throttles")),
    )
    op.create_index("ix_sign_in_throttles_last_at", "sign_in_throttles", ["last_at"], unique=False)
    op.create_table(
        "account_changes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("change", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "change IN ('created', 'changed', 'email_changed', 'roles_changed', 'scopes_changed', 'activated',"
            " 'deactivated', 'deleted', 'password_changed', 'secret_changed', 'invited', 'invitation_accepted',"
            " 'password_reset', 'email_sent', 'email_failed', 'otp_enabled', 'otp_disabled', 'recovery_code_used',"
            " 'signed_in', 'sign_in_delayed', 'sessions_ended', 'token_reused')",
            name=op.f("ck_account_changes_change"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_account_changes_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_changes")),
    )
    op.create_index("ix_account_changes_account_id", "account_changes", ["account_id", "changed_at"], unique=False)
    # what the classes promise in their docstrings, the role keeps
    op.execute("REVOKE DELETE, TRUNCATE ON accounts FROM user_service")
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON account_changes FROM user_service")


def downgrade() -> None:
    op.drop_table("account_changes")
    op.drop_table("sign_in_throttles")
    op.drop_table("recovery_codes")
    op.drop_table("account_emails")
    op.drop_table("one_time_tokens")
    op.drop_table("signing_keys")
    op.drop_table("refresh_tokens")
    op.drop_table("sessions")
    op.drop_table("accounts")
    drop_shared_tables()
