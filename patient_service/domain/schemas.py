"""The fields of a patient: what comes in, what goes out and what is sealed are derived from one list."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from shared.values.contacts import EmailAddress, PersonName, PhoneNumber
from shared.values.datetimes import DateOfBirth, Instant, IsoDate, PlausibleDate
from shared.values.enums import (
    AgeGroup,
    ConsentPurpose,
    ContactRelation,
    Gender,
    InsuranceType,
    MissingForSearch,
    PatientStatus,
    PreferredGender,
    Procedure,
    TravelMode,
)
from shared.values.identifiers import DiagnosisCode, InsuranceNumber, InsurerNumber, Language, PostalCode
from shared.values.readable import FOR_COORDINATORS
from shared.values.schemas import Distinct, EntityView, Page, PageQuery, QuerySchema, Schema
from shared.values.text import Line, Note
from shared.values.weekly import WeeklyHours


class ContactPerson(Schema):
    """Someone to turn to beside the patient; a guardian acts for a child."""

    name: PersonName
    relation: ContactRelation = ContactRelation.OTHER
    phone: PhoneNumber | None = None
    email: EmailAddress | None = None


class PatientFields(Schema):
    """The fields that staff can write."""

    salutation: Line | None = None
    title: Line | None = None
    first_name: PersonName
    last_name: PersonName
    date_of_birth: DateOfBirth | None = None
    gender: Gender = Gender.UNKNOWN
    street: Line | None = None
    house_number: Line | None = None
    postal_code: PostalCode | None = None
    city: Line | None = None
    email: EmailAddress | None = None
    phone: PhoneNumber | None = None
    contact_persons: Annotated[list[ContactPerson], Field(max_length=20)] = []
    reason_without_guardian: Annotated[Note | None, FOR_COORDINATORS] = None
    general_practitioner: Line | None = None
    insurance_type: InsuranceType | None = None
    reimbursement_case: bool = False
    health_insurer: Line | None = None
    health_insurer_ik: InsurerNumber | None = None
    insurance_number: Annotated[InsuranceNumber | None, FOR_COORDINATORS] = None
    diagnoses: Annotated[list[DiagnosisCode], Distinct(30), FOR_COORDINATORS] = []
    contracts_signed: bool = False
    registered_on: Annotated[PlausibleDate | None, Field(description="today, where nothing is said")] = None
    search_started_on: PlausibleDate | None = None
    last_contact_on: PlausibleDate | None = None
    referred_by: Line | None = None
    availability: WeeklyHours = None
    max_distance_km: Annotated[float, Field(gt=0, le=1000)] | None = None
    max_travel_minutes: Annotated[int, Field(gt=0, le=1440)] | None = None
    travel_mode: TravelMode = TravelMode.CAR
    open_to_group_therapy: bool = False
    open_to_diga: bool = False
    preferred_therapist_gender: PreferredGender = PreferredGender.ANY
    preferred_procedures: Annotated[list[Procedure], Distinct(50)] = []
    languages: Annotated[list[Language], Distinct(50)] = []
    excluded_therapist_ids: Annotated[list[UUID], Distinct(1000)] = []
    practice_summary: Annotated[
        Note | None, Field(description="what a practice may read, only with consent"), FOR_COORDINATORS
    ] = None


class NewPatient(PatientFields):
    """What creates a patient."""


class NamesakeQuery(QuerySchema):
    """`force=true`: another patient has this name and date of birth, and that is somebody else."""

    force: bool = False


class NewConsent(Schema):
    """What a patient agreed to, when, and to which text."""

    purpose: ConsentPurpose
    given_on: PlausibleDate
    text_version: Line


class ConsentView(NewConsent):
    """A consent as clients see it; it counts until it is withdrawn."""

    id: UUID
    recorded_by: UUID | None = None
    withdrawn_on: IsoDate | None = None
    withdrawn_by: UUID | None = None


class PatientView(PatientFields, EntityView):
    """A patient as clients see it."""

    reference: str
    status: PatientStatus
    registered_by: UUID | None = None
    paused_until: IsoDate | None = None
    age_groups: list[AgeGroup] = []
    first_place_on: IsoDate | None = None
    working_place_on: IsoDate | None = None
    consents: list[ConsentView] = []


class PatientFilter(PageQuery):
    """Which patients to list; `q` looks for whole words of the name, or for a reference."""

    q: (
        Annotated[
            Line, Field(description="At most ten words, each a whole word of the name, or the patient's reference.")
        ]
        | None
    ) = None
    status: PatientStatus | None = None
    postal_code: PostalCode | None = None


PatientPage = Page[PatientView]


_ONLY_A_PAUSE_ENDS: JsonDict = {
    "anyOf": [
        {"properties": {"status": {"const": PatientStatus.PAUSED.value}}},
        {"properties": {"paused_until": {"type": "null"}}},
    ]
}


class NewStatus(Schema):
    """Where the search or therapy goes from here, and why; a pause may name its last day."""

    model_config = ConfigDict(json_schema_extra=_ONLY_A_PAUSE_ENDS)

    status: PatientStatus
    reason: Note | None = None
    paused_until: PlausibleDate | None = None


class StatusChangeView(Schema):
    """One status change."""

    from_: PatientStatus = Field(alias="from")
    to: PatientStatus
    reason: Annotated[str | None, FOR_COORDINATORS]
    at: Instant
    by: UUID | None


StatusChangePage = Page[StatusChangeView]


class Readiness(Schema):
    """Whether a search may start, and what it still lacks."""

    ready: bool
    missing: list[MissingForSearch]


Action = Literal["read", "listed", "changed", "audited"]
"""How somebody came to see a file; `audited`: this log was read."""


class FileAccessView(Schema):
    """Who was shown a patient's file, when, and why (`X-Purpose`); `by` is null before there are accounts.

    A list is one access: it has the same `id` in the log of every patient that it showed.
    """

    id: UUID
    at: Instant
    by: UUID | None
    action: Action
    purpose: str | None


AccessLogPage = Page[FileAccessView]
