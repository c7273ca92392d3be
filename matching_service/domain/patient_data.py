"""All that this service holds about one patient, for the export."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from matching_service.domain import audit_log, contact_log, request_views
from matching_service.domain.contact_log_schemas import ContactLogEntryView
from matching_service.domain.schemas import AuditLogEntryView, RequestView
from matching_service.store import contact_plans, queries
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

    copies_of_patient: Annotated[list[StoredRow], FOR_THE_EXPORT]
    """What the patient service published of the patient: a pseudonym and criteria; of each file."""
    placement_requests: list[RequestWithHistory]
    """The therapists who were, or are to be, asked for the patient."""
    contact_log: list[ContactLogEntryView]
    """Each contact with a practice for the patient, in the order in which they took place."""
    contact_plans: Annotated[list[StoredRow], FOR_THE_EXPORT]
    """How each weekly plan left the patient."""
    planned_requests: Annotated[list[StoredRow], FOR_THE_EXPORT]
    """Whom each weekly plan proposed to ask."""


def read(session: Session, texts: PatientTexts, ids: Sequence[UUID]) -> MatchingData:
    """All that is held about the patient with these files, the kept one first; nothing about one who is not known."""
    stored = queries.requests_of_patient(session, ids)
    requests = request_views.views(session, texts, stored)
    ended = {each.id: each.place_ended_at for each in stored}
    plans, planned = contact_plans.of_patient(session, ids)
    history = audit_log.of_requests(session, texts, [each.id for each in requests])
    return MatchingData(
        service="matching_service",
        patient_id=ids[0],
        merged_ids=list(ids[1:]),
        events=held_events.of_patient(session, ids),
        copies_of_patient=[stored_row(each) for each in queries.copies_of_patient(session, ids)],
        placement_requests=[
            RequestWithHistory(**vars(each), place_ended_at=ended[each.id], history=history[each.id])
            for each in requests
        ],
        contact_log=contact_log.of_files(session, texts, ids),
        contact_plans=[stored_row(each) for each in plans],
        planned_requests=[stored_row(each) for each in planned],
    )
