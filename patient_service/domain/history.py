"""What became of a patient's search and therapy: the history, which entries are only added to."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from patient_service.domain import accesses
from patient_service.domain.access_schemas import Action
from patient_service.domain.accesses import Reader
from patient_service.domain.files import open_text, seal_text
from patient_service.domain.schemas import StatusChangeView
from patient_service.store import lists, merging
from patient_service.store.tables import Patient, StatusChange
from shared.database import Session, new_id
from shared.errors import FieldProblem
from shared.security.encryption import Keys
from shared.texts import Sentence
from shared.values.lists import Listed, ListRequest
from shared.values.patient_history_enums import HistoryKind
from shared.values.schemas import InvalidFields


def list_history(
    session: Session, keys: Keys, patient_id: UUID, wanted: ListRequest[Any], *, reader: Reader, now: datetime
) -> Listed:
    """A part of the patient's status changes; that the file was read is noted. Raises `NotFound`."""
    action: Action = "exported" if wanted.part.is_export else "read"
    patient = accesses.read_patient(session, keys, patient_id, reader, action, now=now)
    files = merging.files_of(session, patient)
    found = lists.status_changes(session, list(files), wanted.part)
    return found.shown([_shown(keys, files[change.patient_id], change) for change in found.rows])


def whole_history(session: Session, keys: Keys, patient: Patient) -> list[StatusChangeView]:
    """All of the patient's status changes; who calls this notes that the file was read."""
    files = merging.files_of(session, patient)
    return [_shown(keys, files[each.patient_id], each) for each in lists.whole_history(session, list(files))]


def _shown(keys: Keys, patient: Patient, change: StatusChange) -> StatusChangeView:
    return StatusChangeView.of(
        {
            "reference": patient.reference,
            "kind": change.kind,
            "from_": change.previous_status,
            "to": change.status,
            "paused_until": change.paused_until,
            "reason": open_text(keys, patient, change.reason),
            "previous_search_started_on": change.previous_search_started_on,
            "search_started_on": change.search_started_on,
            "placement_request_id": change.placement_request_id,
            "kept_until": change.kept_until,
            "at": change.changed_at,
            "by": change.changed_by,
        }
    )


def entry(
    keys: Keys,
    patient: Patient,
    before: str,
    kind: HistoryKind,
    *,
    reason: str | Sentence | None,
    by: UUID | None,
    now: datetime,
) -> StatusChange:
    """An entry of the history, from the status before to the present one.

    `reason`: what somebody wrote, or a sentence of ours, which is worded for each reader.
    """
    return StatusChange(
        id=new_id(),
        patient_id=patient.id,
        kind=kind.value,
        previous_status=before,
        status=patient.status,
        paused_until=patient.paused_until,
        reason=seal_text(keys, patient, reason),
        changed_at=now,
        changed_by=by,
    )


def record_start(
    session: Session,
    keys: Keys,
    patient: Patient,
    *,
    before: date | None,
    reason: str | None,
    by: UUID | None,
    now: datetime,
) -> None:
    """Keep in the history that staff changed the first day of the search, which was another one before.

    Raises `InvalidFields` without a reason: the day decides who is asked for first.
    """
    if reason is None:
        raise InvalidFields([FieldProblem.of("reason", "field.needed_by_new_start")])
    change = entry(keys, patient, patient.status, HistoryKind.SEARCH_START, reason=reason, by=by, now=now)
    change.previous_search_started_on, change.search_started_on = before, patient.search_started_on
    session.add(change)


def record_merge(
    session: Session,
    keys: Keys,
    kept: Patient,
    merged: Patient,
    *,
    before: str,
    began: date | None,
    by: UUID | None,
    now: datetime,
) -> None:
    """Keep in the history that another file became part of this one, and what that changed of its search."""
    reason = Sentence.of("history.merged", reference=merged.reference)
    change = entry(keys, kept, before, HistoryKind.MERGE, reason=reason, by=by, now=now)
    if kept.search_started_on != began:
        change.previous_search_started_on, change.search_started_on = began, kept.search_started_on
    session.add(change)


def record_kept(
    session: Session, keys: Keys, patient: Patient, *, until: date, reason: str, by: UUID | None, now: datetime
) -> None:
    """Keep in the history that staff declined to erase the patient, through which day, and why."""
    change = entry(keys, patient, patient.status, HistoryKind.KEPT, reason=reason, by=by, now=now)
    change.kept_until = until
    session.add(change)
