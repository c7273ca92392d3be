"""The copies of therapists, places and patients."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from communication_service.store.tables import PatientPseudonym, PracticeCopy, PracticePlace
from shared.database import lock_rows
from shared.database.copies import kept_of


def therapist(session: Session, therapist_id: UUID) -> PracticeCopy | None:
    """The copy of a therapist, as it is now."""
    return session.get(PracticeCopy, therapist_id, populate_existing=True)


def therapists(session: Session, ids: Iterable[UUID]) -> dict[UUID, PracticeCopy]:
    """The copies of these therapists that have arrived, by id, as they are now."""
    found = select(PracticeCopy).where(PracticeCopy.id.in_(list(ids)))
    return {each.id: each for each in session.scalars(found.execution_options(populate_existing=True))}


def with_merged(session: Session, therapist_id: UUID) -> Sequence[UUID]:
    """A therapist, and all who were merged into them, one after another: what was done with these counts for them."""
    return all_with_merged(session, [therapist_id])[therapist_id]


def all_with_merged(session: Session, therapist_ids: Collection[UUID]) -> dict[UUID, list[UUID]]:
    """The same of several therapists."""
    return _with_merged(session, PracticeCopy, therapist_ids)


def _with_merged(
    session: Session, copies: type[PracticeCopy | PatientPseudonym], ids: Collection[UUID]
) -> dict[UUID, list[UUID]]:
    kept = select(copies.id.label("kept"), copies.id).where(copies.id.in_(ids))
    merged = kept.cte(recursive=True)
    path = merged.union(select(merged.c.kept, copies.id).join(merged, copies.merged_into == merged.c.id))
    found = {each: [each] for each in ids}
    for row in session.execute(select(path).where(path.c.id != path.c.kept).order_by(path.c.id)):
        found[row.kept].append(row.id)
    return found


def kept_therapist(session: Session, therapist_id: UUID) -> UUID:
    """Who stands for this therapist: the one into whom they were merged, or themselves."""
    return kept_of(session, PracticeCopy, [therapist_id])[therapist_id]


def lock_therapists(session: Session, ids: Iterable[UUID]) -> None:
    """Let no other transaction change these copies before ours ends."""
    lock_rows(session, PracticeCopy, ids)


def place(session: Session, therapist_id: UUID) -> PracticePlace | None:
    """The place of the address that a therapist had when it was looked up."""
    return session.get(PracticePlace, therapist_id, populate_existing=True)


def places(session: Session, therapist_ids: Collection[UUID]) -> dict[UUID, PracticePlace]:
    """The places of these therapists, by id, as they are now."""
    found = select(PracticePlace).where(PracticePlace.id.in_(therapist_ids))
    return {each.id: each for each in session.scalars(found.execution_options(populate_existing=True))}


def patients(session: Session, ids: Iterable[UUID]) -> dict[UUID, PatientPseudonym]:
    """The copies of these patients that have arrived; of one who was merged into another, that one's.

    There is none of who was erased.
    """
    kept = kept_of(session, PatientPseudonym, set(ids))
    found = select(PatientPseudonym).where(
        PatientPseudonym.id.in_(list(kept.values())),
        PatientPseudonym.merged_into.is_(None),
        ~PatientPseudonym.erased,
    )
    copies = {each.id: each for each in session.scalars(found.execution_options(populate_existing=True))}
    return {id: copies[by] for id, by in kept.items() if by in copies}


def lock_patients(session: Session, ids: Iterable[UUID]) -> None:
    """Let no other transaction change these copies before ours ends."""
    lock_rows(session, PatientPseudonym, ids)


def with_kept(session: Session, ids: Collection[UUID]) -> Collection[UUID]:
    """These patients' ids, and those of who was kept of merged ones: what was one's is the other's since."""
    return {*ids, *kept_of(session, PatientPseudonym, ids).values()}


def files_of(session: Session, ids: Collection[UUID]) -> Collection[UUID]:
    """All files of these patients, by any of them: what was written to one was written to the same person."""
    found = _with_merged(session, PatientPseudonym, with_kept(session, ids))
    return {each for files in found.values() for each in files}
