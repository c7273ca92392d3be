"""Named questions to accounts, their sessions and their log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ColumnElement, CursorResult, func, insert, literal, or_, select, update
from sqlalchemy.orm import Session

from shared.database import new_id
from shared.database.rows import find_row
from shared.values.account_enums import AccountKind, SessionEnd
from shared.values.enums import Role
from user_service.store.portions import remove_portion
from user_service.store.tables import Account, AccountChange, RefreshToken, SignInSession

# Accounts


def account(session: Session, id: UUID, kind: AccountKind | None = None, *, lock: bool = False) -> Account | None:
    """The account with this id, of this kind where one is named; None also for a deleted one."""
    found = find_row(session, Account, id, lock=lock)
    return found if found and found.deleted_at is None and kind in (None, found.kind) else None


def account_or_deleted(session: Session, id: UUID) -> Account | None:
    """The account with this id, also a deleted one."""
    return find_row(session, Account, id)


def account_of_email(session: Session, email_key: str, *, lock: bool = False) -> Account | None:
    """The person's account with this address, in its one spelling."""
    wanted = select(Account).where(Account.email_key == email_key)
    if lock:
        wanted = wanted.with_for_update().execution_options(populate_existing=True)
    return session.scalar(wanted)


def hash_parameters(session: Session) -> frozenset[str]:
    """The parameters with which the stored passwords were hashed: usually one."""
    parameters = func.substring(Account.password_hash, r"^(.*)\$[^$]*\$[^$]*$")
    found = session.scalars(select(parameters).where(Account.password_hash.is_not(None)).distinct())
    return frozenset(filter(None, found))


def hold_account(session: Session, email_key: str) -> None:
    """Lock an account that a row is going to name, before its counters: others lock in this order."""
    held = select(Account.id).where(Account.email_key == email_key)
    session.execute(held.with_for_update(read=True, key_share=True))


def add_change_of(session: Session, email_key: str, change: str, *, detail: str, now: datetime) -> None:
    """Add to the log of the account with this address; the same statement where there is none."""
    row = select(literal(new_id()), Account.id, literal(change), literal(detail), literal(now))
    columns = ["id", "account_id", "change", "detail", "changed_at"]
    session.execute(insert(AccountChange).from_select(columns, row.where(Account.email_key == email_key)))


def machine_named(session: Session, name: str) -> Account | None:
    """The machine account of this name."""
    return session.scalar(
        select(Account).where(Account.kind == AccountKind.MACHINE, Account.name == name, Account.deleted_at.is_(None))
    )


def machine(session: Session, id_or_name: str) -> Account | None:
    """The machine account with this id, or of this name."""
    try:
        return account(session, UUID(id_or_name), AccountKind.MACHINE)
    except ValueError:
        return machine_named(session, id_or_name)


def lock_administrators(session: Session) -> Sequence[UUID]:
    """The ids of the people who can sign in as administrators, as they are now, locked in the order of their ids.

    A transaction that changes one of them waits here for others that do.
    """
    return session.scalars(
        select(Account.id)
        .where(
            Account.roles.contains([Role.ADMIN.value]),
            Account.kind == AccountKind.PERSON,
            Account.active,
            Account.password_hash.is_not(None),
        )
        .order_by(Account.id)
        .with_for_update()
    ).all()


# Sessions


def _is_active(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return SignInSession.ended_at.is_(None), SignInSession.expires_at > now


def was_used_from(session: Session, email_key: str, address: str) -> bool:
    """Whether the owner of this account has signed in from this address; forgotten with the session.

    A session that somebody had to end may have been a thief's.
    """
    known = (
        select(SignInSession.id)
        .join(Account, Account.id == SignInSession.account_id)
        .where(Account.email_key == email_key, SignInSession.address == address)
        .where(or_(SignInSession.end_reason.is_(None), SignInSession.end_reason == SessionEnd.SIGNED_OUT))
    )
    return session.scalar(select(known.exists())) or False


def sign_in_session(session: Session, id: UUID, *, now: datetime) -> SignInSession | None:
    """The session with this id, where it is active."""
    wanted = select(SignInSession).where(SignInSession.id == id, *_is_active(now))
    return session.scalar(wanted.execution_options(populate_existing=True))


def session_of_token(session: Session, token_hash: bytes, *, now: datetime) -> SignInSession | None:
    """The active session of a refresh token, locked, so that two requests cannot continue or end it at once."""
    return session.scalar(
        select(SignInSession)
        .join(RefreshToken, RefreshToken.session_id == SignInSession.id)
        .where(RefreshToken.token_hash == token_hash, *_is_active(now))
        .with_for_update(of=SignInSession)
        .execution_options(populate_existing=True)
    )


def refresh_token(session: Session, token_hash: bytes) -> RefreshToken | None:
    """A refresh token as it is now."""
    return session.get(RefreshToken, token_hash, populate_existing=True)


def end_sessions(
    session: Session,
    account_id: UUID,
    reason: SessionEnd,
    *,
    only: UUID | None = None,
    except_for: UUID | None = None,
    by: UUID | None,
    now: datetime,
) -> int:
    """End an account's active sessions: all, only one, or all but one; returns their number."""
    conditions = [SignInSession.account_id == account_id, *_is_active(now)]
    if only is not None:
        conditions.append(SignInSession.id == only)
    if except_for is not None:
        conditions.append(SignInSession.id != except_for)
    ended = session.execute(
        update(SignInSession).where(*conditions).values(ended_at=now, end_reason=reason.value, ended_by=by)
    )
    return cast("CursorResult[Any]", ended).rowcount


def prune_sessions(session: Session, *, before: datetime) -> int:
    """Remove a portion of the sessions that could not be used since then, with their tokens; returns their number."""
    return remove_portion(session, SignInSession.id, SignInSession.expires_at < before)
