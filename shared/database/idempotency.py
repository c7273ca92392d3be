"""How long `Idempotency-Key` is remembered."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy import CursorResult, delete
from sqlalchemy.orm import Session

from shared.database.tables import idempotency

REMEMBERED_FOR: Final = timedelta(hours=24)


def prune_idempotency(session: Session, now: datetime) -> int:
    """Forget keys older than 24 hours; returns the number of keys."""
    gone = session.execute(delete(idempotency).where(idempotency.c.created_at <= now - REMEMBERED_FOR))
    return cast("CursorResult[Any]", gone).rowcount
