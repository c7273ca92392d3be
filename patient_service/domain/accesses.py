"""Who was shown a patient's file, when and why (GDPR Art. 5 (2), 32)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from patient_service.domain.files import get_patient, open_text, seal_text
from patient_service.domain.indexes import list_digest
from patient_service.domain.schemas import Action, FileAccessView
from patient_service.store import lists
from patient_service.store.tables import FileAccess, ListAccess, Patient
from shared.database import Session, new_id
from shared.errors import Conflict, FieldProblem
from shared.security.encryption import Keys
from shared.texts import Value
from shared.values.lists import Listed, ListRequest, View

NOT_NOTED_AGAIN_FOR: Final = timedelta(minutes=15)
"""For so long a list of rows or labels is not noted again for the same reader."""


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


def note_list(
    session: Session,
    keys: Keys,
    patients: Sequence[Patient],
    reader: Reader,
    view: View,
    *,
    is_export: bool,
    now: datetime,
) -> None:
    """Write down that these patients are shown to the reader in a list, as one access that names them all.

    A list of rows or labels is not noted where the same reader was shown the same patients for the same purpose a
    little while ago: people refresh their screens. Two such requests at the same moment may both be noted.
    """
    if not patients:
        return
    patient_ids = sorted(patient.id for patient in patients)
    digest = list_digest(keys, view, reader.id, reader.purpose, patient_ids)
    if view != "full" and not is_export and lists.was_noted(session, digest, since=now - NOT_NOTED_AGAIN_FOR):
        return
    sealed = {patient.id: seal_text(keys, patient, reader.purpose) for patient in patients}
    session.add(
        ListAccess(
            id=new_id(),
            patient_ids=patient_ids,
            action="exported" if is_export else "listed",
            view=view,
            purposes=None if reader.purpose is None else [sealed[each] for each in patient_ids],
            digest=digest,
            accessed_at=now,
            accessed_by=reader.id,
        )
    )


def list_part(
    session: Session, keys: Keys, patient_id: UUID, wanted: ListRequest[Any], *, reader: Reader, now: datetime
) -> Listed:
    """A part of who was shown the file; that the log was read is noted in it. Raises `NotFound`."""
    patient = get_patient(session, patient_id)
    found = lists.accesses(session, patient_id, wanted.part)
    # people write names into purposes, so the log is a part of the file; its own reader stands in the next part
    note(session, keys, [patient], reader, "exported" if wanted.part.is_export else "audited", now=now)
    return found.shown([_entry(keys, patient, access) for access in found.rows])


def whole_log(session: Session, keys: Keys, patient: Patient) -> list[FileAccessView]:
    """All of who was shown the file; who calls this notes that it was read."""
    return [_entry(keys, patient, access) for access in lists.whole_access_log(session, patient.id)]


def _entry(keys: Keys, patient: Patient, access: Any) -> FileAccessView:
    return FileAccessView.of(
        {
            "id": access.id,
            "at": access.accessed_at,
            "by": access.accessed_by,
            "action": access.action,
            "view": access.view,
            "purpose": open_text(keys, patient, access.purpose),
        }
    )
