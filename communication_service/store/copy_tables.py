"""The tables of what other services say of therapists and patients; `store/tables.py` has the others."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from communication_service.store.declarative import Tables
from shared.database import Copy, Erasable, text_list
from shared.values.weekly import Weekly, WeeklyColumn


class PracticeCopy(Copy, Tables):
    """What a contact with a therapist needs to know of them; the defaults are those of one who was removed."""

    __tablename__ = "therapists"

    salutation: Mapped[str | None]
    title: Mapped[str | None]
    first_name: Mapped[str | None]
    last_name: Mapped[str] = mapped_column(server_default="")
    gender: Mapped[str] = mapped_column(server_default="unknown")
    street: Mapped[str | None]
    house_number: Mapped[str | None]
    postal_code: Mapped[str | None]
    city: Mapped[str | None]
    phone: Mapped[str | None]
    mobile: Mapped[str | None]
    email: Mapped[str | None]
    email_key: Mapped[str | None]
    """The normalised address, under which several spellings and several therapists are one mailbox."""
    phone_hours: Mapped[Weekly | None] = mapped_column(WeeklyColumn)
    call_note: Mapped[str | None]
    holidays: Mapped[list[dict[str, str]]] = mapped_column(JSONB, server_default=text("'[]'"))
    potentially_available: Mapped[bool] = mapped_column(server_default=text("false"))
    contact_preference: Mapped[str] = mapped_column(server_default="any")
    email_opt_out: Mapped[bool] = mapped_column(server_default=text("false"))
    status: Mapped[str] = mapped_column(server_default="unknown")
    merged_into: Mapped[UUID | None]  # the kept therapist; of the merged one nothing else is known

    __table_args__ = (
        Index("ix_therapists_email_key", "email_key"),
        Index("ix_therapists_merged_into", "merged_into", postgresql_where=text("merged_into IS NOT NULL")),
    )


class PracticePlace(Copy, Tables):
    """The federal states of the address that a therapist had when it was looked up: several near a border."""

    __tablename__ = "places"

    street: Mapped[str | None]
    house_number: Mapped[str | None]
    postal_code: Mapped[str | None]
    city: Mapped[str | None]
    federal_states: Mapped[list[str]] = text_list()


class PatientPseudonym(Copy, Erasable, Tables):
    """What a practice may know of a patient before it accepts: a pseudonym; the defaults are those of a tombstone."""

    __tablename__ = "patients"

    reference: Mapped[str] = mapped_column(server_default="")
    other_references: Mapped[list[str]] = text_list()
    age: Mapped[int | None]
    gender: Mapped[str] = mapped_column(server_default="unknown")
    insurance_type: Mapped[str | None]
    reimbursement_case: Mapped[bool] = mapped_column(server_default=text("false"))
    diagnosis_block: Mapped[str | None]
    has_practice_summary: Mapped[bool] = mapped_column(server_default=text("false"))
    has_patient_mail: Mapped[bool] = mapped_column(server_default=text("false"))
    availability: Mapped[Weekly | None] = mapped_column(WeeklyColumn)
    prior_therapy_within_two_years: Mapped[bool | None]
    status: Mapped[str] = mapped_column(server_default="unknown")
    paused_until: Mapped[date | None]
    search_started_on: Mapped[date | None]
    merged_into: Mapped[UUID | None]  # the kept patient; of the merged one nothing else is known
