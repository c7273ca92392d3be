"""Every event of the platform, declared once: name, topic and parsing follow from the class.

State events carry the aggregate's whole public state, since their topics are compacted. Patient events hold only what
other services need to match and to write a pseudonymous e-mail: no name, street, contact details, exact diagnosis.

Every field has bounds, wide enough for all that the services accept and narrow enough for every column and index: texts
by the models' configuration, the rest by the types below.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.events.event import LARGEST_SEQUENCE, LONGEST_TEXT, Event, StateEvent
from shared.values.datetimes import PlausibleDate, PlausibleInstant
from shared.values.periods import PeriodJson


class Payload(BaseModel):
    """A part of an event; unknown fields are ignored, as in the event itself."""

    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        from_attributes=True,
        use_attribute_docstrings=True,
        str_max_length=LONGEST_TEXT,
        allow_inf_nan=False,
    )


Count = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Kilometres = Annotated[float, Field(ge=0, le=40_000)]
Texts = Annotated[list[str], Field(max_length=300)]
"""The limit is above the number of languages, the largest set there is."""
Ids = Annotated[list[UUID], Field(max_length=1000)]

Window = Annotated[dict[str, str], Field(max_length=10)]
Weekly = Annotated[dict[str, Annotated[list[Window], Field(max_length=1000)]], Field(max_length=7)]
"""The JSON form of weekly windows (shared.values.weekly); None means unknown."""
Holidays = Annotated[list[PeriodJson], Field(max_length=100)]


class PublicTherapist(Payload):
    """All data of a therapist, which other services may keep."""

    id: UUID
    salutation: str | None = None
    title: str | None = None
    first_name: str | None = None
    last_name: str
    gender: str = "unknown"
    street: str | None = None
    house_number: str | None = None
    postal_code: str | None = None
    city: str | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    phone: str | None = None
    mobile: str | None = None
    email: str | None = None
    accreditation: str = "unknown"
    procedures: Texts = []
    age_groups: Texts = []
    settings: Texts = []
    languages: Texts = []
    phone_hours: Weekly | None = None
    working_hours: Weekly | None = None
    holidays: Holidays = []
    potentially_available: bool = False
    contact_preference: str = "any"
    email_opt_out: bool = False
    status: str = "active"
    blocked_until: PlausibleDate | None = None


class TherapistRegistered(StateEvent, name="therapist.registered"):
    """A therapist was registered."""

    therapist: PublicTherapist


class TherapistUpdated(StateEvent, name="therapist.updated"):
    """A therapist's data changed."""

    therapist: PublicTherapist


class TherapistBlocked(StateEvent, name="therapist.blocked"):
    """A therapist must not be contacted."""

    therapist: PublicTherapist


class TherapistUnblocked(StateEvent, name="therapist.unblocked"):
    """A therapist may be contacted again."""

    therapist: PublicTherapist


class TherapistDeactivated(StateEvent, name="therapist.deactivated"):
    """A therapist is no longer in the source or was taken out by staff."""

    therapist: PublicTherapist


class PublicPatient(Payload):
    """The data of a patient that other services may have: a pseudonym and criteria."""

    id: UUID
    reference: str
    postal_code: str | None = None
    age: Count | None = None
    gender: str = "unknown"
    insurance_type: str | None = None
    reimbursement_case: bool = False
    diagnosis_block: str | None = None
    """The ICD-10-GM block, such as F30-F39; only while the patient consents to health data being passed on."""
    has_practice_summary: bool = False
    """Whether there is a text that practices may read, to which the patient consents; it is asked for over HTTP."""
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


class AddressGeocoded(StateEvent, name="address.geocoded"):
    """The location of an address, or that it is unknown; it applies only while the address is still the current one."""

    owner_kind: str
    """patient or therapist; the event's subject is the owner's id."""
    owner_id: UUID
    street: str | None = None
    house_number: str | None = None
    postal_code: str | None = None
    city: str | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    precision: str | None = None
    federal_state: str | None = None
    source: str | None = None


class AddressErased(StateEvent, name="address.erased"):
    """The address of somebody who was erased is gone; the last state there is of it."""

    owner_kind: str
    owner_id: UUID


class RequestApproved(Event, name="matching.request_approved"):
    """Staff approved that this therapist is asked for a place for this patient."""

    placement_request_id: UUID
    patient_id: UUID
    therapist_id: UUID
    priority: Count = 0
    approved_at: PlausibleInstant


class RequestReopened(Event, name="matching.request_reopened"):
    """A request is to be asked again: the date agreed for it has come, its contact failed or its answer was wrong."""

    placement_request_id: UUID
    patient_id: UUID
    therapist_id: UUID
    priority: Count = 0
    approved_at: PlausibleInstant


class RequestHeld(Event, name="matching.request_held"):
    """A request that was not sent yet must wait: the search is paused or another practice offered a place."""

    placement_request_id: UUID
    patient_id: UUID
    therapist_id: UUID
    hold: str


class RequestReleased(Event, name="matching.request_released"):
    """A held request may be sent again."""

    placement_request_id: UUID
    patient_id: UUID
    therapist_id: UUID


class RequestAnswered(Event, name="matching.request_answered"):
    """A practice answered; the request is not asked again for now."""

    placement_request_id: UUID
    patient_id: UUID
    therapist_id: UUID
    outcome: str
    available_from: PlausibleDate | None = None


class RequestAccepted(Event, name="matching.request_accepted"):
    """A practice offers a place to this patient."""

    placement_request_id: UUID
    patient_id: UUID
    therapist_id: UUID
    accepted_on: PlausibleDate


class RequestWithdrawn(Event, name="matching.request_withdrawn"):
    """A request is over without an answer."""

    placement_request_id: UUID
    patient_id: UUID
    therapist_id: UUID
    reason: str


class PatientPlaced(Event, name="matching.patient_placed"):
    """A patient takes up a place: the search is over."""

    placement_request_id: UUID
    patient_id: UUID
    therapist_id: UUID
    placed_on: PlausibleDate


class RequestUpdated(Event, name="matching.request_updated"):
    """The current state of a placement request, published by `republish`, or where it became another patient's."""

    placement_request_id: UUID
    patient_id: UUID
    therapist_id: UUID
    status: str
    hold: str | None = None
    priority: Count = 0
    inquiry_id: UUID | None = None
    """The newest contact of which matching has handled an event."""
    emailed_on: PlausibleDate | None = None


class RequestUnknown(Event, name="matching.request_unknown"):
    """A placement request of which Kafka has events does not exist in matching; published by `republish`."""

    placement_request_id: UUID


class PatientErasedFromMatching(Event, name="matching.patient_erased"):
    """Matching has erased what it had of a patient who was erased, and has withdrawn what was still asked."""

    patient_id: UUID


class InquiryComposed(Event, name="communication.inquiry_composed"):
    """Requests were put into one contact with one therapist, which was not made yet."""

    inquiry_id: UUID
    therapist_id: UUID
    channel: str
    placement_request_ids: Ids


class InquiryDissolved(Event, name="communication.inquiry_dissolved"):
    """A contact will not take place as planned; its requests are to be composed again."""

    inquiry_id: UUID
    therapist_id: UUID
    placement_request_ids: Ids


class EmailSent(Event, name="communication.email_sent"):
    """The mail server accepted the e-mail, which was to a therapist's practice or to a patient."""

    email_id: UUID
    inquiry_id: UUID | None = None
    therapist_id: UUID | None = None
    patient_id: UUID | None = None
    kind: str
    placement_request_ids: Ids
    sent_at: PlausibleInstant


class PracticeAnswer(Payload):
    """A practice's answer to one request; outcomes as in docs/api.md#closed-vocabularies, or not_discussed."""

    placement_request_id: UUID
    outcome: str
    available_from: PlausibleDate | None = None


Answers = Annotated[list[PracticeAnswer], Field(max_length=1000)]


class CallRecorded(Event, name="communication.call_recorded"):
    """A phone call took place or failed."""

    phone_call_id: UUID
    inquiry_id: UUID | None = None
    therapist_id: UUID
    direction: str
    result: str
    occurred_at: PlausibleInstant
    placement_request_ids: Ids
    answers: Answers = []
    recorded_by: UUID | None = None
    """The account of who recorded it: the log of each request names them."""


class EmailAnswered(Event, name="communication.email_answered"):
    """A practice answered an e-mail."""

    email_id: UUID
    therapist_id: UUID
    occurred_at: PlausibleInstant
    answers: Answers
    recorded_by: UUID | None = None
    """The account of who recorded it."""


class AttemptsUsedUp(Event, name="communication.attempts_used_up"):
    """Nobody was reached in any of the attempts."""

    inquiry_id: UUID
    therapist_id: UUID
    placement_request_ids: Ids


class PatientErasedFromCommunication(Event, name="communication.patient_erased"):
    """Communication has erased what it had of a patient who was erased; nothing that may yet go out speaks of them."""

    patient_id: UUID
