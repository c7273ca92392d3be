"""The copies of therapists, places and patients."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import (
    select,
)
from sqlalchemy.orm import Session

from communication_service.store.tables import (
    Patient,
    Place,
    Therapist,
)


def therapist(session: Session, therapist_id: UUID) -> Therapist | None:
    """The copy of a therapist, as it is now."""
    return session.get(Therapist, therapist_id, populate_existing=True)


def place(session: Session, therapist_id: UUID) -> Place | None:
    """The place of the address that a therapist had when it was looked up."""
    return session.get(Place, therapist_id, populate_existing=True)


def patients(session: Session, ids: Iterable[UUID]) -> dict[UUID, Patient]:
    """The copies of these patients that have arrived."""
    found = select(Patient).where(Patient.id.in_(list(ids))).execution_options(populate_existing=True)
    return {patient.id: patient for patient in session.scalars(found)}
