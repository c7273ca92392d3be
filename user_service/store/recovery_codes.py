"""Codes that replace a one-time password."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CursorResult, delete, func, select
from sqlalchemy.orm import Session

from user_service.store.tables import RecoveryCode


def replace_all(session: Session, account_id: UUID, code_hashes: Iterable[bytes], *, now: datetime) -> None:
    """Let these be the codes of an account, and no others."""
    discard(session, account_id)
    session.add_all(RecoveryCode(code_hash=each, account_id=account_id, created_at=now) for each in code_hashes)
    session.flush()


def take(session: Session, account_id: UUID, code_hash: bytes) -> bool:
    """Remove a code; False where the account has none like it (any more)."""
    gone = session.execute(
        delete(RecoveryCode).where(RecoveryCode.code_hash == code_hash, RecoveryCode.account_id == account_id)
    )
    return cast("CursorResult[Any]", gone).rowcount == 1


def count(session: Session, account_id: UUID) -> int:
    """The number of codes that an account has left."""
    left = select(func.count()).where(RecoveryCode.account_id == account_id)
    return session.scalar(left) or 0


def discard(session: Session, account_id: UUID) -> None:
    """Remove all codes of an account."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account_id))
