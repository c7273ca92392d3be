"""E-mails that are no inquiries, and the withdrawals that they are about."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by, array
from sqlalchemy.orm import Session, aliased

from communication_service.store.suppressions import STANDS
from communication_service.store.tables import ContactRequest, Email, EmailSuppression, PracticeCopy, RecordedAnswer
from shared.database.tables import erased_aggregates


class DueNotice(NamedTuple):
    """A practice that is to be written to, and what caused the oldest of what it is to learn."""

    therapist_id: UUID
    correlation_id: str | None


class DueConfirmation(NamedTuple):
    """A request about whose place somebody is to be written to, and what caused it."""

    placement_request_id: UUID
    correlation_id: str | None


_suppressed = select(EmailSuppression.id).where(EmailSuppression.email_key == PracticeCopy.email_key, STANDS)
WRITTEN_TO = and_(
    PracticeCopy.status == "active",
    PracticeCopy.contact_preference.in_(("any", "email_only")),
    PracticeCopy.email_key.op("~")("^[[:ascii:]]+$"),
    ~PracticeCopy.email_opt_out,
    ~_suppressed.exists(),
)
"""Practices that get e-mails, as `contact_rule.lasting_barrier` says; an address has ASCII characters alone."""
NOT_WRITTEN_TO = (
    *("email_address_missing", "email_suppressed", "calls_only"),
    *("no_contact_wanted", "therapist_not_active", "therapist_not_known"),
)
"""What a notice waits for whose practice gets no e-mails."""
LIVE = ("draft", "approved", "waiting", "sending", "in_doubt", "sent")
"""Statuses of e-mails that went, perhaps, or may yet go."""
_before = aliased(Email)
_did_not_arrive = select(_before.id).where(
    # one that staff resolved never reached the mail server, which has said nothing of the address
    or_(_before.status == "bounced", and_(_before.status == "failed", _before.resolved_by.is_(None))),
    ~_before.written_by_staff,
    # a patient's address is compared as the e-mail goes (`domain/patient_addresses.py`)
    _before.address_refused_at.is_(None),
)
"""Earlier e-mails that were refused for good, or came back."""


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


def confirmations_due(session: Session, *, before: datetime, now: datetime, limit: int) -> list[DueConfirmation]:
    """Requests of which practice and patient are to be written to since `before` or longer, the longest first.

    Also since any moment until `now`, where the practice itself said so last, by a link.
    """
    later = aliased(RecordedAnswer)
    said_later = select(later.id).where(
        later.placement_request_id == RecordedAnswer.placement_request_id,
        later.recorded_at > RecordedAnswer.recorded_at,
    )
    by_link = select(RecordedAnswer.id).where(
        RecordedAnswer.placement_request_id == ContactRequest.id,
        RecordedAnswer.email_id.is_not(None),
        RecordedAnswer.recorded_by.is_(None),
        RecordedAnswer.outcome == "accepted",
        ~said_later.exists(),
    )
    is_due = or_(ContactRequest.confirmation_due_at <= before, by_link.exists())
    rows = (
        select(ContactRequest.id, ContactRequest.correlation_id)
        .where(ContactRequest.confirmation_due_at <= now, is_due)
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


def unconfirmed_requests(session: Session, request_ids: Collection[UUID]) -> Sequence[ContactRequest]:
    """Those of these requests for which a place is offered, and no letter that says who it is has gone, perhaps."""
    gone = select(Email.id).where(
        Email.placement_request_ids.contains(array([ContactRequest.id])),
        Email.kind == "confirmation",
        ~Email.written_by_staff,
        Email.status.in_(("sending", "in_doubt", "sent")),
    )
    wanted = select(ContactRequest).where(
        ContactRequest.id.in_(list(request_ids)), ContactRequest.status == "accepted", ~gone.exists()
    )
    return session.scalars(wanted.order_by(ContactRequest.id)).all()


def written_instead(session: Session, email: Email) -> Sequence[Email]:
    """Notices of the same kind about the same request that went, perhaps, or may yet go, locked."""
    wanted = select(Email).where(
        Email.id != email.id,
        Email.kind == email.kind,
        Email.placement_request_ids.contains(email.placement_request_ids),
        ~Email.written_by_staff,
        Email.status.in_(LIVE),
    )
    locked = wanted.order_by(Email.id).with_for_update().execution_options(populate_existing=True)
    return session.scalars(locked).all()


def requests_with_confirmation_gone(session: Session, request_ids: Collection[UUID]) -> set[UUID]:
    """Those of these requests about which a practice was written, perhaps, who the patient is."""
    wanted = func.unnest(Email.placement_request_ids).label("request_id")
    gone = select(wanted).where(
        Email.placement_request_ids.overlap(list(request_ids)),
        Email.kind == "confirmation",
        Email.status.in_(("sending", "in_doubt", "sent")),
    )
    return set(session.scalars(gone)) & set(request_ids)


def is_undeliverable(session: Session, email: Email) -> bool:
    """Whether a notice of this kind about this request was refused for good at this address, or came back."""
    same = and_(_before.kind == email.kind, _before.recipient_key == email.recipient_key)
    about = _before.placement_request_ids.contains(email.placement_request_ids)
    return session.scalar(select(_did_not_arrive.where(about, same).exists())) or False


def waiting_no_more(session: Session, *, now: datetime, limit: int) -> Sequence[Email]:
    """Waiting e-mails of no inquiry for which it is time to ask again, or whose practice is written to now, locked.

    An address at which the e-mail before did not arrive is none. Also those that wait for that while no place is
    offered any more. Those that are held elsewhere are left out.
    """
    about = ContactRequest.id == func.any(Email.placement_request_ids)
    tried = _did_not_arrive.where(
        _before.kind == Email.kind,
        _before.placement_request_ids.contains(Email.placement_request_ids),
        _before.recipient_key == PracticeCopy.email_key,
    )
    # of the request's practice: the one to which it was written may have been merged into another one
    practice = select(PracticeCopy.id).join(ContactRequest, ContactRequest.therapist_id == PracticeCopy.id)
    has_address = practice.where(about, WRITTEN_TO, ~tried.correlate(Email, PracticeCopy).exists()).exists()
    is_time = and_(Email.waits_for.in_(("patient_service", "patient_address_bounced")), Email.not_before <= now)
    offered = select(ContactRequest.id).where(about, ContactRequest.status == "accepted")
    is_enough = or_(has_address, ~offered.exists())
    has_one_now = and_(Email.waits_for.in_(NOT_WRITTEN_TO), is_enough)
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
