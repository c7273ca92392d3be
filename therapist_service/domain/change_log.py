"""The log of every change of a therapist: who or which file changed what, when.

Staff, imports and jobs write each change down here, in the transaction of the change. What machines
note about contacts is no change.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic_core import to_jsonable_python

from shared.database import Session, new_id
from shared.database.rows import require
from shared.values.lists import Listed, ListRequest
from shared.values.schemas import QuerySchema
from shared.values.therapist_enums import TherapistChangeAction
from shared.values.weekly import Weekly
from therapist_service.domain.change_schemas import FieldOrigin
from therapist_service.domain.schemas import ImportedFields, TherapistFields
from therapist_service.store import change_queries, lists, queries
from therapist_service.store.tables import Therapist

NOT_LOGGED: Final = frozenset({
    "id", "created_at", "updated_at", "updated_by", "version", "sequence",  # said by the entry itself
    "search", "city_folded", "place", "name_key", "practice_key", "capacity_due_on",  # follow from other columns
    "merged_words",  # an entry of the merged one says whose they are
    "removed_at", "merged_into",  # an action says it
    "protected_by", "blocked_by", "registered_by", "brought_by",  # who made the changes that are logged
    "last_asked_on", "last_email_on", "last_call_on", "last_conversation_on",  # a machine's notes
})  # fmt: skip
"""The columns of a therapist whose changes are not in the log; a new column is, unless it is named here."""
LOGGED: Final = tuple(column.name for column in Therapist.__table__.columns if column.name not in NOT_LOGGED)


@dataclass(frozen=True, slots=True)
class ChangeOrigin:
    """Who made a change and why, and which record of which file; nobody and no file: a job of the platform."""

    changed_by: UUID | None = None
    import_id: UUID | None = None
    file: str | None = None
    position: int | None = None
    review_id: UUID | None = None
    """The review that was approved; None where the import did it by itself."""
    reason: str | None = None
    """In the words of who did it."""


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one therapist."""

    therapist_id: UUID
    action: TherapistChangeAction
    origin: ChangeOrigin
    difference: Sequence[Mapping[str, Any]] = ()
    """What `difference_of` returned. Of one whom an import brought nothing: the file has it."""


def add(session: Session, changes: Collection[Change], *, now: datetime) -> None:
    """Write these changes down, in one statement."""
    change_queries.add_changes(session, [_row(change, now) for change in changes])


def _row(change: Change, now: datetime) -> dict[str, Any]:
    origin = change.origin
    return {
        "id": new_id(),
        "therapist_id": change.therapist_id,
        "changed_at": now,
        "changed_by": origin.changed_by,
        "import_id": origin.import_id,
        "file": origin.file,
        "position": origin.position,
        "review_id": origin.review_id,
        "action": change.action,
        "reason": origin.reason,
        "difference": change.difference,
    }


def columns_of(therapist: Therapist) -> dict[str, Any]:
    """The logged columns as they are now: taken before a change, what `difference_of` compares with."""
    return {name: getattr(therapist, name) for name in LOGGED}


def difference_of(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The logged columns of `after` that have other values in `before`, as `{field, before, after}` in JSON."""
    return [
        {"field": name, "before": _as_json(before.get(name)), "after": _as_json(after[name])}
        for name in LOGGED
        if name in after and before.get(name) != after[name]
    ]


def _as_json(value: Any) -> Any:
    return value.to_json() if isinstance(value, Weekly) else to_jsonable_python(value)


def list_part(session: Session, therapist_id: UUID, wanted: ListRequest[QuerySchema]) -> Listed:
    """A part of what happened to a therapist and to those who were merged into them, also to one who was removed.

    Raises `NotFound`.
    """
    require(queries.therapist(session, therapist_id), "therapist")
    found = lists.therapist_changes(session, [therapist_id, *queries.merged_into(session, [therapist_id])], wanted.part)
    return found.shown(found.rows)


def field_origins(session: Session, therapists: Collection[Therapist]) -> dict[UUID, dict[str, FieldOrigin]]:
    """Who or which file set each field of these therapists last, by therapist and field.

    A field that nobody and no file has set is not named.
    """
    by_id = {therapist.id: therapist for therapist in therapists}
    found: dict[UUID, dict[str, FieldOrigin]] = {each: {} for each in by_id}
    for row in change_queries.last_changes(session, by_id, TherapistFields.model_fields):
        fields = [row.field] if row.field else _brought(by_id[row.therapist_id])
        origin = FieldOrigin.of(row)
        for field in fields:  # what an import brought comes first
            found[row.therapist_id][field] = origin
    return found


def _brought(therapist: Therapist) -> list[str]:
    """The fields that the import which registered the therapist may have set, where no later entry has them."""
    fields = ImportedFields.model_fields
    return [name for name in fields if getattr(therapist, name) not in (fields[name].default, None)]
