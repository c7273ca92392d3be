"""Named questions about files with patients, and what is written of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import LargeBinary, Text, any_, bindparam, cast, delete, exists, insert, select, text, union_all, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from patient_service.store.queries import LookedFor
from patient_service.store.tables import DataKey, Patient, PatientImport, PatientImportBlock, PatientImportRow
from shared.database import try_to_take_turn
from shared.database.bulk import as_json, rows_of, write_rows
from shared.database.listing import Found, Listing
from shared.database.rows import find_row
from shared.database.written_values import Row
from shared.values.lists import Part

IMPORTS: Final = Listing(
    sorts={"created_at": (PatientImport.id,)},
    default="-created_at",
    identity=PatientImport.id,
    counts={"status": PatientImport.status},
)
ROWS: Final = Listing(
    sorts={"number": (PatientImportRow.number,)}, default="number", counts={"outcome": PatientImportRow.outcome}
)


def one(session: Session, import_id: UUID) -> PatientImport | None:
    """One import."""
    return find_row(session, PatientImport, import_id)


def imports(session: Session, part: Part, *, statuses: Collection[str]) -> Found[PatientImport]:
    """A part of the imports with one of these statuses; without statuses, all."""
    wanted = select(PatientImport)
    return IMPORTS.read(session, wanted.where(PatientImport.status.in_(statuses)) if statuses else wanted, part)


def rows(session: Session, import_id: UUID, part: Part, *, outcomes: Collection[str]) -> Found[PatientImportRow]:
    """A part of an import's rows with one of these outcomes; without outcomes, all."""
    wanted = select(PatientImportRow).where(PatientImportRow.import_id == import_id)
    if outcomes:
        wanted = wanted.where(PatientImportRow.outcome.in_(outcomes))
    return ROWS.read(session, wanted, part)


def rows_of_patient(session: Session, ids: Collection[UUID]) -> Sequence[PatientImportRow]:
    """The rows with which a patient with these files was entered."""
    return session.scalars(select(PatientImportRow).where(PatientImportRow.patient_id.in_(ids))).all()


def take_turn(session: Session) -> bool:
    """Whether this transaction is the only one that works on imports, until it ends."""
    return try_to_take_turn(session, "patient_service works on imports")


def next_unfinished(session: Session) -> PatientImport | None:
    """The oldest import that is not over."""
    unfinished = select(PatientImport).where(PatientImport.finished_at.is_(None)).order_by(PatientImport.id).limit(1)
    return session.scalar(unfinished.execution_options(populate_existing=True))


def add_content(session: Session, import_id: UUID, data_key: bytes, blocks: Sequence[bytes]) -> None:
    """Store the sealed rows of an import with their wrapped key."""
    session.execute(insert(DataKey).values(owner_id=import_id, wrapped=data_key))
    numbered = [{"import_id": import_id, "number": number, "sealed": block} for number, block in enumerate(blocks)]
    session.execute(insert(PatientImportBlock), numbered)


def data_key(session: Session, import_id: UUID) -> bytes | None:
    """The wrapped key of an import's rows; None once it is over."""
    return session.scalar(select(DataKey.wrapped).where(DataKey.owner_id == import_id))


def block(session: Session, import_id: UUID, number: int) -> bytes | None:
    """Some sealed rows of an import; None once it is over."""
    wanted = (PatientImportBlock.import_id == import_id, PatientImportBlock.number == number)
    return session.scalar(select(PatientImportBlock.sealed).where(*wanted))


def forget_content(session: Session, import_id: UUID) -> None:
    """Destroy the rows of an import and their key."""
    session.execute(delete(PatientImportBlock).where(PatientImportBlock.import_id == import_id))
    session.execute(delete(DataKey).where(DataKey.owner_id == import_id))


def next_with_old_rows(session: Session, instant: datetime) -> PatientImport | None:
    """An import that was over before an instant and still says what became of each row, locked; not one that others
    hold.
    """
    over = (PatientImport.rows_removed_at.is_(None), PatientImport.finished_at < instant)
    wanted = select(PatientImport).where(*over).order_by(PatientImport.finished_at).limit(1)
    return session.scalar(wanted.with_for_update(skip_locked=True))


def remove_rows(session: Session, import_id: UUID) -> None:
    """Forget what became of each row of an import."""
    session.execute(delete(PatientImportRow).where(PatientImportRow.import_id == import_id))


_FORGET_CANDIDATES = text("""
    UPDATE patient_import_rows SET problem = jsonb_set(problem, '{candidates}', (
        SELECT coalesce(jsonb_agg(each), '[]') FROM jsonb_array_elements(problem -> 'candidates') AS each
        WHERE coalesce(each ->> 'id', '') <> ALL(:patient_ids)
    ))
    WHERE EXISTS (
        SELECT FROM jsonb_array_elements(problem -> 'candidates') AS each WHERE each ->> 'id' = ANY(:patient_ids)
    )
""").bindparams(bindparam("patient_ids", type_=ARRAY(Text)))


def forget_patients(session: Session, patient_ids: Collection[UUID]) -> None:
    """Let no row say which of these patients it entered, or that it is like one of them."""
    entered = update(PatientImportRow).where(PatientImportRow.patient_id.in_(patient_ids)).values(patient_id=None)
    session.execute(entered, execution_options={"synchronize_session": False})
    session.execute(_FORGET_CANDIDATES, {"patient_ids": [str(each) for each in patient_ids]})


def add_rows(session: Session, new: Sequence[Row]) -> None:
    """Write down what became of rows; all name the same columns."""
    write_rows(session, PatientImportRow, new)


_CHANGE = text(
    "UPDATE patient_import_rows AS known"  # noqa: S608 - names of our own tables
    " SET outcome = new.outcome, patient_id = new.patient_id, problem = new.problem"
    f" FROM {rows_of('patient_import_rows')} AS new"
    " WHERE known.import_id = new.import_id AND known.number = new.number"
)


def change_rows(session: Session, changed: Sequence[Row]) -> None:
    """Write down what became of rows that were checked before."""
    if changed:
        session.execute(_CHANGE, {"rows": as_json(PatientImportRow, changed)})


def valid_numbers(session: Session, import_id: UUID, *, first: int, last: int) -> set[int]:
    """Which of these rows can be entered."""
    number = PatientImportRow.number
    valid = (PatientImportRow.import_id == import_id, PatientImportRow.outcome == "valid")
    return set(session.scalars(select(number).where(*valid, number.between(first, last))))


def save_counts(session: Session, import_id: UUID, counts: Mapping[str, int], *, now: datetime) -> None:
    """Note how far an import is."""
    session.execute(
        update(PatientImport)
        .where(PatientImport.id == import_id)
        .values({**counts, "updated_at": now})
        .execution_options(synchronize_session=False)
    )


_BYTES = ARRAY(LargeBinary)


def _known(column: Any, name: str) -> Any:
    wanted = cast(bindparam(name, type_=_BYTES), _BYTES)
    return select(column).where(column == any_(wanted))


_KNOWN = union_all(
    _known(Patient.person_index, "person"),
    _known(Patient.address_index, "address"),
    _known(Patient.insurance_number_index, "insurance_number"),
)


def known_indexes(session: Session, looked_for: LookedFor) -> set[bytes]:
    """Which of these blind indexes some patient has."""
    return {bytes(each) for each in session.scalars(_KNOWN, looked_for.parameters())}


def patients_with_files(session: Session, ids: Collection[UUID]) -> Sequence[Patient]:
    """Those of these patients who have a file: of the others the key was destroyed."""
    has_key = exists().where(DataKey.owner_id == Patient.id)
    return session.scalars(select(Patient).where(Patient.id.in_(ids), has_key).order_by(Patient.id)).all()
