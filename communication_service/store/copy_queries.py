"""The copies of therapists, places and patients."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from communication_service.store.tables import PatientPseudonym, PracticeCopy, PracticePlace


def therapist(session: Session, therapist_id: UUID) -> PracticeCopy | None:
    """The copy of a therapist, as it is now."""
    return session.get(PracticeCopy, therapist_id, populate_existing=True)


def place(session: Session, therapist_id: UUID) -> PracticePlace | None:
    """The place of the address that a therapist had when it was looked up."""
    return session.get(PracticePlace, therapist_id, populate_existing=True)


def patients(session: Session, ids: Iterable[UUID]) -> dict[UUID, PatientPseudonym]:
    """The copies of these patients that have arrived; there is none of who was erased."""
    found = select(PatientPseudonym).where(PatientPseudonym.id.in_(list(ids)), ~PatientPseudonym.erased)
    return {each.id: each for each in session.scalars(found.execution_options(populate_existing=True))}
