"""Named questions about places that practices offered to patients."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from patient_service.store.tables import PlaceOffer


def add(session: Session, placement_request_id: UUID, patient_id: UUID, accepted_on: date) -> None:
    """Keep that a practice offers a place; of a request that was accepted before, the day changes."""
    row = {"placement_request_id": placement_request_id, "patient_id": patient_id, "accepted_on": accepted_on}
    session.execute(
        insert(PlaceOffer)
        .values(row)
        .on_conflict_do_update(index_elements=["placement_request_id"], set_={"accepted_on": accepted_on})
    )


def remove(session: Session, placement_request_id: UUID) -> bool:
    """Remove the offer of a request; returns whether there was one."""
    removed = delete(PlaceOffer).where(PlaceOffer.placement_request_id == placement_request_id)
    return bool(session.execute(removed).rowcount)  # type: ignore[attr-defined]  # a CursorResult


def remove_all(session: Session, patient_id: UUID) -> None:
    """Remove all offers to a patient."""
    session.execute(delete(PlaceOffer).where(PlaceOffer.patient_id == patient_id))


def of_patient(session: Session, ids: Collection[UUID]) -> Sequence[PlaceOffer]:
    """All offers to a patient with these files that stand."""
    return session.scalars(select(PlaceOffer).where(PlaceOffer.patient_id.in_(ids))).all()


def has_offer(session: Session, placement_request_id: UUID, patient_id: UUID) -> bool:
    """Whether a practice offers the patient a place with this request."""
    offer = session.get(PlaceOffer, placement_request_id, populate_existing=True)
    return offer is not None and offer.patient_id == patient_id


def first_day(session: Session, patient_id: UUID) -> date | None:
    """The day of the first offer to a patient that stands; None where none does."""
    return session.scalar(select(func.min(PlaceOffer.accepted_on)).where(PlaceOffer.patient_id == patient_id))
