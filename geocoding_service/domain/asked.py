"""Addresses and routes that a server outside is asked for: when it is asked again after an answer, or without one."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from geocoding_service.domain import outside_servers
from geocoding_service.settings import OutsideServerSettings
from geocoding_service.store import asked as store
from geocoding_service.store.tables import AskedRow
from shared.database import Session


def record_answer(row: AskedRow, *, is_found: bool, rules: OutsideServerSettings, now: datetime) -> None:
    """There was an answer: a good one is kept for long, for any other the server is asked again sooner."""
    row.attempts, row.answered_at = 0, now
    row.due_at = now + (rules.kept if is_found else rules.until_asked_again)


def record_failure(session: Session, table: type[AskedRow], keys: Collection[str], *, now: datetime) -> None:
    """Let rows without an answer wait: longer each time, and beside all others."""
    for row in store.for_change(session, table, keys):
        row.due_at = now + outside_servers.pause_of_one(row.attempts)
    session.flush()
