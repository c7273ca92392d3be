"""The tables of this service.

What identifies a patient or says anything about their health lies in one sealed document per patient. In the clear is
only what a question in SQL needs, and what belongs to no single field: dates of the process, status, postal code.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Text,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, column_property, mapped_column, relationship

from patient_service.store.access_tables import AccessAnchor, AnchoredChain, FileAccess, ListAccess
from patient_service.store.declarative import Numbers, Tables
from patient_service.store.import_tables import PatientImport, PatientImportBlock, PatientImportRow
from shared.database import Aggregate, Copy, Erasable, is_one_of, new_id
from shared.database.tables import add_shared_tables
from shared.database.wrapped_keys import id_of_wrapping_key
from shared.values.enums import ConsentPurpose, PatientStatus, PlacementState
from shared.values.identifiers import VERSION
from shared.values.patient_history_enums import HistoryKind

IS_THERE = text("erased_at IS NULL AND merged_into IS NULL")
"""Nobody was erased, and of two files of one person only the kept one is shown; of indexes and of their queries."""


class Patient(Aggregate, Tables):
    """One person who looks for a place; never deleted: to destroy the data key is to erase (GDPR Art. 17).

    The row of who was erased stays as a tombstone: an id, a reference that nobody else may get, since it stands in
    letters, and dates.
    """

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
    days_paused: Mapped[int] = mapped_column(server_default=text("0"))
    """How many days of this search were in pauses that are over."""
    paused_since: Mapped[date | None]
    """The first day of the pause that goes on."""
    last_contact_on: Mapped[date | None]
    first_place_on: Mapped[date | None]
    working_place_on: Mapped[date | None]
    placement_request_id: Mapped[UUID | None]
    """The request whose place the patient was given last; kept when the place is over, so that others learn of it."""
    placement_state: Mapped[str | None]
    placement_recorded_at: Mapped[datetime | None]
    """When matching recorded that place: events about two requests come in any order."""

    if TYPE_CHECKING:  # read with the row, from a table of its own
        data_key: Mapped[bytes | None]
        """The patient's own key, wrapped by a master key; None where it was destroyed, with all that is sealed."""
    merged_into: Mapped[UUID | None]
    """Who is kept of two files of one person, where this is the other: then nobody is shown this row any more."""
    merged_at: Mapped[datetime | None]
    kept_sequence: Mapped[int | None] = mapped_column(BigInteger)
    """The sequence of the event that said first of the kept patient how they are since."""
    other_references: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    """References of files that were merged into this one: they stand in letters that practices hold."""
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
    erasure_proposed_on: Mapped[date | None]
    """The day since which a closed case is proposed to be erased, having been kept for long enough."""
    erased_at: Mapped[datetime | None]
    """When the patient was erased; no list and no question finds the row any more."""

    consents: Mapped[list[Consent]] = relationship(order_by="Consent.id", lazy="raise")

    __table_args__ = (
        Index("uq_patients_reference", "reference", unique=True),
        Index(
            "uq_patients_insurance_number_index",
            "insurance_number_index",
            unique=True,
            postgresql_where=text("insurance_number_index IS NOT NULL"),
        ),
        # with the condition of all lists: whom a search finds is counted without a look into the rows
        Index("ix_patients_search_index", "search_index", postgresql_using="gin", postgresql_where=IS_THERE),
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
        # lists leave out who was erased or merged, and are counted in these indexes alone
        Index("ix_patients_status", "status", "id", postgresql_where=IS_THERE),
        Index("ix_patients_postal_code", "postal_code", "id", postgresql_where=IS_THERE),
        Index("ix_patients_assigned_to", "assigned_to", "id", postgresql_where=text("assigned_to IS NOT NULL")),
        Index(
            "ix_patients_search_started_on",
            text("COALESCE(search_started_on, '9999-12-31'::date)"),
            "id",
            postgresql_where=IS_THERE,
        ),
        Index(
            "ix_patients_last_contact_on",
            text("COALESCE(last_contact_on, '9999-12-31'::date)"),
            "id",
            postgresql_where=IS_THERE,
        ),
        Index("ix_patients_erasure_proposed", "id", postgresql_where=text("erasure_proposed_on IS NOT NULL")),
        Index("ix_patients_merged_into", "merged_into", postgresql_where=text("merged_into IS NOT NULL")),
        Index("ix_patients_paused_until", "paused_until", postgresql_where=text("paused_until IS NOT NULL")),
        CheckConstraint(is_one_of("status", PatientStatus), name="status"),
        CheckConstraint("paused_until IS NULL OR status = 'paused'", name="only_a_pause_ends"),
        CheckConstraint(is_one_of("placement_state", PlacementState), name="placement_state"),
        CheckConstraint("(placement_request_id IS NULL) = (placement_state IS NULL)", name="placement_has_a_state"),
        CheckConstraint(
            "(merged_into IS NULL) = (merged_at IS NULL) AND (merged_into IS NULL) = (kept_sequence IS NULL)",
            name="merged_as_a_whole",
        ),
        CheckConstraint("merged_into <> id", name="merged_into_another"),
        CheckConstraint("erased_at IS NULL OR sealed = ''", name="erased"),
    )


class DataKey(Tables):
    """A wrapped key of a patient, or of a file with patients until it is over; to delete the row is to destroy it.

    It lies apart from what it encrypts, and is backed up apart, for days only: else every old backup would hold both,
    and nothing in it could be erased (docs/decisions/0005-a-key-per-patient.md). No foreign key ties it to the patient,
    so that either table can be restored without the other.
    """

    __tablename__ = "data_keys"

    owner_id: Mapped[UUID] = mapped_column(primary_key=True)
    """The patient or the import."""
    wrapped: Mapped[bytes]
    """It begins with the id of the master key that wrapped it."""


# which keys are in use, and what is still to be wrapped by another one
Index("ix_data_keys_master_key_id", id_of_wrapping_key(DataKey.wrapped))

Patient.data_key = column_property(
    select(DataKey.wrapped).where(DataKey.owner_id == Patient.id).correlate_except(DataKey).scalar_subquery()
)


NUMBERED = {"person_index": "namesake", "address_index": "neighbour"}
"""The indexes that several patients may share, each with the column of the number that keeps them apart."""


class PlaceOffer(Tables):
    """That a practice offered the patient a place in this search; removed where the acceptance was a mistake."""

    __tablename__ = "place_offers"

    placement_request_id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patients.id"))
    accepted_on: Mapped[date]

    __table_args__ = (Index("ix_place_offers_patient", "patient_id"),)


class Consent(Tables):
    """A patient's consent to one purpose; never deleted, also when it is withdrawn: it proves what was allowed when."""

    __tablename__ = "consents"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patients.id"))
    purpose: Mapped[str]
    given_on: Mapped[date]
    text_version: Mapped[str]
    """It stays after an erasure, so its form leaves no room for words about the patient."""
    withdrawn_on: Mapped[date | None]
    created_at: Mapped[datetime]
    recorded_by: Mapped[UUID | None]
    withdrawn_by: Mapped[UUID | None]
    """Who recorded the withdrawal."""

    __table_args__ = (
        Index("ix_consents_patient", "patient_id", "id"),
        CheckConstraint(is_one_of("purpose", ConsentPurpose), name="purpose"),
        CheckConstraint(f"text_version ~ '{VERSION}'", name="text_version"),
        CheckConstraint("withdrawn_by IS NULL OR withdrawn_on IS NOT NULL", name="withdrawn_by_somebody"),
    )


class StatusChange(Tables):
    """One step of a patient's way through search and therapy, or a change of what belongs to it; only ever added."""

    __tablename__ = "status_changes"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patients.id"))
    kind: Mapped[str]
    previous_status: Mapped[str]
    status: Mapped[str]
    paused_until: Mapped[date | None]
    """The last day of the pause after that, where it has one."""
    reason: Mapped[bytes | None]
    """Sealed like the patient's file: people write about health here."""
    previous_search_started_on: Mapped[date | None]
    """With the next, where the start of the search was changed by hand: it decides who is asked for first."""
    search_started_on: Mapped[date | None]
    placement_request_id: Mapped[UUID | None]
    """The request whose place caused it."""
    kept_until: Mapped[date | None]
    """Where staff declined to erase the patient: through which day that is not proposed again."""
    changed_at: Mapped[datetime]
    changed_by: Mapped[UUID | None]

    __table_args__ = (
        Index("ix_status_changes_patient", "patient_id", "id"),
        CheckConstraint(is_one_of("kind", HistoryKind), name="kind"),
    )


class Erasure(Tables):
    """That a patient was erased, when and by whom; only ever added. The id is the patient's: there is one for each."""

    __tablename__ = "erasures"

    id: Mapped[UUID] = mapped_column(ForeignKey("patients.id"), primary_key=True)
    requested_at: Mapped[datetime]
    requested_by: Mapped[UUID | None]

    __table_args__ = (Index("ix_erasures_requested_at", "requested_at", "id"),)


class ErasureConfirmation(Tables):
    """That a service has nothing left of a patient who was erased; only ever added."""

    __tablename__ = "erasure_confirmations"

    erasure_id: Mapped[UUID] = mapped_column(ForeignKey("erasures.id"), primary_key=True)
    service: Mapped[str] = mapped_column(primary_key=True)
    confirmed_at: Mapped[datetime]


class LocatedPostalCode(Copy, Erasable, Tables):
    """What geocoding answered for a patient's postal code; the id is the patient's."""

    __tablename__ = "located_postal_codes"

    postal_code: Mapped[str | None]
    is_known: Mapped[bool] = mapped_column(server_default=text("false"))

    __table_args__ = (Index("ix_located_postal_codes_known", "postal_code", postgresql_where=text("is_known")),)


__all__ = [  # tables of modules of their own
    "AccessAnchor",
    "AnchoredChain",
    "FileAccess",
    "ListAccess",
    "PatientImport",
    "PatientImportBlock",
    "PatientImportRow",
    "Tables",
]

add_shared_tables(Tables.metadata)
