"""The lists of this service."""

from __future__ import annotations

from typing import Final

from matching_service.domain.contact_log_schemas import ContactLogEntryView, ContactLogFilter, ContactLogLine
from matching_service.domain.contact_plan_schemas import (
    ContactPlanFilter,
    ContactPlanView,
    PlannedPatientFilter,
    PlannedPatientView,
    PlannedRequestFilter,
    PlannedRequestView,
)
from matching_service.domain.schemas import (
    AuditLogEntryView,
    RequestFilter,
    RequestView,
)
from matching_service.store import contact_log, contact_plans, lists
from shared.values.lists import ListOf, part_of
from shared.values.schemas import QuerySchema

RequestRow = part_of(
    "RequestRow",
    RequestView,
    *("id", "created_at", "updated_at", "updated_by", "version"),
    *(
        "patient_id",
        "patient_reference",
        "therapist_id",
        "therapist_name",
        "therapist_city",
        "status",
        "hold",
        "priority",
        "approved_by",
        "approved_at",
        "emailed_at",
        "called_at",
    ),
    *("called_at", "responded_at", "outcome", "available_from", "next_contact_after", "withdrawn_reason", "placed_on"),
    *(
        "first_session_on",
        "confirmed_on",
        "failed_on",
        "failure_reason",
        "sessions_held",
        "unmet_criteria",
        "merged_into",
        "waits_for",
        "waits_until",
    ),
    about="What a table of placement requests shows.",
)

AuditLogEntryRow = part_of(
    "AuditLogEntryRow",
    AuditLogEntryView,
    *(
        "id",
        "occurred_at",
        "recorded_at",
        "recorded_by",
        "caused_by",
        "what",
        "status",
        "channel",
        "outcome",
        "available_from",
    ),
    about="Something that happened, without the words in which somebody said why.",
)

REQUESTS: Final = ListOf(lists.REQUESTS, RequestFilter, full=RequestView, row=RequestRow)
AUDIT_LOG: Final = ListOf(lists.AUDIT_LOG, QuerySchema, full=AuditLogEntryView, row=AuditLogEntryRow)

ContactPlanRow = part_of(
    "ContactPlanRow",
    ContactPlanView,
    *("id", "created_at", "updated_at", "updated_by", "version", "status", "week", "proposed_at", "approved_by"),
    *("approved_at", "finished_at", "patients", "patients_done", "requests", "contacts", "calls"),
    *("expected_acceptances", "made", "refused"),
    about="What a table of contact plans shows.",
)
PlannedRequestRow = part_of(
    "PlannedRequestRow",
    PlannedRequestView,
    *(
        "id",
        "patient_id",
        "patient_reference",
        "therapist_id",
        "therapist_name",
        "therapist_city",
        "state",
        "added_by_staff",
        "channel",
        "chance",
        "distance_km",
    ),
    "placement_request_id",
    about="What a table of planned requests shows.",
)
PlannedPatientRow = part_of(
    "PlannedPatientRow",
    PlannedPatientView,
    *("patient_id", "patient_reference", "position", "days_waited", "asked_already", "candidates", "planned", "gap"),
    about="What a table of the patients of a plan shows.",
)

CONTACT_PLANS: Final = ListOf(contact_plans.PLANS, ContactPlanFilter, full=ContactPlanView, row=ContactPlanRow)
PLANNED_REQUESTS: Final = ListOf(
    contact_plans.REQUESTS, PlannedRequestFilter, full=PlannedRequestView, row=PlannedRequestRow
)
PLANNED_PATIENTS: Final = ListOf(
    contact_plans.PATIENTS, PlannedPatientFilter, full=PlannedPatientView, row=PlannedPatientRow
)

ContactLogEntryRow = part_of(
    "ContactLogEntryRow",
    ContactLogEntryView,
    *("id", "occurred_at", "recorded_at", "recorded_by", "channel", "direction", "therapist_id", "practice"),
    *("placement_request_id", "result", "available_from", "corrects", "corrected_by"),
    about="What a table of contacts shows.",
)
CONTACT_LOG: Final = ListOf(
    contact_log.CONTACT_LOG, ContactLogFilter, full=ContactLogEntryView, row=ContactLogEntryRow, line=ContactLogLine
)
