"""Locks for as long as an index key is replaced: the unique indexes hold within one key only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy.orm import Session

from patient_service.store.queries import LookedFor, NewRow
from shared.database import take_turn, take_turns

LOCKS: Final = 64
"""One person's indexes lock a few of so many, so that others seldom wait, and a transaction never has more."""

_EVERYBODY: Final = "patient_service compares everybody"
_SOMEBODY: Final = "patient_service compares"


def lock_if_of_several_keys(session: Session, looked_for: LookedFor) -> None:
    """Let nobody else enter or become somebody alike before this transaction ends, where the unique indexes do not."""
    if looked_for.of_several_keys:
        indexes = set().union(*vars(looked_for).values())
        take_turns(session, [(_SOMEBODY, str(each[0] % LOCKS)) for each in indexes], of=_EVERYBODY)


def lock_all_if_of_several_keys(session: Session, rows: Sequence[NewRow]) -> None:
    """The same for many: nobody at all is entered or becomes like somebody else meanwhile, by one lock for all rows.

    PostgreSQL's room for locks is limited and shared by all services: a few locks for each row of a file exceed it.
    """
    if any(each.looked_for.of_several_keys for each in rows):
        take_turn(session, _EVERYBODY)
