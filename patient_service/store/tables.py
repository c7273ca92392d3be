"""The tables of this service.

What identifies a patient or says anything about their health lies in one sealed document per patient. In the clear is
only what a question in SQL needs, and what belongs to no single field: dates of the process, status, postal code.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Dialect,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    Text,
    Uuid,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, column_property, mapped_column, relationship

from shared.database import NAMES, Aggregate, Copy, column_types, is_one_of, new_id
from shared.database.tables import add_shared_tables
from shared.database.wrapped_keys import id_of_wrapping_key
from shared.values.enums import ConsentPurpose, PatientStatus, PlacementState
from shared.values.patient_import_enums import OnProblem, PatientImportOutcome, PatientImportStatus


class Tables(DeclarativeBase):
    """All tables of the patient service."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = column_types


class Numbers(ARRAY[int]):
    """Many numbers, which are sent as one text: psycopg2 would take longer to write each than the digests took."""

    cache_ok = True

    def __init__(self) -> None:
        super().__init__(BigInteger)

    def bind_processor(self, dialect: Dialect) -> Any:  # noqa: ARG002
        """How a list is sent."""
        return lambda numbers: None if numbers is None else "{" + ",".join(map(str, numbers)) + "}"


class Patient(Aggregate, Tables):
    """One person who looks for a place; never deleted: to destroy the data key is to erase (GDPR Art. 17)."""

    __tablename__ = "patients"

    reference: Mapped[str]
    status: Mapped[str] = mapped_column(default="open", server_default="open")
    paused_until: Mapped[date | None]
    postal_code: Mapped[str | None]
    assigned_to: Mapped[UUID | None]
    """The account of who is in charge of the patient."""
    registered_on: Mapped[date]
    registered_by: Mapped[UUID | None]
    search_started_on: Mapped[date | None]
    last_contact_on: Mapped[date | None]
    first_place_on: Mapped[date | None]
    working_place_on: Mapped[date | None]
    placement_request_id: Mapped[UUID | None]
    """The request whose place the patient was given last; kept when the place is over, so that others learn of it."""
    placement_state: Mapped[str | None]

    if TYPE_CHECKING:  # read with the row, from a table of its own
        data_key: Mapped[bytes | None]
        """The patient's own key, wrapped by a master key; None where it was destroyed, with all that is sealed."""
    sealed: Mapped[bytes]
    """All other fields: one JSON document, encrypted with the data key and tied to this row's id."""

    missing: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """What the file lacks before a search may start: in the clear, since that something is not there reveals little."""

    index_key: Mapped[bytes]
    """The id of the key of the blind indexes in this row."""
    search_index: Mapped[list[int]] = mapped_column(Numbers())
    """Keyed digests of every beginning of every word of the name and of how it sounds, of the reference and of the date
    of birth.
    """
    person_index: Mapped[bytes | None]
    """Blind index of how the name sounds and the date of birth together; null where the date is unknown."""
    namesake: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """Distinguishes patients of one `person_index`: 0, or by force the next number after those of the others."""
    address_index: Mapped[bytes | None]
    """Blind index of how the name sounds and the address together; null where it is not complete."""
    neighbour: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """Distinguishes patients of one `address_index`, like `namesake`."""
    insurance_number_index: Mapped[bytes | None]
    birthday_index: Mapped[bytes | None]
    """Blind index of month and day of birth."""
    prior_therapy_index: Mapped[bytes]
    """Blind index of the last day on which a prior therapy counts; random where there was none."""
    crisis_index: Mapped[bytes]
    """One of many blind indexes where a crisis waits for somebody; random otherwise."""
    age_published_on: Mapped[date]
    """The day whose age, and whether a prior therapy counts, was published last."""

    consents: Mapped[list[Consent]] = relationship(order_by="Consent.id", lazy="raise")

    __table_args__ = (
        Index("uq_patients_reference", "reference", unique=True),
        Index(
            "uq_patients_insurance_number_index",
            "insurance_number_index",
            unique=True,
            postgresql_where=text("insurance_number_index IS NOT NULL"),
        ),
        Index("ix_patients_search_index", "search_index", postgresql_using="gin"),
        # the guarantee: two registrations at once both take the numbers 0, so that only one of them passes
        Index("uq_patients_person", "person_index", "namesake", unique=True),
        Index(
            "uq_patients_address",
            "address_index",
            "neighbour",
            unique=True,
            postgresql_where=text("address_index IS NOT NULL"),
        ),
        # which keys are in use, and whose indexes are still to be written with another one
        Index("ix_patients_index_key", "index_key"),
        Index("ix_patients_birthday", "birthday_index", "age_published_on"),
        Index("ix_patients_status", "status", "id"),
        Index("ix_patients_postal_code", "postal_code", "id"),
        Index("ix_patients_assigned_to", "assigned_to", "id", postgresql_where=text("assigned_to IS NOT NULL")),
        Index("ix_patients_search_started_on", text("COALESCE(search_started_on, '9999-12-31'::date)"), "id"),
        Index("ix_patients_last_contact_on", text("COALESCE(last_contact_on, '9999-12-31'::date)"), "id"),
        Index("ix_patients_paused_until", "paused_until", postgresql_where=text("paused_until IS NOT NULL")),
        CheckConstraint(is_one_of("status", PatientStatus), name="status"),
        CheckConstraint("paused_until IS NULL OR status = 'paused'", name="only_a_pause_ends"),
        CheckConstraint(is_one_of("placement_state", PlacementState), name="placement_state"),
        CheckConstraint("(placement_request_id IS NULL) = (placement_state IS NULL)", name="placement_has_a_state"),
    )


class DataKey(Tables):
    """A wrapped key of a patient, or of a file with patients until it is over; to delete the row is to destroy it.

    It lies apart from what it encrypts, and is backed up apart, for days only: else every old backup would hold both,
    and nothing in it could be erased (docs/decisions/0005-a-key-per-patient.md). No foreign key ties it to the patient,
    so that either table can be restored without the other.
    """

    __tablename__ = "data_keys"

    patient_id: Mapped[UUID] = mapped_column(primary_key=True)
    wrapped: Mapped[bytes]
    """It begins with the id of the master key that wrapped it."""


# which keys are in use, and what is still to be wrapped by another one
Index("ix_data_keys_master_key_id", id_of_wrapping_key(DataKey.wrapped))

Patient.data_key = column_property(
    select(DataKey.wrapped).where(DataKey.patient_id == Patient.id).correlate_except(DataKey).scalar_subquery()
)


NUMBERED = {"person_index": "namesake", "address_index": "neighbour"}
"""The indexes that several patients may share, each with the column of the number that keeps them apart."""


class Consent(Tables):
    """A patient's consent to one purpose; never deleted, also when it is withdrawn: it proves what was allowed when."""

    __tablename__ = "consents"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patients.id"))
    purpose: Mapped[str]
    given_on: Mapped[date]
    text_version: Mapped[str]
    withdrawn_on: Mapped[date | None]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[UUID | None]
    withdrawn_by: Mapped[UUID | None]
    """Who recorded the withdrawal."""

    __table_args__ = (
        Index("ix_consents_patient", "patient_id", "id"),
        CheckConstraint(is_one_of("purpose", ConsentPurpose), name="purpose"),
        CheckConstraint("withdrawn_by IS NULL OR withdrawn_on IS NOT NULL", name="withdrawn_by_somebody"),
    )


class StatusChange(Tables):
    """One step of a patient's way through search and therapy, or a change of its first day; only ever added."""

    __tablename__ = "status_changes"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patients.id"))
    previous_status: Mapped[str]
    status: Mapped[str]
    reason: Mapped[bytes | None]
    """Sealed like the patient's file: people write about health here."""
    previous_search_started_on: Mapped[date | None]
    """With the next, where the start of the search was changed by hand: it decides who is asked for first."""
    search_started_on: Mapped[date | None]
    changed_at: Mapped[datetime]
    changed_by: Mapped[UUID | None]

    __table_args__ = (Index("ix_status_changes_patient", "patient_id", "id"),)


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
        Index("ix_file_accesses_by", "accessed_by", "accessed_at"),
        CheckConstraint("action IN ('created', 'read', 'changed', 'revealed', 'audited', 'exported')", name="action"),
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
        Index("ix_list_accesses_by", "accessed_by", "accessed_at"),
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


class LocatedPostalCode(Copy, Tables):
    """What geocoding answered for a patient's postal code; the id is the patient's."""

    __tablename__ = "located_postal_codes"

    postal_code: Mapped[str | None]
    is_known: Mapped[bool]

    __table_args__ = (Index("ix_located_postal_codes_known", "postal_code", postgresql_where=text("is_known")),)


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
    finished_at: Mapped[datetime | None]
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
    """What became of one row of a file; nothing of what stands in it."""

    __tablename__ = "patient_import_rows"

    import_id: Mapped[UUID] = mapped_column(ForeignKey("patient_imports.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    line: Mapped[int]
    """Where it begins in the file."""
    outcome: Mapped[str]
    patient_id: Mapped[UUID | None]
    problem: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """Why it is refused: texts by their keys, names of fields, ids of patients who may be the same."""

    __table_args__ = (CheckConstraint(is_one_of("outcome", PatientImportOutcome), name="outcome"),)


add_shared_tables(Tables.metadata)
