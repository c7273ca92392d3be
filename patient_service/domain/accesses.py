"""Who was shown a patient's file, when and why (GDPR Art. 5 (2), 32)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, Final
from uuid import UUID

from patient_service.domain.access_chains import BEGINNING, as_text, chained, file_content, list_content
from patient_service.domain.access_schemas import AccessFilter, AccessView, Action, FileAccessView, ListAction
from patient_service.domain.files import get_patient, open_text, seal_text
from patient_service.domain.indexes import list_digest
from patient_service.store import access_log, lists, merging
from patient_service.store.access_log import NewFileAccess
from patient_service.store.lists import AccessesWanted
from patient_service.store.queries import FirstAccess
from patient_service.store.tables import Patient
from shared.database import Session, new_id
from shared.errors import Conflict, FieldProblem, Unreachable
from shared.runtime.logs import logger
from shared.security.encryption import Keys
from shared.texts import Value
from shared.values.lists import Listed, ListRequest, View

log = logger(__name__)

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
    record(session, keys, [patient], reader, action, now=now)
    return patient


def record(
    session: Session, keys: Keys, files: Sequence[Any], reader: Reader, action: Action, *, now: datetime
) -> None:
    """Write down that these files are shown to the reader, in the transaction that reads them.

    A file is a patient, or of one an `id` and a `data_key` alone (`access_log.owners`). However many they are,
    it is one access with one id; the purpose is sealed for each with the key of their own. Who notes an access to one
    of these files at the same time waits for the end of this transaction, so what takes long comes before.
    """
    record_sealed(session, seal(keys, files, reader, action, now=now), reader, now=now)


def record_elsewhere(
    session: Session, keys: Keys, patient_id: UUID, action: str, *, by: UUID | None, at: datetime
) -> None:
    """Write down that another service showed somebody a part of a patient's file, at that instant.

    Why it was shown does not travel in events. Raises `ValueError` for an action that is none.
    """
    if action not in _ELSEWHERE:
        raise ValueError(f"{action} is no access to a file")
    record(session, keys, access_log.owners(session, [patient_id]), Reader(by, None), _ELSEWHERE[action], now=at)


_ELSEWHERE: Final[Mapping[str, Action]] = {"read": "read", "exported": "exported", "changed": "changed"}


def record_sealed(session: Session, entries: Sequence[NewFileAccess], reader: Reader, *, now: datetime) -> None:
    """The same for entries that were sealed before: of an erasure, which destroys the keys, or of several actions.

    A transaction that notes several actions does so in one call, or the order of the chains would not hold.
    """
    access_log.add_file_accesses(session, entries, at=now, by=reader.id)


def seal(keys: Keys, files: Sequence[Any], reader: Reader, action: Action, *, now: datetime) -> list[NewFileAccess]:
    """The entries of one access to these files, each with the purpose sealed by the key of the patient."""
    access, different = new_id(), {each.id: each for each in files}
    return [_new_entry(keys, access, each, reader, action, now=now) for each in different.values()]


def _new_entry(keys: Keys, access: UUID, file: Any, reader: Reader, action: Action, *, now: datetime) -> NewFileAccess:
    purpose = _sealed(keys, file, reader.purpose)
    content = file_content(access, file.id, action, purpose, as_text(now), reader.id)
    return NewFileAccess(access, file.id, action, purpose, content)


def _sealed(keys: Keys, file: Any, purpose: str | None) -> bytes | None:
    """The purpose, sealed; None where the patient's key was destroyed or damaged: then nobody could read it."""
    try:
        return None if file.data_key is None else seal_text(keys, file, purpose)
    except Unreachable:
        return None  # who and when are noted nevertheless, and of the others why


def creation(keys: Keys, patient: Patient, purpose: str | None, *, now: datetime) -> FirstAccess:
    """The entry with which a patient's chain begins, for the statement that inserts the patient."""
    access = new_id()
    entry = _new_entry(keys, access, patient, Reader(patient.registered_by, purpose), "created", now=now)
    return FirstAccess(access, entry.purpose, chained(BEGINNING, entry.content))


def record_refusal(session: Session, keys: Keys, refusal: RevealingConflict, reader: Reader, *, now: datetime) -> None:
    """Write down what the reader learns from a refusal, in a transaction of its own: that of the request is rolled
    back.
    """
    record(session, keys, access_log.owners(session, refusal.patient_ids), reader, "read", now=now)


def record_list(
    session: Session,
    keys: Keys,
    patients: Sequence[Any],
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
    if patients:
        action: ListAction = "exported" if is_export else "listed"
        _record_list(session, keys, patients, reader, view, action, is_export=is_export, now=now)


def _record_list(
    session: Session,
    keys: Keys,
    files: Sequence[Any],
    reader: Reader,
    view: View,
    action: ListAction,
    *,
    is_export: bool,
    now: datetime,
) -> None:
    shown = sorted(files, key=lambda each: each.id)
    patient_ids = [each.id for each in shown]
    is_always_noted = view == "full" or is_export
    entry = SimpleNamespace(
        id=new_id(),
        patient_ids=patient_ids,
        action=action,
        view=view,
        purposes=None if reader.purpose is None else [_sealed(keys, each, reader.purpose) for each in shown],
        digest=list_digest(keys, action, view, reader.id, reader.purpose, patient_ids),
        accessed_at=now,
        accessed_by=reader.id,
    )
    unless_since = None if is_always_noted else now - NOT_NOTED_AGAIN_FOR
    content = list_content(entry, as_text(now))
    access_log.add_list_access(session, vars(entry), content=content, unless_since=unless_since)


def list_part(
    session: Session, keys: Keys, patient_id: UUID, wanted: ListRequest[Any], *, reader: Reader, now: datetime
) -> Listed:
    """A part of who was shown the file; that the log was read is noted in it. Raises `NotFound`."""
    patient = get_patient(session, patient_id)
    files = merging.files_of(session, patient)
    found = lists.accesses(session, list(files), wanted.part)
    # people write names into purposes, so the log is a part of the file; its own reader stands in the next part
    record(session, keys, [patient], reader, "exported" if wanted.part.is_export else "audited", now=now)
    return found.shown([_entry_of_file(keys, files[each.patient_id], each) for each in found.rows])


def whole_log(session: Session, keys: Keys, patient: Patient) -> list[FileAccessView]:
    """All of who was shown the file; who calls this notes that it was read."""
    files = merging.files_of(session, patient)
    found = lists.whole_access_log(session, list(files))
    return [_entry_of_file(keys, files[each.patient_id], each) for each in found]


def _entry_of_file(keys: Keys, patient: Patient, access: Any) -> FileAccessView:
    opened = _opened(keys, patient, access.id, access.purpose)
    return FileAccessView.of(_shown(access, opened) | {"reference": patient.reference})


def list_all(
    session: Session, keys: Keys, wanted: ListRequest[AccessFilter], *, reader: Reader, now: datetime
) -> Listed:
    """A part of all accesses to any file. That it was read is noted, also where it shows nobody: as one access that
    names everybody whom these accesses name.
    """
    filters, part = wanted.filters, wanted.part
    limits = AccessesWanted(
        accessed_by=filters.by,
        patient_ids=filters.patient_id,
        actions=filters.action,
        since=filters.since,
        before=filters.before,
    )
    found = lists.all_accesses(session, limits, part)
    named = sorted({patient_id for row in found.rows for patient_id in row.patient_ids})
    files = {each.id: each for each in access_log.owners(session, named)}
    _record_list(session, keys, list(files.values()), reader, wanted.view, "audited", is_export=part.is_export, now=now)
    return found.shown([_shown_with_patients(keys, files, row) for row in found.rows])


def _shown_with_patients(keys: Keys, files: Mapping[UUID, Any], access: Any) -> AccessView:
    """An access with everybody whom it names; its purpose is opened with the key of any of them who still has one."""
    sealed = zip(access.patient_ids, access.purposes or (), strict=False)
    opened = (_opened(keys, files[each], access.id, purpose) for each, purpose in sealed if each in files)
    shown = _shown(access, next((each for each in opened if each is not None), None))
    references = [files[each].reference for each in access.patient_ids if each in files]
    named = {"patients": access.patients, "patient_ids": access.patient_ids, "references": references}
    return AccessView.of(shown | named)


def _shown(access: Any, purpose: str | None) -> dict[str, Any]:
    return {
        "id": access.id,
        "at": access.accessed_at,
        "by": access.accessed_by,
        "action": access.action,
        "view": access.view,
        "purpose": purpose,
    }


def _opened(keys: Keys, file: Any, access_id: UUID, sealed: bytes | None) -> str | None:
    """The purpose; None where none was said, or where the patient's key was destroyed or the row was damaged since."""
    if sealed is None or file.data_key is None:
        return None
    purpose = open_text(keys, file, sealed)
    if purpose is None:
        log.warning("access_log.purpose_damaged", access_id=str(access_id))  # `verify-access-log` names it
        return None
    return str(purpose)
