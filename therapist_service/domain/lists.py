"""The lists of this service."""

from __future__ import annotations

from typing import Final

from shared.values.lists import ListOf, part_of
from shared.values.schemas import QuerySchema
from therapist_service.domain.change_schemas import TherapistChangeView
from therapist_service.domain.import_schemas import (
    ImportFilter,
    ImportRecordFilter,
    ImportRecordView,
    ImportUndoFilter,
    ImportView,
    UndoneTherapist,
)
from therapist_service.domain.review_schemas import ImportReviewView, ReviewFilter
from therapist_service.domain.schemas import TherapistFilter, TherapistLabel, TherapistView
from therapist_service.store import lists, review_lists

TherapistRow = part_of(
    "TherapistRow",
    TherapistView,
    *("id", "created_at", "updated_at", "updated_by", "version"),
    *("status", "salutation", "title", "first_name", "last_name", "gender", "street", "house_number", "postal_code"),
    *("city", "phone", "mobile", "email", "accreditation", "seat_share", "procedures", "age_groups", "settings"),
    *("languages", "free_individual_from", "free_group_from", "potentially_available", "contact_preference"),
    *("email_opt_out", "last_email_on", "last_call_on", "last_conversation_on"),
    about="What a table of therapists shows.",
)

ImportRecordRow = part_of(
    "ImportRecordRow",
    ImportRecordView,
    *("position", "external_id", "action", "outcome", "reason", "therapist_id"),
    about="What became of one record, without what changed.",
)

ImportReviewRow = part_of(
    "ImportReviewRow",
    ImportReviewView,
    *("id", "created_at", "updated_at", "updated_by", "version"),
    *("import_id", "position", "source", "external_id", "last_name", "first_name", "city"),
    *("kind", "state", "therapist_id", "candidate_ids"),
    *("applied_fields", "decided_at", "decided_by"),
    about="What a table of reviews shows, without what would change.",
)

TherapistChangeRow = part_of(
    "TherapistChangeRow",
    TherapistChangeView,
    *("id", "changed_at", "changed_by", "import_id", "file", "position", "action"),
    about="Who or which file changed a therapist, without what changed.",
)

THERAPISTS: Final = ListOf(
    lists.THERAPISTS, TherapistFilter, full=TherapistView, row=TherapistRow, label=TherapistLabel
)
THERAPIST_CHANGES: Final = ListOf(
    lists.THERAPIST_CHANGES, QuerySchema, full=TherapistChangeView, row=TherapistChangeRow
)
IMPORTS: Final = ListOf(lists.IMPORTS, ImportFilter, full=ImportView, row=ImportView)
IMPORT_UNDO_OUTCOMES: Final = ListOf(
    lists.IMPORT_UNDO_OUTCOMES, ImportUndoFilter, full=UndoneTherapist, row=UndoneTherapist
)
IMPORT_RECORDS: Final = ListOf(lists.IMPORT_RECORDS, ImportRecordFilter, full=ImportRecordView, row=ImportRecordRow)
IMPORT_REVIEWS: Final = ListOf(review_lists.IMPORT_REVIEWS, ReviewFilter, full=ImportReviewView, row=ImportReviewRow)
