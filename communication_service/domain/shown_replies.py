"""Who was shown what came back from or about patients, and e-mails that say who they are.

The patient service keeps that, with each file's accesses.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from communication_service.store import request_queries
from communication_service.store.tables import Email, MailReply
from shared.database import Session, new_id
from shared.events.catalogue import ReplyShown
from shared.events.outbox import record_all


def record_reply(session: Session, reply: MailReply, *, by: UUID | None, now: datetime) -> None:
    """Publish that somebody was shown this reply, a patient's or about patients, in the transaction that reads it.

    Each is an aggregate of its own: nothing orders two of them.
    """
    about = _patients(session, reply.placement_request_ids)
    _record(session, about | set(filter(None, [reply.patient_id])), by=by, now=now)


def record_emails(session: Session, emails: Collection[Email], *, by: UUID | None, now: datetime) -> None:
    """The same of the texts of e-mails; those count that say who a patient is, or may do so since staff wrote them."""
    named = [email for email in emails if email.allowed_at is not None or email.written_by_staff]
    patients = {email.patient_id for email in named if email.patient_id is not None}
    about = {id for email in named for id in email.placement_request_ids}
    _record(session, patients | _patients(session, about), by=by, now=now)


def _patients(session: Session, request_ids: Collection[UUID]) -> set[UUID]:
    return set(request_queries.patients_of_requests(session, request_ids).values()) if request_ids else set()


def _record(session: Session, patients: Collection[UUID], *, by: UUID | None, now: datetime) -> None:
    accesses = [(new_id(), patient_id) for patient_id in sorted(patients)]
    record_all(
        session,
        [
            (id, 1, ReplyShown(access_id=id, patient_id=patient_id, action="read", accessed_by=by, accessed_at=now))
            for id, patient_id in accesses
        ],
        now=now,
    )
