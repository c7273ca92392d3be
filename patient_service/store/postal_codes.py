"""Named questions about what geocoding answered for postal codes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import and_, exists, select
from sqlalchemy.orm import Session

from patient_service.store.tables import LocatedPostalCode


def postal_code_is_known(session: Session, postal_code: str) -> bool:
    """Whether geocoding found this postal code, for whichever patient it was asked."""
    answered = and_(LocatedPostalCode.postal_code == postal_code, LocatedPostalCode.is_known)
    return bool(session.scalar(select(exists().where(answered))))


def located_postal_codes(session: Session, ids: Collection[UUID]) -> Sequence[LocatedPostalCode]:
    """What geocoding answered last for each of these files of a patient."""
    return session.scalars(select(LocatedPostalCode).where(LocatedPostalCode.id.in_(ids))).all()


def answered_postal_code(session: Session, patient_id: UUID) -> str | None:
    """The postal code of this patient of which geocoding answered last, whatever the answer."""
    return session.scalar(select(LocatedPostalCode.postal_code).where(LocatedPostalCode.id == patient_id))
