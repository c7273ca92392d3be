"""What staff see of e-mails, and what they record about them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from communication_service.domain import email_parts, sending, shown_replies, states, written_answers
from communication_service.domain.lists import EMAILS
from communication_service.domain.schemas import (
    CallResponse,
    EmailFilter,
    EmailResponse,
    EmailView,
    InquiryFilter,
    InquiryView,
    Resolution,
)
from communication_service.settings import ContactRules
from communication_service.store import email_queries, inquiry_queries, lists, locks
from communication_service.store.tables import Email, Inquiry
from shared.database import Session
from shared.database.rows import require
from shared.security.patient_texts import PatientTexts
from shared.values.emails import EmailText
from shared.values.enums import Channel, EmailResolution
from shared.values.lists import Listed, ListRequest

_OF_LETTER = frozenset({"subject", "body_text", "body_html"})
_OF_ROW = EmailView.model_fields.keys() - _OF_LETTER


def list_part(
    session: Session, texts: PatientTexts, wanted: ListRequest[EmailFilter], *, by: UUID | None, now: datetime
) -> Listed:
    """A part of the e-mails; with their texts, who was shown them is noted in the files of those whom they name."""
    filters = wanted.filters
    fields = EMAILS.views[wanted.view].model_fields.keys()
    found = lists.emails(
        session,
        wanted.part,
        patient_id=filters.patient_id,
        # a list of rows does not read thousands of letters that it does not show
        fields=fields if _OF_LETTER.isdisjoint(fields) else {*_OF_ROW, "frame", "parts", "allowed_at"},
        therapist_id=filters.therapist_id,
        kind=filters.kind,
        status=filters.status,
    )
    if _OF_LETTER.isdisjoint(fields):
        return found.shown(found.rows)
    return found.shown(_views_of_emails(session, texts, found.rows, by=by, now=now))


def get(session: Session, texts: PatientTexts, email_id: UUID, *, by: UUID | None, now: datetime) -> EmailView:
    """One e-mail, which is noted in the files of those whom it names; raises `NotFound`."""
    return _view(session, texts, _get_or_raise(session, email_id), by=by, now=now)


def _view(session: Session, texts: PatientTexts, email: Email, *, by: UUID | None, now: datetime) -> EmailView:
    return _views_of_emails(session, texts, [email], by=by, now=now)[0]


def _views_of_emails(
    session: Session, texts: PatientTexts, found: Sequence[Email], *, by: UUID | None, now: datetime
) -> list[EmailView]:
    """E-mails as clients see them; their letters are decrypted together."""
    read = email_parts.read(session, texts, found)
    shown_replies.record_emails(session, found, by=by, now=now)
    return [_view_with(email, read[email.id]) for email in found]


def _view_with(email: Email, letter: EmailText) -> EmailView:
    known = {name: getattr(email, name) for name in _OF_ROW}
    return EmailView.of(known | {"subject": letter.subject, "body_text": letter.text, "body_html": letter.html})


def lock(session: Session, email_id: UUID) -> None:
    """Wait until nobody else changes what goes to the e-mail's practice; a clock read after this is not too early."""
    lock_and_get(session, email_id)


def answer(
    session: Session,
    texts: PatientTexts,
    email_id: UUID,
    response: EmailResponse,
    *,
    rules: ContactRules,
    by: UUID | None,
    now: datetime,
) -> EmailView:
    """Record what the practice answered.

    Raises `NotFound`, `Conflict` unless it was sent and no other answer is recorded, `RuleBroken`.
    """
    email = lock_and_get(session, email_id)
    said = [CallResponse.from_json(each.to_json()) for each in response.responses]
    written_answers.record_written(session, texts, email, said, channel=Channel.EMAIL, rules=rules, by=by, now=now)
    return _view(session, texts, email, by=by, now=now)


def resolve(
    session: Session,
    texts: PatientTexts,
    email_id: UUID,
    found_out: Resolution,
    *,
    rules: ContactRules,
    by: UUID | None,
    now: datetime,
) -> EmailView:
    """Resolve an e-mail in doubt. Raises `NotFound`, and `Conflict` where there is no doubt."""
    email = lock_and_get(session, email_id)
    states.require_in_doubt(email)
    was_sent = found_out.outcome == EmailResolution.SENT
    sending.resolve_doubt(session, email, was_sent=was_sent, rules=rules, by=by, now=now)
    session.flush()
    return _view(session, texts, email, by=by, now=now)


def list_inquiries(session: Session, wanted: ListRequest[InquiryFilter]) -> Listed:
    """A part of the inquiries."""
    filters = wanted.filters
    found = lists.inquiries(
        session,
        wanted.part,
        patient_id=filters.patient_id,
        therapist_id=filters.therapist_id,
        channel=filters.channel,
        status=filters.status,
    )
    return found.shown(_views(session, found.rows))


def get_inquiry(session: Session, inquiry_id: UUID) -> InquiryView:
    """One inquiry; raises `NotFound`."""
    return _views(session, [require(inquiry_queries.inquiry(session, inquiry_id), "inquiry")])[0]


def _views(session: Session, found: Sequence[Inquiry]) -> list[InquiryView]:
    emails, calls = lists.emails_and_calls_of(session, [each.id for each in found])
    names = InquiryView.model_fields.keys() - {"email_ids", "phone_call_ids"}
    return [
        InquiryView.of(
            {name: getattr(each, name) for name in names}
            | {"email_ids": emails[each.id], "phone_call_ids": calls[each.id]}
        )
        for each in found
    ]


def _get_or_raise(session: Session, email_id: UUID) -> Email:
    return require(email_queries.email(session, email_id), "email")


def lock_and_get(session: Session, email_id: UUID) -> Email:
    """One e-mail, locked after its practice; raises `NotFound`."""
    known = _get_or_raise(session, email_id)
    if known.therapist_id is not None:
        locks.lock_therapist(session, known.therapist_id)
    email = email_queries.email(session, email_id, lock=True)
    assert email is not None  # e-mails are never deleted
    return email
