"""Locks on what has no row, or whose rows nobody may wait for: a practice, and the agency's line."""

from __future__ import annotations

from hashlib import blake2b
from uuid import UUID

from sqlalchemy import Boolean, func, select
from sqlalchemy.orm import Session


def lock_number(name: str) -> int:
    # advisory locks are per database, which all services share: the name keeps ours apart
    return int.from_bytes(blake2b(f"communication\x00{name}".encode(), digest_size=8).digest(), "big", signed=True)


def try_to_lock_therapist(session: Session, therapist_id: UUID) -> bool:
    """Whether this transaction may now change what goes to this therapist; False while another one does."""
    return bool(session.scalar(select(func.pg_try_advisory_xact_lock(lock_number(str(therapist_id)), type_=Boolean))))


def lock_therapist(session: Session, therapist_id: UUID) -> None:
    """Wait until no other transaction changes what goes to this therapist, and keep others out until ours ends."""
    session.execute(select(func.pg_advisory_xact_lock(lock_number(str(therapist_id)))))


def lock_line(session: Session) -> None:
    """Let calls be planned by one transaction at a time, or two could wait for each other's slots."""
    session.execute(select(func.pg_advisory_xact_lock(lock_number("line"))))
