"""The tables of the access log: its chains of entries, and the anchors that vouch for them."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from patient_service.store.declarative import Tables


class FileAccess(Tables):
    """That somebody was shown one patient's file, or changed it; only ever added.

    The entries of a patient are a chain (docs/decisions/0035-chained-access-log.md). No foreign key ties them to the
    patient: its check would lock the patient's row with each read.
    """

    __tablename__ = "file_accesses"

    id: Mapped[UUID]
    """Of the access: a refusal that reveals several patients is one, with a row for each."""
    patient_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """The place in the patient's chain, from 1 on."""
    action: Mapped[str]
    purpose: Mapped[bytes | None]
    """Sealed like the patient's file: people write names here."""
    accessed_at: Mapped[datetime]
    accessed_by: Mapped[UUID | None]
    hash: Mapped[bytes]
    """Of the entry before and of what stands in this one (`domain/access_chains.py`)."""

    __table_args__ = (
        Index("ix_file_accesses_at", "accessed_at", "id", "patient_id"),
        CheckConstraint(
            "action IN ('created', 'read', 'changed', 'revealed', 'audited', 'exported', 'erased')", name="action"
        ),
    )


class ListAccess(Tables):
    """That somebody was shown several patients in a list; only ever added.

    The entries that were written over one connection to the database are a chain: so none waits for another one.
    """

    __tablename__ = "list_accesses"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    chain: Mapped[UUID]
    """The number of PostgreSQL's process behind the connection, as a UUID like the ids of the patients' chains."""
    number: Mapped[int]
    """The place in that chain, from 1 on."""
    patient_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    """Everybody whom it showed."""
    action: Mapped[str]
    view: Mapped[str]
    purposes: Mapped[list[bytes | None] | None] = mapped_column(ARRAY(LargeBinary))
    """Why, sealed for each of the patients with a key of their own, in the order of `patient_ids`."""
    digest: Mapped[bytes]
    """Keyed; the same where the same caller is shown the same patients in the same view for the same purpose."""
    accessed_at: Mapped[datetime]
    accessed_by: Mapped[UUID | None]
    hash: Mapped[bytes]

    __table_args__ = (
        Index("uq_list_accesses_chain", "chain", "number", unique=True),
        Index("ix_list_accesses_at", "accessed_at", "id", "chain"),
        Index("ix_list_accesses_patients", "patient_ids", postgresql_using="gin"),
        Index("ix_list_accesses_digest", "digest", "accessed_at"),
        CheckConstraint("action IN ('listed', 'exported', 'audited')", name="action"),
        CheckConstraint("view IN ('full', 'row', 'label')", name="view"),
    )


class AccessAnchor(Tables):
    """That on a day all chains of the access log were as they were; only ever added.

    The hash is also written to the log of the worker: it is worth something only outside of this database.
    """

    __tablename__ = "access_anchors"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """From 1 on."""
    day: Mapped[date]
    """In Berlin."""
    made_at: Mapped[datetime]
    chains: Mapped[int]
    """How many chains had new entries since the anchor before."""
    hash: Mapped[bytes]
    """Of the anchor before, this row and its `AnchoredChain`s."""

    __table_args__ = (Index("uq_access_anchors_day", "day", unique=True),)


class AnchoredChain(Tables):
    """The last entry that a chain of the access log had when an anchor was made; only ever added."""

    __tablename__ = "anchored_chains"

    anchor: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(primary_key=True)
    """Whether it is a chain of `file_accesses` or of `list_accesses`."""
    chain: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int]
    hash: Mapped[bytes]

    __table_args__ = (
        Index("ix_anchored_chains_number", "kind", "chain", "number"),
        CheckConstraint("kind IN ('file', 'list')", name="kind"),
    )
