"""Who was shown a patient's file, when and why (GDPR Art. 5 (2), 32)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from patient_service.domain.files import get_patient, open_text, seal_text
from patient_service.domain.schemas import AccessLogPage, Action, FileAccessView
from patient_service.store import queries
from patient_service.store.tables import FileAccess, Patient
from shared.database import Session, new_id
from shared.errors import Conflict, FieldProblem
from shared.security.encryption import Keys
from shared.texts import Value
from shared.values.schemas import PageQuery


@dataclass(frozen=True)
class Reader:
    """Who asks for a file and what for, as they say; `id` is None before there are accounts."""

    id: UUID | None
    purpose: str | None


class RevealingConflict(Conflict):
    """A refusal from which the caller learns something of patients' files; noted although nothing else is stored."""

    def __init__(
        self, patient_ids: Sequence[UUID], key: str, /, *, errors: Sequence[FieldProblem] = (), **values: Value
    ) -> None:
        super().__init__(key, errors=errors, **values)
        self.patient_ids = patient_ids


def read_patient(
    session: Session, keys: Keys, patient_id: UUID, reader: Reader, action: Action = "read", *, now: datetime
) -> Patient:
    """One patient's row, of whose file the reader is about to be shown something; that is noted. Raises `NotFound`."""
    patient = get_patient(session, patient_id)
    note(session, keys, [patient], reader, action, now=now)
    return patient


def note(
    session: Session, keys: Keys, patients: Sequence[Patient], reader: Reader, action: Action, *, now: datetime
) -> None:
    """Write down that these patients' files are shown to the reader, in the transaction that reads them.

    However many they are, it is one access with one id; the purpose is sealed for each with the key of their own.
    """
    access = new_id()
    session.add_all(
        FileAccess(
            id=access,
            patient_id=patient.id,
            action=action,
            purpose=seal_text(keys, patient, reader.purpose),
            accessed_at=now,
            accessed_by=reader.id,
        )
        for patient in patients
    )


def note_refusal(session: Session, keys: Keys, refusal: RevealingConflict, reader: Reader, *, now: datetime) -> None:
    """Write down what the reader learns from a refusal, in a transaction of its own: that of the request is rolled
    back.
    """
    note(session, keys, [get_patient(session, each) for each in refusal.patient_ids], reader, "read", now=now)


def list_page(
    session: Session, keys: Keys, patient_id: UUID, wanted: PageQuery, *, reader: Reader, now: datetime
) -> AccessLogPage:
    """A page of who was shown the file, newest first; that the log was read is noted in it. Raises `NotFound`."""
    patient = get_patient(session, patient_id)
    found, total = queries.accesses(session, patient_id, limit=wanted.limit, offset=wanted.offset)
    # people write names into purposes, so the log is a part of the file; its own reader stands in the next page
    note(session, keys, [patient], reader, "audited", now=now)
    items = [
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
    return AccessLogPage(items=items, total=total, limit=wanted.limit, offset=wanted.offset)
