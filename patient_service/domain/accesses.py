"""Who was shown a patient's file, when and why (GDPR Art. 5 (2), 32)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from patient_service.domain.files import open_text, seal_text
from patient_service.domain.schemas import AccessLogPage, FileAccessView
from patient_service.store import queries
from patient_service.store.tables import FileAccess, Patient
from shared.crypto import Keys
from shared.db import Session, new_id
from shared.errors import NotFound
from shared.values.schemas import PageQuery


@dataclass(frozen=True)
class Reader:
    """Who asks for a file and what for, as they say; `id` is None before there are accounts."""

    id: UUID | None
    purpose: str | None


def note(
    session: Session,
    keys: Keys,
    patients: Sequence[Patient],
    reader: Reader,
    action: Literal["read", "listed", "changed"],
    *,
    now: datetime,
) -> None:
    """Write down that these patients' files are shown to the reader, in the transaction that reads them."""
    session.add_all(
        FileAccess(
            id=new_id(),
            patient_id=patient.id,
            action=action,
            purpose=seal_text(keys, patient, reader.purpose),
            accessed_at=now,
            accessed_by=reader.id,
        )
        for patient in patients
    )


def listed(session: Session, keys: Keys, patient_id: UUID, wanted: PageQuery) -> AccessLogPage:
    """A page of who was shown the file, newest first; raises `NotFound`."""
    patient = queries.patient(session, patient_id)
    if patient is None:
        raise NotFound("patient")
    found, total = queries.accesses(session, patient_id, limit=wanted.limit, offset=wanted.offset)
    shown = [
        FileAccessView.of(
            {
                "id": access.id,
                "at": access.accessed_at,
                "by": access.accessed_by,
                "action": access.action,
                "purpose": open_text(keys, patient, access.purpose),
            }
        )
        for access in found
    ]
    return AccessLogPage(items=shown, total=total, limit=wanted.limit, offset=wanted.offset)
