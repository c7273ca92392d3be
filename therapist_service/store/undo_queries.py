"""Named questions about imports that are undone."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Uuid, bindparam, exists, func, select, text, update
from sqlalchemy.orm import Session

from therapist_service.store.tables import (
    IS_THERE,
    Import,
    ImportRecord,
    ImportUndoOutcome,
    Therapist,
    TherapistChange,
    TherapistSource,
)

_NAME_APPROVED = text("""
    INSERT INTO import_undo_outcomes AS known (import_id, therapist_id, outcome, kept)
    SELECT :import_id, review.therapist_id, 'kept',
           array_remove(array_agg(DISTINCT coalesce(CAST(:shown AS jsonb) ->> name, name)), NULL)
      FROM import_reviews AS review
      JOIN therapist_changes AS change ON change.review_id = review.id
      LEFT JOIN LATERAL (
           SELECT each ->> 'field' FROM jsonb_array_elements(change.difference) AS each) AS one (name) ON true
     WHERE review.import_id = :import_id AND review.therapist_id IS NOT NULL
     GROUP BY review.therapist_id
    ON CONFLICT (import_id, therapist_id) DO UPDATE
       SET kept = ARRAY(SELECT DISTINCT each FROM unnest(known.kept || excluded.kept) AS each ORDER BY each),
           outcome = CASE known.outcome WHEN 'restored' THEN 'partly_restored' ELSE known.outcome END
""").bindparams(bindparam("import_id", type_=Uuid))


def next_to_undo(session: Session) -> Import | None:
    """The import to undo next, the newest file first, locked; one that another worker holds is left out."""
    return session.scalar(
        select(Import)
        .where(Import.undo_asked_at.is_not(None), Import.status == "completed")
        .order_by(Import.file.desc(), Import.id.desc())
        .limit(1)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )


def is_any_to_undo(session: Session) -> bool:
    """Whether an import is to be undone, or is being undone."""
    asked = (Import.undo_asked_at.is_not(None), Import.status == "completed")
    return bool(session.scalar(select(exists().where(*asked))))


def is_applying(session: Session, *, now: datetime) -> bool:
    """Whether a worker is applying a file."""
    return bool(session.scalar(select(exists().where(Import.status == "running", Import.claimed_until > now))))


def records_below(session: Session, import_id: UUID, position: int, *, limit: int) -> Sequence[Any]:
    """Position, therapist and external id of the last records before a position that may have changed somebody."""
    return session.execute(
        select(ImportRecord.position, ImportRecord.therapist_id, ImportRecord.external_id)
        .where(*_concern_somebody(import_id), ImportRecord.position < position)
        .order_by(ImportRecord.position.desc())
        .limit(limit)
    ).all()


def count_records(session: Session, import_id: UUID) -> int:
    """How many records of the import may have changed somebody."""
    return session.scalar(select(func.count()).where(*_concern_somebody(import_id))) or 0


def _concern_somebody(import_id: UUID) -> Sequence[ColumnElement[bool]]:
    may_have_changed = ImportRecord.outcome.in_(["applied", "waiting"])
    return ImportRecord.import_id == import_id, may_have_changed, ImportRecord.therapist_id.is_not(None)


def with_outcome(session: Session, import_id: UUID, therapist_ids: Collection[UUID]) -> set[UUID]:
    """Those of these therapists for whom the import was undone already."""
    wanted = (ImportUndoOutcome.import_id == import_id, ImportUndoOutcome.therapist_id.in_(therapist_ids))
    return set(session.scalars(select(ImportUndoOutcome.therapist_id).where(*wanted)))


def merged_ones(session: Session, therapist_ids: Collection[UUID]) -> Sequence[UUID]:
    """Those of these therapists who were merged into others."""
    wanted = select(Therapist.id).where(Therapist.id.in_(therapist_ids), Therapist.merged_into.is_not(None))
    return session.scalars(wanted.order_by(Therapist.id)).all()


def name_approved(session: Session, import_id: UUID, *, shown: Mapping[str, str]) -> None:
    """Note with the outcomes what approved reviews of the import took over, which stays.

    `shown` has the names by which clients know columns of another name.
    """
    session.execute(_NAME_APPROVED, {"import_id": import_id, "shown": json.dumps(dict(shown))})


def count_outcomes(session: Session, import_id: UUID, outcomes: Collection[str]) -> int:
    """How many therapists have one of these outcomes."""
    wanted = (ImportUndoOutcome.import_id == import_id, ImportUndoOutcome.outcome.in_(outcomes))
    return session.scalar(select(func.count()).where(*wanted)) or 0


def therapists(session: Session, therapist_ids: Collection[UUID]) -> Sequence[Therapist]:
    """Those of these therapists who were not removed, as they are now; they must be locked before."""
    wanted = select(Therapist).where(IS_THERE, Therapist.id.in_(therapist_ids)).order_by(Therapist.id)
    return session.scalars(wanted.execution_options(populate_existing=True)).all()


def undone_imports(session: Session, import_ids: Collection[UUID | None]) -> set[UUID]:
    """Those of these imports that were undone."""
    wanted = [each for each in import_ids if each is not None]
    if not wanted:
        return set()
    return set(session.scalars(select(Import.id).where(Import.id.in_(wanted), Import.status == "undone")))


def attached_entries(session: Session, import_id: UUID, *, named_as: str, limit: int) -> Sequence[TherapistSource]:
    """Entries that the import by itself found to be therapists who were known, but for those named among what stays."""
    entry, record, change, noted = TherapistSource, ImportRecord, TherapistChange, ImportUndoOutcome
    is_by_itself = exists().where(
        record.import_id == import_id,
        record.external_id == entry.external_id,
        record.therapist_id == entry.therapist_id,
    )
    is_of_newcomer = exists().where(
        change.therapist_id == entry.therapist_id, change.import_id == import_id, change.action == "registered"
    )
    is_named = exists().where(
        noted.import_id == import_id, noted.therapist_id == entry.therapist_id, noted.kept.contains([named_as])
    )
    wanted = select(entry).where(entry.import_id == import_id, is_by_itself, ~is_of_newcomer, ~is_named)
    return session.scalars(wanted.order_by(entry.id).limit(limit).execution_options(populate_existing=True)).all()


def bring_back_entries(session: Session, known: Import) -> None:
    """Let the source have the entries again that are gone since the file of this import, which names them."""
    said = select(ImportRecord.external_id).where(ImportRecord.import_id == known.id)
    meant = (
        TherapistSource.source_name == known.source,
        TherapistSource.gone_at == known.scraped_at,
        TherapistSource.external_id.in_(said),
    )
    session.execute(
        update(TherapistSource).where(*meant).values(gone_at=None).execution_options(synchronize_session=False)
    )
