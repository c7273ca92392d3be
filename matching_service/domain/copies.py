"""What this service keeps of other services' therapists, patients and places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matching_service.store import copies
from shared.db import Session
from shared.events.catalogue import AddressGeocoded, PublicPatient, PublicTherapist
from shared.values.places import Place
from shared.values.text import one_line
from shared.values.weekly import Weekly


def comparable_address(street: str | None, house_number: str | None, postal_code: str | None, city: str | None) -> str:
    """An address as one text that is equal for equal addresses, whatever the blanks and capitals."""
    return "|".join(one_line(part or "").casefold() for part in (street, house_number, postal_code, city))


def remember_therapists(session: Session, told: Sequence[tuple[PublicTherapist, int]]) -> None:
    """Keep the newest state of each therapist; `told` is states with their sequences."""
    copies.keep_therapists(session, [_therapist(therapist, sequence) for therapist, sequence in told])


def remember_patients(session: Session, told: Sequence[tuple[PublicPatient, int]]) -> None:
    """Keep the newest state of each patient; `told` is states with their sequences."""
    copies.keep_patients(session, [_patient(patient, sequence) for patient, sequence in told])


def remember_places(session: Session, told: Sequence[tuple[AddressGeocoded, int]]) -> None:
    """Keep where addresses lie. An answer for another address than the present one waits until that is the present."""
    rows = [(event.owner_kind, _geocoded(event, sequence)) for event, sequence in told]
    copies.keep_therapists_places(session, [row for kind, row in rows if kind == "therapist"])
    copies.keep_patients_places(session, [row for kind, row in rows if kind == "patient"])


def _therapist(therapist: PublicTherapist, sequence: int) -> dict[str, Any]:
    return {
        "id": therapist.id,
        "sequence": sequence,
        "status": therapist.status,
        "name": " ".join(p for p in (therapist.title, therapist.first_name, therapist.last_name) if p),
        "postal_code": therapist.postal_code,
        "city": therapist.city,
        "address": comparable_address(therapist.street, therapist.house_number, therapist.postal_code, therapist.city),
        "gender": therapist.gender,
        "accreditation": therapist.accreditation,
        "procedures": therapist.procedures,
        "age_groups": therapist.age_groups,
        "settings": therapist.settings,
        "languages": therapist.languages,
        "working_hours": Weekly.from_json(therapist.working_hours),
        "potentially_available": therapist.potentially_available,
        "contact_preference": therapist.contact_preference,
        "given_place": _place(therapist.latitude, therapist.longitude),
    }


def _patient(patient: PublicPatient, sequence: int) -> dict[str, Any]:
    return {
        "id": patient.id,
        "sequence": sequence,
        "status": patient.status,
        "reference": patient.reference,
        "address": comparable_address(None, None, patient.postal_code, None) if patient.postal_code else None,
        "insurance_type": patient.insurance_type,
        "reimbursement_case": patient.reimbursement_case,
        "age_groups": patient.age_groups,
        "availability": Weekly.from_json(patient.availability),
        "max_distance_km": patient.max_distance_km,
        "max_travel_minutes": patient.max_travel_minutes,
        "travel_mode": patient.travel_mode,
        "open_to_group_therapy": patient.open_to_group_therapy,
        "preferred_therapist_gender": patient.preferred_therapist_gender,
        "preferred_procedures": patient.preferred_procedures,
        "languages": patient.languages,
        "excluded_therapist_ids": patient.excluded_therapist_ids,
    }


def _geocoded(event: AddressGeocoded, sequence: int) -> dict[str, Any]:
    if event.owner_kind == "patient":
        address = comparable_address(None, None, event.postal_code, None)
    else:
        address = comparable_address(event.street, event.house_number, event.postal_code, event.city)
    return {
        "id": event.owner_id,
        "geocoded_sequence": sequence,
        "geocoded_address": address,
        "geocoded_place": _place(event.latitude, event.longitude),
    }


def _place(latitude: float | None, longitude: float | None) -> Place | None:
    return None if latitude is None or longitude is None else Place(latitude, longitude)
