"""The audit log of a placement request: entries are added and never changed (docs/domain.md#contact-rule-12)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from matching_service.domain.schemas import AuditLogEntryView
from matching_service.store import lists, queries
from matching_service.store.tables import AuditLogEntry, PlacementRequest
from shared.database import Session
from shared.database.rows import require
from shared.security.patient_texts import PatientTexts
from shared.values.lists import Listed, ListRequest


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
    note: bytes | None = None,
) -> None:
    """Add an entry with the request's present status; `by` entered what it says, None where it followed from that.

    The note is encrypted, about the request.
    """
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


def list_part(session: Session, texts: PatientTexts, request_id: UUID, wanted: ListRequest[Any]) -> Listed:
    """A part of what happened to a request; raises `NotFound`."""
    require(queries.request(session, request_id), "placement_request")
    found = lists.audit_log(session, request_id, wanted.part)
    notes = texts.read(session, [(each.note, request_id) for each in found.rows])
    return found.shown([_view(each, notes[each.note]) for each in found.rows])


def _view(entry: AuditLogEntry, note: str | None) -> AuditLogEntryView:
    known = {name: getattr(entry, name) for name in AuditLogEntryView.model_fields.keys() - {"note"}}
    return AuditLogEntryView.of(known | {"note": note})
