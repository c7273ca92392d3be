"""E-mails that are no inquiries, and the withdrawals that they are about."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by, array
from sqlalchemy.orm import Session

from communication_service.store.tables import ContactRequest, Email, PracticeCopy
from shared.database.tables import erased_aggregates


class DueNotice(NamedTuple):
    """A practice that is to be written to, and what caused the oldest of what it is to learn."""

    therapist_id: UUID
    correlation_id: str | None


class DueConfirmation(NamedTuple):
    """A request about whose place somebody is to be written to, and what caused it."""

    placement_request_id: UUID
    correlation_id: str | None


LIVE = ("draft", "approved", "waiting", "sending", "in_doubt", "sent")
"""Statuses of e-mails that went, perhaps, or may yet go."""


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


def confirmations_due(session: Session, *, before: datetime, limit: int) -> list[DueConfirmation]:
    """Requests of which practice and patient are to be written to since then or longer, the longest first."""
    rows = (
        select(ContactRequest.id, ContactRequest.correlation_id)
        .where(ContactRequest.confirmation_due_at <= before)
        .order_by(ContactRequest.confirmation_due_at, ContactRequest.id)
        .limit(limit)
    )
    return [DueConfirmation(*row) for row in session.execute(rows)]


def request_with_confirmation(session: Session, request_id: UUID) -> ContactRequest | None:
    """One of these requests, locked; None where it is held elsewhere, or is due no more."""
    return session.scalars(
        select(ContactRequest)
        .where(ContactRequest.id == request_id, ContactRequest.confirmation_due_at.is_not(None))
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).one_or_none()


def kinds_about_acceptance(session: Session, request_id: UUID) -> set[str]:
    """The kinds of e-mails that were written by themselves about the place of this request, and went or may yet go."""
    about = Email.placement_request_ids.contains([request_id])
    written = and_(Email.kind.in_(("confirmation", "patient_notice")), ~Email.written_by_staff, Email.status.in_(LIVE))
    return set(session.scalars(select(Email.kind).where(about, written)))


def requests_without_address(session: Session, request_ids: Collection[UUID]) -> Sequence[ContactRequest]:
    """Those of these requests whose confirmation waits for an address of the practice."""
    waiting = select(Email.id).where(
        Email.placement_request_ids.contains(array([ContactRequest.id])),
        Email.kind == "confirmation",
        Email.waits_for == "email_address_missing",
    )
    wanted = select(ContactRequest).where(ContactRequest.id.in_(list(request_ids)), waiting.exists())
    return session.scalars(wanted.order_by(ContactRequest.id)).all()


def waiting_no_more(session: Session, *, now: datetime, limit: int) -> Sequence[Email]:
    """Waiting e-mails of no inquiry for which it is time to ask again, or whose practice has an address now, locked.

    Also those that wait for an address while no place is offered any more. Those that are held elsewhere are left out.
    """
    about = ContactRequest.id == func.any(Email.placement_request_ids)
    # of the request's practice: the one to which it was written may have been merged into another one
    practice = select(PracticeCopy.id).join(ContactRequest, ContactRequest.therapist_id == PracticeCopy.id)
    has_address = practice.where(about, PracticeCopy.email_key.is_not(None)).exists()
    is_time = and_(Email.waits_for == "patient_service", Email.not_before <= now)
    offered = select(ContactRequest.id).where(about, ContactRequest.status == "accepted")
    is_enough = or_(has_address, ~offered.exists())
    has_one_now = and_(Email.waits_for == "email_address_missing", is_enough)
    return session.scalars(
        select(Email)
        .where(Email.inquiry_id.is_(None), Email.status == "waiting", or_(is_time, has_one_now))
        .order_by(Email.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=Email)
        .execution_options(populate_existing=True)
    ).all()


def unsent_about_erased(session: Session, *, limit: int) -> Sequence[Email]:
    """E-mails of no inquiry that have not gone out, about or to patients whose erasure is not confirmed, locked.

    Those that are held elsewhere are left out.
    """
    about = ContactRequest.id == func.any(Email.placement_request_ids)
    erased = (
        select(ContactRequest.id)
        .join(erased_aggregates, erased_aggregates.c.id == ContactRequest.patient_id)
        .where(about, erased_aggregates.c.published_at.is_(None))
    )
    to_erased = select(erased_aggregates.c.id).where(
        erased_aggregates.c.id == Email.patient_id, erased_aggregates.c.published_at.is_(None)
    )
    concerns_erased = or_(erased.exists(), to_erased.exists())
    return session.scalars(
        select(Email)
        .where(Email.inquiry_id.is_(None), Email.status.in_(("draft", "approved", "waiting")), concerns_erased)
        .order_by(Email.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
