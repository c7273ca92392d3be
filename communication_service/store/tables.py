"""The tables of this service. Field names are those of the API."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import ARRAY, DATERANGE, JSONB, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column

from communication_service.store.call_plan_tables import CallPlan
from communication_service.store.call_tables import PhoneCall, PhoneCaller, WrongNumber
from communication_service.store.declarative import Tables, many_ids
from communication_service.store.mail_tables import EmailSuppression, MailServerState
from communication_service.store.published_tables import PublishedCallingHours, PublishedContact
from communication_service.store.reply_tables import MailboxState, MailReply
from communication_service.store.template_tables import Template, TemplateVersion
from shared.database import Aggregate, Copy, Erasable, is_one_of, new_id, text_list
from shared.database.patient_keys import add_patient_keys
from shared.database.tables import add_shared_tables
from shared.values.enums import (
    ContactRequestStatus,
    EmailKind,
    EmailStatus,
    InquiryStatus,
)
from shared.values.mail_enums import MailMode
from shared.values.weekly import Weekly, WeeklyColumn

# Copies


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
    """What the practice answered last, as matching says: `accepted` also after the patient has taken up the place; null
    while nothing counts that it answered."""
    confirmation_due_at: Mapped[datetime | None]
    """Since when practice and patient are to be written to about the place that was offered; null: they are not, or
    were."""
    withdrawal_reason: Mapped[str | None]
    """Why matching withdrew it while the practice was being asked; null once it is asked for again."""
    withdrawal_due_at: Mapped[datetime | None]
    """Since when the practice, which was written to, is to be written that it is withdrawn; null: it is not, or was."""
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


_IS_LIVE = "status IN ('draft', 'approved', 'waiting', 'sending', 'in_doubt', 'sent')"


class Email(Aggregate, Tables):
    """An e-mail to a practice or a patient and what became of it; never deleted (docs/domain.md#contact-rule-12)."""

    __tablename__ = "emails"

    kind: Mapped[str]
    therapist_id: Mapped[UUID | None]
    patient_id: Mapped[UUID | None]
    inquiry_id: Mapped[UUID | None] = mapped_column(ForeignKey("inquiries.id"))
    placement_request_ids: Mapped[list[UUID]] = many_ids()
    status: Mapped[str]
    recipient: Mapped[str]
    recipient_key: Mapped[str]
    """Of an e-mail to a patient both are empty: the address is asked for as it goes, and kept nowhere."""
    frame: Mapped[bytes]
    """What the letter says to everybody, encrypted with a key that each part carries (`domain/email_parts.py`)."""
    parts: Mapped[list[bytes]] = mapped_column(ARRAY(LargeBinary))
    """What it says of the patient of each request, in their order, encrypted with the patient's key; an e-mail to a
    patient is one part."""
    template_id: Mapped[UUID | None]
    template_version: Mapped[int | None]
    """The template that the letter was written with, as it was then."""
    message_id: Mapped[str]
    sent_at: Mapped[datetime | None]
    waits_for: Mapped[str | None]
    waits_until: Mapped[date | None]
    attempts: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """How often it was claimed for sending; the number of the attempt that may record what came of it."""
    deferrals: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """How often the server put this e-mail off for a reason of its own."""
    troubles_begun: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """How many troubles that concern every e-mail began with this one."""
    not_before: Mapped[datetime | None]
    claimed_at: Mapped[datetime | None]
    claimed_until: Mapped[datetime | None]
    error: Mapped[str | None]
    resolved_by: Mapped[UUID | None]
    """Who said what became of it when it was in doubt."""
    approved_at: Mapped[datetime | None]
    """When somebody approved it; null where nobody had to."""
    approved_by: Mapped[UUID | None]
    is_urgent: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Whether staff want it to go outside of the hours for sending too."""
    mode: Mapped[str] = mapped_column(default="send", server_default="send")
    """What was done when it was handed over last: sent, redirected to an address of ours, or only recorded."""
    allowed_at: Mapped[datetime | None]
    """When the patient service last said that the patient may be named in it, or written to."""
    stopped_at: Mapped[datetime | None]
    """When who got it used its link: a patient for no more news of this search, a practice for no contact at all."""
    written_by_staff: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Whether staff wrote its text; nothing writes it anew."""
    correlation_id: Mapped[str | None]

    __table_args__ = (
        Index("uq_emails_message_id", "message_id", unique=True),
        # an inquiry never has two e-mails that went out or may yet go out
        Index("uq_emails_live", "inquiry_id", unique=True, postgresql_where=text(_IS_LIVE)),
        Index(
            "ix_emails_to_send",
            text("claimed_at NULLS FIRST"),
            "created_at",
            postgresql_where=text("status = 'approved'"),
        ),
        # who accepted learns once whom, and the patient once of whom
        Index(
            "uq_emails_about_acceptance",
            "kind",
            text("(placement_request_ids[1])"),
            unique=True,
            postgresql_where=text(
                "kind IN ('confirmation', 'patient_notice') AND NOT written_by_staff"
                f" AND cardinality(placement_request_ids) > 0 AND {_IS_LIVE}"
            ),
        ),
        # two workers cannot both write to a patient how the search goes on
        Index(
            "uq_emails_about_progress",
            "patient_id",
            unique=True,
            postgresql_where=text(
                "patient_id IS NOT NULL AND cardinality(placement_request_ids) = 0"
                " AND status IN ('draft', 'approved', 'waiting', 'sending')"
            ),
        ),
        Index("ix_emails_patient_id", "patient_id", "created_at", postgresql_where=text("patient_id IS NOT NULL")),
        Index("ix_emails_claimed_at", "claimed_at", postgresql_where=text("claimed_at IS NOT NULL")),
        Index("ix_emails_sending", "claimed_until", postgresql_where=text("status = 'sending'")),
        Index("ix_emails_therapist_id", "therapist_id", "created_at"),
        Index("ix_emails_waiting", "recipient_key", postgresql_where=text("status = 'waiting'")),
        Index("ix_emails_placement_request_ids", "placement_request_ids", postgresql_using="gin"),
        CheckConstraint(is_one_of("kind", EmailKind), name="kind"),
        CheckConstraint(is_one_of("status", EmailStatus), name="status"),
        CheckConstraint("(kind = 'patient_notice') = (patient_id IS NOT NULL)", name="to_practice_or_patient"),
        CheckConstraint(
            "patient_id IS NULL OR (therapist_id IS NULL AND recipient = '' AND recipient_key = '')",
            name="no_address_of_a_patient",
        ),
        # the consent is asked for as it is handed over (docs/decisions/0052)
        CheckConstraint(
            "patient_id IS NULL OR attempts = 0 OR allowed_at IS NOT NULL", name="mail_to_patients_allowed"
        ),
        CheckConstraint(is_one_of("mode", MailMode), name="mode"),
        CheckConstraint("(status = 'waiting') = (waits_for IS NOT NULL)", name="waits_for_something"),
        CheckConstraint("(status IN ('sent', 'bounced')) = (sent_at IS NOT NULL)", name="sent_at"),
        CheckConstraint("(status IN ('sending', 'in_doubt')) = (claimed_until IS NOT NULL)", name="claimed"),
        # a version that an e-mail names stays readable
        ForeignKeyConstraint(
            ["template_id", "template_version"], ["template_versions.template_id", "template_versions.version"]
        ),
        CheckConstraint("(template_id IS NULL) = (template_version IS NULL)", name="a_version_of_its_template"),
        CheckConstraint(
            "cardinality(parts) = CASE WHEN patient_id IS NULL THEN cardinality(placement_request_ids) ELSE 1 END",
            name="a_part_for_each_request",
        ),
    )


class EmailCooldown(Tables):
    """The days without another inquiry e-mail to this therapist, or to this address (docs/domain.md#contact-rule-5)."""

    __tablename__ = "cooldowns"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    subject: Mapped[str]
    """`therapist:<id>` or `address:<normalised address>`."""
    during: Mapped[Range[date]] = mapped_column(DATERANGE)
    email_id: Mapped[UUID] = mapped_column(ForeignKey("emails.id", ondelete="CASCADE"), index=True)

    __table_args__ = (
        # the guarantee: two workers that send at once cannot both have the same subject on the same day
        ExcludeConstraint(("subject", "="), ("during", "&&"), using="gist", name="ex_cooldowns_one_inquiry_a_week"),
        CheckConstraint("NOT isempty(during)", name="lasts"),
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
    "EmailSuppression",
    "MailReply",
    "MailServerState",
    "MailboxState",
    "PhoneCall",
    "PhoneCaller",
    "PublishedCallingHours",
    "PublishedContact",
    "Tables",
    "Template",
    "TemplateVersion",
    "WrongNumber",
]  # tables of modules of their own
