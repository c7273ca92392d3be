"""Who was shown what came back from or about patients: the patient service keeps that, with each file's accesses."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from communication_service.store import request_queries
from communication_service.store.tables import MailReply
from shared.database import Session, new_id
from shared.events.catalogue import ReplyShown
from shared.events.outbox import record_all


def note(session: Session, reply: MailReply, *, by: UUID | None, now: datetime) -> None:
    """Publish that somebody was shown this reply, a patient's or about patients, in the transaction that reads it.

    Each is an aggregate of its own: nothing orders two of them.
    """
    about = request_queries.patients_of_requests(session, reply.placement_request_ids).values()
    patients = sorted({*about, *filter(None, [reply.patient_id])})
    accesses = [(new_id(), patient_id) for patient_id in patients]
    record_all(
        session,
        [
            (id, 1, ReplyShown(access_id=id, patient_id=patient_id, action="read", accessed_by=by, accessed_at=now))
            for id, patient_id in accesses
        ],
        now=now,
    )
