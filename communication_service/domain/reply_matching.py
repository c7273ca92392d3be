"""Which e-mail of ours is answered: known by a token or a `Message-ID`, and a hint by the sender's address alone."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple
from uuid import UUID

from communication_service.domain.incoming_mail import IncomingMail
from communication_service.domain.link_tokens import LinkPurpose, LinkTokens
from communication_service.domain.written_answers import ANSWERABLE
from communication_service.store import email_queries
from communication_service.store import mail_replies as store
from communication_service.store.tables import Email
from shared.database import Session
from shared.errors import NotFound
from shared.values.contacts import mailbox_of
from shared.values.reply_enums import ReplyMatch


class Match(NamedTuple):
    """Which e-mail is answered, as far as that is known."""

    email_id: UUID | None = None
    by: ReplyMatch | None = None
    suggested: UUID | None = None


def match(session: Session, tokens: LinkTokens, mail: IncomingMail, *, today: date) -> Match:
    """By token or `Message-ID`. What contradicts itself, or has a token that is none of ours, is only suggested.

    Returns which e-mail is answered, as far as that is known.
    """
    named = list(mail.answers)
    if mail.report is not None:
        named = [] if mail.report.original_id is None else [mail.report.original_id]
    known = store.email_ids_by_message_id(session, named)
    by_id = next((known[each] for each in named if each in known), None)
    by_token = {_email_of(session, tokens, each, today=today) for each in mail.tokens}
    if by_token:
        email_id = by_token.pop()
        if email_id is not None and not by_token and by_id in (None, email_id):
            return Match(email_id, ReplyMatch.TOKEN)
        return Match(suggested=by_id)
    if by_id is not None and _may_be_answered(session, by_id):
        return Match(by_id, ReplyMatch.MESSAGE_ID)
    mailbox = mailbox_of(mail.sender)
    return Match(suggested=None if mailbox is None else store.newest_email_to(session, mailbox))


def _email_of(session: Session, tokens: LinkTokens, token: str, *, today: date) -> UUID | None:
    try:
        email_id = tokens.read(LinkPurpose.ADDRESS, token, today=today)
    except NotFound:
        return None
    return email_id if _may_be_answered(session, email_id) else None


def _may_be_answered(session: Session, email_id: UUID) -> bool:
    email = email_queries.email(session, email_id)
    return email is not None and went_out(email)


def went_out(email: Email) -> bool:
    """Whether it may be with a practice or a patient."""
    return (email.therapist_id or email.patient_id) is not None and email.status in ANSWERABLE
