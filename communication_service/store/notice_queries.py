"""E-mails that are no inquiries, and the withdrawals that they are about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from communication_service.store.tables import ContactRequest, Email
from shared.database.tables import erased_aggregates


class DueNotice(NamedTuple):
    """A practice that is to be written to, and what caused the oldest of what it is to learn."""

    therapist_id: UUID
    correlation_id: str | None


def therapists_with_withdrawals(session: Session, *, before: datetime, limit: int) -> list[DueNotice]:
    """Practices that are to learn of a withdrawal since then or longer, the longest first."""
    oldest_first = aggregate_order_by(
        ContactRequest.correlation_id, ContactRequest.withdrawal_due_at, ContactRequest.id
    )
    rows = (
        select(ContactRequest.therapist_id, func.array_agg(oldest_first)[1])
        .where(ContactRequest.withdrawal_due_at <= before)
        .group_by(ContactRequest.therapist_id)
        .order_by(func.min(ContactRequest.withdrawal_due_at), ContactRequest.therapist_id)
        .limit(limit)
    )
    return [DueNotice(*row) for row in session.execute(rows)]


def withdrawals_to_write(session: Session, therapist_id: UUID) -> Sequence[ContactRequest]:
    """Withdrawn requests of which this practice is to learn, locked; those held elsewhere wait for the next time."""
    return session.scalars(
        select(ContactRequest)
        .where(ContactRequest.therapist_id == therapist_id, ContactRequest.withdrawal_due_at.is_not(None))
        .order_by(ContactRequest.id)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()


def unsent_about_erased(session: Session, *, limit: int) -> Sequence[Email]:
    """E-mails of no inquiry that have not gone out, about patients whose erasure is not confirmed, locked.

    Those that are held elsewhere are left out.
    """
    about = ContactRequest.id == func.any(Email.placement_request_ids)
    erased = (
        select(ContactRequest.id)
        .join(erased_aggregates, erased_aggregates.c.id == ContactRequest.patient_id)
        .where(about, erased_aggregates.c.published_at.is_(None))
    )
    return session.scalars(
        select(Email)
        .where(Email.inquiry_id.is_(None), Email.status.in_(("draft", "approved", "waiting")), erased.exists())
        .order_by(Email.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
