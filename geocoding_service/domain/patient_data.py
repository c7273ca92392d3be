"""All that this service holds about one patient, for the export."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from geocoding_service.store import queries
from shared.database import Session
from shared.database.documents import stored_row
from shared.events import held_events
from shared.values.patient_data import FOR_THE_EXPORT, PatientData, StoredRow


class GeocodingData(PatientData):
    """All that the geocoding service holds about one patient."""

    located_address: Annotated[StoredRow | None, FOR_THE_EXPORT]
    """The patient's postal code, and where it lies."""


def read(session: Session, patient_id: UUID) -> GeocodingData:
    """All that is held about this patient; nothing about one who is not known."""
    address = queries.address_of_patient(session, patient_id)
    return GeocodingData(
        service="geocoding_service",
        patient_id=patient_id,
        events=held_events.of_patient(session, patient_id),
        located_address=None if address is None else stored_row(address),
    )
