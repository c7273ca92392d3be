"""Placement requests: those that wait, those that are locked, those that nobody answered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import (
    and_,
    func,
    or_,
    select,
)
from sqlalchemy.orm import Session, aliased

from communication_service.store.tables import (
    PlacementRequest,
    Therapist,
)
from shared.database import lock_rows

UNSENT = or_(PlacementRequest.status == "waiting", PlacementRequest.inquiry_id.is_not(None))


def request_for_change(session: Session, request_id: UUID) -> PlacementRequest | None:
    """One request, locked."""
    return session.get(PlacementRequest, request_id, with_for_update=True, populate_existing=True)


def requests(session: Session, ids: Iterable[UUID]) -> Sequence[PlacementRequest]:
    """These requests, by id, locked."""
    return session.scalars(
        select(PlacementRequest)
        .where(PlacementRequest.id.in_(list(ids)))
        .order_by(PlacementRequest.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def patients_of_requests(session: Session, ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """The patient of each request."""
    rows = select(PlacementRequest.id, PlacementRequest.patient_id).where(PlacementRequest.id.in_(list(ids)))
    return {row.id: row.patient_id for row in session.execute(rows)}


def lock_requests(session: Session, ids: Iterable[UUID]) -> None:
    """Let no other transaction change these requests before ours ends."""
    lock_rows(session, PlacementRequest, ids)


def unsent_requests(session: Session, therapist_id: UUID) -> Sequence[PlacementRequest] | None:
    """Requests to this therapist that have not gone out, locked; None while one of them is being changed elsewhere."""
    wanted = (PlacementRequest.therapist_id == therapist_id, UNSENT)
    found = session.scalars(
        select(PlacementRequest)
        .where(*wanted)
        .order_by(PlacementRequest.id)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    # waiting for a listener that waits for us would be a deadlock; a withdrawal must not be overlooked either
    total = session.scalar(select(func.count()).select_from(PlacementRequest).where(*wanted))
    return found if total == len(found) else None


def patients_offered_a_place(session: Session, ids: Iterable[UUID]) -> set[UUID]:
    """Those of these patients whom some practice has offered a place."""
    wanted = select(PlacementRequest.patient_id).where(
        PlacementRequest.patient_id.in_(list(ids)), PlacementRequest.status == "accepted"
    )
    return set(session.scalars(wanted))


FOLLOWED_UP = and_(Therapist.status == "active", Therapist.contact_preference.in_(("any", "phone_only")))
"""Practices that are called after a letter they did not answer."""


def unanswered_since(session: Session, *, day: date, limit: int) -> Sequence[PlacementRequest]:
    """Requests e-mailed on that day or before, without an answer or a call, for patients who have been offered no
    place; locked, those held by others left out.
    """
    elsewhere = aliased(PlacementRequest)
    offered = select(elsewhere.id).where(
        elsewhere.patient_id == PlacementRequest.patient_id, elsewhere.status == "accepted"
    )
    return session.scalars(
        select(PlacementRequest)
        .join(Therapist, Therapist.id == PlacementRequest.therapist_id)
        .where(
            PlacementRequest.status == "contacted",
            ~PlacementRequest.by_phone,
            PlacementRequest.emailed_on <= day,
            PlacementRequest.inquiry_id.is_(None),
            ~offered.exists(),
            FOLLOWED_UP,
        )
        .order_by(PlacementRequest.emailed_on, PlacementRequest.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=PlacementRequest)
    ).all()
