"""Everything that is held anywhere about one patient, who has a right to it (GDPR Art. 15 and 20)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import Field

from patient_service.domain import accesses, history
from patient_service.domain.access_schemas import FileAccessView
from patient_service.domain.accesses import Reader
from patient_service.domain.files import decrypt, get_patient, require_key, view
from patient_service.domain.schemas import PatientView, StatusChangeView
from patient_service.store import imports, merging, offers, postal_codes
from shared.database import Session
from shared.database.documents import stored_row
from shared.events import held_events
from shared.security.encryption import Keys
from shared.values.datetimes import Instant, berlin_day
from shared.values.patient_data import FOR_THE_EXPORT, PatientData, StoredRow
from shared.values.schemas import Schema

FORMAT: Final = "patient-export/1"

Held = Annotated[
    dict[str, Any], Field(description="All that this service holds; docs/patient-export.schema.json describes it.")
]


class OwnData(PatientData):
    """All that the patient service holds about one patient."""

    file: PatientView
    """The patient's file, as staff see it."""
    merged_files: list[PatientView]
    """Other files of the patient, which were merged into it, as they stood then."""
    placement_code: Annotated[str | None, FOR_THE_EXPORT]
    """The placement code of the consultation in full, which the file shows masked."""
    history: list[StatusChangeView]
    """The way through search and therapy."""
    access_log: list[FileAccessView]
    """Who was shown the file, this export included."""
    place_offers: Annotated[list[StoredRow], FOR_THE_EXPORT]
    """Places that practices offered in the present search."""
    imported_rows: Annotated[list[StoredRow], FOR_THE_EXPORT]
    """With which rows of which files the patient was entered."""
    located_postal_code: Annotated[StoredRow | None, FOR_THE_EXPORT]
    """What geocoding answered of the postal code."""


class PatientExport(Schema):
    """Everything that is held anywhere about one patient."""

    format: Literal["patient-export/1"]
    """The form of this document."""
    exported_at: Instant
    """When it was made."""
    patient_id: UUID
    """Whom it is about."""
    reference: str
    """By what practices know the patient."""
    patient_service: OwnData
    """All that the patient service holds."""
    matching_service: Held
    """All that the matching service holds."""
    communication_service: Held
    """All that the communication service holds, letters included, without what they say of other people."""
    geocoding_service: Held
    """All that the geocoding service holds."""


def require_file(session: Session, patient_id: UUID) -> None:
    """Raises `NotFound` for a patient who is not known, and `UnreadableFile` for one without a key."""
    require_key(get_patient(session, patient_id))


def export(
    session: Session,
    keys: Keys,
    patient_id: UUID,
    others: Mapping[str, Mapping[str, Any]],
    *,
    reader: Reader,
    now: datetime,
) -> PatientExport:
    """Everything that is held, with what the other services said a moment ago; noted as exported.

    Raises `NotFound`, also where the patient was erased meanwhile.
    """
    own = _own(session, keys, patient_id, reader=reader, now=now)
    return PatientExport(
        format=FORMAT,
        exported_at=now,
        patient_id=patient_id,
        reference=own.file.reference,
        patient_service=own,
        **{name: dict(held) for name, held in others.items()},
    )


def _own(session: Session, keys: Keys, patient_id: UUID, *, reader: Reader, now: datetime) -> OwnData:
    patient = accesses.read_patient(session, keys, patient_id, reader, "exported", now=now)
    file = decrypt(keys, patient)
    session.flush()  # the log says of this export too
    located = postal_codes.located_postal_code(session, patient_id)
    merged = [each for id, each in merging.files_of(session, patient).items() if id != patient_id]
    return OwnData(
        service="patient_service",
        patient_id=patient_id,
        events=held_events.of_patient(session, patient_id),
        file=view(patient, file, today=berlin_day(now)),
        merged_files=[view(each, decrypt(keys, each), today=berlin_day(now)) for each in merged],
        placement_code=None if file.consultation is None else file.consultation.placement_code,
        history=history.whole_history(session, keys, patient),
        access_log=accesses.whole_log(session, keys, patient),
        place_offers=[stored_row(each) for each in offers.of_patient(session, patient_id)],
        imported_rows=[stored_row(each) for each in imports.rows_of_patient(session, patient_id)],
        located_postal_code=None if located is None else stored_row(located),
    )
