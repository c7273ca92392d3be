"""All that this service holds about one patient, for the export."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from geocoding_service.store import queries
from shared.database import Session
from shared.database.documents import stored_row
from shared.events import held_events
from shared.values.patient_data import FOR_THE_EXPORT, PatientData, StoredRow


class GeocodingData(PatientData):
    """All that the geocoding service holds about one patient."""

    located_addresses: Annotated[list[StoredRow], FOR_THE_EXPORT]
    """The patient's postal code, and where it lies; of each file that has one."""


def read(session: Session, ids: Sequence[UUID]) -> GeocodingData:
    """All that is held about the patient with these files, the kept one first; nothing about one who is not known."""
    return GeocodingData(
        service="geocoding_service",
        patient_id=ids[0],
        merged_ids=list(ids[1:]),
        events=held_events.of_patient(session, ids),
        located_addresses=[stored_row(each) for each in queries.addresses_of_patient(session, ids)],
    )
