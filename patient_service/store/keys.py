"""Named questions about keys: which are in use, what is still wrapped or indexed with others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Table, func, select, update
from sqlalchemy.orm import Session, aliased

from patient_service.store.merging import number_of_merged
from patient_service.store.queries import change_unless_taken
from patient_service.store.tables import NUMBERED, DataKey, Patient
from shared.database.wrapped_keys import WrappedKeys, count_by_id, distinct_ids

_TABLE: Table = DataKey.__table__  # type: ignore[assignment]  # declared as the wider FromClause
DATA_KEYS: Final = WrappedKeys(_TABLE, _TABLE.c.owner_id, _TABLE.c.wrapped)


def index_keys_in_use(session: Session) -> Sequence[bytes]:
    """The ids of all keys with which a patient is indexed."""
    return distinct_ids(session, table="patients", id="index_key")


def count_by_index_key(session: Session) -> Mapping[bytes, int]:
    """The number of patients who are indexed with each key."""
    return count_by_id(session, Patient.__table__.c.index_key)


def index_anew(session: Session, patient: Patient, indexes: Mapping[str, Any]) -> bool:
    """Give a patient, whose row is locked, these indexes; where a number beside one is taken, with the next ones.

    False, and nothing changed, where somebody else has the insurance number. Two such patients are there only if
    processes wrote with different keys that did not ask for each other's (docs/keys.md).
    """
    change = update(Patient).where(Patient.id == patient.id).values(indexes)
    next_ones = {
        number: number_of_merged(index, indexes[index])
        if patient.merged_into is not None
        else _next_number(index, number, indexes[index])
        for index, number in NUMBERED.items()
    }
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
