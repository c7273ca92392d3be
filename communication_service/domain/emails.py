"""What staff see of letters, and what they record about them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from communication_service.domain import answers, sending
from communication_service.domain.schemas import (
    CallResponse,
    EmailFilter,
    EmailPage,
    EmailResponse,
    EmailView,
    InquiryFilter,
    InquiryPage,
    InquiryView,
    Resolution,
)
from communication_service.settings import ContactRules
from communication_service.store import lists, queries
from communication_service.store.tables import Email, Inquiry
from shared.database import Session
from shared.errors import Conflict, NotFound
from shared.events.catalogue import EmailAnswered
from shared.events.outbox import record
from shared.values.enums import EmailResolution


def list_page(session: Session, wanted: EmailFilter) -> EmailPage:
    """A page of e-mails, newest first."""
    found, total = lists.emails(session, **wanted.model_dump())
    return EmailPage(items=[EmailView.of(e) for e in found], total=total, limit=wanted.limit, offset=wanted.offset)


def get(session: Session, email_id: UUID) -> EmailView:
    """One e-mail; raises `NotFound`."""
    return EmailView.of(_known(session, email_id))


def await_turn(session: Session, email_id: UUID) -> None:
    """Wait until nobody else changes what goes to the letter's practice; a clock read after this is not too early."""
    _locked(session, email_id)


def answer(session: Session, email_id: UUID, response: EmailResponse, *, now: datetime) -> EmailView:
    """Record what the practice answered.

    Raises `NotFound`, `Conflict` unless it was sent and no other answer is recorded, `RuleBroken`.
    """
    email = _locked(session, email_id)
    if email.status != "sent" or email.therapist_id is None:
        raise Conflict("email.not_sent", "Only an e-mail that was sent can be answered; resolve it first if in doubt.")
    now = answers.after_those_known(session, email.therapist_id, now)
    said = [CallResponse.from_json(each.to_json()) for each in response.responses]
    answers.must_be_about(said, email.placement_request_ids)
    answers.must_be_open(session, said, email.placement_request_ids)
    answers.keep(session, said, therapist_id=email.therapist_id, email_id=email.id, occurred_at=now, now=now)
    answers.stop_asking(session, said, now=now)
    email.version, email.updated_at = email.version + 1, now
    event = EmailAnswered(
        email_id=email.id, therapist_id=email.therapist_id, occurred_at=now, answers=answers.public(said)
    )
    record(session, email, event, now=now)
    return EmailView.of(email)


def resolve(
    session: Session, email_id: UUID, found_out: Resolution, *, rules: ContactRules, now: datetime
) -> EmailView:
    """Settle a letter in doubt. Raises `NotFound`, and `Conflict` where there is no doubt."""
    email = _locked(session, email_id)
    if email.status != "in_doubt":
        raise Conflict("email.not_in_doubt", "What became of this e-mail is not in doubt.")
    was_sent = found_out.outcome == EmailResolution.SENT
    sending.settle_doubt(session, email, was_sent=was_sent, rules=rules, now=now)
    session.flush()
    return EmailView.of(email)


def list_inquiries(session: Session, wanted: InquiryFilter) -> InquiryPage:
    """A page of inquiries, newest first."""
    found, total = lists.inquiries(session, **wanted.model_dump())
    return InquiryPage(items=_shown(session, found), total=total, limit=wanted.limit, offset=wanted.offset)


def get_inquiry(session: Session, inquiry_id: UUID) -> InquiryView:
    """One inquiry; raises `NotFound`."""
    found = queries.inquiry(session, inquiry_id)
    if found is None:
        raise NotFound("inquiry")
    return _shown(session, [found])[0]


def _shown(session: Session, found: Sequence[Inquiry]) -> list[InquiryView]:
    emails, calls = lists.emails_and_calls_of(session, [each.id for each in found])
    names = InquiryView.model_fields.keys() - {"email_ids", "phone_call_ids"}
    return [
        InquiryView.of(
            {name: getattr(each, name) for name in names}
            | {"email_ids": emails[each.id], "phone_call_ids": calls[each.id]}
        )
        for each in found
    ]


def _known(session: Session, email_id: UUID) -> Email:
    email = queries.email(session, email_id)
    if email is None:
        raise NotFound("email", "There is no such e-mail.")
    return email


def _locked(session: Session, email_id: UUID) -> Email:
    known = _known(session, email_id)
    if known.therapist_id is not None:
        queries.lock_therapist(session, known.therapist_id)
    email = queries.email(session, email_id, lock=True)
    assert email is not None  # e-mails are never deleted
    return email
