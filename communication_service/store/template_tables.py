"""The tables of templates; `store/tables.py` has the others."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from communication_service.store.declarative import Tables
from shared.database import Aggregate, is_one_of
from shared.texts import TextLanguage
from shared.values.enums import TemplateKind


class Template(Aggregate, Tables):
    """What e-mails of a kind, or scripts for calls, say in one language; as it is now; never deleted."""

    __tablename__ = "templates"

    kind: Mapped[str]
    language: Mapped[str]
    name: Mapped[str]
    active: Mapped[bool]
    """Whether it is the one that is used; one of each kind and language is."""
    subject: Mapped[str | None]
    body_text: Mapped[str]
    body_html: Mapped[str | None]

    __table_args__ = (
        # two cannot both be the one that is used
        Index("uq_templates_active", "kind", "language", unique=True, postgresql_where=text("active")),
        Index("ix_templates_kind", "kind", "language", "name", "id"),
        CheckConstraint(is_one_of("kind", TemplateKind), name="kind"),
        CheckConstraint(is_one_of("language", TextLanguage), name="language"),
        CheckConstraint("(subject IS NULL) = (body_html IS NULL)", name="an_email_has_both"),
    )


class TemplateVersion(Tables):
    """How a template was from one change to the next; only ever added, since e-mails refer to it."""

    __tablename__ = "template_versions"

    template_id: Mapped[UUID] = mapped_column(ForeignKey("templates.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str]
    active: Mapped[bool]
    subject: Mapped[str | None]
    body_text: Mapped[str]
    body_html: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    created_by: Mapped[UUID | None]
    """Who made this version; None: the platform, which brings the first one."""
