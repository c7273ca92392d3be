"""Locking rows, always in the order of their ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, literal, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.interfaces import ORMOption

from shared.database.columns import Aggregate

AnyAggregate = TypeVar("AnyAggregate", bound=Aggregate)


def next_locked(
    session: Session, kind: type[AnyAggregate], *, after: UUID, limit: int, options: Sequence[ORMOption] = ()
) -> Sequence[AnyAggregate]:
    """The next aggregates by id, as they are now, locked."""
    return session.scalars(
        select(kind)
        .where(kind.id > after)
        .options(*options)
        .order_by(kind.id)
        .limit(limit)
        .with_for_update(of=kind)
        .execution_options(populate_existing=True)
    ).all()


def lock_rows(session: Session, kind: type[Any], ids: Iterable[UUID]) -> None:
    """Let no other transaction change these rows before ours ends.

    In the order of their ids, as everywhere: two transactions that lock several rows cannot wait for each other.
    """
    wanted = sorted(set(ids))
    if wanted:
        # one parameter however many ids: a poll brings hundreds
        meant = kind.id == any_(literal(wanted, ARRAY(Uuid)))
        session.execute(select(kind.id).where(meant).order_by(kind.id).with_for_update(key_share=True)).all()
