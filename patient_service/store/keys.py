"""Named questions about keys: which are in use, what is still wrapped or indexed with others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, bindparam, func, literal_column, select, text, update
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from patient_service.store.queries import change_unless_taken
from patient_service.store.tables import MASTER_KEY_ID, NUMBERED, DataKey, Patient

# from one id to the next in the index: however many rows there are, a few probes
_IN_USE = """
    WITH RECURSIVE used (id) AS (
        (SELECT {id} FROM {table} ORDER BY 1 LIMIT 1)
        UNION ALL
        SELECT (SELECT {id} FROM {table} WHERE {id} > used.id ORDER BY 1 LIMIT 1) FROM used WHERE used.id IS NOT NULL
    )
    SELECT id FROM used WHERE id IS NOT NULL
"""
_MASTERS = text(_IN_USE.format(id="substr(wrapped, 1, 8)", table="data_keys"))
_INDEXES = text(_IN_USE.format(id="index_key", table="patients"))


def master_keys_in_use(session: Session) -> Sequence[bytes]:
    """The ids of all keys that wrapped a data key."""
    return [bytes(each) for each in session.scalars(_MASTERS)]


def index_keys_in_use(session: Session) -> Sequence[bytes]:
    """The ids of all keys with which a patient is indexed."""
    return [bytes(each) for each in session.scalars(_INDEXES)]


def count_by_master_key(session: Session) -> Mapping[bytes, int]:
    """The number of data keys that each master key wrapped."""
    return _counted(session, MASTER_KEY_ID)


def count_by_index_key(session: Session) -> Mapping[bytes, int]:
    """The number of patients who are indexed with each key."""
    return _counted(session, Patient.index_key)


def _counted(session: Session, id: ColumnElement[bytes] | InstrumentedAttribute[bytes]) -> Mapping[bytes, int]:
    found = session.execute(select(id, func.count(literal_column("1"))).group_by(id))
    return {bytes(key): number for key, number in found}


def count_wrapped_by(session: Session, master_keys: Sequence[bytes]) -> int:
    """The number of data keys that one of these master keys wrapped."""
    return session.scalar(select(func.count()).where(MASTER_KEY_ID.in_(master_keys))) or 0


def wrapped_by(
    session: Session, master_keys: Sequence[bytes], *, after: UUID, limit: int
) -> Sequence[Row[UUID, bytes]]:
    """The next data keys by their patients' ids that one of these master keys wrapped, locked."""
    return session.execute(
        select(DataKey.patient_id, DataKey.wrapped)
        .where(MASTER_KEY_ID.in_(master_keys), DataKey.patient_id > after)
        .order_by(DataKey.patient_id)
        .limit(limit)
        .with_for_update()
    ).all()


_WRITE = (
    update(DataKey.__table__)  # type: ignore[arg-type]  # declared as the wider FromClause
    .where(DataKey.patient_id == bindparam("id"))
    .values(wrapped=bindparam("new"))
)


def write_wrapped(session: Session, wrapped: Mapping[UUID, bytes]) -> None:
    """Replace these patients' wrapped keys, whose rows are locked."""
    if wrapped:
        session.connection().execute(_WRITE, [{"id": id, "new": new} for id, new in wrapped.items()])


def index_anew(session: Session, patient: Patient, indexes: Mapping[str, Any]) -> bool:
    """Give a patient, whose row is locked, these indexes; where a number beside one is taken, with the next ones.

    False, and nothing changed, where somebody else has the insurance number. Two such patients are there only if
    processes wrote with different keys that did not ask for each other's (docs/keys.md).
    """
    change = update(Patient).where(Patient.id == patient.id).values(indexes)
    next_ones = {number: _next_number(index, number, indexes[index]) for index, number in NUMBERED.items()}
    return change_unless_taken(session, change) or change_unless_taken(session, change.values(next_ones))


def _next_number(index: str, number: str, value: bytes | None) -> ColumnElement[int]:
    """The number after those of the patients who have this value of the index; 0 where there are none."""
    other = aliased(Patient)
    highest = select(func.max(getattr(other, number))).where(getattr(other, index) == value).scalar_subquery()
    return func.coalesce(highest + 1, 0)


def indexed_with(session: Session, index_keys: Sequence[bytes], *, limit: int) -> Sequence[Patient]:
    """Patients who are indexed with one of these keys, locked; those that others hold are left out."""
    return session.scalars(
        select(Patient)
        .where(Patient.index_key.in_(index_keys))
        .order_by(Patient.id)
        .limit(limit)
        .with_for_update(of=Patient, skip_locked=True)
    ).all()
