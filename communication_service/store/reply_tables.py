"""The tables of what comes back by e-mail, and of the mailbox it comes into; `store/tables.py` has the others."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from communication_service.store.declarative import Tables, many_ids
from shared.database import Aggregate, is_one_of
from shared.values.reply_enums import ReplyKind, ReplyMatch, ReplyState


class MailReply(Aggregate, Tables):
    """An e-mail that came into the mailbox; removed with all it says after `CONTACT_REPLY_DAYS`."""

    __tablename__ = "replies"

    kind: Mapped[str]
    state: Mapped[str]
    email_id: Mapped[UUID | None] = mapped_column(ForeignKey("emails.id"), index=True)
    """The e-mail that it answers, where that is known."""
    matched_by: Mapped[str | None]
    suggested_email_id: Mapped[UUID | None] = mapped_column(ForeignKey("emails.id"), index=True)
    """An e-mail that it may answer: a hint for staff, who decide."""
    patient_id: Mapped[UUID | None] = mapped_column(index=True)
    """The patient to whom the e-mail went that it answers; null where that went to a practice."""
    placement_request_ids: Mapped[list[UUID]] = many_ids()
    """The requests of the e-mail to a practice that it answers."""
    notes: Mapped[list[bytes]] = mapped_column(ARRAY(LargeBinary), server_default=text("'{}'"))
    """What it says, encrypted with a share of the patient of each of these requests (`domain/call_notes.py`)."""
    content: Mapped[bytes | None]
    """What it says: of a patient, encrypted with their key; where it is not known about whom, with one of its own
    (`domain/reply_contents.py`)."""
    received_at: Mapped[datetime]
    size: Mapped[int]
    """Its size in the mailbox, in bytes."""
    is_cut: Mapped[bool]
    """Whether only its beginning was read."""
    attachments: Mapped[int]
    fingerprint: Mapped[bytes]
    """A digest of what was read: the same e-mail is kept once, whatever numbers the mailbox gives it."""
    uid_validity: Mapped[int] = mapped_column(BigInteger)
    uid: Mapped[int] = mapped_column(BigInteger)
    """Its number in the mailbox, which holds while `uid_validity` is the same (RFC 3501)."""

    __table_args__ = (
        Index("uq_replies_fingerprint", "fingerprint", unique=True),
        Index("ix_replies_received_at", "received_at", "id"),
        Index("ix_replies_placement_request_ids", "placement_request_ids", postgresql_using="gin"),
        CheckConstraint(is_one_of("kind", ReplyKind), name="kind"),
        CheckConstraint(is_one_of("state", ReplyState), name="state"),
        CheckConstraint(is_one_of("matched_by", ReplyMatch), name="matched_by"),
        CheckConstraint("(email_id IS NULL) = (matched_by IS NULL)", name="matched"),
        CheckConstraint(
            "patient_id IS NULL OR (email_id IS NOT NULL AND cardinality(placement_request_ids) = 0)",
            name="of_a_patient_or_about_requests",
        ),
        CheckConstraint("state <> 'confirmed' OR email_id IS NOT NULL", name="confirmed_of_an_email"),
    )


class MailboxState(Tables):
    """How far the mailbox was read, and whether it can be read: one row."""

    __tablename__ = "mailbox"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(server_default="")
    """Which mailbox it is: user, server and folder."""
    uid_validity: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    last_uid: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """Up to which number it was read."""
    claimed_until: Mapped[datetime | None]
    """Until when a worker reads it, and the others do not."""
    read_at: Mapped[datetime | None]
    """When it was read to its end last."""
    trouble_since: Mapped[datetime | None]
    cause: Mapped[str | None]
    """Why it cannot be read, in a word of ours."""

    __table_args__ = (
        CheckConstraint("id = 1", name="only_one"),
        CheckConstraint("(trouble_since IS NULL) = (cause IS NULL)", name="cause"),
    )
