"""What nobody needs any more is removed in portions, so that no transaction is long."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, delete, select
from sqlalchemy.orm import InstrumentedAttribute, Session

PORTION = 5000


def remove_portion(session: Session, key: InstrumentedAttribute[Any], condition: ColumnElement[bool]) -> int:
    """Remove a portion of the rows of this primary key that nobody is at work with; returns their number."""
    old = select(key).where(condition).order_by(key).limit(PORTION).with_for_update(skip_locked=True)
    gone = session.execute(delete(key.class_).where(key.in_(old)))
    return cast("CursorResult[Any]", gone).rowcount
