"""Named questions behind this service's lists."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Text, cast, select, text
from sqlalchemy.orm import Session

from matching_service.store.tables import IS_UNMET, AuditLogEntry, PatientCopy, PlacementRequest
from shared.database.copies import kept_of
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
AUDIT_LOG: Final = Listing(
    sorts={"recorded_at": (AuditLogEntry.number,)}, default="recorded_at", identity=AuditLogEntry.id
)


def requests(session: Session, part: Part, **wanted: Any) -> Found[PlacementRequest]:
    """A part of the placement requests whose columns have one of these values; without values any will do.

    What was asked for a patient who was merged into another is that one's since.
    """
    return REQUESTS.read(session, select(PlacementRequest).where(*_are_among(session, **wanted)), part)


def _are_among(
    session: Session,
    *,
    patient_id: Collection[UUID],
    unmet_criteria: Collection[str],
    still_fits: bool | None,
    **wanted: Collection[Any],
) -> list[ColumnElement[bool]]:
    wanted |= {"patient_id": {*patient_id, *kept_of(session, PatientCopy, patient_id).values()}}
    conditions = [getattr(PlacementRequest, name).in_(values) for name, values in wanted.items() if values]
    if unmet_criteria:
        conditions += [text(IS_UNMET), PlacementRequest.unmet_criteria.bool_op("&&")(_words(unmet_criteria))]
    if still_fits is not None:
        conditions.append(text("unmet_criteria = '{}'" if still_fits else IS_UNMET))
    return conditions


def _words(words: Collection[str]) -> ColumnElement[Any]:
    return cast(list(words), ARRAY(Text))


def ids_where(session: Session, ids: Collection[UUID] | None, *, at_most: int, **wanted: Any) -> Sequence[UUID]:
    """The ids of placement requests, in their order: of those with these ids, or whose columns have these values."""
    conditions = _are_among(session, **wanted)
    if ids is not None:
        conditions.append(PlacementRequest.id.in_(ids))
    chosen = select(PlacementRequest.id).where(*conditions).order_by(PlacementRequest.id)
    return session.scalars(chosen.limit(at_most)).all()


def audit_log(session: Session, request_id: UUID, part: Part) -> Found[AuditLogEntry]:
    """A part of what happened to a request."""
    return AUDIT_LOG.read(session, select(AuditLogEntry).where(AuditLogEntry.placement_request_id == request_id), part)
