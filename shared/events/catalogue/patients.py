"""Events of patient_service."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from shared.events.catalogue.payloads import Count, Ids, Kilometres, Payload, Texts, Weekly
from shared.events.event import LARGEST_SEQUENCE, StateEvent
from shared.values.datetimes import PlausibleDate


class PublicPatient(Payload):
    """The data of a patient that other services may have: a pseudonym and criteria."""

    id: UUID
    reference: str
    postal_code: str | None = None
    age: Count | None = None
    gender: str = "unknown"
    insurance_type: str | None = None
    reimbursement_case: bool = False
    health_insurer_ik: str | None = None
    """The institution that insures the patient, for its report."""
    diagnosis_block: str | None = None
    """The ICD-10-GM block, such as F30-F39; only while the patient consents to health data being passed on."""
    has_practice_summary: bool = False
    """Whether there is a text that practices may read, to which the patient consents; it is asked for over HTTP."""
    has_patient_mail: bool = False
    """Whether the patient consents to e-mails and has an address; both are asked for over HTTP as one goes."""
    age_groups: Texts = []
    availability: Weekly | None = None
    max_distance_km: Kilometres | None = None
    max_travel_minutes: Count | None = None
    travel_mode: str = "car"
    open_to_group_therapy: bool = False
    preferred_therapist_gender: str = "any"
    preferred_procedures: Texts = []
    languages: Texts = []
    excluded_therapist_ids: Ids = []
    prior_therapy_within_two_years: bool | None = None
    status: str = "open"
    paused_until: PlausibleDate | None = None
    search_started_on: PlausibleDate | None = None
    days_paused: Count = 0
    """How many days of this search were in pauses that are over."""
    paused_since: PlausibleDate | None = None
    """The first day of the pause that goes on."""
    placement_request_id: UUID | None = None
    """The request whose place the patient was given last, as far as the patient service knows."""
    placement_state: str | None = None
    """The state of that place: taken_up, failed (the search goes on or had ended before), ended (with the therapy)."""
    other_references: Texts = []
    """By what practices may know the patient too: references of files that were merged into this one."""


class PatientRegistered(StateEvent, name="patient.registered"):
    """A patient was registered."""

    patient: PublicPatient


class PatientUpdated(StateEvent, name="patient.updated"):
    """A patient's data changed."""

    patient: PublicPatient


class PatientStatusChanged(StateEvent, name="patient.status_changed"):
    """A search started, paused, resumed or ended, or therapy began or ended."""

    patient: PublicPatient
    previous_status: str
    caused_by_place: UUID | None = None
    """The placement request whose place brought this about, as matching recorded it; None where people did, or time."""


class PatientTherapistsExcluded(StateEvent, name="patient.therapists_excluded"):
    """A patient excluded further therapists: `excluded_therapist_ids` has more entries than before."""

    patient: PublicPatient


class PatientMerged(StateEvent, name="patient.merged"):
    """This file was merged: two files were of one person, and the other one is kept.

    Only an erasure follows; of the merged patient a copy keeps nothing but who was kept.
    """

    patient_id: UUID
    merged_into: UUID
    """The patient who is kept, and was never merged into another one before."""
    kept_sequence: Annotated[int, Field(ge=1, le=LARGEST_SEQUENCE)]
    """The sequence of the event that says how the kept patient has been since: an older copy does not know yet."""
    status: str
    """How this patient's search stood last; with the next two, what became of requests that were made for them."""
    placement_request_id: UUID | None = None
    placement_state: str | None = None


class PatientErased(StateEvent, name="patient.erased"):
    """Everything about a patient was erased; the last state there is of them, which no other follows.

    A service that has something of the patient erases it too, each time anew, and keeps nothing of them again.
    """

    patient_id: UUID
