"""The audit log of a placement request: entries are added and never changed (docs/domain.md#contact-rule-12)."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from matching_service.domain.schemas import AuditLogEntryView, AuditLogPage
from matching_service.store import queries
from matching_service.store.tables import AuditLogEntry, PlacementRequest
from shared.database import Session
from shared.database.rows import require
from shared.values.schemas import PageQuery


def add_entry(
    session: Session,
    request: PlacementRequest,
    what: str,
    *,
    occurred_at: datetime,
    by: UUID | None,
    now: datetime,
    channel: str | None = None,
    outcome: str | None = None,
    available_from: date | None = None,
    reason: str | None = None,
    note: str | None = None,
) -> None:
    """Add an entry with the request's present status; `by` entered what it says, None where it followed from that."""
    session.add(
        AuditLogEntry(
            placement_request_id=request.id,
            occurred_at=occurred_at,
            recorded_at=now,
            recorded_by=by,
            what=what,
            status=request.status,
            channel=channel,
            outcome=outcome,
            available_from=available_from,
            reason=reason,
            note=note,
        )
    )


def list_page(session: Session, request_id: UUID, page: PageQuery) -> AuditLogPage:
    """What happened to a request, oldest first; raises `NotFound`."""
    require(queries.request(session, request_id), "placement_request")
    found, total = queries.audit_log_of(session, request_id, limit=page.limit, offset=page.offset)
    return AuditLogPage(
        items=[AuditLogEntryView.of(entry) for entry in found], total=total, limit=page.limit, offset=page.offset
    )
