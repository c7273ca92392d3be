"""Every contact with a practice and its result."""

from __future__ import annotations

from uuid import UUID

from communication_service.domain.contact_log_schemas import ContactLogEntry, ContactLogPage, ContactLogQuery
from communication_service.domain.schemas import RecordedResponse
from communication_service.store import lists
from shared.database import Session


def list_page(session: Session, therapist_id: UUID, wanted: ContactLogQuery) -> ContactLogPage:
    """A page of the e-mails and calls with a therapist, newest first; empty for one nobody contacted."""
    rows, total = lists.contacts(session, therapist_id, limit=wanted.limit, offset=wanted.offset)
    answers = lists.answers_to(
        session,
        emails=[row.email_id for row in rows if row.email_id],
        calls=[row.phone_call_id for row in rows if row.phone_call_id],
    )
    shown = [
        ContactLogEntry.of(
            dict(row._mapping)
            | {
                "responses": [
                    RecordedResponse.of(answer)
                    for answer in answers
                    if (answer.email_id, answer.phone_call_id) == (row.email_id, row.phone_call_id)
                ]
            }
        )
        for row in rows
    ]
    return ContactLogPage(items=shown, total=total, limit=wanted.limit, offset=wanted.offset)
