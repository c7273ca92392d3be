"""What geocoding said of patients' postal codes, kept from its events: whether they can be placed on the map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from patient_service.domain.rules import LookUp
from patient_service.store import postal_codes
from patient_service.store.tables import LocatedPostalCode, Patient
from shared.database import Session
from shared.database.copies import keep_newest
from shared.events.catalogue import AddressGeocoded


def keep_postal_codes(session: Session, events: Sequence[AddressGeocoded]) -> None:
    """Keep what geocoding said of patients, each patient's newest."""
    keep_newest(session, LocatedPostalCode, [_postal_code(event) for event in events if event.owner_kind == "patient"])


def look_up(session: Session, patient: Patient) -> LookUp:
    """What geocoding said of the patient's present postal code; an answer to a former one does not count."""
    if patient.postal_code is None:
        return LookUp.UNKNOWN
    if postal_codes.postal_code_is_known(session, patient.postal_code):
        return LookUp.FOUND
    is_answered = postal_codes.answered_postal_code(session, patient.id) == patient.postal_code
    return LookUp.UNKNOWN if is_answered else LookUp.PENDING


def _postal_code(event: AddressGeocoded) -> dict[str, Any]:
    return {
        "id": event.owner_id,
        **event.envelope.position(),
        "postal_code": event.postal_code,
        "is_known": event.latitude is not None and event.longitude is not None,
    }
