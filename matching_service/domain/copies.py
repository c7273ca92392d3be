"""What this service keeps of other services' therapists and patients, and of where they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from matching_service.store.tables import CallingHours, PatientCopy, PracticeContact, TherapistCopy
from shared.database import Session
from shared.database.copies import keep_merged, keep_newest, keep_removed, week_of
from shared.events.catalogue import (
    AddressGeocoded,
    CallingHoursChanged,
    PatientMerged,
    PracticeContactChanged,
    PublicCapacity,
    PublicCapacityStatement,
    PublicPatient,
    PublicTherapist,
    TherapistMerged,
    TherapistRemoved,
)
from shared.events.event import EventEnvelope
from shared.runtime.logs import logger
from shared.values.contacts import writable_mailbox
from shared.values.enums import CapacityState
from shared.values.places import Place
from shared.values.postal_codes import coordinates_problem
from shared.values.text import one_line

log = logger(__name__)

ADDRESS: Final = ("street", "house_number", "postal_code", "city")
NO_STATE_YET: Final = {"sequence": "-1"}
"""A row of which only the place is known is older than any state of its owner."""


def comparable_address(street: str | None, house_number: str | None, postal_code: str | None, city: str | None) -> str:
    """An address as one text that is equal for equal addresses, whatever the blanks and capitals."""
    return _joined(one_line(part or "") for part in (street, house_number, postal_code, city))


def _joined(lines: Iterable[str | None]) -> str:
    return "|".join(line.casefold() if line else "" for line in lines)


def keep_therapists(session: Session, states: Sequence[tuple[PublicTherapist, EventEnvelope]]) -> None:
    """Keep the newest state of each therapist; the states come with their envelopes."""
    keep_newest(session, TherapistCopy, [_therapist(therapist, envelope) for therapist, envelope in states])


def keep_removed_therapists(session: Session, events: Sequence[TherapistRemoved]) -> None:
    """Keep nothing of therapists who were removed, as if nothing had arrived of them."""
    keep_removed(session, TherapistCopy, [{"id": e.therapist_id, **e.envelope.position()} for e in events])


def keep_merged_therapists(session: Session, events: Sequence[TherapistMerged]) -> None:
    """Keep of therapists who were merged into others only who was kept."""
    rows = [{"id": e.therapist_id, "merged_into": e.merged_into, **e.envelope.position()} for e in events]
    keep_merged(session, TherapistCopy, rows)


def keep_patients(session: Session, states: Sequence[tuple[PublicPatient, EventEnvelope]]) -> None:
    """Keep the newest state of each patient; the states come with their envelopes."""
    keep_newest(session, PatientCopy, [_patient(patient, envelope) for patient, envelope in states])


def keep_merged_patients(session: Session, events: Sequence[PatientMerged]) -> None:
    """Keep of patients who were merged into others only who was kept."""
    rows = [{"id": e.patient_id, "merged_into": e.merged_into, **e.envelope.position()} for e in events]
    keep_merged(session, PatientCopy, rows)


def keep_places(session: Session, events: Sequence[AddressGeocoded]) -> None:
    """Keep where addresses lie. A place of another address waits until that address is the present one."""
    for kind, copies in (("therapist", TherapistCopy), ("patient", PatientCopy)):
        rows = [_geocoded(event) for event in events if event.owner_kind == kind]
        keep_newest(session, copies, rows, part="geocoded_", inserted=NO_STATE_YET)


def keep_practice_contacts(session: Session, events: Sequence[PracticeContactChanged]) -> None:
    """Keep how practices can be contacted, as the communication service published it last."""
    names = ("email_suppressed", "email_again_on", "call_again_on", "planned_call_at", "number_is_wrong")
    rows = [
        {"id": e.therapist_id, **{name: getattr(e, name) for name in names}, **e.envelope.position()} for e in events
    ]
    keep_newest(session, PracticeContact, rows)


def keep_calling_hours(session: Session, events: Sequence[CallingHoursChanged]) -> None:
    """Keep when callers phone, as it was published last."""
    rows = [
        {
            "id": e.calling_hours_id,
            "callers": e.callers,
            "days": [each.model_dump(mode="json") for each in e.days],
            **e.envelope.position(),
        }
        for e in events
    ]
    keep_newest(session, CallingHours, rows)


def _therapist(therapist: PublicTherapist, envelope: EventEnvelope) -> dict[str, Any]:
    capacity = therapist.capacity or PublicCapacity()
    address = {name: _line(getattr(therapist, name)) for name in ADDRESS}
    return {
        "id": therapist.id,
        **envelope.position(),
        "status": therapist.status,
        "name": one_line(" ".join(p for p in (therapist.title, therapist.first_name, therapist.last_name) if p)),
        **address,
        "address": _joined(address.values()),
        "gender": therapist.gender,
        "accreditation": therapist.accreditation,
        "procedures": therapist.procedures,
        "age_groups": therapist.age_groups,
        "settings": therapist.settings,
        "languages": therapist.languages,
        "working_hours": week_of(therapist.id, therapist.working_hours),
        "potentially_available": therapist.potentially_available,
        "individual_from": therapist.free_individual_from,
        "individual_stated_on": _stated_on(capacity.individual),
        "group_from": therapist.free_group_from,
        "group_stated_on": _stated_on(capacity.group),
        "preferred_diagnoses": therapist.preferences.diagnoses if therapist.preferences else [],
        "contact_preference": therapist.contact_preference,
        "mailbox": None if therapist.email_opt_out else writable_mailbox(therapist.email),
        "can_be_phoned": bool((therapist.phone or therapist.mobile) and therapist.phone_hours),
        "phone_hours": week_of(therapist.id, therapist.phone_hours),
        "holidays": therapist.holidays,
        "merged_into": None,
        "given_place": _place(therapist.id, therapist.postal_code, therapist.latitude, therapist.longitude),
    }


def _stated_on(statement: PublicCapacityStatement) -> date | None:
    """When something was said that still counts."""
    return None if statement.state == CapacityState.UNKNOWN else statement.stated_on


def _patient(patient: PublicPatient, envelope: EventEnvelope) -> dict[str, Any]:
    return {
        "id": patient.id,
        **envelope.position(),
        "status": patient.status,
        "reference": _line(patient.reference),
        "diagnosis_block": patient.diagnosis_block,
        "address": comparable_address(None, None, patient.postal_code, None) if patient.postal_code else None,
        "insurance_type": patient.insurance_type,
        "health_insurer_ik": _line(patient.health_insurer_ik),
        "reimbursement_case": patient.reimbursement_case,
        "age_groups": patient.age_groups,
        "availability": week_of(patient.id, patient.availability),
        "max_distance_km": patient.max_distance_km,
        "max_travel_minutes": patient.max_travel_minutes,
        "travel_mode": patient.travel_mode,
        "open_to_group_therapy": patient.open_to_group_therapy,
        "preferred_therapist_gender": patient.preferred_therapist_gender,
        "preferred_procedures": patient.preferred_procedures,
        "languages": patient.languages,
        "excluded_therapist_ids": patient.excluded_therapist_ids,
        "search_started_on": patient.search_started_on,
        "days_paused": patient.days_paused,
        "paused_since": patient.paused_since,
        "placement_request_id": patient.placement_request_id,
        "placement_state": patient.placement_state,
        "merged_into": None,
    }


def _line(text: str | None) -> str | None:
    """A text in one form: its source need not have normalised it."""
    return None if text is None else one_line(text)


def _geocoded(event: AddressGeocoded) -> dict[str, Any]:
    if event.owner_kind == "patient":
        return _place_of(event, comparable_address(None, None, event.postal_code, None))
    address = comparable_address(event.street, event.house_number, event.postal_code, event.city)
    return {**_place_of(event, address), "geocoded_states": event.states}


def _place_of(event: AddressGeocoded, address: str) -> dict[str, Any]:
    return {
        "id": event.owner_id,
        **event.envelope.position("geocoded_"),
        "geocoded_address": address,
        "geocoded_place": _place(event.owner_id, event.postal_code, event.latitude, event.longitude),
    }


def _place(owner: UUID, postal_code: str | None, latitude: float | None, longitude: float | None) -> Place | None:
    """Where coordinates lie; None where they cannot be right, so that nobody is placed far from their address.

    Then the geocoded place of the address counts; a therapist without a place is counted as `distance_unknown`.
    """
    if latitude is None or longitude is None:
        return None
    why_not = coordinates_problem(postal_code, latitude, longitude)
    if why_not is not None:
        log.warning("copies.coordinates_set_aside", owner_id=str(owner), reason=why_not.key)
        return None
    return Place(latitude, longitude)
