"""The tables of files with patients; `store/tables.py` has the others."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from patient_service.store.declarative import Tables
from shared.database import Aggregate, is_one_of
from shared.values.patient_import_enums import OnProblem, PatientImportOutcome, PatientImportStatus


class PatientImport(Aggregate, Tables):
    """A file with patients who are to be entered, and how far that has come.

    While it waits its rows are sealed in `PatientImportBlock`, with a data key of the import's own, which lies in
    `data_keys` like those of patients. When it is over, rows and key are destroyed.
    """

    __tablename__ = "patient_imports"

    status: Mapped[str] = mapped_column(default="checking", server_default="checking")
    dry_run: Mapped[bool]
    on_problem: Mapped[str]
    force: Mapped[bool]
    is_csv: Mapped[bool]
    """Whether problems name columns of a table rather than fields of a document."""
    started_by: Mapped[UUID | None]
    purpose: Mapped[bytes | None]
    """Why the file was sent, sealed like its rows, for the access logs of who is entered; gone when it is over."""
    finished_at: Mapped[datetime | None]
    rows_removed_at: Mapped[datetime | None]
    """When what became of each row was removed."""
    total: Mapped[int]
    """How many rows the file has."""
    blocks: Mapped[int]
    """In how many blocks they are stored."""
    blocks_done: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """How many of these, from the first on, were entered."""
    checked: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    entered: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    refused: Mapped[int] = mapped_column(default=0, server_default=text("0"))

    __table_args__ = (
        # which ones are not over yet
        Index("ix_patient_imports_unfinished", "id", postgresql_where=text("finished_at IS NULL")),
        # whose rows are still to be removed
        Index("ix_patient_imports_with_rows", "finished_at", postgresql_where=text("rows_removed_at IS NULL")),
        CheckConstraint(is_one_of("status", PatientImportStatus), name="status"),
        CheckConstraint(is_one_of("on_problem", OnProblem), name="on_problem"),
        CheckConstraint("(status IN ('checking', 'entering')) = (finished_at IS NULL)", name="finished_when_over"),
    )


class PatientImportBlock(Tables):
    """Some rows of a file, sealed; gone when the import is over."""

    __tablename__ = "patient_import_blocks"

    import_id: Mapped[UUID] = mapped_column(ForeignKey("patient_imports.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    sealed: Mapped[bytes]


class PatientImportRow(Tables):
    """What became of one row of a file; nothing of what stands in it. It is removed some time after the import."""

    __tablename__ = "patient_import_rows"

    import_id: Mapped[UUID] = mapped_column(ForeignKey("patient_imports.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    line: Mapped[int]
    """Where it begins in the file."""
    outcome: Mapped[str]
    patient_id: Mapped[UUID | None]
    problem: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """Why it is refused: texts by their keys, names of fields, ids of patients who may be the same."""

    __table_args__ = (
        Index("ix_patient_import_rows_patient_id", "patient_id"),
        CheckConstraint(is_one_of("outcome", PatientImportOutcome), name="outcome"),
    )
