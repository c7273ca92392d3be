"""The tables of imports; `store/tables.py` has the others."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.database import Aggregate, is_one_of, text_list
from shared.values.enums import ImportAction, ImportOutcome, ImportStatus
from shared.values.import_enums import UndoOutcome
from therapist_service.store.declarative import Tables


def _count() -> Any:
    return mapped_column(default=0, server_default=text("0"))


class Import(Aggregate, Tables):
    """One file of the scraper, and how far it has been applied."""

    __tablename__ = "imports"

    file: Mapped[str]
    checksum: Mapped[str | None]
    """SHA-256 of the file, in hexadecimal: a file is known by it, whatever its name, until its import is undone. None
    until it has been read, and of one that was imported before."""
    duplicate_of: Mapped[UUID | None] = mapped_column(ForeignKey("imports.id", ondelete="CASCADE"))
    """The import of the same content that was there before: nobody reads a file again that looks like this one."""
    content_id: Mapped[UUID | None]
    """Where its content is stored; None until it has been read, and when the import is over."""
    size: Mapped[int] = mapped_column(BigInteger)
    modified_at: Mapped[datetime | None]
    """With name and size: how the watch knows a file again without reading it."""
    status: Mapped[str] = mapped_column(default="running", server_default="running")
    source: Mapped[str | None]
    scrape_id: Mapped[str | None]
    scraped_at: Mapped[datetime | None]
    """The time of the file, as it says: the entries of its source have it as `last_seen_at` or `gone_at`."""
    started_at: Mapped[datetime]
    started_by: Mapped[UUID | None]
    """Who asked for the file; None where the watch of the folder found it."""
    finished_at: Mapped[datetime | None]
    reason: Mapped[str | None]
    total: Mapped[int | None]
    """How many records the file holds; None until it has been read."""
    done: Mapped[int] = _count()
    """How many of them, from the first on, have an outcome: written together with the outcomes."""
    additions: Mapped[int] = _count()
    modifications: Mapped[int] = _count()
    deletions: Mapped[int] = _count()
    unchanged: Mapped[int] = _count()
    waiting: Mapped[int] = _count()
    rejected: Mapped[int] = _count()
    term: Mapped[int] = _count()
    """Counts the claims: a worker whose claim was taken over notices it here and stops."""
    claimed_until: Mapped[datetime | None]
    """Pushed on while the holder works; a holder that died lets it run out."""
    abandoned: Mapped[int] = _count()
    """How many claims in a row ran out: the next holder goes on record by record, to find the one to blame."""
    trying: Mapped[int | None]
    """The record that is being tried alone; None while the file is being looked through."""
    tries: Mapped[int] = _count()
    """How often that was begun and has not ended."""
    judged_at: Mapped[datetime | None]
    """When it was decided whether the file is held; no record is applied before."""
    known_before: Mapped[int | None]
    """How many therapists were known from its source then, and below how many of them it would deactivate and change;
    None where that was not counted, since it could not be too many."""
    would_deactivate: Mapped[int | None]
    would_change: Mapped[int | None]
    held_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None]
    """Who approved or rejected the held file; None where that was done at the terminal."""
    undo_asked_at: Mapped[datetime | None]
    """When somebody wanted all of it taken back; while the import is completed, a worker is at it."""
    undo_asked_by: Mapped[UUID | None]
    undo_left: Mapped[int | None]
    """The records before this position are still to be undone: it goes from the last one to the first."""
    undo_total: Mapped[int] = _count()
    """How many records changed somebody, or may have."""
    undo_done: Mapped[int] = _count()
    """How many of them are undone."""
    undo_kept: Mapped[int] = _count()
    """How many therapists are not wholly as before, since something newer stays."""
    undone_at: Mapped[datetime | None]
    records_removed_at: Mapped[datetime | None]
    """When its records were removed, since they had been kept for long enough."""

    __table_args__ = (
        Index("uq_imports_checksum", "checksum", unique=True, postgresql_where=text("status <> 'undone'")),
        Index("ix_imports_duplicate_of", "duplicate_of", postgresql_where=text("duplicate_of IS NOT NULL")),
        Index("ix_imports_created_at", "created_at", "id"),
        Index("ix_imports_file", "file"),
        Index("ix_imports_to_undo", "file", "id", postgresql_where=text("undo_asked_at IS NOT NULL")),
        Index("ix_imports_with_records", "finished_at", postgresql_where=text("records_removed_at IS NULL")),
        CheckConstraint(is_one_of("status", ImportStatus), name="status"),
        CheckConstraint("(status IN ('running', 'held')) = (finished_at IS NULL)", name="finished_when_over"),
        CheckConstraint("done BETWEEN 0 AND total OR total IS NULL AND done = 0", name="done"),
    )


class ImportContent(Tables):
    """A block of a taken file until it is applied: after a crash the import goes on whatever happened in the folder.

    Blocks are stored before their import exists, so that no file is ever whole in memory or in one transaction.
    """

    __tablename__ = "import_contents"

    content_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[bytes]
    """Compressed (zlib), each block by itself."""


class ImportRecord(Tables):
    """What became of one record of a file; only ever added. The owner's function removes those of long ago."""

    __tablename__ = "import_records"

    import_id: Mapped[UUID] = mapped_column(ForeignKey("imports.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    external_id: Mapped[str | None]
    action: Mapped[str]
    outcome: Mapped[str]
    reason: Mapped[str | None]
    therapist_id: Mapped[UUID | None]
    difference: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list, server_default=text("'[]'"))

    __table_args__ = (
        CheckConstraint(is_one_of("action", ImportAction), name="action"),
        CheckConstraint(is_one_of("outcome", ImportOutcome), name="outcome"),
    )


class ImportUndoOutcome(Tables):
    """What became of one therapist when an import was undone; kept for as long as the import's records."""

    __tablename__ = "import_undo_outcomes"

    import_id: Mapped[UUID] = mapped_column(ForeignKey("imports.id", ondelete="CASCADE"), primary_key=True)
    therapist_id: Mapped[UUID] = mapped_column(primary_key=True)
    outcome: Mapped[str]
    kept: Mapped[list[str]] = text_list()
    """The fields that somebody or something changed since, and that stay."""
    reason: Mapped[str | None]

    __table_args__ = (CheckConstraint(is_one_of("outcome", UndoOutcome), name="outcome"),)
