"""Named questions to the ways that routers are asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, delete, exists, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from geocoding_service.store.tables import CachedRoute
from shared.database.sets import is_among
from shared.values.enums import TravelMode


@dataclass(frozen=True)
class WantedRoute:
    """A way that a router is to be asked for."""

    key: str
    mode: TravelMode
    from_latitude: float
    from_longitude: float
    to_latitude: float
    to_longitude: float


def answered(session: Session, keys: Collection[str], *, now: datetime) -> Mapping[str, CachedRoute]:
    """Those of these ways that are known, and not too old."""
    known = select(CachedRoute).where(
        is_among(CachedRoute.key, keys), CachedRoute.route_km.is_not(None), CachedRoute.kept_until > now
    )
    return {each.key: each for each in session.scalars(known)} if keys else {}


def waiting_keys(session: Session, keys: Collection[str], *, now: datetime) -> set[str]:
    """Which of these ways wait for a router's first answer or for its next."""
    never = or_(CachedRoute.answered_at.is_(None), CachedRoute.due_at <= now)
    waiting = select(CachedRoute.key).where(is_among(CachedRoute.key, keys), never)
    return set(session.scalars(waiting)) if keys else set()


def add(session: Session, wanted: Collection[WantedRoute], *, until: datetime, now: datetime) -> None:
    """Let these ways be asked for, those that are not known yet, and keep all of them until that time at least."""
    rows = [
        {**vars(each), "due_at": now, "kept_until": until}
        for each in sorted({each.key: each for each in wanted}.values(), key=lambda each: each.key)
    ]
    if not rows:
        return
    new = insert(CachedRoute)
    later = {"kept_until": func.greatest(CachedRoute.kept_until, new.excluded.kept_until)}
    session.execute(new.on_conflict_do_update(index_elements=["key"], set_=later), rows)


def is_any_due(session: Session, mode: TravelMode, *, now: datetime) -> bool:
    """Whether a way of this mode waits for a router."""
    return bool(session.scalar(select(exists().where(CachedRoute.mode == mode, CachedRoute.due_at <= now))))


def count_due(session: Session, *, now: datetime) -> int:
    """The number of ways that wait for a router."""
    return session.scalar(select(func.count()).select_from(CachedRoute).where(CachedRoute.due_at <= now)) or 0


def lock_due(
    session: Session, mode: TravelMode, *, at_most: int, now: datetime, keys: Collection[str] | None
) -> Sequence[CachedRoute]:
    """The way that has waited longest, or of these, with others from the same place behind it: locked.

    Nothing where no way waits, or others ask for it.
    """
    due = select(CachedRoute).where(
        CachedRoute.mode == mode, CachedRoute.due_at <= now, *([is_among(CachedRoute.key, keys)] if keys else [])
    )
    locked = due.with_for_update(skip_locked=True).execution_options(populate_existing=True)
    by_wait = locked.order_by(CachedRoute.due_at, CachedRoute.key)
    first = session.scalar(by_wait.limit(1))
    if first is None:
        return []
    beside = (CachedRoute.from_latitude == first.from_latitude, CachedRoute.from_longitude == first.from_longitude)
    return session.scalars(by_wait.where(*beside).limit(at_most)).all()


def lease(session: Session, claimed: Sequence[CachedRoute], *, lease: timedelta, now: datetime) -> None:
    """Let nobody else ask for these ways for so long."""
    for each in claimed:
        each.due_at, each.attempts = now + lease, each.attempts + 1
    session.flush()


def for_change(session: Session, keys: Collection[str]) -> Sequence[CachedRoute]:
    """The ways with these keys, locked in the order of their keys; without those that were forgotten meanwhile."""
    wanted = select(CachedRoute).where(is_among(CachedRoute.key, keys)).order_by(CachedRoute.key).with_for_update()
    return session.scalars(wanted.execution_options(populate_existing=True)).all()


def forget(session: Session, *, now: datetime, at_most: int) -> int:
    """Delete ways that nobody asked for lately; returns their number."""
    old = select(CachedRoute.key).where(CachedRoute.kept_until <= now).order_by(CachedRoute.kept_until).limit(at_most)
    gone = delete(CachedRoute).where(CachedRoute.key.in_(old.with_for_update(skip_locked=True)))
    result = session.execute(gone.execution_options(synchronize_session=False))
    return cast("CursorResult[Any]", result).rowcount
