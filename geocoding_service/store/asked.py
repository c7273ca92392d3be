"""Named questions to rows that a server outside is asked for, addresses and routes alike."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

from sqlalchemy import ColumnElement, CursorResult, Select, delete, exists, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute, Session

from geocoding_service.store.tables import AskedRow
from shared.database.sets import is_among

Row = TypeVar("Row", bound=AskedRow)


def waiting_keys(session: Session, table: type[AskedRow], keys: Collection[str], *, now: datetime) -> set[str]:
    """Which of these rows wait for the server's first answer or for its next."""
    never = or_(table.answered_at.is_(None), table.due_at <= now)
    return set(session.scalars(select(table.key).where(is_among(table.key, keys), never))) if keys else set()


def add(
    session: Session,
    table: type[AskedRow],
    rows: Collection[Mapping[str, Any]],
    *,
    kept: InstrumentedAttribute[Any] | None,
    now: datetime,
) -> None:
    """Let the server be asked for these rows, those that are not known yet.

    `kept`: the column that says until when a row is kept; of a known row it becomes the later of the two. None leaves
    known rows as they are.
    """
    by_key = {each["key"]: {**each, "due_at": now} for each in rows}
    if not by_key:
        return
    new = insert(table)
    if kept is None:
        new = new.on_conflict_do_nothing()
    else:
        later = {kept.key: func.greatest(kept, new.excluded[kept.key])}
        new = new.on_conflict_do_update(index_elements=["key"], set_=later)
    session.execute(new, [by_key[key] for key in sorted(by_key)])


def is_any_due(session: Session, table: type[AskedRow], *conditions: ColumnElement[bool], now: datetime) -> bool:
    """Whether a row of those that fulfil the conditions waits for the server."""
    return bool(session.scalar(select(exists().where(table.due_at <= now, *conditions))))


def count_due(session: Session, table: type[AskedRow], *, now: datetime) -> int:
    """The number of rows that wait for a server."""
    return session.scalar(select(func.count()).select_from(table).where(table.due_at <= now)) or 0


def lock_due(
    session: Session, table: type[Row], *conditions: ColumnElement[bool], at_most: int, now: datetime
) -> Sequence[Row]:
    """The rows that have waited longest of those that fulfil the conditions, locked, without those that others have."""
    wanted = select(table).where(table.due_at <= now, *conditions).order_by(table.due_at, table.key).limit(at_most)
    locked = wanted.with_for_update(skip_locked=True).execution_options(populate_existing=True)
    return session.scalars(locked).all()


def lease(session: Session, claimed: Sequence[AskedRow], *, lease: timedelta, now: datetime) -> None:
    """Let nobody else ask for these rows for so long."""
    for each in claimed:
        each.due_at, each.attempts = now + lease, each.attempts + 1
    session.flush()


def for_change(session: Session, table: type[Row], keys: Collection[str]) -> Sequence[Row]:
    """The rows with these keys, locked in the order of their keys; without those that were forgotten meanwhile."""
    wanted = select(table).where(is_among(table.key, keys)).order_by(table.key).with_for_update()
    return session.scalars(wanted.execution_options(populate_existing=True)).all()


def forget(session: Session, table: type[AskedRow], old: Select[str]) -> int:
    """Delete the rows with these keys, but for those that others have; returns their number."""
    gone = delete(table).where(table.key.in_(old.with_for_update(skip_locked=True)))
    result = session.execute(gone.execution_options(synchronize_session=False))
    return cast("CursorResult[Any]", result).rowcount
