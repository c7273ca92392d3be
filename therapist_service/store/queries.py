"""Named questions to the therapist tables."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from shared.database import lock_rows, next_locked
from shared.database.rows import find_row
from therapist_service.store.tables import IS_THERE, Therapist


def therapist(session: Session, therapist_id: UUID, *, lock: bool = False) -> Therapist | None:
    """One therapist; with `lock` no other transaction can change it before ours ends."""
    return find_row(session, Therapist, therapist_id, lock=lock)


def therapists_after(session: Session, therapist_id: UUID, *, limit: int) -> Sequence[Therapist]:
    """The next therapists by id, locked."""
    return next_locked(session, Therapist, after=therapist_id, limit=limit)


def count_there(session: Session) -> int:
    """How many therapists there are."""
    return session.scalar(select(func.count()).select_from(Therapist).where(IS_THERE)) or 0


def lock_therapists(session: Session, ids: Iterable[UUID]) -> None:
    """Let no other transaction change these therapists before ours ends."""
    lock_rows(session, Therapist, ids)


def blocks_that_ran_out(session: Session, *, today: date, limit: int) -> Sequence[Therapist]:
    """Blocked therapists whose block ended before today, locked; those another worker holds are left out."""
    return session.scalars(
        select(Therapist)
        .where(IS_THERE, Therapist.status == "blocked", Therapist.block_until < today)
        .order_by(Therapist.block_until, Therapist.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()


def capacities_due(session: Session, *, today: date, limit: int) -> Sequence[Therapist]:
    """Therapists of whose capacity something else follows by now, locked; those another worker holds are left out."""
    return session.scalars(
        select(Therapist)
        .where(IS_THERE, Therapist.capacity_due_on <= today)
        .order_by(Therapist.capacity_due_on, Therapist.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()


def kept_one(session: Session, therapist_id: UUID) -> UUID:
    """Who stands for a therapist: mostly the therapist, also where nobody knows them."""
    kept = session.scalar(select(Therapist.merged_into).where(Therapist.id == therapist_id))
    return kept or therapist_id


def kept_ones(session: Session, ids: Collection[UUID]) -> set[UUID]:
    """Who stands for these therapists, beside themselves."""
    merged = select(Therapist.merged_into).where(Therapist.id.in_(ids), Therapist.merged_into.is_not(None))
    return {each for each in session.scalars(merged) if each is not None}


def merged_into(session: Session, ids: Collection[UUID]) -> Sequence[UUID]:
    """All who were merged into one of these therapists, by id."""
    return session.scalars(select(Therapist.id).where(Therapist.merged_into.in_(ids)).order_by(Therapist.id)).all()


def record_contact(session: Session, therapist_id: UUID, **days: date) -> None:
    """Note days of contact, unless later ones are noted: events of one therapist may arrive in any order."""
    later = {name: func.greatest(getattr(Therapist, name), day) for name, day in days.items()}
    session.execute(
        update(Therapist).where(Therapist.id == therapist_id).values(later).execution_options(synchronize_session=False)
    )
