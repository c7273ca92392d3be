"""What follows by itself from an e-mail that came back: its practice is phoned, or somebody gets no more of them."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from communication_service.domain import bounces, no_more_contact, suppressions, unsubscribing
from communication_service.domain.bounce_reports import BounceReport
from communication_service.domain.incoming_mail import IncomingMail
from communication_service.domain.reply_contents import ReplyContent
from communication_service.domain.reply_matching import Match
from communication_service.settings import ContactRules
from communication_service.store import email_queries
from communication_service.store import mail_replies as store
from communication_service.store.tables import Email, MailReply
from shared.database import Session
from shared.errors import Conflict
from shared.security.patient_texts import PatientTexts
from shared.values.contacts import mailbox_of
from shared.values.mail_enums import MailMode
from shared.values.reply_enums import ReplyKind, SuppressionSource

NO_MORE_WANTED: Final = "The practice asked for no more inquiries by e-mail."


def follow_receipt(
    session: Session,
    texts: PatientTexts,
    mail: IncomingMail,
    email: Email | None,
    match: Match,
    *,
    rules: ContactRules,
    now: datetime,
) -> bool:
    """Do what follows as it comes in; returns whether nobody needs to look at it any more."""
    if mail.kind == ReplyKind.NO_MORE:
        return not _is_to_patient(session, match.suggested) and _end(session, mail.sender, email, now=now)
    if mail.kind == ReplyKind.BOUNCE and mail.report is not None and email is not None:
        return _apply(session, texts, mail.report, email, rules=rules, now=now)
    return mail.kind == ReplyKind.AUTO_REPLY


def follow_assignment(
    session: Session,
    texts: PatientTexts,
    reply: MailReply,
    content: ReplyContent,
    email: Email,
    *,
    rules: ContactRules,
    now: datetime,
) -> bool:
    """The same once staff have said which e-mail it answers; raises `Conflict` where that is being sent still."""
    if reply.kind == ReplyKind.BOUNCE and content.bounce is not None:
        if bounces.is_early(email, now=now):
            raise Conflict("reply.too_early")
        return _apply(session, texts, content.bounce, email, rules=rules, now=now)
    return reply.kind == ReplyKind.NO_MORE and _end(session, "", email, now=now)


def _apply(
    session: Session, texts: PatientTexts, said: BounceReport, email: Email, *, rules: ContactRules, now: datetime
) -> bool:
    report = bounces.report_of(session, texts, said, email)
    return report is not None and bounces.apply(session, email, report, rules=rules, now=now)


def _is_to_patient(session: Session, email_id: UUID | None) -> bool:
    email = None if email_id is None else email_queries.email(session, email_id)
    return email is not None and email.patient_id is not None


def _end(session: Session, sender: str, email: Email | None, *, now: datetime) -> bool:
    """Write no more, as somebody asked; returns whether that is all that is to be done.

    To a patient nothing more goes about how the search goes on, as after their link. Whether they withdraw the consent,
    and so learn of no place either, staff decide with them.
    """
    if email is not None and email.mode != MailMode.SEND:
        return False  # an answer to a letter of a trial is no practice's
    if email is None or email.patient_id is None:
        return _suppress(session, sender, email, now=now)
    unsubscribing.stop_progress(email, now=now)
    return False


def _suppress(session: Session, sender: str, email: Email | None, *, now: datetime) -> bool:
    """Write no more inquiries to whose practice the e-mail went, or else to the sender, if a practice has that address.

    False where neither is known. Anybody can write a sender's address; too few inquiries are the smaller mistake.
    """
    if email is not None:
        no_more_contact.suppress_addresses(session, email, NO_MORE_WANTED, SuppressionSource.REPLY, now=now)
        return True
    mailbox = mailbox_of(sender)
    address = None if mailbox is None else store.address_of_practice(session, mailbox)
    if mailbox is None or address is None:
        return False
    wanted = suppressions.Wanted(address, mailbox, NO_MORE_WANTED, SuppressionSource.REPLY)
    suppressions.suppress(session, [wanted], by=None, now=now)
    return True
