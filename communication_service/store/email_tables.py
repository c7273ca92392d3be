"""The tables of e-mails, and of the days without another inquiry; `store/tables.py` has the others."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import ARRAY, DATERANGE, JSONB, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column

from communication_service.store.declarative import Tables, many_ids
from shared.database import Aggregate, is_one_of, new_id
from shared.values.enums import EmailKind, EmailStatus
from shared.values.mail_enums import MailMode

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
    """When who got it used its link, or answered so: a patient for no more news of this search, a practice for no
    contact at all."""
    statement: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """What its practice said of itself last by its link (`reply_forms.Reply.of_practice`)."""
    recipient_digest: Mapped[bytes | None]
    """Says whether an address is the patient's to which it went (`domain/patient_addresses.py`); encrypted."""
    address_refused_at: Mapped[datetime | None]
    """When a mail server said that there is no such address of the patient."""
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
        Index("ix_emails_address_refused_at", "patient_id", postgresql_where=text("address_refused_at IS NOT NULL")),
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
        CheckConstraint(
            "patient_id IS NOT NULL OR (recipient_digest IS NULL AND address_refused_at IS NULL)",
            name="refused_address_of_a_patient",
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
