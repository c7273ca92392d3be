"""Named questions about two files of one person, of which one is kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session, aliased, selectinload

from patient_service.store.queries import change_unless_taken, patient
from patient_service.store.tables import NUMBERED, Consent, Patient, PlaceOffer


def kept_patient(session: Session, patient_id: UUID) -> Patient | None:
    """The patient with consents, locked; of one who was merged into another, that one."""
    found = patient(session, patient_id, lock=True)
    return found if found is None or found.merged_into is None else patient(session, found.merged_into, lock=True)


def files_of(session: Session, kept: Patient) -> dict[UUID, Patient]:
    """All files of one person by id: the kept one and those that were merged into it, without any that was erased."""
    merged = session.scalars(
        select(Patient)
        .where(Patient.merged_into == kept.id, Patient.erased_at.is_(None))
        .options(selectinload(Patient.consents))
        .order_by(Patient.id)
    )
    return {each.id: each for each in (kept, *merged)}


def merged_at(session: Session, patient_id: UUID) -> datetime | None:
    """When the patient was merged into another one."""
    return session.scalar(select(Patient.merged_at).where(Patient.id == patient_id))


def merged_into(session: Session, *patient_ids: UUID) -> Sequence[UUID]:
    """The ids of patients who were merged into one of these."""
    return session.scalars(select(Patient.id).where(Patient.merged_into.in_(patient_ids))).all()


def number_of_merged(index: str, value: bytes | None) -> ColumnElement[int]:
    """A free number beside an index for who was merged: below 0, so that it is in nobody's way who is there."""
    other = aliased(Patient)
    lowest = func.min(getattr(other, NUMBERED[index]))
    return func.least(select(lowest).where(getattr(other, index) == value).scalar_subquery(), 0) - 1


def stay_suspected(session: Session, merged: Patient, **indexes: bytes | None) -> None:
    """Let the merged one, whose row is locked, be found by these indexes where somebody alike is looked for."""
    session.flush()
    numbers = {number: number_of_merged(index, indexes[index]) for index, number in NUMBERED.items()}
    change = update(Patient).where(Patient.id == merged.id).values({**indexes, **numbers})
    while not change_unless_taken(session, change):
        pass  # somebody who was merged at the same time has the number
    session.expire(merged, [*indexes, *numbers])


def reassign(session: Session, merged_id: UUID, kept_id: UUID) -> None:
    """Let consents and offered places of one file be those of the other; the caller holds the locks of both."""
    for kind in (Consent, PlaceOffer):
        moved = update(kind).where(kind.patient_id == merged_id).values(patient_id=kept_id)
        session.execute(moved, execution_options={"synchronize_session": False})
