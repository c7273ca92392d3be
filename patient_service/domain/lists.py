"""The lists of this service."""

from __future__ import annotations

from typing import Final

from patient_service.domain.schemas import (
    FileAccessView,
    PatientFilter,
    PatientLabel,
    PatientView,
    StatusChangeView,
)
from patient_service.store import lists
from shared.values.lists import ListOf, part_of
from shared.values.schemas import QuerySchema

PatientRow = part_of(
    "PatientRow",
    PatientView,
    *("id", "created_at", "updated_at", "updated_by", "version"),
    *("reference", "status", "paused_until", "first_name", "last_name", "date_of_birth", "age_groups", "gender"),
    *("assigned_to", "postal_code", "city", "insurance_type", "health_insurer", "contracts_signed", "registered_on"),
    *("search_started_on", "last_contact_on", "first_place_on", "working_place_on", "erasure_proposed_on"),
    about="What a table of patients shows.",
)

StatusChangeRow = part_of(
    "StatusChangeRow", StatusChangeView, "from_", "to", "at", "by", about="A status change without its reason."
)

FileAccessRow = part_of(
    "FileAccessRow", FileAccessView, "id", "at", "by", "action", "view", about="An access without its purpose."
)

PATIENTS: Final = ListOf(lists.PATIENTS, PatientFilter, full=PatientView, row=PatientRow, label=PatientLabel)
STATUS_CHANGES: Final = ListOf(lists.STATUS_CHANGES, QuerySchema, full=StatusChangeView, row=StatusChangeRow)
ACCESSES: Final = ListOf(lists.ACCESSES, QuerySchema, full=FileAccessView, row=FileAccessRow)
