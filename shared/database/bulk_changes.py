"""Changing many objects in one transaction, each for itself: a refusal takes back its own change and no other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from shared.errors import PlatformError
from shared.values.bulk import ObjectOutcome


def change_each(session: Session, ids: Iterable[UUID], change: Callable[[UUID], Any]) -> list[ObjectOutcome]:
    """Returns what became of each of these objects, in their order."""
    return [ObjectOutcome(id, _refusal_of(session, id, change)) for id in ids]


def _refusal_of(session: Session, id: UUID, change: Callable[[UUID], Any]) -> PlatformError | None:
    try:
        with session.begin_nested():
            change(id)
    except PlatformError as refusal:
        return refusal
    return None
