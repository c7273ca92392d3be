"""A patient's file: the sealed document and the columns beside it, encrypted and decrypted, shown, and published."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from types import SimpleNamespace
from typing import Any, Final, TypeVar
from uuid import UUID

from cryptography.exceptions import InvalidTag

from patient_service.domain.indexes import Indexes, no_indexes
from patient_service.domain.intake_schemas import CRISIS_CONTACTS, ConsultationView, ContactPersonView, CrisisView
from patient_service.domain.lists import PatientRow
from patient_service.domain.rules import diagnoses_of, had_prior_therapy, missing_in
from patient_service.domain.schemas import ConsentView, PatientFields, PatientFile, PatientLabel, PatientView
from patient_service.store import erasures, queries
from patient_service.store.tables import Patient
from shared.database import Session
from shared.database.rows import require
from shared.errors import NotFound, PlatformError, Unreachable
from shared.events.catalogue import (
    PatientErased,
    PatientMerged,
    PatientStatusChanged,
    PatientTherapistsExcluded,
    PatientUpdated,
    PublicPatient,
)
from shared.events.outbox import record
from shared.runtime import metrics
from shared.runtime.logs import logger
from shared.security.encryption import Keys, MissingKey
from shared.texts import Sentence, UnknownText
from shared.values.contacts import writable_address
from shared.values.datetimes import age_groups, age_on, berlin_day
from shared.values.enums import ConsentPurpose, PatientStatus
from shared.values.identifiers import block_of, counts
from shared.values.restored import Restorer

log = logger(__name__)

Refusal = TypeVar("Refusal", bound=PlatformError)

IN_THE_CLEAR = frozenset({"postal_code", "assigned_to", "registered_on", "search_started_on", "last_contact_on"})
"""Fields with a column of their own; all others are sealed."""

_FILE: Final = Restorer(PatientFile)
_SEALED_IN_LABEL: Final = ("first_name", "last_name", "date_of_birth")
LABEL_COLUMNS: Final = ("reference", "status")
"""The columns that a label needs, beside those that are sealed."""
_SEALED_IN_ROW: Final = tuple(
    name for name in PatientRow.model_fields if name in PatientFile.model_fields and name not in IN_THE_CLEAR
)
ROW_COLUMNS: Final = tuple(
    name for name in PatientRow.model_fields if name not in {*_SEALED_IN_ROW, "age_groups", "unreadable"}
)
"""The same for a row."""
UNKNOWN_NAME: Final = "?"
"""Stands for a name that cannot be read."""
_SHOWN = (
    "id", "created_at", "updated_at", "updated_by", "version", "reference", "other_references", "registered_by",
    "paused_until", "first_place_on", "working_place_on", "erasure_proposed_on",
)  # fmt: skip


class UnreadableFile(Unreachable):
    """The file of a patient who is there cannot be opened until somebody restores it (docs/faults.md, section 36)."""

    def __init__(self) -> None:
        super().__init__("patient.unreadable")


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

    Raises `UnreadableFile` where the key is not there, or one of the two was altered or belongs to another row;
    `MissingKey` where the ring lacks the key that wrapped it.
    """
    with _opening(patient) as key:
        sealed = keys.decrypt(key, patient.id.bytes, patient.sealed)
        return _FILE.whole(sealed, **{name: getattr(patient, name) for name in IN_THE_CLEAR})


def _decrypt_part(keys: Keys, patient: Any, names: Sequence[str]) -> SimpleNamespace:
    """These sealed fields of a patient. Raises as `decrypt`."""
    with _opening(patient) as key:
        return SimpleNamespace(**_FILE.part(keys.decrypt(key, patient.id.bytes, patient.sealed), names))


def decrypt_or_none(keys: Keys, patient: Patient) -> PatientFile | None:
    """The same for one of many patients, of whom one must not stop the others: None where the file cannot be read."""
    try:
        return decrypt(keys, patient)
    except Unreachable:
        return None


def decrypt_each(
    keys: Keys, find: Callable[[Collection[UUID]], Sequence[Patient]]
) -> Sequence[tuple[Patient, PatientFile]]:
    """Some of the patients whom `find` returns, with their files; none where all of them are unreadable.

    `find` is given the ids of those to leave out, so that a portion of unreadable ones does not hide those behind it.
    """
    unreadable: set[UUID] = set()
    while found := find(unreadable):
        files = [(patient, decrypt_or_none(keys, patient)) for patient in found]
        readable = [(patient, file) for patient, file in files if file is not None]
        if readable:
            return readable
        unreadable.update(patient.id for patient in found)
    return []


def require_key(patient: Patient) -> None:
    """Raises `UnreadableFile` where the key of a patient who is there is not."""
    with _opening(patient):
        pass


@contextmanager
def _opening(patient: Any) -> Iterator[bytes]:
    """Gives the patient's wrapped key; whatever cannot be opened with it is logged, counted, and one error.

    The row of a key may be missing although nobody was erased: it is restored apart (0005).
    """
    try:
        if patient.data_key is None:
            raise UnreadableFile
        yield patient.data_key
    except (Unreachable, InvalidTag, ValueError, TypeError, LookupError, AttributeError) as problem:
        why = "key_unknown" if isinstance(problem, MissingKey) else "damaged" if patient.data_key else "without_key"
        metrics.patient_files_unreadable.labels(why).inc()
        log.error("patient_file.unreadable", patient_id=str(patient.id), why=why)
        if isinstance(problem, Unreachable):
            raise
        raise UnreadableFile from problem


def write(keys: Keys, patient: Patient, fields: PatientFile, indexes: Indexes) -> None:
    """Put the file into the patient's row: sealed, or in the clear where SQL asks for it."""
    # what is not known takes no room: most of a file is empty, and each field that may be so is without a value
    document = fields.model_dump_json(exclude=set(IN_THE_CLEAR), exclude_none=True)
    with _opening(patient) as key:
        patient.sealed = keys.encrypt(key, patient.id.bytes, document.encode())
    for name in IN_THE_CLEAR:
        setattr(patient, name, getattr(fields, name))
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


def seal_text(keys: Keys, patient: Patient, text: str | Sentence | None) -> bytes | None:
    """Free text about a patient, or a sentence of ours, sealed with the patient's key. Raises as `decrypt`."""
    if text is None:
        return None
    content = {"sentence": text.to_json()} if isinstance(text, Sentence) else {"text": text}
    with _opening(patient) as key:
        return keys.encrypt(key, patient.id.bytes, content)


def open_text(keys: Keys, patient: Patient, sealed: bytes | None) -> str | Sentence | None:
    """What `seal_text` sealed; None also where it cannot be read any more: one text must not hide all others."""
    if sealed is None:
        return None
    try:
        with _opening(patient) as key:
            content = keys.decrypt(key, patient.id.bytes, sealed)
            return _sentence_in(content) if "sentence" in content else str(content["text"])
    except Unreachable:
        return None


def _sentence_in(content: Mapping[str, Any]) -> Sentence | None:
    try:
        return Sentence.from_json(content["sentence"])
    except UnknownText:  # of a release whose texts are no more
        return None


def label(keys: Keys, patient: Any, *, today: date) -> PatientLabel:
    """What names the patient, of whom `LABEL_COLUMNS` were read. Raises as `decrypt`."""
    fields = _decrypt_part(keys, patient, _SEALED_IN_LABEL)
    return PatientLabel(
        id=patient.id,
        reference=patient.reference,
        name=f"{fields.first_name} {fields.last_name}",
        age=None if fields.date_of_birth is None else age_on(fields.date_of_birth, today),
        status=PatientStatus(patient.status),
    )


def row(keys: Keys, patient: Any, *, today: date) -> Any:
    """What a table shows of the patient, of whom `ROW_COLUMNS` were read before others. Raises as `decrypt`."""
    fields = _decrypt_part(keys, patient, _SEALED_IN_ROW)
    groups = age_groups(fields.date_of_birth, today)
    own = {"status": PatientStatus(patient.status), "age_groups": groups, "unreadable": False}
    return PatientRow.unchecked(dict(zip(ROW_COLUMNS, patient, strict=False)) | vars(fields) | own)


def decrypt_and_view(keys: Keys, patient: Patient, *, today: date) -> PatientView:
    """The patient as clients see it. Raises as `decrypt`."""
    return view(patient, decrypt(keys, patient), today=today)


def unreadable_label(patient: Any) -> PatientLabel:
    """What a list shows as a label in place of a file that cannot be read."""
    status = PatientStatus(patient.status)
    return PatientLabel(
        id=patient.id, reference=patient.reference, name=UNKNOWN_NAME, age=None, status=status, unreadable=True
    )


def unreadable_row(patient: Any) -> Any:
    """The same as a row of a table: what lies beside the file, as far as it was read."""
    return PatientRow.model_construct(**_beside_file(patient))


def unreadable_view(patient: Patient) -> PatientView:
    """The same as clients see a whole patient."""
    consents = [ConsentView.of(consent) for consent in patient.consents]
    return PatientView.model_construct(**_beside_file(patient), consents=consents, crisis=CrisisView(contacts=[]))


def _beside_file(patient: Any) -> dict[str, Any]:
    shown = {name: getattr(patient, name) for name in (*IN_THE_CLEAR, *_SHOWN) if hasattr(patient, name)}
    unknown = {"first_name": UNKNOWN_NAME, "last_name": UNKNOWN_NAME, "unreadable": True}
    return shown | unknown | {"status": PatientStatus(patient.status)}


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
    own |= {"has_practice_summary", "has_patient_mail"}
    of_row = {"id", "reference", "other_references", "status", "paused_until"}
    of_row |= {"placement_request_id", "placement_state", "days_paused", "paused_since"}
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
        has_patient_mail=writable_address(fields.email) is not None
        and consents_to(patient, ConsentPurpose.PATIENT_MAIL),
    )


def may_be_summarised(patient: Patient, fields: PatientFields) -> bool:
    """Whether there is something that practices may read of the patient, who consents to that."""
    return fields.practice_summary is not None and consents_to(patient, ConsentPurpose.PRACTICE_SUMMARY)


def _block(fields: PatientFields) -> str | None:
    return next((block for code in diagnoses_of(fields) if counts(code) and (block := block_of(code))), None)


def consents_to(patient: Patient, purpose: ConsentPurpose) -> bool:
    """Whether a consent to this purpose stands."""
    return any(c.purpose == purpose and c.withdrawn_on is None for c in patient.consents)


def consented_at(patient: Patient, purpose: ConsentPurpose) -> datetime | None:
    """Returns when the newest consent to this purpose that stands was recorded; None where none stands."""
    standing = [c.created_at for c in patient.consents if c.purpose == purpose and c.withdrawn_on is None]
    return max(standing, default=None)


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
    record(session, patient, event(patient=published(patient, fields, today=today), **facts), now=now)


def published(patient: Patient, fields: PatientFields, *, today: date) -> PublicPatient:
    """The patient's public state, which is known to be published as of today; and what the file lacks since."""
    patient.age_published_on = today
    patient.missing = list(missing_in(fields, today=today))  # whether a guardian is needed depends on the age
    return public(patient, fields, today=today)


def snapshots(
    session: Session, keys: Keys, *, after: UUID, limit: int, now: datetime
) -> Sequence[tuple[Patient, PatientUpdated | PatientMerged | PatientErased | None]]:
    """The next patients after this id, locked, and what other services are to know of them now.

    None of one whose file cannot be read: what is known of them stays.
    """
    today = berlin_day(now)
    found = queries.patients_after(session, after, limit=limit)
    return [(patient, _state(keys, patient, today=today)) for patient in found]


def _state(keys: Keys, patient: Patient, *, today: date) -> PatientUpdated | PatientMerged | PatientErased | None:
    if patient.erased_at is not None:
        return PatientErased(patient_id=patient.id)
    if patient.merged_into is not None:
        return merged_state(patient)
    file = decrypt_or_none(keys, patient)
    return None if file is None else PatientUpdated(patient=published(patient, file, today=today))


def merged_state(patient: Patient) -> PatientMerged:
    """What others are to know of a patient who was merged into another one."""
    stands = {name: getattr(patient, name) for name in PatientMerged.model_fields if name != "patient_id"}
    return PatientMerged(patient_id=patient.id, **stands)
