"""A patient's file: the sealed document and the columns beside it, encrypted and decrypted, shown, and published."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from types import SimpleNamespace
from typing import Any, TypeVar
from uuid import UUID

from patient_service.domain.indexes import Indexes, no_indexes
from patient_service.domain.intake_schemas import CRISIS_CONTACTS, ConsultationView, ContactPersonView, CrisisView
from patient_service.domain.rules import diagnoses_of, had_prior_therapy, missing_in
from patient_service.domain.schemas import ConsentView, PatientFields, PatientFile, PatientLabel, PatientView
from patient_service.store import erasures, queries
from patient_service.store.tables import Patient
from shared.database import Session
from shared.database.rows import require
from shared.errors import NotFound, PlatformError
from shared.events.catalogue import (
    PatientErased,
    PatientMerged,
    PatientStatusChanged,
    PatientTherapistsExcluded,
    PatientUpdated,
    PublicPatient,
)
from shared.events.outbox import record
from shared.security.encryption import Keys
from shared.values.datetimes import age_groups, age_on, berlin_day
from shared.values.enums import ConsentPurpose, PatientStatus
from shared.values.identifiers import block_of, counts

Refusal = TypeVar("Refusal", bound=PlatformError)

IN_THE_CLEAR = frozenset({"postal_code", "assigned_to", "registered_on", "search_started_on", "last_contact_on"})
"""Fields with a column of their own; all others are sealed."""

_FIELDS = frozenset(PatientFile.model_fields)
_SHOWN = (
    "id", "created_at", "updated_at", "updated_by", "version", "reference", "other_references", "registered_by",
    "paused_until", "first_place_on", "working_place_on", "erasure_proposed_on",
)  # fmt: skip


def get_patient(session: Session, patient_id: UUID, *, lock: bool = False) -> Patient:
    """One patient's row; raises `NotFound`, also for one who was erased; of who was merged, with who is kept."""
    patient = require(queries.patient(session, patient_id, lock=lock), "patient")
    refuse_merged(session, patient)
    return patient


def refuse_merged(session: Session, patient: Patient) -> None:
    """Raise `NotFound` where the patient was merged into another one; it says into whom."""
    if patient.merged_into is not None:
        kept = kept_one(session, patient)
        raise naming_kept(kept, NotFound("patient", wording="merged", reference=kept.reference))


def kept_one(session: Session, merged: Patient) -> Patient:
    """The patient into whom this one was merged. Raises `NotFound`."""
    assert merged.merged_into is not None  # asked of nobody else
    return require(queries.patient(session, merged.merged_into), "patient")


def naming_kept(kept: Patient, refusal: Refusal) -> Refusal:
    """The refusal, which says of whom to read instead."""
    refusal.members["merged_into"] = {"id": str(kept.id), "reference": kept.reference}
    return refusal


def references_of(patient: Patient) -> Sequence[str]:
    """By what practices know the patient, those of files that were merged into this one last."""
    return (patient.reference, *patient.other_references)


def decrypt(keys: Keys, patient: Patient) -> PatientFile:
    """The file of a patient.

    Raises `cryptography.exceptions.InvalidTag` when the ciphertext was altered or belongs to another row.
    """
    sealed = keys.decrypt(_data_key(patient), patient.id.bytes, patient.sealed)
    read = {name: value for name, value in sealed.items() if name in _FIELDS}
    return PatientFile.of(read | {name: getattr(patient, name) for name in IN_THE_CLEAR})


def _data_key(patient: Patient) -> bytes:
    """The patient's wrapped key. Raises `NotFound` where it was destroyed: then there is no file any more."""
    return require(patient.data_key, "patient")


def write(keys: Keys, patient: Patient, fields: PatientFile, indexes: Indexes, *, today: date) -> None:
    """Put the file into the patient's row: sealed, or in the clear where SQL asks for it."""
    # what is not known takes no room: most of a file is empty, and each field that may be so is without a value
    document = fields.model_dump_json(exclude=set(IN_THE_CLEAR), exclude_none=True)
    patient.sealed = keys.encrypt(_data_key(patient), patient.id.bytes, document.encode())
    for name in IN_THE_CLEAR:
        setattr(patient, name, getattr(fields, name))
    patient.missing = list(missing_in(fields, today=today))
    write_indexes(patient, indexes)


def write_indexes(patient: Patient, indexes: Indexes) -> None:
    """Let the patient be found by these."""
    for name, value in vars(indexes).items():
        setattr(patient, name, value)


def destroy(session: Session, keys: Keys, patient: Patient, *, by: UUID | None, now: datetime) -> None:
    """Leave of a patient, whose row is locked, a tombstone: the id, the reference and dates, found by nothing."""
    patient.sealed, patient.missing, patient.other_references, patient.erased_at = b"", [], [], now
    patient.postal_code = patient.assigned_to = patient.paused_until = patient.erasure_proposed_on = None
    write_indexes(patient, no_indexes(keys))
    patient.namesake = patient.neighbour = 0
    patient.count_change(by=by, now=now)
    session.flush()
    erasures.destroy_data_key(session, patient)


def seal_text(keys: Keys, patient: Patient, text: str | None) -> bytes | None:
    """Free text about a patient, sealed with the patient's key."""
    return None if text is None else keys.encrypt(_data_key(patient), patient.id.bytes, {"text": text})


def open_text(keys: Keys, patient: Patient, sealed: bytes | None) -> str | None:
    """What `seal_text` sealed."""
    return None if sealed is None else str(keys.decrypt(_data_key(patient), patient.id.bytes, sealed)["text"])


def label(patient: Patient, fields: PatientFile, *, today: date) -> PatientLabel:
    """What names the patient."""
    return PatientLabel(
        id=patient.id,
        reference=patient.reference,
        name=f"{fields.first_name} {fields.last_name}",
        age=None if fields.date_of_birth is None else age_on(fields.date_of_birth, today),
        status=PatientStatus(patient.status),
    )


def row(patient: Patient, fields: PatientFile, *, today: date) -> SimpleNamespace:
    """What a table shows of the patient, beside fields that it leaves out."""
    shown = {name: getattr(patient, name) for name in _SHOWN}
    groups = age_groups(fields.date_of_birth, today)
    return SimpleNamespace(**vars(fields) | shown, status=PatientStatus(patient.status), age_groups=groups)


def view(patient: Patient, fields: PatientFile, *, today: date) -> PatientView:
    """The patient as clients see it."""
    return PatientView.model_construct(
        **vars(fields)
        | {name: getattr(patient, name) for name in (*IN_THE_CLEAR, *_SHOWN)}
        | {
            "status": PatientStatus(patient.status),
            "age_groups": age_groups(fields.date_of_birth, today),
            "contact_persons": [ContactPersonView.of(person) for person in fields.contact_persons],
            "consultation": ConsultationView.of(fields.consultation) if fields.consultation else None,
            "crisis": _crisis(fields),
            "prior_therapy_within_two_years": had_prior_therapy(fields, today),
            "consents": [ConsentView.of(consent) for consent in patient.consents],
        }
    )


def _crisis(file: PatientFile) -> CrisisView:
    return CrisisView.model_construct(**vars(file.crisis), contacts=CRISIS_CONTACTS if file.crisis.flagged else [])


def public(patient: Patient, fields: PatientFields, *, today: date) -> PublicPatient:
    """What other services may know of the patient: a pseudonym and criteria."""
    own = {"diagnosis_block", "age", "age_groups", "availability", "prior_therapy_within_two_years"}
    own |= {"has_practice_summary"}
    of_row = {"id", "reference", "other_references", "status", "paused_until"}
    of_row |= {"placement_request_id", "placement_state"}
    of_row |= IN_THE_CLEAR & PublicPatient.model_fields.keys()
    of_fields = PublicPatient.model_fields.keys() - own - of_row
    return PublicPatient(
        **{name: getattr(patient, name) for name in of_row},
        **{name: getattr(fields, name) for name in of_fields},
        age=None if fields.date_of_birth is None else age_on(fields.date_of_birth, today),
        age_groups=list(map(str, age_groups(fields.date_of_birth, today))),
        availability=fields.availability.to_json() if fields.availability else None,
        prior_therapy_within_two_years=had_prior_therapy(fields, today),
        diagnosis_block=_block(fields) if consents_to(patient, ConsentPurpose.HEALTH_DATA) else None,
        has_practice_summary=may_be_summarised(patient, fields),
    )


def may_be_summarised(patient: Patient, fields: PatientFields) -> bool:
    """Whether there is something that practices may read of the patient, who consents to that."""
    return fields.practice_summary is not None and consents_to(patient, ConsentPurpose.PRACTICE_SUMMARY)


def _block(fields: PatientFields) -> str | None:
    return next((block for code in diagnoses_of(fields) if counts(code) and (block := block_of(code))), None)


def consents_to(patient: Patient, purpose: ConsentPurpose) -> bool:
    """Whether a consent to this purpose stands."""
    return any(c.purpose == purpose and c.withdrawn_on is None for c in patient.consents)


def has_withdrawn(patient: Patient, purpose: ConsentPurpose) -> bool:
    """Whether consents to this purpose were given and none of them stands."""
    return any(c.purpose == purpose for c in patient.consents) and not consents_to(patient, purpose)


def last_withdrawal(patient: Patient, purpose: ConsentPurpose) -> date | None:
    """Returns the last day on which a consent to this purpose was withdrawn; None where none was."""
    return max((c.withdrawn_on for c in patient.consents if c.purpose == purpose and c.withdrawn_on), default=None)


def publish(
    session: Session,
    patient: Patient,
    fields: PatientFields,
    event: type[PatientUpdated | PatientStatusChanged | PatientTherapistsExcluded],
    *,
    now: datetime,
    **facts: Any,
) -> None:
    """Record an event with the patient's public state; the row is locked."""
    today = berlin_day(now)
    record(session, patient, event(patient=_published(patient, fields, today=today), **facts), now=now)


def _published(patient: Patient, fields: PatientFields, *, today: date) -> PublicPatient:
    """The patient's public state, which is known to be published as of today."""
    patient.age_published_on = today
    patient.missing = list(missing_in(fields, today=today))  # whether a guardian is needed depends on the age
    return public(patient, fields, today=today)


def snapshots(
    session: Session, keys: Keys, *, after: UUID, limit: int, now: datetime
) -> Sequence[tuple[Patient, PatientUpdated | PatientMerged | PatientErased]]:
    """The next patients after this id, locked, and what other services are to know of them now."""
    today = berlin_day(now)
    found = queries.patients_after(session, after, limit=limit)
    return [(patient, _state(keys, patient, today=today)) for patient in found]


def _state(keys: Keys, patient: Patient, *, today: date) -> PatientUpdated | PatientMerged | PatientErased:
    if patient.erased_at is not None:
        return PatientErased(patient_id=patient.id)
    if patient.merged_into is not None:
        return merged_state(patient)
    return PatientUpdated(patient=_published(patient, decrypt(keys, patient), today=today))


def merged_state(patient: Patient) -> PatientMerged:
    """What others are to know of a patient who was merged into another one."""
    stands = {name: getattr(patient, name) for name in PatientMerged.model_fields if name != "patient_id"}
    return PatientMerged(patient_id=patient.id, **stands)
