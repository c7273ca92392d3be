"""Named questions about erasures, and the deletion of a key."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Table, and_, delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from patient_service.store.lists import IS_THERE
from patient_service.store.tables import DataKey, Erasure, ErasureConfirmation, Patient, StatusChange
from shared.database.rows import find_row
from shared.database.tables import erased_aggregates

_CONFIRMATIONS: Table = ErasureConfirmation.__table__  # type: ignore[assignment]  # declared as the wider FromClause


def erasure(session: Session, erasure_id: UUID) -> Erasure | None:
    """One erasure."""
    return find_row(session, Erasure, erasure_id)


def confirmations(session: Session, erasure_id: UUID) -> Mapping[str, datetime]:
    """When each service confirmed the erasure that has, for all files of the person."""
    files = select(Patient.id).where(or_(Patient.id == erasure_id, Patient.merged_into == erasure_id))
    number = select(func.count()).select_from(files.subquery()).scalar_subquery()
    found = (
        select(ErasureConfirmation.service, func.max(ErasureConfirmation.confirmed_at).label("at"))
        .where(ErasureConfirmation.erasure_id.in_(files))
        .group_by(ErasureConfirmation.service)
        .having(func.count() == number)
    )
    return {row.service: row.at for row in session.execute(found)}


def confirm(session: Session, service: str, erased: Sequence[tuple[UUID, datetime]]) -> None:
    """Keep that a service confirmed these erasures at these instants; the first time counts.

    An erasure that nobody asked for is none, whatever somebody wrote to Kafka.
    """
    at = dict(reversed(erased))
    known = session.scalars(select(Erasure.id).where(Erasure.id.in_(at)).order_by(Erasure.id)).all()
    rows: list[dict[str, Any]] = [{"erasure_id": id, "service": service, "confirmed_at": at[id]} for id in known]
    if rows:
        session.execute(insert(_CONFIRMATIONS).values(rows).on_conflict_do_nothing())


def not_erased(session: Session, ids: Collection[UUID]) -> Sequence[UUID]:
    """Those of these patients, and of those of whom an erasure is kept, who are here and not erased."""
    erased = or_(Patient.id.in_(ids), Patient.id.in_(select(Erasure.id)))
    found = select(Patient.id).where(erased, Patient.erased_at.is_(None))
    return session.scalars(found.order_by(Patient.id)).all()


def completed_before(session: Session, instant: datetime, *, by: int, limit: int) -> Sequence[UUID]:
    """The erasures that so many services had confirmed before this instant, and that were published once only.

    Confirmations are counted of those alone: the others are all that were ever completed.
    """
    id = erased_aggregates.c.id
    confirmed = select(ErasureConfirmation).where(ErasureConfirmation.erasure_id == id)
    number = confirmed.where(ErasureConfirmation.confirmed_at < instant).with_only_columns(func.count())
    once = select(id).where(erased_aggregates.c.times_published == 1, number.scalar_subquery() >= by)
    return session.scalars(once.order_by(id).limit(limit)).all()


def closed_before(
    session: Session, instant: datetime, statuses: Collection[str], *, today: date, limit: int
) -> Sequence[Patient]:
    """Patients of these statuses since before an instant whose erasure is not proposed yet, and whom nobody keeps for
    longer, locked; skips what others hold.

    What happened in a file that was merged into the patient's counts, too.
    """
    file = aliased(Patient)
    kept_until = StatusChange.kept_until
    is_kept = (
        select(StatusChange.id)
        .join(file, file.id == StatusChange.patient_id)
        .where(func.coalesce(file.merged_into, file.id) == Patient.id)
        .where(or_(kept_until >= today, and_(kept_until.is_(None), StatusChange.changed_at >= instant)))
    )
    return session.scalars(
        select(Patient)
        .where(IS_THERE, Patient.status.in_(statuses), Patient.erasure_proposed_on.is_(None))
        .where(~is_kept.exists())
        .order_by(Patient.id)
        .limit(limit)
        .with_for_update(of=Patient, skip_locked=True)
    ).all()


def destroy_data_key(session: Session, patient: Patient) -> None:
    """Delete the key of a patient, whose row is locked: what it encrypted is noise from now on."""
    session.execute(delete(DataKey).where(DataKey.owner_id == patient.id))
    session.expire(patient, ["data_key"])
