"""The lists of this service."""

from __future__ import annotations

from typing import Final

from shared.values.lists import ListOf
from shared.values.schemas import QuerySchema
from therapist_service.domain.import_schemas import ImportRecordFilter, ImportRecordRow, ImportRecordView, ImportView
from therapist_service.domain.schemas import TherapistFilter, TherapistLabel, TherapistRow, TherapistView
from therapist_service.store import lists

THERAPISTS: Final = ListOf(
    lists.THERAPISTS, TherapistFilter, full=TherapistView, row=TherapistRow, label=TherapistLabel
)
IMPORTS: Final = ListOf(lists.IMPORTS, QuerySchema, full=ImportView, row=ImportView)
IMPORT_RECORDS: Final = ListOf(lists.IMPORT_RECORDS, ImportRecordFilter, full=ImportRecordView, row=ImportRecordRow)
