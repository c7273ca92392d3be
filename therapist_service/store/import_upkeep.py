"""Named questions about imports for who looks after them: what is kept for long enough, and what is unusual."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, func, or_, select
from sqlalchemy.orm import Session, aliased

from therapist_service.store.tables import Import, ImportReview, ImportUndoOutcome


def next_with_old_records(session: Session, before: datetime) -> Import | None:
    """An import that was over before that moment and still has its records, locked; not one that others hold."""
    return session.scalar(
        select(Import)
        .where(Import.finished_at < before, Import.records_removed_at.is_(None), ~_is_being_undone())
        .order_by(Import.finished_at)
        .limit(1)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )


def _is_being_undone() -> ColumnElement[bool]:
    return and_(Import.undo_asked_at.is_not(None), Import.undone_at.is_(None))


def remove_records(session: Session, import_id: UUID, *, at_most: int) -> int:
    """Remove so many records of an import that was over for 30 days at least; returns their number.

    The service's role cannot delete them; the owner's function can, and refuses younger ones.
    """
    return session.scalar(select(func.remove_import_records(import_id, at_most))) or 0


def remove_undo_outcomes(session: Session, import_id: UUID) -> None:
    """Remove what became of each therapist when the import was undone."""
    session.execute(delete(ImportUndoOutcome).where(ImportUndoOutcome.import_id == import_id))


def remove_reviews(session: Session, before: datetime, *, at_most: int) -> int:
    """Remove so many reviews that were over before that moment; returns their number.

    The newest one of an entry stays while it remembers what people rejected.
    """
    newer = aliased(ImportReview)
    is_overtaken = (
        select(newer.id)
        .where(
            newer.source_name == ImportReview.source_name,
            newer.external_id == ImportReview.external_id,
            newer.id > ImportReview.id,
        )
        .exists()
    )
    old = (
        select(ImportReview.id)
        .where(ImportReview.state != "pending", ImportReview.updated_at < before)
        .where(or_(is_overtaken, ImportReview.declined == {}))
        .order_by(ImportReview.id)
        .limit(at_most)
        .with_for_update(skip_locked=True)
    )
    gone = delete(ImportReview).where(ImportReview.id.in_(old)).returning(ImportReview.id)
    return len(session.execute(gone.execution_options(synchronize_session=False)).all())


def number_held(session: Session) -> int:
    """How many files wait for a person's approval."""
    return session.scalar(select(func.count()).where(Import.status == "held")) or 0


def newest(session: Session) -> Import | None:
    """The import whose file arrived last, read or not; a copy of an earlier one says nothing."""
    return session.scalar(
        select(Import)
        .where(Import.duplicate_of.is_(None))
        .order_by(Import.created_at.desc(), Import.id.desc())
        .limit(1)
    )


def last_arrival(session: Session) -> datetime | None:
    """When the last file arrived that could be read to its end."""
    return session.scalar(select(func.max(Import.created_at)).where(Import.checksum.is_not(None)))


def sizes_before(session: Session, known: Import, *, limit: int) -> Sequence[int]:
    """The sizes in bytes of the files that arrived before this one and were applied, the newest first."""
    earlier = (Import.created_at < known.created_at, Import.status == "completed")
    return session.scalars(select(Import.size).where(*earlier).order_by(Import.created_at.desc()).limit(limit)).all()
