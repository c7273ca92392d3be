"""When each therapist is planned for again.

A request has an instant of its own (`due_at`). What concerns many requests is an entry of the schedule, which is only
added: whoever brings such news waits for nobody who holds a request.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CollectionAggregate,
    ColumnElement,
    Uuid,
    any_,
    delete,
    false,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from communication_service.store.request_queries import UNSENT
from communication_service.store.tables import (
    Look,
    PlacementRequest,
    Therapist,
)


class Due(NamedTuple):
    """A therapist whom composing must look at, and what caused the oldest of their requests."""

    therapist_id: UUID
    correlation_id: str | None


def due(session: Session, *, now: datetime, limit: int) -> list[Due]:
    """Therapists with something to look at; those who may have a place first, then the longest due."""
    looks = union_all(
        select(
            PlacementRequest.therapist_id,
            PlacementRequest.look_at,
            PlacementRequest.correlation_id,
            PlacementRequest.waiting_since.label("since"),
            PlacementRequest.id,
        ).where(PlacementRequest.look_at <= now),
        select(Look.therapist_id, Look.look_at, Look.correlation_id, null(), Look.id).where(Look.look_at <= now),
    ).subquery()
    oldest_first = aggregate_order_by(looks.c.correlation_id, looks.c.since.asc().nulls_last(), looks.c.id)
    rows = (
        select(looks.c.therapist_id, func.array_agg(oldest_first)[1])
        .outerjoin(Therapist, Therapist.id == looks.c.therapist_id)
        .group_by(looks.c.therapist_id, Therapist.potentially_available)
        .order_by(
            func.coalesce(Therapist.potentially_available, false()).desc(),
            func.min(looks.c.look_at),
            looks.c.therapist_id,
        )
        .limit(limit)
    )
    return [Due(*row) for row in session.execute(rows)]


def is_due(session: Session, therapist_id: UUID, *, now: datetime) -> bool:
    """Whether composing still has to look at this therapist."""
    due = (
        select(kind.id).where(kind.therapist_id == therapist_id, kind.look_at <= now).exists()
        for kind in (PlacementRequest, Look)
    )
    return bool(session.scalar(select(or_(*due))))


def add(session: Session, condition: ColumnElement[bool], *, at: datetime) -> None:
    """Let composing look at the therapists of these unsent requests not later than `at`; waits for nobody."""
    oldest_first = aggregate_order_by(
        PlacementRequest.correlation_id, PlacementRequest.waiting_since.asc().nulls_last(), PlacementRequest.id
    )
    found = session.execute(
        select(PlacementRequest.therapist_id, func.array_agg(oldest_first)[1])
        .where(UNSENT, condition)
        .group_by(PlacementRequest.therapist_id)
    )
    session.add_all(Look(therapist_id=one, look_at=at, correlation_id=cause) for one, cause in found)
    session.flush()


def clear(session: Session, therapist_id: UUID) -> None:
    """What is read after this is as new as every wish to look that it takes; the therapist is locked."""
    session.execute(delete(Look).where(Look.therapist_id == therapist_id))


def postpone(session: Session, therapist_id: UUID, *, at: datetime) -> None:
    """Leave a therapist alone until then."""
    clear(session, therapist_id)
    to_look_at = select(PlacementRequest).where(
        PlacementRequest.therapist_id == therapist_id, PlacementRequest.look_at.is_not(None)
    )
    for request in session.scalars(to_look_at.order_by(PlacementRequest.id).with_for_update()):
        request.look_at = at


def to_therapists(ids: Iterable[UUID]) -> ColumnElement[bool]:
    """Requests to one of these therapists."""
    return PlacementRequest.therapist_id == _one_of(ids)


def of_patients(ids: Iterable[UUID]) -> ColumnElement[bool]:
    """Requests for one of these patients."""
    return PlacementRequest.patient_id == _one_of(ids)


def _one_of(ids: Iterable[UUID]) -> CollectionAggregate[Any]:
    # one parameter however many ids: a poll brings hundreds
    return any_(literal(list(ids), ARRAY(Uuid)))


def to_address(email_key: str) -> ColumnElement[bool]:
    """Requests to a therapist who has this address."""
    return PlacementRequest.therapist_id.in_(select(Therapist.id).where(Therapist.email_key == email_key))
