"""What staff do with a patient's file."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from patient_service.domain import accesses, crisis, duplicates, history, indexes, placement_codes, searches, states
from patient_service.domain.accesses import Reader
from patient_service.domain.assignments import accounts_of
from patient_service.domain.files import (
    LABEL_COLUMNS,
    ROW_COLUMNS,
    decrypt,
    decrypt_and_view,
    get_patient,
    label,
    publish,
    published,
    references_of,
    row,
    unreadable_label,
    unreadable_row,
    unreadable_view,
    view,
    write,
)
from patient_service.domain.indexes import indexes_of
from patient_service.domain.intake_schemas import Crisis
from patient_service.domain.rules import days_that_cannot_be
from patient_service.domain.schemas import (
    NewPatient,
    PatientFields,
    PatientFile,
    PatientFilter,
    PatientView,
)
from patient_service.store import lists, locks, queries
from patient_service.store.queries import NewRow
from patient_service.store.tables import Patient
from shared.database import Session, first_version, new_id
from shared.database.listing import Found
from shared.database.rows import check_version
from shared.errors import FieldProblem, Unreachable
from shared.events.catalogue import PatientRegistered, PatientTherapistsExcluded, PatientUpdated
from shared.events.outbox import as_rows
from shared.security.encryption import Keys
from shared.values.datetimes import berlin_day
from shared.values.enums import PatientStatus
from shared.values.identifiers import new_reference
from shared.values.lists import Listed, ListRequest, Part, View
from shared.values.schemas import InvalidFields, MergePatch, merged

CHANCE = secrets.SystemRandom()
SHOWN_AS: Final[Mapping[View, Callable[..., Any]]] = {"full": decrypt_and_view, "row": row, "label": label}
COLUMNS: Final[Mapping[View, tuple[str, ...]]] = {"row": ROW_COLUMNS, "label": LABEL_COLUMNS}
UNREADABLE_AS: Final[Mapping[View, Callable[[Patient], Any]]] = {
    "full": unreadable_view,
    "row": unreadable_row,
    "label": unreadable_label,
}


def list_part(
    session: Session, keys: Keys, wanted: ListRequest[PatientFilter], *, reader: Reader, now: datetime
) -> Listed:
    """A part of the patients who are wanted; that they were shown is noted.

    Raises `InvalidFields` for a `q` without any word, or with too many.
    """
    keys = keys.for_one_request()
    part, conditions = wanted.part, conditions_of(keys, wanted.filters, reader, today=berlin_day(now))
    found = _part_of_list(session, conditions, part, wanted.view)
    # past the end of the list nobody is shown, but the total reveals that there is somebody
    beyond = found.total > 0 and not found.rows
    revealed = lists.columns(session, conditions, part.beginning(), ()) if beyond else found
    accesses.record_list(session, keys, revealed.rows, reader, wanted.view, is_export=part.is_export, now=now)
    today = berlin_day(now)
    return found.shown([_shown(keys, patient, wanted.view, today=today) for patient in found.rows])


def _part_of_list(session: Session, conditions: Sequence[Any], part: Part, view: View) -> Found[Any]:
    """The rows of a part, with what this view shows of them: a whole patient costs more than to decrypt what a row
    needs.
    """
    if view == "full":
        return lists.patients(session, conditions, part)
    return lists.columns(session, conditions, part, COLUMNS[view])


def _shown(keys: Keys, patient: Any, shown_as: View, *, today: date) -> Any:
    """What a list shows of a patient; of a file that cannot be read what lies beside it: it hides nobody else."""
    try:
        return SHOWN_AS[shown_as](keys, patient, today=today)
    except Unreachable:
        return UNREADABLE_AS[shown_as](patient)


def conditions_of(keys: Keys, filters: PatientFilter, reader: Reader, *, today: date) -> list[Any]:
    """The conditions of these filters. Raises `InvalidFields` for a `q` without any word, or with too many."""
    conditions = lists.fields_are_among(status=filters.status, postal_code=filters.postal_code)
    if filters.assigned_to:
        conditions.append(lists.is_in_charge(accounts_of(filters.assigned_to, reader.id)))
    if filters.erasure is not None:
        conditions.append(lists.ERASURE_IS_PROPOSED)
    if filters.missing:
        conditions.append(lists.lacks_any_of(filters.missing))
    if filters.search_longer_than_days is not None:
        conditions.append(lists.has_searched_since_before(today - timedelta(days=filters.search_longer_than_days)))
    if filters.born_on is not None:
        conditions.append(lists.has_words(indexes.born_on(keys, filters.born_on)))
    if filters.crisis is not None:
        conditions.append(queries.is_in_crisis(indexes.unacknowledged_crises(keys)))
    if filters.q is not None:
        conditions.append(_is_found_by(keys, filters.q))
    return conditions


def _is_found_by(keys: Keys, q: str) -> Any:
    if numbers := indexes.numbered(keys, q):
        return lists.has_insurance_number(numbers)
    words = indexes.wanted(keys, q)
    if not words:
        raise InvalidFields([FieldProblem.of("q", "field.without_word")])
    return lists.has_words(words)


def get(session: Session, keys: Keys, patient_id: UUID, *, reader: Reader, now: datetime) -> PatientView:
    """One patient; that the file was read is noted. Raises `NotFound`."""
    patient = accesses.read_patient(session, keys, patient_id, reader, now=now)
    return view(patient, decrypt(keys, patient), today=berlin_day(now))


def register(
    session: Session,
    keys: Keys,
    new: NewPatient,
    *,
    force: bool = False,
    by: UUID | None,
    purpose: str | None = None,
    now: datetime,
) -> PatientView:
    """Enter a patient; the access log begins with that.

    Raises `Conflict` for an insurance number that is known and, without `force`, where a patient is known whose name
    sounds alike and who has the same date of birth or address; `InvalidFields` for days that cannot be.
    """
    fields = file_of(new, by=by, now=now)
    added = _added(session, keys, fields, force, by=by, purpose=purpose, now=now)
    return view(added, fields, today=berlin_day(now))


def file_of(new: NewPatient, *, by: UUID | None, now: datetime) -> PatientFile:
    """The file of a new patient. Raises `InvalidFields` for days that cannot be, and for a masked placement code."""
    placement_codes.refuse_mask(new)
    assessed = crisis.assessed(new, crisis=Crisis(), by=by, now=now)
    fields = PatientFile.model_construct(
        **vars(new) | {"registered_on": new.registered_on or berlin_day(now), "crisis": assessed}
    )
    _refuse_impossible_days(fields, PatientStatus.OPEN, now)
    return fields


def prepare(keys: Keys, new: NewPatient, *, by: UUID | None, purpose: str | None, now: datetime) -> NewRow:
    """What is inserted of a new patient; all of that takes longer than to insert it, and nobody waits for it.

    Raises `InvalidFields` for days that cannot be.
    """
    return _new_row(keys, file_of(new, by=by, now=now), by=by, purpose=purpose, now=now)


def register_each(session: Session, rows: Sequence[NewRow], *, force: bool) -> list[UUID | None]:
    """Enter many patients; returns their ids, None for one of whom somebody alike is known: `register` says who."""
    locks.lock_all_if_of_several_keys(session, rows)
    added = queries.add_each_unless_known(session, rows, is_forced=force) if rows else set()
    return [each.patient.id if each.patient.id in added else None for each in rows]


def _added(
    session: Session,
    keys: Keys,
    fields: PatientFile,
    force: bool,
    *,
    by: UUID | None,
    purpose: str | None,
    now: datetime,
) -> Patient:
    """The patient, inserted and published in one statement; where somebody alike is known, a second one asks who."""
    while True:
        row = _new_row(keys, fields, by=by, purpose=purpose, now=now)
        locks.lock_if_of_several_keys(session, row.looked_for)
        if queries.add_unless_known(session, row, is_forced=force):
            return row.patient
        duplicates.refuse(session, keys, fields, row.looked_for, force=force)
        # nobody is alike any more, or the reference was taken: draw another and try again


def _new_row(keys: Keys, fields: PatientFile, *, by: UUID | None, purpose: str | None, now: datetime) -> NewRow:
    """A new patient with these fields, the event that publishes it, and the entry of the access log."""
    today = berlin_day(now)
    identity, reference = new_id(), new_reference(CHANCE)
    found_by = indexes_of(keys, fields, reference)
    alike_to = duplicates.looked_for(found_by)
    patient = queries.new_patient(
        id=identity,
        reference=reference,
        other_references=[],
        data_key=keys.new_data_key(identity.bytes),
        consents=[],
        registered_by=by,
        sequence=1,
        **first_version(by=by, now=now),
    )
    states.register(patient)
    write(keys, patient, fields, found_by[0])
    event = PatientRegistered(patient=published(patient, fields, today=today))
    events = as_rows([(patient.id, patient.sequence, event)], now=now)
    return NewRow(patient, alike_to, events, accesses.creation(keys, patient, purpose, now=now))


def change(
    session: Session,
    keys: Keys,
    patient_id: UUID,
    patch: MergePatch,
    *,
    expected_versions: Collection[int] | None,
    force: bool = False,
    reader: Reader,
    now: datetime,
) -> PatientView:
    """Change fields of a patient.

    Raises `NotFound`, `LostUpdate`, `Conflict` for an insurance number that is another patient's and, without `force`,
    where the change makes the patient like another one, as for `register`; `InvalidFields` or a `ValidationError` for
    fields that do not fit. A search that could not start any more pauses until staff resume it.
    """
    patient, file = change_unnoted(
        session, keys, patient_id, patch, expected_versions=expected_versions, force=force, reader=reader, now=now
    )
    accesses.record(session, keys, [patient], reader, "changed", now=now)
    return view(patient, file, today=berlin_day(now))


def change_unnoted(
    session: Session,
    keys: Keys,
    patient_id: UUID,
    patch: MergePatch,
    *,
    expected_versions: Collection[int] | None,
    force: bool = False,
    reader: Reader,
    now: datetime,
) -> tuple[Patient, PatientFile]:
    """The same for a caller who notes it: that of many patients at once is one statement. Raises as `change`."""
    today = berlin_day(now)
    patient = get_patient(session, patient_id, lock=True)
    check_version(patient, expected_versions, "patient")
    file = decrypt(keys, patient)
    changes = placement_codes.without_mask(patch.changes_to(view(patient, file, today=today)))
    reason = _reason_for_start(changes, reader)
    wanted = merged(PatientFile, file, changes)
    wanted.crisis = crisis.assessed(wanted, before=file, reason=reason, crisis=file.crisis, by=reader.id, now=now)
    if wanted == file:
        return patient, file
    if wanted.registered_on is None:
        raise InvalidFields([FieldProblem.of("registered_on", "field.cleared")])
    _refuse_impossible_days(wanted, PatientStatus(patient.status), now)
    found_by = indexes_of(keys, wanted, *references_of(patient))
    duplicates.identify(session, keys, patient, wanted, found_by, force=force)
    write(keys, patient, wanted, found_by[0])
    if wanted.search_started_on != file.search_started_on:
        history.record_start(
            session, keys, patient, before=file.search_started_on, reason=reason, by=reader.id, now=now
        )
    patient.count_change(by=reader.id, now=now)
    has_excluded = not set(wanted.excluded_therapist_ids) <= set(file.excluded_therapist_ids)
    publish(session, patient, wanted, PatientTherapistsExcluded if has_excluded else PatientUpdated, now=now)
    searches.pause_if_unready(session, keys, patient, wanted, by=reader.id, now=now)
    return patient, wanted


def _reason_for_start(changes: dict[str, Any], reader: Reader) -> str | None:
    """Take the reason out of the changes of a patch, where it belongs to one of the first day of the search."""
    reason: str | None = changes.pop("reason", None)
    if reason is not None and "search_started_on" not in changes:
        raise InvalidFields([FieldProblem.of("reason", "field.without_new_start")])
    return reason or (reader.purpose if "search_started_on" in changes else None)


def _refuse_impossible_days(fields: PatientFields, status: PatientStatus, now: datetime) -> None:
    problems = list(days_that_cannot_be(fields, status, today=berlin_day(now)))
    if problems:
        raise InvalidFields(problems)
