"""The history of a therapist as clients see it."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from shared.values.datetimes import Instant
from shared.values.readable import FOR_CALLERS
from shared.values.schemas import Schema
from shared.values.therapist_enums import TherapistChangeAction
from therapist_service.domain.import_schemas import FieldChange


class FieldOrigin(Schema):
    """Who or which file set a field, and when; neither of them: a job of the platform did."""

    changed_at: Instant
    """When the field got its value."""
    changed_by: UUID | None
    """The account of who set it, or approved it."""
    import_id: UUID | None
    """The import that brought the value."""
    file: str | None
    """Name of that import's file."""


class TherapistChangeView(FieldOrigin):
    """One change of a therapist: who or which file changed what, when."""

    id: UUID
    """Identifies the change; later changes have greater ids."""
    therapist_id: UUID
    """The therapist who was changed."""
    changed_at: Instant
    """When it was changed."""
    changed_by: UUID | None
    """The account of who did it; null where an import or a job of the platform did."""
    import_id: UUID | None
    """The import that did it."""
    file: str | None
    """Name of the file that was imported."""
    position: int | None
    """Place of the record in the order of work of the import."""
    review_id: UUID | None
    """The review that somebody approved; null for what the import did by itself."""
    action: TherapistChangeAction
    """What happened."""
    reason: Annotated[str | None, FOR_CALLERS]
    """Why, where somebody said so."""
    difference: list[FieldChange]
    """What changed; empty where an import brought the therapist: they were as it said until the next change."""
