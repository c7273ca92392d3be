"""Named questions behind this service's lists."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from matching_service.store.tables import AuditLogEntry, PlacementRequest
from shared.database.listing import Found, Listing
from shared.values.lists import Part

REQUESTS: Final = Listing(
    sorts={
        "created_at": (PlacementRequest.id,),
        "priority": (PlacementRequest.priority, PlacementRequest.id),
    },
    default="-created_at",
    identity=PlacementRequest.id,
    counts={"status": PlacementRequest.status},
)
AUDIT_LOG: Final = Listing(sorts={"recorded_at": (AuditLogEntry.id,)}, default="recorded_at", identity=AuditLogEntry.id)


def requests(session: Session, part: Part, **wanted: Collection[object]) -> Found[PlacementRequest]:
    """A part of the placement requests whose columns have one of these values; without values any will do."""
    conditions = [getattr(PlacementRequest, name).in_(values) for name, values in wanted.items() if values]
    return REQUESTS.read(session, select(PlacementRequest).where(*conditions), part)


def ids_where(
    session: Session, ids: Collection[UUID] | None, *, at_most: int, **wanted: Collection[object]
) -> Sequence[UUID]:
    """The ids of placement requests, in their order: of those with these ids, or whose columns have these values."""
    conditions = [getattr(PlacementRequest, name).in_(values) for name, values in wanted.items() if values]
    if ids is not None:
        conditions.append(PlacementRequest.id.in_(ids))
    chosen = select(PlacementRequest.id).where(*conditions).order_by(PlacementRequest.id)
    return session.scalars(chosen.limit(at_most)).all()


def audit_log(session: Session, request_id: UUID, part: Part) -> Found[AuditLogEntry]:
    """A part of what happened to a request."""
    return AUDIT_LOG.read(session, select(AuditLogEntry).where(AuditLogEntry.placement_request_id == request_id), part)
