"""All that this service holds about one patient, for the export."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from matching_service.domain import audit_log, request_views
from matching_service.domain.schemas import AuditLogEntryView, RequestView
from matching_service.store import queries
from shared.database import Session
from shared.database.documents import stored_row
from shared.events import held_events
from shared.security.patient_texts import PatientTexts
from shared.values.datetimes import Instant
from shared.values.patient_data import FOR_THE_EXPORT, PatientData, StoredRow


class RequestWithHistory(RequestView):
    """A placement request and everything that happened to it."""

    place_ended_at: Instant | None
    """When the place ended that came of it, as far as it did."""
    history: list[AuditLogEntryView]
    """What happened to it, the oldest first."""


class MatchingData(PatientData):
    """All that the matching service holds about one patient."""

    copy_of_patient: Annotated[StoredRow | None, FOR_THE_EXPORT]
    """What the patient service published of the patient: a pseudonym and criteria."""
    placement_requests: list[RequestWithHistory]
    """The therapists who were, or are to be, asked for the patient."""


def read(session: Session, texts: PatientTexts, patient_id: UUID) -> MatchingData:
    """All that is held about this patient; nothing about one who is not known."""
    copy = queries.copy_of_patient(session, patient_id)
    stored = queries.requests_of_patient(session, patient_id)
    requests = request_views.views(session, texts, stored)
    ended = {each.id: each.place_ended_at for each in stored}
    history = audit_log.of_requests(session, texts, [each.id for each in requests])
    return MatchingData(
        service="matching_service",
        patient_id=patient_id,
        events=held_events.of_patient(session, patient_id),
        copy_of_patient=None if copy is None else stored_row(copy),
        placement_requests=[
            RequestWithHistory(**vars(each), place_ended_at=ended[each.id], history=history[each.id])
            for each in requests
        ],
    )
