"""What staff do with a patient's file."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from patient_service.domain import accesses, indexes, searches, states
from patient_service.domain.accesses import Reader, RevealingConflict
from patient_service.domain.files import decrypt, get_patient, public, publish, view, write
from patient_service.domain.indexes import Indexes, indexes_of
from patient_service.domain.rules import days_that_cannot_be
from patient_service.domain.schemas import NewPatient, PatientFields, PatientFilter, PatientPage, PatientView
from patient_service.store import queries
from patient_service.store.queries import LookedFor
from patient_service.store.tables import Patient
from shared.database import Session, first_version, new_id
from shared.database.rows import check_version
from shared.errors import FieldProblem
from shared.events.catalogue import PatientRegistered, PatientTherapistsExcluded, PatientUpdated
from shared.events.outbox import as_rows
from shared.security.encryption import Keys
from shared.values.datetimes import berlin_day
from shared.values.enums import PatientStatus
from shared.values.identifiers import new_reference
from shared.values.schemas import InvalidFields, MergePatch, merged

CHANCE = secrets.SystemRandom()


def list_page(session: Session, keys: Keys, wanted: PatientFilter, *, reader: Reader, now: datetime) -> PatientPage:
    """A page of the patients that are wanted, newest first; that these files were shown is noted.

    Raises `InvalidFields` for a `q` without any word, or with too many.
    """
    conditions = queries.fields_are(**wanted.model_dump(include={"status", "postal_code"}))
    if wanted.q is not None:
        words = indexes.wanted(keys, wanted.q)
        if not words:
            raise InvalidFields([FieldProblem("q", "must have at least one letter or digit")])
        conditions.append(queries.has_words(words))
    found, total = queries.patients_where(session, conditions, limit=wanted.limit, offset=wanted.offset)
    # past the end of the list nobody is shown, but the total reveals that there is somebody
    beyond = total > 0 and not found
    revealed = queries.patients_where(session, conditions, limit=wanted.limit, offset=0)[0] if beyond else found
    accesses.note(session, keys, revealed, reader, "listed", now=now)
    today = berlin_day(now)
    shown = [view(patient, decrypt(keys, patient), today=today) for patient in found]
    return PatientPage(items=shown, total=total, limit=wanted.limit, offset=wanted.offset)


def get(session: Session, keys: Keys, patient_id: UUID, *, reader: Reader, now: datetime) -> PatientView:
    """One patient; that the file was read is noted. Raises `NotFound`."""
    patient = accesses.read_patient(session, keys, patient_id, reader, now=now)
    return view(patient, decrypt(keys, patient), today=berlin_day(now))


def register(
    session: Session, keys: Keys, new: NewPatient, *, force: bool = False, by: UUID | None, now: datetime
) -> PatientView:
    """Enter a patient.

    Raises `Conflict` for an insurance number that is known and, without `force`, where a patient of that name and
    date of birth is known; `InvalidFields` for days that cannot be.
    """
    today = berlin_day(now)
    fields = new.model_copy(update={"registered_on": new.registered_on or today})
    _refuse_impossible_days(fields, PatientStatus.OPEN, now)
    return view(_added(session, keys, fields, force, by=by, now=now), fields, today=today)


def _added(
    session: Session, keys: Keys, fields: PatientFields, force: bool, *, by: UUID | None, now: datetime
) -> Patient:
    """The patient, inserted and published in one statement; where somebody alike is known, a second one asks who."""
    while True:
        identity, reference = new_id(), new_reference(CHANCE)
        found_by = indexes_of(keys, fields, reference)
        alike_to = _looked_for(found_by)
        queries.lock_if_of_several_keys(session, alike_to)
        patient = queries.new_patient(
            id=identity,
            reference=reference,
            data_key=keys.new_data_key(identity.bytes),
            consents=[],
            registered_by=by,
            sequence=1,
            age_published_on=berlin_day(now),
            **first_version(by=by, now=now),
        )
        states.register(patient)
        write(keys, patient, fields, found_by[0])
        event = PatientRegistered(patient=public(patient, fields, today=berlin_day(now)))
        events = as_rows([(patient.id, patient.sequence, event)], now=now)
        if queries.add_unless_known(session, patient, alike_to, events=events, is_forced=force):
            return patient
        _refuse_duplicates(session, alike_to, force)
        # nobody is alike any more, or the reference was taken: draw another and try again


def _looked_for(found_by: Sequence[Indexes]) -> LookedFor:
    return LookedFor(
        person=[each.person_index for each in found_by if each.person_index],
        insurance_number=[each.insurance_number_index for each in found_by if each.insurance_number_index],
    )


def _refuse_duplicates(session: Session, alike_to: LookedFor, force: bool) -> None:
    counts = alike_to.only(["insurance_number_index"]) if force else alike_to
    alike = queries.patients_alike(session, counts)
    for other in alike:
        if other.insurance_number_index in alike_to.insurance_number:
            raise _same_insurance_number(other)
    suspects = [other for other in alike if other.person_index in counts.person]
    if suspects:
        references = [other.reference for other in suspects]
        raise RevealingConflict(
            [other.id for other in suspects],
            "patient.suspected_duplicate",
            f"A patient with this name and date of birth is already registered as {', '.join(references)}. "
            "Repeat with ?force=true if this is somebody else.",
            errors=[FieldProblem("date_of_birth", f"is, with this name, that of {each}") for each in references],
        )


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
    for a name and date of birth that are another patient's, and `InvalidFields` or a `ValidationError` for fields that
    do not fit. A search that could not start any more pauses until staff resume it.
    """
    today = berlin_day(now)
    patient = get_patient(session, patient_id, lock=True)
    check_version(patient, expected_versions, "patient")
    current = view(patient, decrypt(keys, patient), today=today)
    changes = patch.changes_to(current)
    wanted = merged(PatientFields, current, changes)
    accesses.note(session, keys, [patient], reader, "changed", now=now)
    if wanted == PatientFields.of(current):
        return current
    if wanted.registered_on is None:
        raise InvalidFields([FieldProblem("registered_on", "must not be cleared")])
    _refuse_impossible_days(wanted, PatientStatus(patient.status), now)
    found_by = indexes_of(keys, wanted, patient.reference)
    _identify(session, patient, found_by, force)
    write(keys, patient, wanted, found_by[0])
    patient.count_change(by=reader.id, now=now)
    has_excluded = not set(wanted.excluded_therapist_ids) <= set(current.excluded_therapist_ids)
    publish(session, patient, wanted, PatientTherapistsExcluded if has_excluded else PatientUpdated, now=now)
    searches.pause_if_unready(session, keys, patient, wanted, by=reader.id, now=now)
    return view(patient, wanted, today=today)


def _identify(session: Session, patient: Patient, found_by: Sequence[Indexes], force: bool) -> None:
    """Let the patient be found by another name, date of birth or insurance number, unless somebody else is."""
    changed = {
        name: getattr(found_by[0], name)
        for name in ("person_index", "insurance_number_index")
        if getattr(patient, name) not in [getattr(each, name) for each in found_by]
    }
    if not changed:
        return
    alike_to = _looked_for(found_by).only(changed)
    queries.lock_if_of_several_keys(session, alike_to)
    while not queries.identify(session, patient, alike_to, is_forced=force, **changed):
        _refuse_duplicates(session, alike_to, force)
        # nobody is alike any more: try again


def _same_insurance_number(other: Any) -> RevealingConflict:
    return RevealingConflict(
        [other.id],
        "patient.already_known",
        f"A patient with this insurance number is already registered as {other.reference}.",
        errors=[FieldProblem("insurance_number", f"is that of {other.reference}")],
    )


def _refuse_impossible_days(fields: PatientFields, status: PatientStatus, now: datetime) -> None:
    problems = list(days_that_cannot_be(fields, status, today=berlin_day(now)))
    if problems:
        raise InvalidFields(problems)
