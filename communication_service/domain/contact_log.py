"""Every contact with a practice and its result."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from communication_service.domain import answers
from communication_service.domain.contact_log_schemas import ContactLogEntry
from communication_service.domain.schemas import RecordedResponse
from communication_service.store import copy_queries, lists
from communication_service.store.tables import RecordedAnswer
from shared.database import Session
from shared.security.patient_texts import PatientTexts
from shared.values.lists import Listed, ListRequest


def list_part(session: Session, texts: PatientTexts, therapist_id: UUID, wanted: ListRequest[Any]) -> Listed:
    """A part of the e-mails and calls with a therapist; empty for one nobody contacted."""
    found = lists.contacts(session, copy_queries.with_merged(session, therapist_id), wanted.part)
    recorded = lists.answers_to(
        session,
        emails=[row.email_id for row in found.rows if row.email_id],
        calls=[row.phone_call_id for row in found.rows if row.phone_call_id],
    )
    said = list(zip(recorded, answers.views(session, texts, recorded), strict=True))
    return found.shown([_entry(row, said) for row in found.rows])


def _entry(row: Any, said: Iterable[tuple[RecordedAnswer, RecordedResponse]]) -> ContactLogEntry:
    known = {name: getattr(row, name) for name in ContactLogEntry.model_fields if name != "responses"}
    of_contact = [
        view for answer, view in said if (answer.email_id, answer.phone_call_id) == (row.email_id, row.phone_call_id)
    ]
    return ContactLogEntry.of(known | {"responses": of_contact})
