"""Named questions to the log of changes, and what is written into it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Text, Uuid, bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from shared.database.bulk import write_rows
from shared.database.written_values import Row
from therapist_service.store.tables import TherapistChange

_LAST_CHANGES = text("""
    SELECT DISTINCT ON (change.therapist_id, field)
           change.therapist_id, each ->> 'field' AS field,
           change.changed_at, change.changed_by, change.import_id, change.file
      FROM therapist_changes AS change
      LEFT JOIN LATERAL jsonb_array_elements(change.difference) AS each ON true
     WHERE change.therapist_id = ANY(:therapist_ids)
       AND (each ->> 'field' = ANY(:fields) OR each IS NULL AND change.action = 'registered')
     ORDER BY change.therapist_id, field NULLS FIRST, change.id DESC
""").bindparams(bindparam("therapist_ids", type_=ARRAY(Uuid)), bindparam("fields", type_=ARRAY(Text)))


def add_changes(session: Session, rows: Sequence[Row]) -> None:
    """Write these changes down in one statement; all rows name the same columns."""
    write_rows(session, TherapistChange, rows)


def last_changes(session: Session, therapist_ids: Collection[UUID], fields: Collection[str]) -> Sequence[Any]:
    """The last change of each of these fields of each therapist, with its `field`.

    First of each therapist comes the registration that names no fields, with None as its `field`, where there is one.
    """
    wanted = {"therapist_ids": list(therapist_ids), "fields": list(fields)}
    return session.execute(_LAST_CHANGES, wanted).all()


def changes_of(session: Session, therapist_ids: Collection[UUID]) -> dict[UUID, list[TherapistChange]]:
    """All changes of these therapists by therapist, the oldest first."""
    order = (TherapistChange.therapist_id, TherapistChange.id)
    wanted = select(TherapistChange).where(TherapistChange.therapist_id.in_(therapist_ids)).order_by(*order)
    found: dict[UUID, list[TherapistChange]] = {}
    for change in session.scalars(wanted):
        found.setdefault(change.therapist_id, []).append(change)
    return found
