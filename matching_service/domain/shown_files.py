"""What this service shows of patients as their file: the patient service keeps who was shown what."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from shared.database import Session, new_id
from shared.events.catalogue import ContactLogShown
from shared.events.outbox import record_all

Shown = Literal["read", "exported", "changed"]


def note(session: Session, patient_id: UUID, shown: Shown, *, by: UUID | None, now: datetime) -> None:
    """Publish that somebody was shown a patient's contact log, in the transaction that reads it.

    Each is an aggregate of its own: nothing orders two of them. Why it was shown does not travel, since people write
    names there.
    """
    access = new_id()
    event = ContactLogShown(access_id=access, patient_id=patient_id, action=shown, accessed_by=by, accessed_at=now)
    record_all(session, [(access, 1, event)], now=now)
