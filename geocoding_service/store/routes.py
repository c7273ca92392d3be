"""Named questions to the routes that routers are asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from geocoding_service.store import asked
from geocoding_service.store.tables import CachedRoute
from shared.database.sets import is_among
from shared.values.enums import TravelMode


@dataclass(frozen=True)
class WantedRoute:
    """A route that a router is to be asked for."""

    key: str
    mode: TravelMode
    from_latitude: float
    from_longitude: float
    to_latitude: float
    to_longitude: float


def answered(session: Session, keys: Collection[str], *, now: datetime) -> Mapping[str, CachedRoute]:
    """Those of these routes that are known, and not too old."""
    known = select(CachedRoute).where(
        is_among(CachedRoute.key, keys), CachedRoute.route_km.is_not(None), CachedRoute.kept_until > now
    )
    return {each.key: each for each in session.scalars(known)} if keys else {}


def add(session: Session, wanted: Collection[WantedRoute], *, until: datetime, now: datetime) -> None:
    """Let these routes be asked for, those that are not known yet, and keep all of them until that time at least."""
    rows = [{**vars(each), "kept_until": until} for each in wanted]
    asked.add(session, CachedRoute, rows, kept=CachedRoute.kept_until, now=now)


def is_any_due(session: Session, mode: TravelMode, *, now: datetime) -> bool:
    """Whether a route of this mode waits for a router."""
    return asked.is_any_due(session, CachedRoute, CachedRoute.mode == mode, now=now)


def lock_due(
    session: Session, mode: TravelMode, *, at_most: int, now: datetime, keys: Collection[str] | None
) -> Sequence[CachedRoute]:
    """The route that has waited longest, or of these, with others from the same place behind it: locked.

    Nothing where no route waits, or others ask for it.
    """
    meant = [CachedRoute.mode == mode, *([is_among(CachedRoute.key, keys)] if keys else [])]
    first = asked.lock_due(session, CachedRoute, *meant, at_most=1, now=now)
    if not first:
        return []
    start = first[0].from_latitude, first[0].from_longitude
    meant += [CachedRoute.from_latitude == start[0], CachedRoute.from_longitude == start[1]]
    return asked.lock_due(session, CachedRoute, *meant, at_most=at_most, now=now)


def forget(session: Session, *, now: datetime, at_most: int) -> int:
    """Delete routes that nobody asked for lately; returns their number."""
    old = select(CachedRoute.key).where(CachedRoute.kept_until <= now).order_by(CachedRoute.kept_until).limit(at_most)
    return asked.forget(session, CachedRoute, old)
