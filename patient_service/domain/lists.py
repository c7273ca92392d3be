"""The lists of this service."""

from __future__ import annotations

from typing import Final

from patient_service.domain.schemas import (
    FileAccessRow,
    FileAccessView,
    PatientFilter,
    PatientLabel,
    PatientRow,
    PatientView,
    StatusChangeRow,
    StatusChangeView,
)
from patient_service.store import lists
from shared.values.lists import ListOf
from shared.values.schemas import QuerySchema

PATIENTS: Final = ListOf(lists.PATIENTS, PatientFilter, full=PatientView, row=PatientRow, label=PatientLabel)
STATUS_CHANGES: Final = ListOf(lists.STATUS_CHANGES, QuerySchema, full=StatusChangeView, row=StatusChangeRow)
ACCESSES: Final = ListOf(lists.ACCESSES, QuerySchema, full=FileAccessView, row=FileAccessRow)
