"""The lists of this service."""

from __future__ import annotations

from typing import Final

from patient_service.domain.access_schemas import AccessFilter, AccessView, FileAccessView
from patient_service.domain.erasure_schemas import ErasureFilter, ErasureView
from patient_service.domain.import_schemas import (
    PatientImportFilter,
    PatientImportRowFilter,
    PatientImportRowView,
    PatientImportView,
)
from patient_service.domain.schemas import (
    PatientFilter,
    PatientLabel,
    PatientView,
    StatusChangeView,
)
from patient_service.store import erasures, imports, lists
from shared.values.lists import ListOf, part_of
from shared.values.schemas import QuerySchema

PatientRow = part_of(
    "PatientRow",
    PatientView,
    *("id", "created_at", "updated_at", "updated_by", "version"),
    *("reference", "status", "paused_until", "first_name", "last_name", "date_of_birth", "age_groups", "gender"),
    *("assigned_to", "postal_code", "city", "insurance_type", "health_insurer", "contracts_signed", "registered_on"),
    *("search_started_on", "last_contact_on", "first_place_on", "working_place_on", "erasure_proposed_on"),
    "unreadable",
    about="What a table of patients shows.",
)

StatusChangeRow = part_of(
    "StatusChangeRow",
    StatusChangeView,
    *("kind", "from_", "to", "paused_until", "placement_request_id", "at", "by"),
    about="A status change without its reason.",
)

FileAccessRow = part_of(
    "FileAccessRow", FileAccessView, "id", "at", "by", "action", "view", about="An access without its purpose."
)

AccessRow = part_of(
    "AccessRow",
    AccessView,
    *("id", "at", "by", "action", "view", "patients", "patient_ids", "references"),
    about="An access without its purpose.",
)
PatientImportRowRow = part_of(
    "PatientImportRowRow",
    PatientImportRowView,
    *("number", "line", "outcome", "patient_id"),
    about="What became of one row of a file, without what is wrong with it.",
)

PATIENTS: Final = ListOf(lists.PATIENTS, PatientFilter, full=PatientView, row=PatientRow, label=PatientLabel)
STATUS_CHANGES: Final = ListOf(lists.STATUS_CHANGES, QuerySchema, full=StatusChangeView, row=StatusChangeRow)
ACCESSES: Final = ListOf(lists.ACCESSES, QuerySchema, full=FileAccessView, row=FileAccessRow)
ALL_ACCESSES: Final = ListOf(lists.ALL_ACCESSES, AccessFilter, full=AccessView, row=AccessRow)
ERASURES: Final = ListOf(erasures.ERASURES, ErasureFilter, full=ErasureView, row=ErasureView)
PATIENT_IMPORTS: Final = ListOf(imports.IMPORTS, PatientImportFilter, full=PatientImportView, row=PatientImportView)
PATIENT_IMPORT_ROWS: Final = ListOf(
    imports.ROWS, PatientImportRowFilter, full=PatientImportRowView, row=PatientImportRowRow
)
