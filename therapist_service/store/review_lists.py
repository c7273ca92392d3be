"""Named questions behind the list of reviews."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Uuid, any_, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from shared.database.listing import Found, Listing
from shared.values.lists import Part
from therapist_service.store.tables import ImportReview

IMPORT_REVIEWS: Final = Listing(
    sorts={"created_at": (ImportReview.id,)},
    default="-created_at",
    identity=ImportReview.id,
    counts={"state": ImportReview.state, "kind": ImportReview.kind},
)


def conditions(*, ids: Collection[UUID] | None = None, **wanted: Collection[Any]) -> list[ColumnElement[bool]]:
    """Conditions that columns have one of these values; without values any will do."""
    found = [getattr(ImportReview, name).in_(values) for name, values in wanted.items() if values]
    return found if ids is None else [*found, ImportReview.id.in_(ids)]


def reviews(session: Session, conditions: Sequence[ColumnElement[bool]], part: Part) -> Found[ImportReview]:
    """A part of the reviews that meet the conditions."""
    return IMPORT_REVIEWS.read(session, select(ImportReview).where(*conditions), part)


def ids_where(session: Session, conditions: Sequence[ColumnElement[bool]], *, at_most: int) -> list[UUID]:
    """The ids of the reviews that meet the conditions, in their order."""
    wanted = select(ImportReview.id).where(*conditions).order_by(ImportReview.id).limit(at_most)
    return list(session.scalars(wanted))


def therapists_of(session: Session, ids: Collection[UUID]) -> list[UUID]:
    """The therapists whom these reviews concern."""
    these = ImportReview.id == any_(literal(sorted(ids), ARRAY(Uuid)))
    return list(session.scalars(select(ImportReview.therapist_id).where(these, ImportReview.therapist_id.is_not(None))))
