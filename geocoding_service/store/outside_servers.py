"""Named questions to what all processes together know of the servers outside: the geocoder, and the routers."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from geocoding_service.store.tables import OutsideServer


def state(session: Session, name: str) -> OutsideServer | None:
    """What is known of a server now."""
    return session.get(OutsideServer, name, populate_existing=True)


def state_for_change(session: Session, name: str) -> OutsideServer:
    """What is known of a server now, locked."""
    session.execute(insert(OutsideServer).values(name=name).on_conflict_do_nothing())
    return session.get_one(OutsideServer, name, with_for_update=True, populate_existing=True)


def take_probe(session: Session, name: str, *, now: datetime, next_at: datetime) -> bool:
    """Whether this transaction is the one that may ask a server in trouble now; the next may at `next_at`."""
    is_meant = (OutsideServer.name == name, OutsideServer.next_try_at <= now)
    taken = update(OutsideServer).where(*is_meant).values(next_try_at=next_at)
    result = session.execute(taken.execution_options(synchronize_session=False))
    return cast("CursorResult[Any]", result).rowcount > 0


_RESERVE = text("""
    INSERT INTO outside_servers AS known (name, next_request_at)
    VALUES (:name, clock_timestamp() + make_interval(secs => :interval))
    ON CONFLICT (name) DO UPDATE
    SET next_request_at = greatest(known.next_request_at, clock_timestamp()) + make_interval(secs => :interval)
    WHERE known.next_request_at <= clock_timestamp() + make_interval(secs => :longest)
    RETURNING extract(epoch FROM known.next_request_at - clock_timestamp()) - :interval
""")


def reserve(session: Session, name: str, *, interval: float, longest: float) -> float | None:
    """Returns in how many seconds the next request may be sent, and leaves no other process that turn.

    None where that is more than `longest` seconds away: then no turn was taken. The row's lock lets processes take
    turns one after another, and the time is the database's: the clocks of two machines differ.
    """
    wait = session.scalar(_RESERVE, {"name": name, "interval": interval, "longest": longest})
    return None if wait is None else max(float(wait), 0.0)
