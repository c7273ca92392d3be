"""Named questions about what geocoding answered for postal codes."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import and_, exists, select
from sqlalchemy.orm import Session

from patient_service.store.tables import LocatedPostalCode
from shared.database.rows import find_row


def postal_code_is_known(session: Session, postal_code: str) -> bool:
    """Whether geocoding found this postal code, for whichever patient it was asked."""
    answered = and_(LocatedPostalCode.postal_code == postal_code, LocatedPostalCode.is_known)
    return bool(session.scalar(select(exists().where(answered))))


def located_postal_code(session: Session, patient_id: UUID) -> LocatedPostalCode | None:
    """What geocoding answered last for this patient."""
    return find_row(session, LocatedPostalCode, patient_id)


def answered_postal_code(session: Session, patient_id: UUID) -> str | None:
    """The postal code of this patient of which geocoding answered last, whatever the answer."""
    return session.scalar(select(LocatedPostalCode.postal_code).where(LocatedPostalCode.id == patient_id))
