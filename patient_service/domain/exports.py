"""Everything that is held anywhere about one patient, who has a right to it (GDPR Art. 15 and 20)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import Field

from patient_service.domain import accesses, history
from patient_service.domain.access_schemas import FileAccessView
from patient_service.domain.accesses import Reader, RevealingConflict
from patient_service.domain.files import decrypt, get_patient, require_key, view
from patient_service.domain.intake_schemas import CodeOfFile
from patient_service.domain.placement_codes import codes_of
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
    placement_codes: Annotated[list[CodeOfFile], FOR_THE_EXPORT]
    """The placement codes of consultations in full, which the files show masked."""
    history: list[StatusChangeView]
    """The way through search and therapy."""
    access_log: list[FileAccessView]
    """Who was shown the file, this export included."""
    place_offers: Annotated[list[StoredRow], FOR_THE_EXPORT]
    """Places that practices offered in the present search."""
    imported_rows: Annotated[list[StoredRow], FOR_THE_EXPORT]
    """With which rows of which files the patient was entered."""
    located_postal_codes: Annotated[list[StoredRow], FOR_THE_EXPORT]
    """What geocoding answered of the postal code of each file."""


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


@dataclass(frozen=True)
class Collected:
    """What the other services said a moment ago of the patient, and of which merged files they were asked."""

    merged_ids: Sequence[UUID]
    held: Mapping[str, Mapping[str, Any]]


def merged_ids(session: Session, patient_id: UUID) -> list[UUID]:
    """The files that were merged into the patient's.

    Raises `NotFound` for a patient who is not known, and `UnreadableFile` for one without a key.
    """
    patient = get_patient(session, patient_id)
    require_key(patient)
    return [each for each in merging.files_of(session, patient) if each != patient_id]


def export(
    session: Session, keys: Keys, patient_id: UUID, collected: Collected, *, reader: Reader, now: datetime
) -> PatientExport:
    """Everything that is held, with what the other services said a moment ago; noted as exported.

    Raises `NotFound`, also where the patient was erased meanwhile, and `Conflict` where a file was merged into theirs
    meanwhile, of which the others were not asked.
    """
    own = _own(session, keys, patient_id, collected.merged_ids, reader=reader, now=now)
    return PatientExport(
        format=FORMAT,
        exported_at=now,
        patient_id=patient_id,
        reference=own.file.reference,
        patient_service=own,
        **{name: dict(held) for name, held in collected.held.items()},
    )


def _own(
    session: Session, keys: Keys, patient_id: UUID, merged_ids: Sequence[UUID], *, reader: Reader, now: datetime
) -> OwnData:
    patient = get_patient(session, patient_id)
    stored = merging.files_of(session, patient)
    if stored.keys() != {patient_id, *merged_ids}:
        raise RevealingConflict([patient_id], "export.merged_meanwhile")
    files = {id: decrypt(keys, each) for id, each in stored.items()}
    views = [view(each, files[id], today=berlin_day(now)) for id, each in stored.items()]
    held: dict[str, Any] = {
        "events": held_events.of_patient(session, list(stored)),
        "file": views[0],
        "merged_files": views[1:],
        "placement_codes": codes_of(stored, files),
        "history": history.whole_history(session, keys, patient),
        "place_offers": list(map(stored_row, offers.of_patient(session, stored))),
        "imported_rows": list(map(stored_row, imports.rows_of_patient(session, stored))),
        "located_postal_codes": list(map(stored_row, postal_codes.located_postal_codes(session, stored))),
    }
    # the log says of this export, too; all others who read the file wait from here on
    accesses.record(session, keys, [patient], reader, "exported", now=now)
    log = accesses.whole_log(session, keys, patient)
    return OwnData(
        service="patient_service", patient_id=patient_id, merged_ids=list(merged_ids), access_log=log, **held
    )
