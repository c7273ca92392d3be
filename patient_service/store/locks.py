"""Locks for as long as an index key is replaced: the unique indexes hold within one key only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from patient_service.store.queries import LookedFor, NewRow

LOCKS: Final = 64
"""One person's indexes lock a few of so many, so that others seldom wait, and a transaction never has more."""

_EVERYBODY = "hashtext('patient_service compares everybody')"
_LOCK_SOME = text(
    # one who locks all waits for those who lock some, and these wait for one who locks all
    f"SELECT pg_advisory_xact_lock_shared({_EVERYBODY})"  # noqa: S608 - our own name
    " UNION ALL SELECT pg_advisory_xact_lock(hashtext('patient_service compares'), number)"
    " FROM unnest(CAST(:numbers AS integer[])) AS number"
)
_LOCK_ALL = text(f"SELECT pg_advisory_xact_lock({_EVERYBODY})")


def lock_if_of_several_keys(session: Session, looked_for: LookedFor) -> None:
    """Let nobody else enter or become somebody alike before this transaction ends, where the unique indexes do not."""
    if looked_for.of_several_keys:
        indexes = set().union(*vars(looked_for).values())
        session.execute(_LOCK_SOME, {"numbers": sorted({each[0] % LOCKS for each in indexes})})


def lock_all_if_of_several_keys(session: Session, rows: Sequence[NewRow]) -> None:
    """The same for many: nobody at all is entered or becomes like somebody else meanwhile, by one lock for all rows.

    PostgreSQL's room for locks is limited and shared by all services: a few locks for each row of a file exceed it.
    """
    if any(each.looked_for.of_several_keys for each in rows):
        session.execute(_LOCK_ALL)
