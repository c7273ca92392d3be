"""Named questions to the patient tables."""

from __future__ import annotations

import typing
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    DateTime,
    Insert,
    Integer,
    LargeBinary,
    Table,
    Text,
    Update,
    Uuid,
    and_,
    any_,
    bindparam,
    cast,
    exists,
    func,
    literal_column,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload
from sqlalchemy.sql.dml import ReturningInsert

from patient_service.store.tables import NUMBERED, DataKey, FileAccess, Patient, StatusChange
from shared.database import WHOLE_TRANSACTION, ChangedMeanwhile, lock_rows, next_locked, sqlstate
from shared.database.rows import find_row
from shared.database.tables import outbox, record_statement

UNIQUE_VIOLATION = "23505"


def patient(session: Session, patient_id: UUID, *, lock: bool = False) -> Patient | None:
    """One patient with consents; with `lock` no other transaction can change the patient before ours ends.

    Nobody is found who was erased.
    """
    found = patient_or_tombstone(session, patient_id, lock=lock)
    return None if found is None or found.erased_at is not None else found


def patient_or_tombstone(session: Session, patient_id: UUID, *, lock: bool = False) -> Patient | None:
    """The same, or the tombstone of a patient who was erased."""
    return find_row(session, Patient, patient_id, lock=lock, options=[selectinload(Patient.consents)])


def patients_with_ids(session: Session, patient_ids: Collection[UUID]) -> Sequence[Patient]:
    """Those of these patients who are known, with consents."""
    wanted = select(Patient).where(Patient.id.in_(patient_ids)).options(selectinload(Patient.consents))
    return session.scalars(wanted.order_by(Patient.id)).all()


def is_in_crisis(indexes: Sequence[bytes]) -> ColumnElement[bool]:
    """The blind index of the patient's crisis is one of these."""
    return Patient.crisis_index.in_(indexes)


def number_of_patients(session: Session, conditions: Sequence[ColumnElement[bool]]) -> int:
    """How many patients these conditions hold for."""
    return session.scalar(select(func.count()).select_from(Patient).where(*conditions)) or 0


_PATIENTS: Table = Patient.__table__  # type: ignore[assignment]  # declared as the wider FromClause


@dataclass(frozen=True)
class LookedFor:
    """The blind indexes of one person, with every key that is in use: one of them makes two alike."""

    person: Sequence[bytes]
    address: Sequence[bytes]
    insurance_number: Sequence[bytes]

    def only(self, columns: Collection[str]) -> LookedFor:
        """Those of these columns."""
        return LookedFor(
            self.person if "person_index" in columns else (),
            self.address if "address_index" in columns else (),
            self.insurance_number if "insurance_number_index" in columns else (),
        )

    @property
    def of_several_keys(self) -> bool:
        """Whether an index key is being replaced, so that the unique indexes, which hold within one key, do not do."""
        return max(map(len, vars(self).values())) > 1

    @property
    def suspected_by(self) -> frozenset[str]:
        """By which of `_SUSPECTED` somebody may be the same person: a statement asks for nothing else."""
        return frozenset(
            column for column, indexes in (("namesake", self.person), ("neighbour", self.address)) if indexes
        )

    def parameters(self) -> dict[str, Any]:
        """Their values in a statement."""
        return {name: list(indexes) for name, indexes in vars(self).items()}


def _any_of(name: str) -> ColumnElement[Any]:
    of_bytes = ARRAY(LargeBinary)
    return any_(cast(bindparam(name, type_=of_bytes), of_bytes))


_PERSON, _ADDRESS, _INSURANCE_NUMBER = _any_of("person"), _any_of("address"), _any_of("insurance_number")
_DATA_KEYS: Table = DataKey.__table__  # type: ignore[assignment]
_ACCESSES: Table = FileAccess.__table__  # type: ignore[assignment]
_ALIKE = (
    select(Patient)
    .where(
        or_(
            Patient.person_index == _PERSON,
            Patient.address_index == _ADDRESS,
            Patient.insurance_number_index == _INSURANCE_NUMBER,
        )
    )
    .order_by(Patient.id)
    .limit(20)
)
_OTHER = _PATIENTS.alias()
_EMPTY: dict[str, Any] = dict.fromkeys(each.key for each in Patient.__mapper__.attrs)
_LATER = frozenset(
    {
        "paused_until", "first_place_on", "working_place_on", "placement_request_id", "placement_state",
        "placement_recorded_at", "merged_into", "merged_at", "kept_sequence", "other_references",
        "erasure_proposed_on", "erased_at", "days_paused", "paused_since",
    }
)  # fmt: skip
"""Columns that nobody has who is new."""


_SUSPECTED = {"namesake": _OTHER.c.person_index == _PERSON, "neighbour": _OTHER.c.address_index == _ADDRESS}
"""Who may be the same person, by the column that distinguishes those who are not."""
_HAS_THE_NUMBER = exists().where(_OTHER.c.insurance_number_index == _INSURANCE_NUMBER)


def _number(column: str, *, is_forced: bool) -> ColumnElement[int]:
    """The number beside an index. Two who come at once ask for the same one: the unique index lets one pass."""
    if not is_forced:
        return literal_column("0", Integer)
    highest = select(func.max(_OTHER.c[column])).where(_SUSPECTED[column]).scalar_subquery()
    return func.coalesce(highest + 1, 0)


def _nobody_alike(
    suspected_by: Collection[str], *, of_several_keys: bool, besides: UUID | None = None
) -> ColumnElement[bool]:
    """With one key the unique index refuses a number that somebody has, and to ask for it would only cost time.

    `besides`: files that were merged into this one are no other person's.
    """
    others = () if besides is None else (_OTHER.c.merged_into.is_distinct_from(besides),)
    suspected = [
        ~exists().where(condition, *others) for column, condition in _SUSPECTED.items() if column in suspected_by
    ]
    return and_(true(), *suspected, *([~_HAS_THE_NUMBER] if of_several_keys else []))


@lru_cache
def _adding(suspected_by: frozenset[str], *, is_forced: bool, of_several_keys: bool) -> Insert:
    """Check, patient, key, event and the first entry of the access log in one statement: entering a patient must cost
    little more than a bare insert.
    """
    columns = [each for each in _PATIENTS.columns if each.name not in _LATER]
    given = {each.name: _given(each.name, each.type) for each in columns}
    row = given | {name: _number(name, is_forced=is_forced) for name in _SUSPECTED}
    nobody_alike = _nobody_alike(() if is_forced else suspected_by, of_several_keys=of_several_keys)
    added = (
        insert(_PATIENTS)
        .from_select(list(row), select(*row.values()).where(nobody_alike))
        .on_conflict_do_nothing()
        .returning(_PATIENTS.c.id)
        .cte("added")
    )
    key = select(added.c.id, _given("data_key", LargeBinary))
    keyed = insert(_DATA_KEYS).from_select(["owner_id", "wrapped"], key)
    with_key = keyed.returning(_DATA_KEYS.c.owner_id).cte("with_key")
    return record_statement(exists(select(with_key.c.owner_id))).add_cte(_first_access(added.c.id))


@lru_cache
def _adding_one(suspected_by: frozenset[str], **case: bool) -> ReturningInsert[tuple[int]]:
    """The same, which returns a row where somebody was added: for many at once the driver cannot return any."""
    return _adding(suspected_by, **case).returning(outbox.c.position)


def _first_access(patient_id: ColumnElement[UUID]) -> CTE:
    """The first entry of the patient's access log: that the file was created, and by whom."""
    values = {
        "id": _given("access_id", Uuid),
        "patient_id": patient_id,
        "number": literal_column("1", Integer),
        "action": literal_column("'created'", Text),
        "purpose": _given("access_purpose", LargeBinary),
        "accessed_at": _given("created_at", DateTime(timezone=True)),
        "accessed_by": _given("registered_by", Uuid),
        "hash": _given("access_hash", LargeBinary),
    }
    return insert(_ACCESSES).from_select(list(values), select(*values.values())).cte("noted")


def _given(name: str, type: Any) -> ColumnElement[Any]:
    return bindparam(name, type_=type)


def patients_alike(session: Session, looked_for: LookedFor) -> Sequence[Patient]:
    """Patients who have one of the indexes, without consents."""
    return session.scalars(_ALIKE, looked_for.parameters()).all()


def new_patient(**attributes: Any) -> Patient:
    """What has the attributes of a patient and is never given to a session: those that are not given are None.

    `add_unless_known` inserts it past the unit of work, whose bookkeeping of every attribute costs more than the
    statement does.
    """
    return typing.cast(Patient, SimpleNamespace(**_EMPTY | attributes))


class FirstAccess(NamedTuple):
    """The first entry of a patient's access log, beside the patient's own columns."""

    access_id: UUID
    access_purpose: bytes | None
    access_hash: bytes


class NewRow(NamedTuple):
    """A new patient, who is looked for, what is published, and what is noted."""

    patient: Patient
    looked_for: LookedFor
    events: str
    access: FirstAccess

    def parameters(self) -> dict[str, Any]:
        """Their values in a statement."""
        others = _SUSPECTED.keys() | _LATER
        columns = [each.name for each in _PATIENTS.columns if each.name not in others]
        row = {name: getattr(self.patient, name) for name in columns}
        given = {**self.looked_for.parameters(), **self.access._asdict()}
        return {**row, **given, "data_key": self.patient.data_key, "events": self.events}


def add_unless_known(session: Session, new: NewRow, *, is_forced: bool) -> bool:
    """Insert a new patient with the data key past the unit of work, note that, and record its events (`as_rows`), in
    one statement.

    False, and nothing inserted, where somebody alike is known: of the same reference or insurance number or, unless
    forced, of a name that sounds alike with the same date of birth or address.
    """
    asked = new.looked_for
    adding = _adding_one(asked.suspected_by, is_forced=is_forced, of_several_keys=asked.of_several_keys)
    return session.scalar(adding, new.parameters(), execution_options=WHOLE_TRANSACTION) is not None


def add_each_unless_known(session: Session, rows: Sequence[NewRow], *, is_forced: bool) -> set[UUID]:
    """The same for many, in few round trips; returns the ids of those who were inserted."""
    suspected_by = frozenset().union(*(each.looked_for.suspected_by for each in rows))
    adding = _adding(suspected_by, is_forced=is_forced, of_several_keys=rows[0].looked_for.of_several_keys)
    session.connection().execute(adding, [each.parameters() for each in rows])
    ids = [each.patient.id for each in rows]
    return set(session.scalars(select(_PATIENTS.c.id).where(_PATIENTS.c.id.in_(ids))))


def identify(
    session: Session, patient: Patient, looked_for: LookedFor, *, is_forced: bool, **indexes: bytes | None
) -> bool:
    """Give a patient, whose row is locked, others of the indexes that are looked for.

    False, and nothing changed, where somebody alike is known, as in `add_unless_known`.
    """
    suspected_by = () if is_forced else looked_for.suspected_by
    nobody_alike = _nobody_alike(suspected_by, of_several_keys=looked_for.of_several_keys, besides=patient.id)
    change = update(_PATIENTS).where(_PATIENTS.c.id == patient.id, nobody_alike).values(indexes)
    numbers = {number: _number(number, is_forced=is_forced) for index, number in NUMBERED.items() if index in indexes}
    if numbers:
        change = change.values(numbers)
    return change_unless_taken(session, change, looked_for.parameters())


def change_unless_taken(session: Session, change: Update, given: Mapping[str, Any] | None = None) -> bool:
    """Whether the statement changed a row; False, and nothing changed, also where a unique index refuses it."""
    try:
        with session.begin_nested():
            done = session.execute(change, given, execution_options={"synchronize_session": False})
            return bool(done.rowcount)  # type: ignore[attr-defined]  # a CursorResult
    except IntegrityError as refused:
        if sqlstate(refused) != UNIQUE_VIOLATION:
            raise
        return False


def patients_after(session: Session, patient_id: UUID, *, limit: int) -> Sequence[Patient]:
    """The next patients by id, with consents, locked; among them the tombstones of those who were erased."""
    return next_locked(session, Patient, after=patient_id, limit=limit, options=[selectinload(Patient.consents)])


_LEFT = and_(
    # what became of one place says nothing of the next, whose event may be read first
    StatusChange.placement_request_id.is_(None),
    or_(
        StatusChange.status.in_(("open", "search_aborted", "therapy_completed", "therapy_aborted")),
        and_(StatusChange.previous_status == "in_therapy", StatusChange.status == "searching"),
    ),
)


def has_left_search_or_therapy(session: Session, patient_id: UUID, *, since: datetime) -> bool:
    """Whether people have ended the search or the therapy, or gone on searching after a therapy, since an instant."""
    left = exists().where(StatusChange.patient_id == patient_id, StatusChange.changed_at > since, _LEFT)
    return bool(session.scalar(select(left)))


def beginning_of_therapy(session: Session, placement_request_id: UUID) -> StatusChange | None:
    """The last step into a therapy that this request's place brought about; None where people had noted it before."""
    began = select(StatusChange).where(
        StatusChange.placement_request_id == placement_request_id,
        StatusChange.status == "in_therapy",
        StatusChange.previous_status != "in_therapy",
    )
    return session.scalar(began.order_by(StatusChange.id.desc()).limit(1))


def pause_before(session: Session, step: StatusChange) -> date | None:
    """The last day of the pause that a step ended; None where it had none."""
    paused = select(StatusChange.paused_until).where(
        StatusChange.patient_id == step.patient_id, StatusChange.id < step.id, StatusChange.status == "paused"
    )
    return session.scalar(paused.order_by(StatusChange.id.desc()).limit(1))


def lock_patients(session: Session, ids: Iterable[UUID]) -> None:
    """Let no other transaction change these patients, and those into whom they were merged, before ours ends.

    Raises `ChangedMeanwhile` where one was merged into somebody else while we waited.
    """
    wanted = set(ids)
    if wanted:
        locked = wanted | _kept_ones(session, wanted)
        lock_rows(session, Patient, locked)
        if not _kept_ones(session, wanted) <= locked:
            raise ChangedMeanwhile


def _kept_ones(session: Session, ids: Collection[UUID]) -> set[UUID]:
    merged = select(Patient.merged_into).where(Patient.id.in_(ids), Patient.merged_into.is_not(None))
    return set(filter(None, session.scalars(merged)))
