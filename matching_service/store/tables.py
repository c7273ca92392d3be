"""The tables of this service. Field names are those of the API."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY as AnyArray
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKey,
    Identity,
    Index,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from matching_service.store.contact_log_tables import PatientContact
from matching_service.store.contact_tables import CallingHours, PracticeContact
from matching_service.store.declarative import Tables
from matching_service.store.nearness import POSITION, THERAPIST_PLACE
from matching_service.store.plan_tables import ContactPlan, PlannedPatient, PlannedRequest
from matching_service.store.traits import TRAITS
from shared.database import Aggregate, Copy, Erasable, is_one_of, new_id, text_list
from shared.database.patient_keys import add_patient_keys
from shared.database.tables import add_shared_tables
from shared.values.enums import RequestHold, RequestOutcome, RequestStatus
from shared.values.placement_enums import AuditEvent, PlacementFailure
from shared.values.places import Place, PlaceColumn
from shared.values.weekly import Weekly, WeeklyColumn

__all__ = [
    "IS_LIVE",
    "IS_UNMET",
    "LIVE",
    "AuditLogEntry",
    "CallingHours",
    "ContactPlan",
    "CopyWithPlace",
    "PatientContact",
    "PatientCopy",
    "PlacementRequest",
    "PlannedPatient",
    "PlannedRequest",
    "PracticeContact",
    "Tables",
    "TherapistCopy",
]

LIVE = (
    RequestStatus.OPEN,
    RequestStatus.QUEUED,
    RequestStatus.CONTACTED,
    RequestStatus.ACCEPTED,
    RequestStatus.DEFERRED,
    RequestStatus.NO_ANSWER,
)
"""In these, and in a therapy that goes on, a patient has at most one request per therapist."""


IS_LIVE = f"({is_one_of('status', LIVE)} OR (status = 'placed' AND place_ended_at IS NULL))"
"""What keeps the therapist from being asked for the patient once more: an open request, or a place that goes on.

In brackets: it stands beside other conditions.
"""
IS_UNMET = "unmet_criteria <> '{}'"
"""Of a request in which something does not fit any more: few are."""


class CopyWithPlace(Copy):
    """Columns of a copy that has a place on the map.

    The address and its place come in events of two services, in any order: each writes its own columns of the row,
    with its own sequence, and the database says which place counts. Where the place came first, `status` is NULL:
    the therapist or patient is not known yet.
    """

    status: Mapped[str | None] = mapped_column(sort_order=80)
    address: Mapped[str | None] = mapped_column(sort_order=81)
    """The present address as one comparable text; a patient's is the postal code."""
    geocoded_address: Mapped[str | None] = mapped_column(sort_order=82)
    geocoded_place: Mapped[Place | None] = mapped_column(PlaceColumn, sort_order=83)
    geocoded_sequence: Mapped[int] = mapped_column(BigInteger, server_default=text("-1"), sort_order=84)
    geocoded_event_time: Mapped[datetime | None] = mapped_column(sort_order=84)


JUDGED = (
    "id", "sphere_x", "sphere_y", "sphere_z", "traits", "working_hours",
    "individual_from", "individual_stated_on", "group_from", "group_stated_on",
)  # fmt: skip
"""Columns of therapists that are read of everybody near a patient."""


def _position(name: str) -> Any:
    """A column that says where a therapist is (`store/nearness.py`)."""
    return mapped_column(Computed(POSITION[name], persisted=True), sort_order=86)


class TherapistCopy(CopyWithPlace, Tables):
    """What therapist_service and geocoding_service published of a therapist."""

    __tablename__ = "therapists"

    name: Mapped[str | None]
    street: Mapped[str | None]
    house_number: Mapped[str | None]
    postal_code: Mapped[str | None]
    city: Mapped[str | None]
    gender: Mapped[str] = mapped_column(server_default="unknown")
    accreditation: Mapped[str] = mapped_column(server_default="unknown")
    procedures: Mapped[list[str]] = text_list()
    age_groups: Mapped[list[str]] = text_list()
    settings: Mapped[list[str]] = text_list()
    languages: Mapped[list[str]] = text_list()
    working_hours: Mapped[Weekly | None] = mapped_column(WeeklyColumn)
    potentially_available: Mapped[bool] = mapped_column(server_default=text("false"))
    individual_from: Mapped[date | None]
    """From which day there is a place in individual therapy, as it was said last; for a group the same."""
    individual_stated_on: Mapped[date | None]
    """When that, or that there is no place, was said; None: nobody knows."""
    group_from: Mapped[date | None]
    group_stated_on: Mapped[date | None]
    preferred_diagnoses: Mapped[list[str]] = text_list()
    """Groups of diagnoses that the practice treats by preference; they rank and exclude nobody."""
    contact_preference: Mapped[str] = mapped_column(server_default="any")
    mailbox: Mapped[str | None]
    """The key of the address that may be written to, which practices share; None: there is none, or they opted out."""
    can_be_phoned: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether a number and the hours in which somebody answers it are known."""
    phone_hours: Mapped[Weekly | None] = mapped_column(WeeklyColumn)
    holidays: Mapped[list[dict[str, str]]] = mapped_column(JSONB, server_default=text("'[]'"))
    """When the practice is closed."""
    geocoded_states: Mapped[list[str]] = text_list()
    """The federal states in which `geocoded_address` may lie."""
    merged_into: Mapped[UUID | None]
    """The kept therapist, where this one was merged; nothing else is known of this one, so that `status` is NULL."""
    given_place: Mapped[Place | None] = mapped_column(PlaceColumn)
    """The therapist's own coordinates: they win over what the address was found to be."""
    place: Mapped[Place | None] = mapped_column(
        PlaceColumn,
        Computed(THERAPIST_PLACE, persisted=True),
        sort_order=85,
    )
    latitude_band: Mapped[int | None] = _position("latitude_band")
    longitude: Mapped[float | None] = _position("longitude")
    sphere_x: Mapped[float | None] = _position("sphere_x")
    sphere_y: Mapped[float | None] = _position("sphere_y")
    sphere_z: Mapped[float | None] = _position("sphere_z")
    traits: Mapped[int | None] = mapped_column(BigInteger, Computed(TRAITS, persisted=True), sort_order=86)
    """What the judge compares (`store/traits.py`)."""

    __table_args__ = (
        # has all that the judge reads but languages: each row of the table would be a page of its own
        Index(
            "ix_therapists_judged",
            "latitude_band",
            "longitude",
            postgresql_include=JUDGED,
            postgresql_where=text("status IS NOT NULL"),
        ),
        Index("ix_therapists_unplaced", "id", postgresql_where=text("place IS NULL AND status = 'active'")),
    )


class PatientCopy(CopyWithPlace, Erasable, Tables):
    """What patient_service published of a patient: a pseudonym and criteria, as far as matching needs them.

    Of one who was erased nothing is known, `status` included, as of one of whom nothing has arrived.
    """

    __tablename__ = "patients"

    reference: Mapped[str | None]
    diagnosis_block: Mapped[str | None]
    """The group of the diagnosis, while the patient consents to its being passed on: for the preferences of practices
    (docs/domain.md#data-protection-events)."""
    insurance_type: Mapped[str | None]
    health_insurer_ik: Mapped[str | None]
    reimbursement_case: Mapped[bool] = mapped_column(server_default=text("false"))
    age_groups: Mapped[list[str]] = text_list()
    availability: Mapped[Weekly | None] = mapped_column(WeeklyColumn)
    max_distance_km: Mapped[float | None]
    max_travel_minutes: Mapped[int | None]
    travel_mode: Mapped[str] = mapped_column(server_default="car")
    open_to_group_therapy: Mapped[bool] = mapped_column(server_default=text("false"))
    preferred_therapist_gender: Mapped[str] = mapped_column(server_default="any")
    preferred_procedures: Mapped[list[str]] = text_list()
    languages: Mapped[list[str]] = text_list()
    excluded_therapist_ids: Mapped[list[UUID]] = mapped_column(
        AnyArray(Uuid), default=list, server_default=text("'{}'")
    )
    search_started_on: Mapped[date | None]
    days_paused: Mapped[int] = mapped_column(server_default=text("0"))
    paused_since: Mapped[date | None]
    placement_request_id: Mapped[UUID | None]
    """The request whose place the patient service knows of."""
    placement_state: Mapped[str | None]
    merged_into: Mapped[UUID | None]
    """The kept patient, where this one was merged; nothing else is known of this one, so that `status` is NULL."""
    place: Mapped[Place | None] = mapped_column(
        PlaceColumn,
        Computed("CASE WHEN geocoded_address = address THEN geocoded_place END", persisted=True),
        sort_order=85,
    )

    __table_args__ = (
        Index("ix_patients_merged_into", "merged_into", postgresql_where=text("merged_into IS NOT NULL")),
    )


COUNTED = (
    "patient_id", "status", "outcome", "approved_at", "emailed_at", "called_at", "responded_at", "place_ended_at",
)  # fmt: skip
"""Columns of requests that are read of every practice that could be among the best."""


class PlacementRequest(Aggregate, Tables):
    """One patient asked of one therapist; never deleted (docs/domain.md#contact-rule-12)."""

    __tablename__ = "placement_requests"

    patient_id: Mapped[UUID]
    therapist_id: Mapped[UUID]
    status: Mapped[str]
    hold: Mapped[str | None]
    priority: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    approved_by: Mapped[UUID | None]
    approved_at: Mapped[datetime]
    overridden_rules: Mapped[list[str]] = text_list()
    """The criteria that staff set aside."""
    override_reasons: Mapped[bytes | None]
    """Why, in the same order: encrypted (`shared.security.patient_texts`), as the note."""
    inquiry_id: Mapped[UUID | None]
    """The newest contact that this request was part of."""
    inquiry_at: Mapped[datetime | None]
    """When the newest event of a contact happened; older ones come late."""
    emailed_at: Mapped[datetime | None]
    called_at: Mapped[datetime | None]
    responded_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    available_from: Mapped[date | None]
    next_contact_after: Mapped[date | None]
    withdrawn_reason: Mapped[str | None]
    placed_on: Mapped[date | None]
    days_until_placed: Mapped[int | None]
    """How many days the patient had searched when the place was taken, where that was known; for reports."""
    days_paused: Mapped[int | None]
    """How many of these days were in pauses."""
    first_session_on: Mapped[date | None]
    confirmed_on: Mapped[date | None]
    failed_on: Mapped[date | None]
    failure_reason: Mapped[str | None]
    sessions_held: Mapped[int | None]
    place_ended_at: Mapped[datetime | None]
    """When an event said that the therapy is over; a place that failed has a status of its own."""
    answer_entry_id: Mapped[UUID | None]
    """The entry of the audit log with the answer that counts."""
    merged_into: Mapped[UUID | None]
    """The request that goes on, where the same person was asked of the same therapist under another reference too."""
    unmet_criteria: Mapped[list[str]] = text_list()
    """What therapist and patient did not fit in when they were last compared; staff had set none of it aside."""
    compared_at: Mapped[datetime | None]
    """The newer of the two copies that were compared: since then neither was written."""
    note: Mapped[bytes | None]

    __table_args__ = (
        Index(
            "uq_placement_requests_live",
            "patient_id",
            "therapist_id",
            unique=True,
            postgresql_where=text(IS_LIVE),
        ),
        Index("ix_placement_requests_patient_id", "patient_id"),
        # has all that the ranking counts
        Index("ix_placement_requests_therapist_id", "therapist_id", postgresql_include=COUNTED),
        Index("ix_placement_requests_status", "status", "id"),
        Index("ix_placement_requests_priority", "priority", "id"),
        Index("ix_placement_requests_unmet", "id", postgresql_where=text(IS_UNMET)),
        Index(
            "ix_placement_requests_deferred", "next_contact_after", "id", postgresql_where=text("status = 'deferred'")
        ),
        CheckConstraint(is_one_of("status", RequestStatus), name="status"),
        CheckConstraint(is_one_of("hold", RequestHold), name="hold"),
        CheckConstraint(is_one_of("outcome", RequestOutcome), name="outcome"),
        CheckConstraint(
            "(status IN ('deferred', 'no_answer')) = (next_contact_after IS NOT NULL)", name="next_contact_after"
        ),
        CheckConstraint("(status = 'withdrawn') = (withdrawn_reason IS NOT NULL)", name="withdrawn_reason"),
        CheckConstraint("place_ended_at IS NULL OR status = 'placed'", name="only_a_place_ends"),
        CheckConstraint("confirmed_on IS NULL OR status IN ('placed', 'failed')", name="only_a_place_works"),
        CheckConstraint("(status = 'failed') = (failed_on IS NOT NULL)", name="failed_on"),
        CheckConstraint(is_one_of("failure_reason", PlacementFailure), name="failure_reason"),
        CheckConstraint("merged_into <> id", name="merged_into_another"),
    )


class AuditLogEntry(Tables):
    """Something that happened to a placement request; only ever added (docs/domain.md#contact-rule-12)."""

    __tablename__ = "placement_request_audit_log"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    """The order in which entries of a request were added: clocks of two machines, and so their ids, may differ."""
    placement_request_id: Mapped[UUID] = mapped_column(ForeignKey(PlacementRequest.id))
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())
    recorded_by: Mapped[UUID | None]
    """Who entered it, here or in the communication service; None where it followed from something else."""
    what: Mapped[str]
    status: Mapped[str]
    """The status after it."""
    caused_by: Mapped[UUID | None] = mapped_column(ForeignKey("placement_request_audit_log.id"))
    """The entry, of this request or of another one of the patient, from which this one followed; of a correction the
    answer that it corrects. None where a person or another service began it."""
    channel: Mapped[str | None]
    outcome: Mapped[str | None]
    available_from: Mapped[date | None]
    reason: Mapped[str | None]
    """A word of a vocabulary."""
    note: Mapped[bytes | None]
    """Encrypted, as the note of the request."""

    __table_args__ = (
        Index("ix_placement_request_audit_log_request", "placement_request_id", "number"),
        Index("ix_placement_request_audit_log_cause", "caused_by", postgresql_where=text("caused_by IS NOT NULL")),
        CheckConstraint(is_one_of("what", AuditEvent), name="what"),
    )


add_shared_tables(Tables.metadata)
add_patient_keys(Tables.metadata)
