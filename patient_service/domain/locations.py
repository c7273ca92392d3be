"""Whether a patient's postal code can be placed on the map, as geocoding answered."""

from __future__ import annotations

from collections.abc import Sequence

from patient_service.store import queries
from patient_service.store.tables import LocatedPostalCode, Patient
from shared.database import Session
from shared.database.copies import keep_newest
from shared.events.catalogue import AddressGeocoded


def remember(session: Session, answers: Sequence[AddressGeocoded]) -> None:
    """Keep what was answered for patients, each patient's newest."""
    keep_newest(
        session,
        LocatedPostalCode,
        [
            {
                "id": answer.owner_id,
                **answer.envelope.position(),
                "postal_code": answer.postal_code,
                "is_known": answer.latitude is not None and answer.longitude is not None,
            }
            for answer in answers
            if answer.owner_kind == "patient"
        ],
    )


def is_known(session: Session, patient: Patient) -> bool:
    """Whether the patient's present postal code was found; an answer to a former one does not count."""
    return patient.postal_code is not None and queries.postal_code_is_known(session, patient.postal_code)
