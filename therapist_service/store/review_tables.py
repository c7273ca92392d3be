"""The table of reviews; `store/tables.py` has the others."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.database import Aggregate, is_one_of, text_list
from shared.values.enums import ReviewKind, ReviewState
from therapist_service.store.declarative import Tables


class ImportReview(Aggregate, Tables):
    """What of one record a person must decide. Of one entry of a source at most the newest review is pending."""

    __tablename__ = "import_reviews"

    import_id: Mapped[UUID | None] = mapped_column(ForeignKey("imports.id", ondelete="SET NULL"))
    position: Mapped[int]
    """The record of the import."""
    source_name: Mapped[str]
    external_id: Mapped[str]
    kind: Mapped[str]
    state: Mapped[str] = mapped_column(default="pending", server_default="pending")
    therapist_id: Mapped[UUID | None] = mapped_column(ForeignKey("therapists.id", ondelete="SET NULL"))
    """Whom it concerns; None where that is to be decided."""
    candidate_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), default=list, server_default=text("'{}'"))
    """Known therapists who may be meant."""
    proposed: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default=text("'{}'"))
    """The fields that wait, with the values of the record; of a whole person all fields."""
    set_aside: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default=text("'{}'"))
    """What the record held beside the fields."""
    difference: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list, server_default=text("'[]'"))
    applied: Mapped[list[str]] = text_list()
    """The fields that were taken over when it was approved."""
    declined: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default=text("'{}'"))
    """Fields and values that people rejected, here or before, and that the source has said ever since."""
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None]
    """The account of who approved or rejected it."""
    reason: Mapped[str | None]
    """Why it was rejected; of one that waits again, before."""

    __table_args__ = (
        Index("ix_import_reviews_entry", "source_name", "external_id", "id"),
        Index("ix_import_reviews_state", "state", "id"),
        Index("ix_import_reviews_import_id", "import_id"),
        Index("ix_import_reviews_therapist_id", "therapist_id"),
        CheckConstraint(is_one_of("kind", ReviewKind), name="kind"),
        CheckConstraint(is_one_of("state", ReviewState), name="state"),
        CheckConstraint("(state IN ('approved', 'rejected')) = (decided_at IS NOT NULL)", name="decided"),
    )
