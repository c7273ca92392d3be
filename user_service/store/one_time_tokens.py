"""Tokens in the links of e-mails."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ColumnElement, CursorResult, delete, select
from sqlalchemy.orm import Session

from shared.values.account_enums import OneTimeTokenPurpose
from user_service.store.portions import remove_portion
from user_service.store.tables import OneTimeToken


def _usable(token_hash: bytes, purpose: OneTimeTokenPurpose, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        OneTimeToken.token_hash == token_hash,
        OneTimeToken.purpose == purpose.value,
        OneTimeToken.expires_at > now,
    )


def account_of(session: Session, token_hash: bytes, purpose: OneTimeTokenPurpose, *, now: datetime) -> UUID | None:
    """The account of a token that can be used now."""
    return session.scalar(select(OneTimeToken.account_id).where(*_usable(token_hash, purpose, now)))


def take(session: Session, token_hash: bytes, purpose: OneTimeTokenPurpose, *, now: datetime) -> bool:
    """Remove a token that can be used now; False where there is none (any more)."""
    gone = session.execute(delete(OneTimeToken).where(*_usable(token_hash, purpose, now)))
    return cast("CursorResult[Any]", gone).rowcount == 1


def discard(session: Session, account_id: UUID) -> None:
    """Remove all tokens of an account."""
    session.execute(delete(OneTimeToken).where(OneTimeToken.account_id == account_id))


def prune(session: Session, *, now: datetime) -> int:
    """Remove a portion of the tokens that have run out; returns their number."""
    return remove_portion(session, OneTimeToken.token_hash, OneTimeToken.expires_at <= now)
