"""Changing many objects in one transaction, each for itself: a refusal takes back its own change and no other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from shared.database.locks import take_turn, wait_for_longer
from shared.errors import PlatformError
from shared.values.bulk import ObjectOutcome


def take_turn_with_many(session: Session, kind: str) -> None:
    """Wait until no other change of many objects of this kind is under way, and keep others out until ours ends.

    Two at once may want the same rows, and a thousand take longer than a statement waits for a row. `kind` begins with
    the service. To be called before anything is locked.
    """
    wait_for_longer(session)
    take_turn(session, kind, "many at once")


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
