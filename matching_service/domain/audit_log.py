"""The audit log of a placement request: entries are added and never changed (docs/domain.md#contact-rule-12)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from matching_service.domain import contact_log
from matching_service.domain.contact_log import Contact
from matching_service.domain.schemas import AuditLogEntryView
from matching_service.store import lists, queries
from matching_service.store.tables import AuditLogEntry, PlacementRequest
from shared.database import Session, new_id
from shared.database.rows import require
from shared.security.patient_texts import PatientTexts
from shared.values.lists import Listed, ListRequest
from shared.values.placement_enums import AuditEvent


def add_entry(
    session: Session,
    request: PlacementRequest,
    what: AuditEvent,
    *,
    occurred_at: datetime,
    by: UUID | None,
    now: datetime,
    channel: str | None = None,
    outcome: str | None = None,
    available_from: date | None = None,
    reason: str | None = None,
    note: bytes | None = None,
    cause: UUID | None = None,
    contact: Contact | None = None,
) -> UUID:
    """Add an entry with the request's present status, and return its id.

    `by` entered what it says, None where it followed from something else; `cause` is the entry of that, if it has one.
    The note is encrypted, about the request. `contact`: what happened was a contact, so that the patient's contact log
    has it too, under the same id.
    """
    entry_id = new_id()
    if contact is not None:
        contact_log.add_of_request(
            session,
            request,
            contact,
            id=entry_id,
            occurred_at=occurred_at,
            channel=channel,
            by=by,
            now=now,
            available_from=available_from,
            note=note,
        )
    session.add(
        AuditLogEntry(
            id=entry_id,
            caused_by=cause,
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
    return entry_id


def list_part(session: Session, texts: PatientTexts, request_id: UUID, wanted: ListRequest[Any]) -> Listed:
    """A part of what happened to a request; raises `NotFound`."""
    require(queries.request(session, request_id), "placement_request")
    found = lists.audit_log(session, request_id, wanted.part)
    notes = texts.read(session, [(each.note, request_id) for each in found.rows])
    return found.shown([_view(each, notes[each.note]) for each in found.rows])


def of_requests(
    session: Session, texts: PatientTexts, request_ids: Sequence[UUID]
) -> dict[UUID, list[AuditLogEntryView]]:
    """Everything that happened to these requests, the oldest first."""
    entries = queries.audit_log_of(session, request_ids)
    notes = texts.read(session, [(each.note, each.placement_request_id) for each in entries])
    found: dict[UUID, list[AuditLogEntryView]] = {each: [] for each in request_ids}
    for each in entries:
        found[each.placement_request_id].append(_view(each, notes[each.note]))
    return found


def _view(entry: AuditLogEntry, note: str | None) -> AuditLogEntryView:
    known = {name: getattr(entry, name) for name in AuditLogEntryView.model_fields.keys() - {"note"}}
    return AuditLogEntryView.of(known | {"note": note})
