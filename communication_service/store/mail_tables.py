"""The tables of addresses that get no e-mails, and of the mail server; `store/tables.py` has the others."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from communication_service.store.declarative import Tables, many_ids
from shared.database import Aggregate, is_one_of
from shared.values.reply_enums import SuppressionSource


class EmailSuppression(Aggregate, Tables):
    """One reason why an address gets no inquiries, for everybody who uses it; each source stands by itself."""

    __tablename__ = "email_suppressions"

    email: Mapped[str]
    email_key: Mapped[str] = mapped_column(Text)
    reason: Mapped[str]
    source: Mapped[str]
    """Who says so (`SuppressionSource`)."""
    recorded_by: Mapped[UUID | None]
    removed_at: Mapped[datetime | None]
    """When staff took it back; such a row counts no more, and proves who did that."""
    removed_by: Mapped[UUID | None]

    __table_args__ = (
        Index(
            "uq_email_suppressions_email_key",
            "email_key",
            "source",
            unique=True,
            postgresql_where=text("removed_at IS NULL"),
        ),
        CheckConstraint(is_one_of("source", SuppressionSource), name="source"),
        CheckConstraint("removed_by IS NULL OR removed_at IS NOT NULL", name="removed_by_somebody"),
    )


class MailServerState(Tables):
    """What the workers know of the mail server: one row, which says whether e-mails go."""

    __tablename__ = "mail_server"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    troubles: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """Tries in a row that failed for reasons that concern every e-mail; 0: e-mails go."""
    not_taken: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """Different e-mails in a row that were not taken, for reasons that seem to be their own."""
    refused: Mapped[list[UUID]] = many_ids()
    """E-mails of this row that were refused for good: so many in a row would make that doubtful."""
    to_take_back: Mapped[list[UUID]] = many_ids()
    """E-mails whose refusal was not to be believed, and which are to wait again."""
    since: Mapped[datetime | None]
    detail: Mapped[str | None]
    """What the mail server said, which may name a practice's address."""
    cause: Mapped[str | None]
    """The same without anybody's words."""
    next_try_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("id = 1", name="only_one"),
        CheckConstraint("(troubles > 0) = (since IS NOT NULL)", name="since"),
        CheckConstraint("(troubles > 0) = (next_try_at IS NOT NULL)", name="next_try"),
    )
