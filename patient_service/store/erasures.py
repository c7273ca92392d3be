"""Named questions about erasures, and the deletion of a key."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Table, and_, delete, exists, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from patient_service.store.tables import IS_THERE, DataKey, Erasure, ErasureConfirmation, Patient, StatusChange
from shared.database.listing import Found, Listing
from shared.database.rows import find_row
from shared.database.tables import erased_aggregates
from shared.values.lists import Part

_CONFIRMATIONS: Table = ErasureConfirmation.__table__  # type: ignore[assignment]  # declared as the wider FromClause


ERASURES: Final = Listing(
    sorts={"requested_at": (Erasure.requested_at, Erasure.id)}, default="-requested_at", identity=Erasure.id
)


def erasure(session: Session, erasure_id: UUID) -> Erasure | None:
    """One erasure."""
    return find_row(session, Erasure, erasure_id)


def erasures(session: Session, conditions: Sequence[ColumnElement[bool]], part: Part) -> Found[Erasure]:
    """A part of the erasures that meet the conditions."""
    return ERASURES.read(session, select(Erasure).where(*conditions), part)


def references(session: Session, ids: Collection[UUID]) -> Mapping[UUID, str]:
    """The references that these patients have or had."""
    found = session.execute(select(Patient.id, Patient.reference).where(Patient.id.in_(ids)))
    return {row.id: row.reference for row in found}


def _is_file_of(erasure_id: Any) -> ColumnElement[bool]:
    """A row of `patients` is the file of this erasure, or was merged into it."""
    return or_(Patient.id == erasure_id, Patient.merged_into == erasure_id)


def is_pending_at(services: Collection[str]) -> ColumnElement[bool]:
    """One of these services has yet to confirm the erasure, for one of the person's files."""
    return or_(*(exists().where(_is_file_of(Erasure.id), ~_has_confirmed(each)) for each in services))


def _has_confirmed(service: str) -> ColumnElement[bool]:
    return exists().where(ErasureConfirmation.erasure_id == Patient.id, ErasureConfirmation.service == service)


def confirmations(session: Session, ids: Collection[UUID]) -> Mapping[UUID, Mapping[str, datetime]]:
    """When each service confirmed each of these erasures, if it has for all files of the person."""
    number = select(func.count()).where(_is_file_of(Erasure.id)).correlate(Erasure).scalar_subquery()
    confirmed = session.execute(
        select(Erasure.id, ErasureConfirmation.service, func.max(ErasureConfirmation.confirmed_at).label("at"))
        .join(Patient, _is_file_of(Erasure.id))
        .join(ErasureConfirmation, ErasureConfirmation.erasure_id == Patient.id)
        .where(Erasure.id.in_(ids))
        .group_by(Erasure.id, ErasureConfirmation.service)
        .having(func.count() == number)
    )
    found: dict[UUID, dict[str, datetime]] = {each: {} for each in ids}
    for row in confirmed:
        found[row.id][row.service] = row.at
    return found


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
    """Delete the key of a patient, whose row is locked: what it encrypted can no longer be decrypted."""
    session.execute(delete(DataKey).where(DataKey.owner_id == patient.id))
    session.expire(patient, ["data_key"])
