"""The tables of this service. Field names are those of the API."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from communication_service.store.call_plan_tables import CallPlan
from communication_service.store.call_tables import PhoneCall, PhoneCaller, WrongNumber
from communication_service.store.copy_tables import PatientPseudonym, PracticeCopy, PracticePlace
from communication_service.store.declarative import Tables, many_ids
from communication_service.store.email_tables import Email, EmailCooldown
from communication_service.store.mail_tables import EmailSuppression, MailServerState
from communication_service.store.published_tables import PublishedCallingHours, PublishedContact
from communication_service.store.reply_tables import MailboxState, MailReply
from communication_service.store.template_tables import Template, TemplateVersion
from shared.database import Aggregate, is_one_of, new_id
from shared.database.patient_keys import add_patient_keys
from shared.database.tables import add_shared_tables
from shared.values.enums import ContactRequestStatus, InquiryStatus

# What is wanted


class ContactRequest(Tables):
    """One patient asked of one therapist, as far as contacting the therapist goes; kept from matching's events."""

    __tablename__ = "placement_requests"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID]
    therapist_id: Mapped[UUID]
    status: Mapped[str]
    hold: Mapped[str | None]
    priority: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    waiting_since: Mapped[datetime | None]
    by_phone: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Only a call will do: an e-mail stayed without answer, or the mail server refused it."""
    inquiry_id: Mapped[UUID | None]
    """The contact that it is part of, while that has not gone out."""
    newest_inquiry_id: Mapped[UUID | None]
    """The newest contact that it was ever part of; matching takes events of an older one for late ones."""
    emailed_on: Mapped[date | None]
    attempts: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """Calls about it that reached nobody, in whichever inquiry (docs/domain.md#contact-rule-7)."""
    due_at: Mapped[datetime | None]
    """When the contacts with this therapist are to be planned again."""
    asked: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Whether matching wants the practice to be asked, by its newest event."""
    answered: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """The practice has accepted or declined since it was asked; after "later" it may still do so."""
    asked_sequence: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    asked_event_time: Mapped[datetime | None]
    hold_sequence: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    hold_event_time: Mapped[datetime | None]
    """Newest event of matching that is known: on whether to ask, and on the hold (`shared.database.copies`)."""
    outcome: Mapped[str | None]
    """What the practice answered last, as matching says: `accepted` also once the place is taken up; null: nothing."""
    confirmation_due_at: Mapped[datetime | None]
    """Since when practice and patient are to be written to about the place; null: they are not, or were."""
    withdrawal_reason: Mapped[str | None]
    """Why matching withdrew it from a practice that was asked or had accepted; null once it is asked for again."""
    withdrawal_due_at: Mapped[datetime | None]
    """Since when the practice is to be written that it is withdrawn or corrected; null: it is not, or was."""
    corrected_at: Mapped[datetime | None]
    """When an acceptance turned out to be a mistake; null once the practice has accepted, or it is withdrawn."""
    correlation_id: Mapped[str | None]

    __table_args__ = (
        Index(
            "ix_placement_requests_withdrawal_due_at",
            "withdrawal_due_at",
            postgresql_where=text("withdrawal_due_at IS NOT NULL"),
        ),
        Index(
            "ix_placement_requests_confirmation_due_at",
            "confirmation_due_at",
            postgresql_where=text("confirmation_due_at IS NOT NULL"),
        ),
        Index("ix_placement_requests_due_at", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index(
            "ix_placement_requests_unsent",
            "therapist_id",
            postgresql_where=text("status = 'waiting' OR inquiry_id IS NOT NULL"),
        ),
        Index(
            "ix_placement_requests_unanswered",
            "emailed_on",
            postgresql_where=text("status = 'contacted' AND NOT by_phone"),
        ),
        Index("ix_placement_requests_patient_id", "patient_id"),
        Index("ix_placement_requests_accepted", "patient_id", postgresql_where=text("status = 'accepted'")),
        CheckConstraint(is_one_of("status", ContactRequestStatus), name="status"),
        CheckConstraint("status <> 'waiting' OR waiting_since IS NOT NULL", name="waits_since"),
    )


class ScheduleEntry(Tables):
    """That the contacts with a therapist are to be planned again, because of something that is not one of its requests.

    A row of its own instead of the requests' `due_at`: who adds one waits for nobody that holds a request.
    """

    __tablename__ = "schedule"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    therapist_id: Mapped[UUID]
    due_at: Mapped[datetime]
    correlation_id: Mapped[str | None]
    """What caused the oldest request that waits."""

    __table_args__ = (Index("ix_schedule_due_at", "due_at"), Index("ix_schedule_therapist_id", "therapist_id"))


# Contacts


class Inquiry(Aggregate, Tables):
    """One contact with one therapist, carrying one to six placement requests; never deleted."""

    __tablename__ = "inquiries"

    therapist_id: Mapped[UUID]
    channel: Mapped[str]
    status: Mapped[str]
    placement_request_ids: Mapped[list[UUID]] = many_ids()
    waits_for: Mapped[str | None]
    waits_until: Mapped[date | None]
    attempts: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """Calls that failed."""
    next_attempt_after: Mapped[datetime | None]
    unanswered_at: Mapped[datetime | None]
    """When its last call was made that nobody answered: the next one is in another of the practice's windows."""
    correlation_id: Mapped[str | None]

    __table_args__ = (
        Index("ix_inquiries_open", "therapist_id", postgresql_where=text("status = 'open'")),
        Index("ix_inquiries_therapist_id", "therapist_id", "created_at"),
        CheckConstraint("channel IN ('email', 'phone')", name="channel"),
        CheckConstraint(is_one_of("status", InquiryStatus), name="status"),
        CheckConstraint("waits_for IS NULL OR status IN ('open', 'under_way')", name="waits_before_it_went_out"),
        CheckConstraint("waits_until IS NULL OR waits_for IS NOT NULL", name="waits_for_something"),
    )


class RecordedAnswer(Tables):
    """What a practice said about one request; only ever added (docs/domain.md#contact-rule-12)."""

    __tablename__ = "answers"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    placement_request_id: Mapped[UUID] = mapped_column(index=True)
    therapist_id: Mapped[UUID] = mapped_column(index=True)
    email_id: Mapped[UUID | None] = mapped_column(ForeignKey("emails.id"), index=True)
    phone_call_id: Mapped[UUID | None] = mapped_column(ForeignKey("phone_calls.id"), index=True)
    outcome: Mapped[str]
    available_from: Mapped[date | None]
    note: Mapped[bytes | None]
    """Encrypted with the key of the request's patient."""
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[UUID | None]


add_shared_tables(Tables.metadata)
add_patient_keys(Tables.metadata)

__all__ = [
    "CallPlan",
    "Email",
    "EmailCooldown",
    "EmailSuppression",
    "MailReply",
    "MailServerState",
    "MailboxState",
    "PatientPseudonym",
    "PhoneCall",
    "PhoneCaller",
    "PracticeCopy",
    "PracticePlace",
    "PublishedCallingHours",
    "PublishedContact",
    "Tables",
    "Template",
    "TemplateVersion",
    "WrongNumber",
]  # tables of modules of their own
