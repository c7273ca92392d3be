"""The tables of this service."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    MetaData,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.database import GERMAN, NAMES, Aggregate, column_types, is_one_of, new_id, text_list
from shared.database.tables import add_shared_tables
from shared.values.account_enums import (
    AccountChangeKind,
    AccountEmailKind,
    AccountKind,
    OneTimeTokenPurpose,
    SessionEnd,
)
from shared.values.enums import Role

ROLES = ", ".join(f"'{role}'" for role in Role)


class Tables(DeclarativeBase):
    """All tables of the user service."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = column_types


class Account(Aggregate, Tables):
    """A person or a machine that may sign in; never deleted, since logs name for years who did what.

    A deleted account has `deleted_at` and nothing with which anybody could sign in; its e-mail address is free again.
    """

    __tablename__ = "accounts"

    kind: Mapped[str]
    name: Mapped[str] = mapped_column(Text(collation=GERMAN))
    email: Mapped[str | None]
    """As it is written to; None of machines and of deleted accounts."""
    email_key: Mapped[str | None]
    """One spelling of the address, by which a person signs in."""
    roles: Mapped[list[str]] = text_list()
    scopes: Mapped[list[str]] = text_list()
    """What a machine may call; empty of people."""
    active: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    deleted_at: Mapped[datetime | None]
    password_hash: Mapped[str | None]
    """Argon2id; None until the person has accepted the invitation."""
    password_changed_at: Mapped[datetime | None]
    secret_hash: Mapped[bytes | None]
    """SHA-256 of a machine's secret, whose 256 random bits nobody can guess."""
    otp_secret: Mapped[bytes | None]
    """The key of the one-time passwords, sealed for this account."""
    otp_confirmed_at: Mapped[datetime | None]
    """When the person proved to have it; one-time passwords are asked for from then on."""
    otp_last_step: Mapped[int | None] = mapped_column(BigInteger)
    """The time step of the last one-time password that was accepted: none is accepted twice."""
    last_signed_in_at: Mapped[datetime | None]
    created_by: Mapped[UUID | None]

    __table_args__ = (
        UniqueConstraint("email_key"),
        Index(
            "uq_accounts_machine_name",
            "name",
            unique=True,
            postgresql_where=text("kind = 'machine' AND deleted_at IS NULL"),
        ),
        Index("ix_accounts_name", "name", "id"),
        CheckConstraint(is_one_of("kind", AccountKind), name="kind"),
        CheckConstraint(f"roles <@ ARRAY[{ROLES}]", name="roles"),
        CheckConstraint("(kind = 'machine') = ('service' = ANY (roles))", name="machines_have_the_role_service"),
        CheckConstraint("kind = 'machine' OR scopes = '{}'", name="scopes_are_of_machines"),
        CheckConstraint("(email IS NULL) = (email_key IS NULL)", name="email_has_a_key"),
        CheckConstraint("(email IS NULL) = (kind = 'machine' OR deleted_at IS NOT NULL)", name="people_have_an_email"),
        CheckConstraint(
            "deleted_at IS NULL OR (NOT active AND password_hash IS NULL AND secret_hash IS NULL"
            " AND otp_secret IS NULL)",
            name="deleted_cannot_sign_in",
        ),
        CheckConstraint("otp_confirmed_at IS NULL OR otp_secret IS NOT NULL", name="otp_has_a_secret"),
    )


class SignInSession(Tables):
    """One sign-in of a person and the family of refresh tokens that continue it; `id` is `sid` of its access tokens."""

    __tablename__ = "sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"))
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    """When it ends unless it is used before; moved on with each use, at most to `ends_at`."""
    ends_at: Mapped[datetime]
    """When the person must sign in again in any case."""
    address: Mapped[str]
    user_agent: Mapped[str | None]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None]
    ended_by: Mapped[UUID | None]

    __table_args__ = (
        Index("ix_sessions_account_id", "account_id", "created_at"),
        Index("ix_sessions_expires_at", "expires_at"),
        CheckConstraint(is_one_of("end_reason", SessionEnd), name="end_reason"),
        CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="an_end_has_a_reason"),
    )


class RefreshToken(Tables):
    """A refresh token of a session: every one that was given out, so that a used one is recognised."""

    __tablename__ = "refresh_tokens"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    """SHA-256: nobody who reads the table can continue a session."""
    session_id: Mapped[UUID] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"))
    issued_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    """When it was exchanged for its successor."""

    __table_args__ = (Index("ix_refresh_tokens_session_id", "session_id"),)


class SigningKey(Tables):
    """A key that signs access tokens from `signs_from` on, until the next key does; its id is the `kid`."""

    __tablename__ = "signing_keys"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    created_at: Mapped[datetime]
    signs_from: Mapped[datetime]
    public_jwk: Mapped[dict[str, Any]] = mapped_column(JSONB)
    private_jwk: Mapped[bytes]
    """Sealed for this row."""


class OneTimeToken(Tables):
    """What the link in an invitation or a password reset proves; removed when it was used or has expired."""

    __tablename__ = "one_time_tokens"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    """SHA-256 of the 256 random bits in the link."""
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"))
    purpose: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]

    __table_args__ = (
        Index("ix_one_time_tokens_account_id", "account_id"),
        Index("ix_one_time_tokens_expires_at", "expires_at"),
        CheckConstraint(is_one_of("purpose", OneTimeTokenPurpose), name="purpose"),
    )


class AccountEmail(Tables):
    """An e-mail that is to go out; gone when it went, or when nobody may have it.

    It names an account, or for a password reset the address that somebody entered: whether an account has that is
    looked up when the e-mail is written, so the response to the request cannot say it. The token of a link is made then
    too: the table holds nothing with which anybody could sign in.
    """

    __tablename__ = "account_emails"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str]
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("accounts.id"))
    email_key: Mapped[str | None]
    address: Mapped[str | None]
    """Where it goes if not to the account's address: that an address was changed is for the owner of the old one."""
    requested_at: Mapped[datetime]
    """When somebody asked for it, or changed what it is about."""
    due_at: Mapped[datetime]
    leased_until: Mapped[datetime | None]
    """Until then the worker that claimed it is at work."""
    attempts: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """Grows with each attempt, and when it is asked for again: an attempt knows by it whether it is the last one."""
    held_up_by: Mapped[str | None]
    """The cause why the mail server took no e-mails at all at the last attempt. None: this was not tried yet, or the
    server refused this e-mail alone."""

    __table_args__ = (
        UniqueConstraint("email_key"),
        Index("uq_account_emails_invitation", "account_id", unique=True, postgresql_where=text("kind = 'invitation'")),
        Index("ix_account_emails_due_at", "due_at"),
        CheckConstraint(is_one_of("kind", AccountEmailKind), name="kind"),
        CheckConstraint("(email_key IS NOT NULL) = (kind = 'password_reset')", name="a_reset_has_an_address"),
        CheckConstraint("(account_id IS NULL) = (kind = 'password_reset')", name="others_have_an_account"),
        CheckConstraint("(address IS NOT NULL) = (kind = 'email_changed')", name="a_changed_address_has_the_old_one"),
    )


class RecoveryCode(Tables):
    """A code that replaces a one-time password, for a person whose device is lost; gone when it was used."""

    __tablename__ = "recovery_codes"

    code_hash: Mapped[bytes] = mapped_column(primary_key=True)
    """A keyed digest of account and code."""
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"))
    created_at: Mapped[datetime]

    __table_args__ = (Index("ix_recovery_codes_account_id", "account_id"),)


class SignInThrottle(Tables):
    """Attempts to sign in that have not succeeded: of an account, of an address, of an account from an address."""

    __tablename__ = "sign_in_throttles"

    key: Mapped[bytes] = mapped_column(primary_key=True)
    """A keyed digest: the table names neither addresses nor accounts, and has rows of accounts that do not exist."""
    attempts: Mapped[int]
    last_at: Mapped[datetime]
    next_at: Mapped[datetime]
    """When the next attempt is looked at."""

    __table_args__ = (Index("ix_sign_in_throttles_last_at", "last_at"),)


class AccountChange(Tables):
    """The log of what happened to accounts, and who did it; only ever added."""

    __tablename__ = "account_changes"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"))
    change: Mapped[str]
    detail: Mapped[str | None]
    """The new roles, scopes, or names of fields that changed; never a secret."""
    changed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    changed_by: Mapped[UUID | None]
    """The account that did it; None at the command line."""

    __table_args__ = (
        Index("ix_account_changes_account_id", "account_id", "changed_at"),
        CheckConstraint(is_one_of("change", AccountChangeKind), name="change"),
    )


add_shared_tables(Tables.metadata)
