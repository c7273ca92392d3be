"""The fields of a patient: what comes in, what goes out and what is sealed are derived from one list."""

from __future__ import annotations

from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from patient_service.domain.assignments import AccountMeOrNobody
from patient_service.domain.examples import A_PATIENT
from patient_service.domain.intake_schemas import (
    Anamnesis,
    Consultation,
    ConsultationView,
    ContactPerson,
    ContactPersonView,
    Crisis,
    CrisisView,
    ShownPhone,
)
from shared.values.contacts import EmailAddress, PersonName, PhoneNumber
from shared.values.datetimes import DateOfBirth, Instant, IsoDate, PlausibleDate
from shared.values.enums import (
    AgeGroup,
    ConsentPurpose,
    Gender,
    InsuranceType,
    MissingForSearch,
    PatientStatus,
    PreferredGender,
    Procedure,
    TravelMode,
)
from shared.values.identifiers import DiagnosisCode, InsuranceNumber, InsurerNumber, Language, PostalCode, Version
from shared.values.lists import Several
from shared.values.patient_history_enums import HistoryKind
from shared.values.readable import FOR_COORDINATORS
from shared.values.schemas import Changed, Distinct, EntityView, QuerySchema, Schema
from shared.values.text import Line, Note, Reason
from shared.values.weekly import WeeklyHours
from shared.values.worded import WrittenOrWorded

MOST_EXCLUDED: Final = 1000
"""So many therapists a patient may exclude."""


class PatientFields(Schema):
    """The fields that staff can write."""

    salutation: Annotated[Line, Field(examples=["Frau"])] | None = None
    """How the person is addressed, such as Frau or Herr."""
    title: Annotated[Line, Field(examples=["Dr."])] | None = None
    """An academic title."""
    first_name: Annotated[PersonName, Field(examples=["Nora"])]
    """First name or names."""
    last_name: Annotated[PersonName, Field(examples=["Herbstwind"])]
    """Last name."""
    date_of_birth: DateOfBirth | None = None
    """Day of birth; the age groups of therapists follow from it."""
    gender: Gender = Gender.UNKNOWN
    """Gender, where it is known."""
    street: Annotated[Line, Field(examples=["Musterweg"])] | None = None
    """Street, without the house number."""
    house_number: Annotated[Line, Field(examples=["1a"])] | None = None
    """House number."""
    postal_code: PostalCode | None = None
    """German postal code; distances are counted from its place."""
    city: Annotated[Line, Field(examples=["Aachen"])] | None = None
    """Town."""
    email: EmailAddress | None = None
    """The patient's own e-mail address."""
    phone: PhoneNumber | None = None
    """The patient's own phone number."""
    contact_persons: Annotated[list[ContactPerson], Field(max_length=20)] = []
    """People to turn to beside the patient; a minor needs a guardian."""
    reason_without_guardian: Annotated[Note | None, FOR_COORDINATORS] = None
    """Why a minor searches without a guardian."""
    general_practitioner: Annotated[Line, Field(examples=["Dr. Birkenhain, Aachen"])] | None = None
    """The family doctor."""
    insurance_type: InsuranceType | None = None
    """How treatment is paid for."""
    reimbursement_case: bool = False
    """The insurer pays back treatment in a private practice (§ 13 (3) SGB V)."""
    health_insurer: Annotated[Line, Field(examples=["Musterkasse"])] | None = None
    """Name of the insurer."""
    health_insurer_ik: InsurerNumber | None = None
    """Number of the insurer (IK)."""
    insurance_number: Annotated[InsuranceNumber | None, FOR_COORDINATORS] = None
    """The patient's number at the insurer (KVNR); one patient has each number."""
    diagnoses: Annotated[list[DiagnosisCode], Distinct(30), FOR_COORDINATORS] = []
    """ICD-10-GM codes, each with its certainty where known."""
    consultation: Annotated[Consultation | None, FOR_COORDINATORS] = None
    """The first interview, where there was one."""
    anamnesis: Annotated[Anamnesis | None, FOR_COORDINATORS] = None
    """History and complaints."""
    assigned_to: UUID | None = None
    """The account of who is in charge of the patient."""
    contracts_signed: bool = False
    """Whether our contracts are signed; no search begins before."""
    registered_on: Annotated[PlausibleDate | None, Field(description="today, where nothing is said")] = None
    search_started_on: PlausibleDate | None = None
    """Day on which the search began; set when it begins."""
    last_contact_on: PlausibleDate | None = None
    """Day of our last contact with the patient."""
    referred_by: Annotated[Line, Field(examples=["the counselling service in Aachen"])] | None = None
    """Who sent the patient to us."""
    availability: WeeklyHours = None
    """When the patient has time for sessions."""
    max_distance_km: Annotated[float, Field(gt=0, le=1000)] | None = None
    """How far away a practice may be, in kilometres in a straight line."""
    max_travel_minutes: Annotated[int, Field(gt=0, le=1440)] | None = None
    """How long the way may take, from door to door."""
    travel_mode: TravelMode = TravelMode.CAR
    """How the patient travels."""
    open_to_group_therapy: bool = False
    """Whether group therapy is acceptable too."""
    open_to_diga: bool = False
    """Whether a digital health application is acceptable meanwhile."""
    preferred_therapist_gender: PreferredGender = PreferredGender.ANY
    """The therapist's gender that the patient wants."""
    preferred_procedures: Annotated[list[Procedure], Distinct(50)] = []
    """Procedures that the patient wants; none: all are acceptable."""
    languages: Annotated[list[Language], Distinct(50)] = []
    """Languages in which therapy is possible; with `de`, or none, nothing is required."""
    excluded_therapist_ids: Annotated[list[UUID], Distinct(MOST_EXCLUDED)] = []
    """Therapists who are never asked for this patient."""
    practice_summary: Annotated[
        Note | None, Field(description="what a practice may read, only with consent"), FOR_COORDINATORS
    ] = None


class PatientFile(PatientFields):
    """All that is sealed of a patient: the fields that staff can write, the crisis, and names of merged files."""

    crisis: Crisis = Crisis()
    """Whether the patient is in a crisis."""
    other_names: list[str] = []
    """First and last names of files that were merged into this one."""


class NewPatient(PatientFields):
    """What creates a patient."""

    model_config = ConfigDict(json_schema_extra={"examples": [A_PATIENT]})


class ChangedPatient(PatientFields):
    """What changes a patient."""

    reason: Annotated[Reason, Field(examples=["The search began with another agency."])] | None = None
    """Why `search_started_on` changes, which decides who is asked for first; without it X-Purpose is the reason."""


class NamesakeQuery(QuerySchema):
    """`force=true`: another patient may be the same, and is somebody else."""

    force: bool = False
    """Register or change the patient although somebody alike is known."""


class NewConsent(Schema):
    """What a patient agreed to, when, and to which text."""

    purpose: ConsentPurpose
    """What the patient agreed to."""
    given_on: Annotated[PlausibleDate, Field(examples=["2026-01-15"])]
    """Day of the agreement, today or before."""
    text_version: Version
    """The version of the text that the patient was shown: digits, dots, hyphens, up to five letters in front."""


class ConsentView(NewConsent):
    """A consent as clients see it; it counts until it is withdrawn."""

    id: UUID
    """Identifies the consent."""
    created_at: Instant
    """When it was recorded."""
    recorded_by: UUID | None = None
    """The account of who recorded it."""
    withdrawn_on: IsoDate | None = None
    """Day from which it does not count any more."""
    withdrawn_by: UUID | None = None
    """The account of who recorded that."""


class PatientView(PatientFields, EntityView):
    """A patient as clients see it."""

    reference: str
    """By what practices know the patient; says nothing about the person."""
    other_references: list[str] = []
    """By what practices may know the patient too: references of files that were merged into this one."""
    other_names: list[str] = []
    """Under which names the patient is found too: those of files that were merged into this one."""
    status: Annotated[PatientStatus, Changed(by="POST /api/patients/{id}/status")]
    """Where search and therapy stand."""
    registered_by: UUID | None = None
    """The account of who entered the patient."""
    phone: ShownPhone | None = None
    """The patient's own phone number."""
    contact_persons: list[ContactPersonView] = []  # type: ignore[assignment]  # nobody appends to a view
    """People to turn to beside the patient."""
    consultation: Annotated[ConsultationView | None, FOR_COORDINATORS] = None
    """The first interview, where there was one."""
    crisis: Annotated[CrisisView, FOR_COORDINATORS, Changed(by="POST /api/patients/{id}/crisis/flag and …/clear")]
    """Whether suicidal thoughts are recorded, who acknowledged that, and whom to call."""
    prior_therapy_within_two_years: bool | None = None
    """Whether a psychotherapy ended in the two years before today; null where no such therapy is recorded."""
    paused_until: Annotated[IsoDate | None, Changed(by="POST /api/patients/{id}/status")] = None
    """Last day of a pause, where it is known."""
    age_groups: list[AgeGroup] = []
    """The groups of patients, by age, to which the patient belongs today."""
    first_place_on: IsoDate | None = None
    """The day on which a practice first offered a place in this search."""
    working_place_on: IsoDate | None = None
    """The day on which a place was confirmed to work, after the first sessions."""
    erasure_proposed_on: IsoDate | None = None
    """The day since which it is proposed to erase the patient: the case is closed, and was kept for long enough."""
    consents: Annotated[list[ConsentView], Changed(by="POST /api/patients/{id}/consents and …/withdraw")] = []
    """What the patient has agreed to, withdrawn consents included."""
    unreadable: bool = False
    """Whether the file cannot be read at the moment; then what lies in it is left empty, and says nothing."""


class Merge(Schema):
    """Which file is of the same person."""

    duplicate_id: UUID
    """The patient whose file is merged into this one; the reference goes on finding the person."""


class CrisisReason(Schema):
    """Why a crisis is raised, or taken back, by hand."""

    reason: Note
    """Why."""


class DeclinedErasure(Schema):
    """Why a patient is kept although their case was closed for long enough."""

    reason: Annotated[Reason, Field(examples=["There is a claim against us in court."])]
    """Why; the history has it."""


class CrisisNote(Schema):
    """What is noted with the acknowledgement of a crisis."""

    note: Note | None = None
    """What was done, or agreed with the patient."""


class PatientLabel(Schema):
    """What names a patient."""

    id: UUID
    """Identifies the patient."""
    reference: str
    """By what practices know the patient; says nothing about the person."""
    name: str
    """First and last name."""
    age: int | None
    """How many years old the patient is today; null where the day of birth is not known."""
    status: PatientStatus
    """Where search and therapy stand."""
    unreadable: bool = False
    """Whether the file cannot be read at the moment; then name and age are not known."""


class PatientFilter(QuerySchema):
    """Which patients to list; `q` looks for words of the name by their beginning or sound, a reference or an insurance
    number.
    """

    q: (
        Annotated[
            Line,
            Field(
                description="At most ten words: each begins a word of the name (three letters on; of fewer letters it"
                " is the whole word) or sounds like one, or is the patient's reference, with or without hyphens."
                " Alone, an insurance number. Signs such as `*` mean nothing.",
                examples=["Herbstwind"],
            ),
        ]
        | None
    ) = None
    status: Several[PatientStatus] = []
    """Only those with one of these statuses."""
    postal_code: Several[PostalCode] = []
    """Only those with one of these postal codes."""
    assigned_to: Several[AccountMeOrNobody] = []
    """Only those of whom one of these accounts is in charge; `me`: the caller, `none`: nobody."""
    born_on: DateOfBirth | None = None
    """Only those with this date of birth."""
    missing: Several[MissingForSearch] = []
    """Only those of whom something of this is missing before a search may start."""
    search_longer_than_days: Annotated[int, Field(ge=0, le=36525)] | None = None
    """Only those whose search goes on, or pauses, and began more than so many days ago."""
    crisis: Annotated[Literal["unacknowledged"], Field(examples=["unacknowledged"])] | None = None
    """`unacknowledged`: only those in a crisis that nobody has acknowledged."""
    erasure: Annotated[Literal["proposed"], Field(examples=["proposed"])] | None = None
    """`proposed`: only those whose closed case was kept for long enough, to be erased or kept."""


_ONLY_A_PAUSE_ENDS: JsonDict = {
    "anyOf": [
        {"properties": {"status": {"const": PatientStatus.PAUSED.value}}},
        {"properties": {"paused_until": {"type": "null"}}},
    ]
}


class NewStatus(Schema):
    """Where the search or therapy goes from here, and why; a pause may name its last day."""

    model_config = ConfigDict(json_schema_extra=_ONLY_A_PAUSE_ENDS)

    status: Annotated[PatientStatus, Field(examples=[PatientStatus.SEARCHING.value])]
    """The new status."""
    reason: Note | None = None
    """Why it changes."""
    paused_until: PlausibleDate | None = None
    """Last day of a pause; without one it ends when somebody says so. Another one changes a pause that goes on."""


class StatusChangeView(Schema):
    """One status change, or with the same status twice a change of what belongs to it."""

    kind: HistoryKind
    """What changed: the status (`status`), the last day of a pause (`pause`), the first day of the search by hand
    (`search_start`), only a place (`place`: recorded, confirmed or taken back), or another file became part of this one
    (`merge`)."""

    reference: str
    """Of whose file; of two that became one the history has both."""
    from_: PatientStatus = Field(alias="from")
    """The status before."""
    to: PatientStatus
    """The status after."""
    paused_until: IsoDate | None
    """The last day of the pause after that; null where it has none, and without a pause."""
    reason: Annotated[WrittenOrWorded | None, FOR_COORDINATORS]
    """Why it changed: as somebody wrote it, or in words of the platform."""
    previous_search_started_on: IsoDate | None
    """The first day of the search before, where it was changed by hand."""
    search_started_on: IsoDate | None
    """The first day of the search after that."""
    placement_request_id: UUID | None
    """The placement request whose place caused it."""
    kept_until: IsoDate | None
    """Where somebody declined to erase the patient: through which day that is not proposed again."""
    at: Instant
    """When it changed."""
    by: UUID | None
    """The account of who changed it; null: the platform itself."""


class Readiness(Schema):
    """Whether a search may start, and what it still lacks."""

    ready: bool
    """Whether the search may start."""
    missing: list[MissingForSearch]
    """What the file still lacks."""
    pending: list[Literal[MissingForSearch.LOCATION]]
    """What is not missing but still being looked up; a search that is started waits for it for a moment."""
