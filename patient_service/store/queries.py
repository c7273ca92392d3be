"""Named questions to the patient tables."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    LargeBinary,
    Row,
    Table,
    and_,
    bindparam,
    cast,
    column,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
    update,
    values,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload
from sqlalchemy.sql.dml import ReturningInsert

from patient_service.store.tables import LocatedPostalCode, Patient, StatusChange
from shared.database import lock_rows, next_locked
from shared.database.rows import find_row
from shared.database.tables import outbox, record_statement

UNIQUE_VIOLATION = "23505"


def patient(session: Session, patient_id: UUID, *, lock: bool = False) -> Patient | None:
    """One patient with consents; with `lock` no other transaction can change the patient before ours ends."""
    return find_row(session, Patient, patient_id, lock=lock, options=[selectinload(Patient.consents)])


_PATIENTS: Table = Patient.__table__  # type: ignore[assignment]  # declared as the wider FromClause
_ALIKE = (
    select(_PATIENTS.c.id, _PATIENTS.c.reference, _PATIENTS.c.person_index, _PATIENTS.c.insurance_number_index)
    .where(
        or_(
            _PATIENTS.c.person_index == bindparam("person_index"),
            _PATIENTS.c.insurance_number_index == bindparam("insurance_number_index"),
        )
    )
    .order_by(_PATIENTS.c.id)
    .limit(20)
)
_NAMESAKE = _PATIENTS.alias()
_EMPTY: dict[str, Any] = dict.fromkeys(each.key for each in Patient.__mapper__.attrs)


def _is_namesake(person_index: ColumnElement[Any]) -> ColumnElement[bool]:
    return _NAMESAKE.c.person_index == person_index


def _number(person_index: ColumnElement[Any], *, is_forced: bool) -> ColumnElement[int]:
    """The number beside a `person_index`. Two who come at once ask for the same one: the unique index lets one pass."""
    if not is_forced:
        return literal_column("0", Integer)
    highest = select(func.max(_NAMESAKE.c.namesake)).where(_is_namesake(person_index)).scalar_subquery()
    return func.coalesce(highest + 1, 0)


def _adding(*, is_forced: bool) -> ReturningInsert[tuple[int]]:
    """Check, patient and event in one statement: entering a patient must cost little more than a bare insert."""
    given = {each.name: cast(bindparam(each.name, type_=each.type), each.type) for each in _PATIENTS.columns}
    row = given | {"namesake": _number(given["person_index"], is_forced=is_forced)}
    nobody_alike = true() if is_forced else ~exists().where(_is_namesake(given["person_index"]))
    added = (
        insert(_PATIENTS)
        .from_select(list(row), select(*row.values()).where(nobody_alike))
        .on_conflict_do_nothing()
        .returning(_PATIENTS.c.id)
        .cte("added")
    )
    return record_statement(exists(select(added.c.id))).returning(outbox.c.position)


_ADDING = {is_forced: _adding(is_forced=is_forced) for is_forced in (False, True)}


def patients_alike(
    session: Session, *, person_index: bytes | None, insurance_number_index: bytes | None
) -> Sequence[Row[UUID, str, bytes | None, bytes | None]]:
    """Id, reference and both indexes of patients who share one of the indexes; None is never shared."""
    shared = {"person_index": person_index, "insurance_number_index": insurance_number_index}
    return session.execute(_ALIKE, shared).all()


def new_patient(**attributes: Any) -> Patient:
    """What has the attributes of a patient and is never given to a session: those that are not given are None.

    `add_unless_known` inserts it past the unit of work, whose bookkeeping of every attribute costs more than the
    statement does.
    """
    return typing.cast(Patient, SimpleNamespace(**_EMPTY | attributes))


def add_unless_known(session: Session, patient: Patient, *, events: str, is_forced: bool) -> bool:
    """Insert a new patient past the unit of work and record its events (`as_rows`), in one statement.

    False, and nothing inserted, where somebody alike is known: of the same reference or insurance number or, unless
    forced, of the same name and date of birth.
    """
    row = {each.name: getattr(patient, each.name) for each in _PATIENTS.columns if each.name != "namesake"}
    return session.scalar(_ADDING[is_forced], {**row, "events": events}) is not None


def identify(session: Session, patient: Patient, *, is_forced: bool, **indexes: bytes | None) -> bool:
    """Give a patient, whose row is locked, another `person_index` or `insurance_number_index`, or both.

    False, and nothing changed, where somebody alike is known: of the same insurance number or, unless forced, of the
    same name and date of birth.
    """
    change = update(_PATIENTS).where(_PATIENTS.c.id == patient.id).values(indexes)
    if "person_index" in indexes:
        person_index = literal(indexes["person_index"], LargeBinary)
        change = change.values(namesake=_number(person_index, is_forced=is_forced))
        if not is_forced:
            change = change.where(~exists().where(_is_namesake(person_index)))
    try:
        with session.begin_nested():
            return bool(session.execute(change).rowcount)  # type: ignore[attr-defined]  # a CursorResult
    except IntegrityError as refused:
        if getattr(refused.orig, "pgcode", None) != UNIQUE_VIOLATION:
            raise
        return False


def postal_code_is_known(session: Session, postal_code: str) -> bool:
    """Whether geocoding found this postal code, for whichever patient it was asked."""
    answered = and_(LocatedPostalCode.postal_code == postal_code, LocatedPostalCode.is_known)
    return bool(session.scalar(select(exists().where(answered))))


def patients_after(session: Session, patient_id: UUID, *, limit: int) -> Sequence[Patient]:
    """The next patients by id, with consents, locked."""
    return next_locked(session, Patient, after=patient_id, limit=limit, options=[selectinload(Patient.consents)])


def pauses_that_passed(session: Session, *, today: date, limit: int) -> Sequence[Patient]:
    """Paused patients whose last day of pause lies before today, locked; those another worker holds are left out."""
    return session.scalars(
        select(Patient)
        .where(Patient.status == "paused", Patient.paused_until < today)
        .options(selectinload(Patient.consents))
        .order_by(Patient.paused_until, Patient.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()


def patients_who_grew_older(
    session: Session, latest_birthdays: Sequence[tuple[bytes, date]], *, limit: int
) -> Sequence[Patient]:
    """Patients whose latest birthday is after the day of the last published age, locked; skips what others hold.

    `latest_birthdays`: for every day of the year its blind index and when it was celebrated last.
    """
    latest = values(column("index", LargeBinary), column("day", Date), name="latest").data(list(latest_birthdays))
    return session.scalars(
        select(Patient)
        .join(latest, and_(Patient.birthday_index == latest.c.index, Patient.age_published_on < latest.c.day))
        .options(selectinload(Patient.consents))
        .order_by(Patient.id)
        .limit(limit)
        .with_for_update(of=Patient, skip_locked=True)
    ).all()


_LEFT = or_(
    StatusChange.status.in_(("open", "search_aborted", "therapy_completed", "therapy_aborted")),
    and_(StatusChange.previous_status == "in_therapy", StatusChange.status == "searching"),
)


def has_left_search_or_therapy(session: Session, patient_id: UUID, *, since: datetime) -> bool:
    """Whether the search or the therapy has ended, or the search gone on after a therapy, since an instant."""
    left = exists().where(StatusChange.patient_id == patient_id, StatusChange.changed_at > since, _LEFT)
    return bool(session.scalar(select(left)))


def lock_patients(session: Session, ids: Iterable[UUID]) -> None:
    """Let no other transaction change these patients before ours ends."""
    lock_rows(session, Patient, ids)
