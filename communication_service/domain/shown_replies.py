"""Who was shown what practices wrote back about patients: the patient service keeps that, with each file's accesses."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from communication_service.store import request_queries
from shared.database import Session, new_id
from shared.events.catalogue import ReplyShown
from shared.events.outbox import record_all


def note(session: Session, request_ids: Collection[UUID], *, by: UUID | None, now: datetime) -> None:
    """Publish that somebody was shown what a practice wrote about these requests, in the transaction that reads it.

    Each is an aggregate of its own: nothing orders two of them.
    """
    patients = sorted(set(request_queries.patients_of_requests(session, request_ids).values())) if request_ids else []
    accesses = [(new_id(), patient_id) for patient_id in patients]
    record_all(
        session,
        [
            (id, 1, ReplyShown(access_id=id, patient_id=patient_id, action="read", accessed_by=by, accessed_at=now))
            for id, patient_id in accesses
        ],
        now=now,
    )
