"""The keys that sign access tokens."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from user_service.store.tables import SigningKey


def all_keys(session: Session) -> Sequence[SigningKey]:
    """Every key, in the order in which they sign."""
    return session.scalars(select(SigningKey).order_by(SigningKey.signs_from, SigningKey.id)).all()


def lock(session: Session) -> None:
    """Let nobody else add or remove a key before this transaction ends; others can read."""
    session.execute(text("LOCK TABLE signing_keys IN SHARE ROW EXCLUSIVE MODE"))
