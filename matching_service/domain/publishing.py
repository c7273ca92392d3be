"""The present states of placement requests, which `republish` publishes for services that know others."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from matching_service.store import queries
from matching_service.store.tables import PlacementRequest
from shared.database import Session
from shared.events.catalogue import RequestReopened, RequestUnknown, RequestUpdated
from shared.values.datetimes import berlin_day


def snapshots(
    session: Session,
    *,
    after: UUID,
    limit: int,
    now: datetime,  # noqa: ARG001 - all have it
) -> Sequence[tuple[PlacementRequest, RequestUpdated]]:
    """The next requests after this id, locked after their patients as everywhere, and how they are as events."""
    ids = queries.requests_after(session, after, limit=limit)
    return [(request, state(request)) for request in queries.lock_with_patients(session, ids)]


def ids_of(request: PlacementRequest) -> dict[str, UUID]:
    """The fields of an event that say which request it is about."""
    return {
        "placement_request_id": request.id,
        "patient_id": request.patient_id,
        "therapist_id": request.therapist_id,
    }


def state(request: PlacementRequest) -> RequestUpdated:
    """How a request is, as an event."""
    return RequestUpdated(
        **ids_of(request),
        status=request.status,
        hold=request.hold,
        priority=request.priority,
        inquiry_id=request.inquiry_id,
        emailed_on=request.emailed_at and berlin_day(request.emailed_at),
    )


def reopened(request: PlacementRequest) -> RequestReopened:
    """The event that says that a request, which was put to the practice before, is to be asked."""
    return RequestReopened(
        **ids_of(request),
        priority=request.priority,
        approved_at=request.approved_at,
    )


def unknown_request(request_id: UUID) -> RequestUnknown:
    """The event that says that a request is none of ours; requests are never deleted."""
    return RequestUnknown(placement_request_id=request_id)
