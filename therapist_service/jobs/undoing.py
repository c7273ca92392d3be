"""Imports are undone in portions, each in a transaction of its own."""

from __future__ import annotations

from datetime import datetime

from shared.database import is_trouble, transaction
from shared.runtime.logs import logger
from therapist_service.domain import import_undo

log = logger(__name__)

PORTION = 100
"""Records per transaction: small enough that staff never wait for their locks."""


def undo_imports(now: datetime) -> int:
    """Undo the next records of an import that people want back as it was before."""
    try:
        with transaction() as session:
            return import_undo.undo_portion(session, at_most=PORTION, now=now)
    except Exception as problem:
        if is_trouble(problem):
            raise
    return _undo_one(now)


def _undo_one(now: datetime) -> int:
    """The next record alone, of a portion that the database refuses; it is set aside if it is the one to blame."""
    try:
        with transaction() as session:
            return import_undo.undo_portion(session, at_most=1, now=now)
    except Exception as problem:
        if is_trouble(problem):
            raise
        reason = f"cannot be stored ({type(problem).__name__})"
        log.error("imports.record_not_undone", reason=reason)
    with transaction() as session:
        import_undo.set_aside(session, reason, now=now)
    return 1
