"""What the first interview and the intake record: health data that only coordinators read."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field, PlainSerializer

from shared.texts import Sentence
from shared.values.contacts import EmailAddress, PersonName, PhoneNumber, format_phone
from shared.values.datetimes import Instant, PastDate, PlausibleDate
from shared.values.enums import ContactRelation
from shared.values.identifiers import DiagnosisCode, PlacementCode, PlacementCodeOrMask, masked
from shared.values.patient_history_enums import CrisisAct
from shared.values.readable import FOR_COORDINATORS
from shared.values.schemas import Distinct, Schema
from shared.values.text import Line, Note
from shared.values.worded import Worded

ShownPhone = Annotated[
    PhoneNumber,
    PlainSerializer(format_phone, return_type=str),
    Field(description="As people write it; may be sent back so", examples=["030 1234567"]),
]
"""A stored phone number in a view."""

ShownPlacementCode = Annotated[
    PlacementCodeOrMask,
    PlainSerializer(masked, return_type=str),
    Field(description="Masked: `****-****-AB12`", examples=["****-****-E5F6"]),
]
"""A stored placement code in a view: everybody who has the whole code can use it."""


class ContactPerson(Schema):
    """Someone to turn to beside the patient; a guardian acts for a child."""

    name: Annotated[PersonName, Field(examples=["Vera Herbstwind"])]
    """First and last name."""
    relation: ContactRelation = ContactRelation.OTHER
    """Who this is to the patient."""
    phone: PhoneNumber | None = None
    """Where to phone."""
    email: EmailAddress | None = None
    """Where to write to."""


class ContactPersonView(ContactPerson):
    """A contact person as clients see it."""

    phone: ShownPhone | None = None
    """Where to phone."""


class Consultation(Schema):
    """The first interview with a psychotherapist and its form (Sprechstunde, PTV 11)."""

    held_on: PlausibleDate | None = None
    """Day of the interview."""
    recommendations: Annotated[list[Annotated[Line, Field(examples=["Verhaltenstherapie"])]], Distinct(20)] = []
    """What the therapist recommends, each in a few words."""
    timely_treatment_needed: bool | None = None
    """Whether the form says that treatment is needed soon (zeitnah erforderlich)."""
    diagnoses: Annotated[list[DiagnosisCode], Distinct(30), FOR_COORDINATORS] = []
    """ICD-10-GM codes of the form; they count like those of the patient."""
    placement_code: Annotated[PlacementCodeOrMask | None, FOR_COORDINATORS] = None
    """The code for the appointment service (Vermittlungscode); masked, as it is shown, it is not changed."""


class ConsultationView(Consultation):
    """The first interview as clients see it."""

    placement_code: Annotated[ShownPlacementCode | None, FOR_COORDINATORS] = None
    """The code for the appointment service, masked; `POST /api/patients/{id}/placement-code/reveal` shows it."""


class Anamnesis(Schema):
    """The patient's history and complaints, in the words of those who took them down."""

    therapy_experience: Note | None = None
    """Psychotherapies before."""
    inpatient_treatment: Note | None = None
    """Stays in hospitals and day clinics."""
    occupation: Annotated[Line, Field(examples=["Lehrerin"])] | None = None
    """What the patient does for a living."""
    marital_status: Annotated[Line, Field(examples=["verheiratet"])] | None = None
    """Marital status, or how the patient lives."""
    complaints: Note | None = None
    """What the patient suffers from."""
    complaints_since: Annotated[Line, Field(examples=["seit dem Frühjahr"])] | None = None
    """Since when."""
    previous_treatments: Note | None = None
    """Other treatments before."""
    physical_conditions: Note | None = None
    """Physical illnesses."""
    medication: Note | None = None
    """Medication, as the patient takes it."""
    stressors: Note | None = None
    """What is a strain."""
    support_systems: Note | None = None
    """Who and what helps."""
    reason_for_search: Note | None = None
    """Why the patient looks for a therapy now."""
    expectations: Note | None = None
    """What the patient expects of a therapy."""
    therapy_goals: Note | None = None
    """What the patient wants to achieve."""
    previous_therapy_ended_on: PastDate | None = None
    """Last day of the psychotherapy before this search; practices learn only whether two years have passed."""


class CodeOfFile(Schema):
    """The placement code of one of a person's files."""

    reference: str
    """The reference of the file."""
    placement_code: Annotated[PlacementCode, FOR_COORDINATORS]
    """The code for the appointment service (Vermittlungscode); a secret."""


class RevealedPlacementCode(Schema):
    """Placement codes in full."""

    placement_code: Annotated[PlacementCode | None, FOR_COORDINATORS]
    """The code for the appointment service (Vermittlungscode); a secret. Null where only merged files have one."""
    of_merged_files: list[CodeOfFile]
    """The codes of files that were merged into this one."""


class CrisisEntry(Schema):
    """What somebody did about a crisis."""

    what: CrisisAct
    """What was done."""
    at: Instant
    """When."""
    by: UUID | None = None
    """The account of who did it; where a text raised the crisis, of who wrote that."""
    reason: Note | None = None
    """Why, or what was noted with it; null where a text of the file raised the crisis."""


class Crisis(Schema):
    """Whether the patient is in a crisis, because of suicidal thoughts, and who takes care."""

    flagged: bool = False
    """Whether suicidal thoughts are recorded, or somebody has raised the alarm."""
    raised_at: Instant | None = None
    """When the crisis was raised last."""
    raised_by: UUID | None = None
    """The account of who raised it by hand; null also where a text of the file raised it."""
    acknowledged_at: Instant | None = None
    """When somebody acknowledged it."""
    acknowledged_by: UUID | None = None
    """The account of who acknowledged it."""
    cleared_at: Instant | None = None
    """When it was taken back."""
    cleared_by: UUID | None = None
    """The account of who took it back."""
    reason: Note | None = None
    """Why it was raised, or taken back, by hand."""
    history: list[CrisisEntry] = []
    """All that was done about this crisis and earlier ones, the oldest first."""


class CrisisContact(Schema):
    """Whom to call in a crisis."""

    name: Worded
    """Who answers."""
    phone: str
    """The number, as people dial it in Germany."""


CRISIS_CONTACTS = [
    CrisisContact(name=Sentence.of(f"crisis_contact.{who}"), phone=phone)
    for who, phone in (
        ("emergency", "112"),
        ("doctor_on_call", "116117"),
        ("telephone_counselling", "0800 1110111"),
        ("telephone_counselling", "0800 1110222"),
        ("telephone_counselling", "116123"),
    )
]


class CrisisView(Crisis):
    """A crisis as clients see it."""

    contacts: list[CrisisContact] = []
    """Whom to call; empty where there is no crisis."""
