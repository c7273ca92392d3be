"""An e-mail came back: its practice is phoned instead, and an address that certainly does not exist gets no more.

Of one to a patient staff learn, since nobody phones patients by itself.

Only a report about an e-mail of ours, for the address to which it went, changes anything: anybody can write a report,
but not the `Message-ID` of an e-mail that they never had.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from communication_service.domain import notices, patient_addresses, sending, states, suppressions
from communication_service.domain.bounce_reports import BounceReport, RecipientReport
from communication_service.domain.written_answers import REACHED
from communication_service.settings import ContactRules
from communication_service.store import mail_replies as store
from communication_service.store import request_queries
from communication_service.store.tables import Email
from shared.database import Session
from shared.events.catalogue import EmailBounced
from shared.events.outbox import record
from shared.security.patient_texts import PatientTexts
from shared.values.enums import EmailStatus
from shared.values.mail_enums import MailMode
from shared.values.reply_enums import SuppressionSource


class TooEarly(Exception):
    """An e-mail came back that is being sent still: what became of it must be recorded first."""


CAME_BACK: Final = "An e-mail to this address came back:"


def report_of(session: Session, texts: PatientTexts, report: BounceReport, email: Email) -> RecipientReport | None:
    """Returns what a report says of the address to which this e-mail went; None where nothing may follow from it."""
    if report.is_about_a_report:
        return None
    if email.patient_id is not None:
        theirs = (each for each in report.recipients if patient_addresses.went_to(session, texts, email, each.mailbox))
        return next(theirs, None)
    return next((each for each in report.recipients if each.mailbox == email.recipient_key), None)


def is_early(email: Email, *, now: datetime) -> bool:
    """Whether a worker may still record what became of this e-mail; where it never does, there is a doubt later."""
    is_claimed = email.claimed_until is not None and email.claimed_until > now
    return email.status == EmailStatus.SENDING and is_claimed


def apply(session: Session, email: Email, report: RecipientReport, *, rules: ContactRules, now: datetime) -> bool:
    """Do what follows from a report about this e-mail, which `emails.lock_and_get` returned.

    Returns False where staff look at it: while the e-mail is being sent, and for the first report about one to a
    patient, whom nobody phones by itself. A report of a delay changes nothing.
    """
    if email.status == EmailStatus.SENDING:
        return False
    if not report.has_failed or email.mode != MailMode.SEND or email.status not in REACHED:
        return True
    request_queries.lock_requests(session, email.placement_request_ids)
    is_bad = report.is_about_the_address(sender=rules.sender.address)
    if is_bad and email.patient_id is not None:
        patient_addresses.refuse(email, now=now)
    elif is_bad:
        reason = f"{CAME_BACK} {report.status or report.diagnostic[:3]}"
        wanted = suppressions.Wanted(email.recipient, email.recipient_key, reason, SuppressionSource.BOUNCE)
        suppressions.suppress(session, [wanted], by=None, now=now)
    is_known = email.status == EmailStatus.BOUNCED
    if not is_known:
        _record(session, email, report, rules=rules, now=now)
    return is_known or email.patient_id is None


def _record(session: Session, email: Email, report: RecipientReport, *, rules: ContactRules, now: datetime) -> None:
    if email.status == EmailStatus.IN_DOUBT:
        # what came back went out
        sending.resolve_doubt(session, email, was_sent=True, rules=rules, by=None, now=now)
    # what a server says may quote the address, and a patient's is kept nowhere
    said = report.diagnostic if email.patient_id is None else ""
    states.bounce_email(email, detail=f"{report.status} {said}".strip() or report.action, now=now)
    if email.inquiry_id is not None:
        for request in store.awaiting_answer(session, email.placement_request_ids):
            states.wait_for_call(request, now=now)
    notices.write_again(session, email, now=now)
    session.flush()
    event = EmailBounced(
        email_id=email.id,
        inquiry_id=email.inquiry_id,
        therapist_id=email.therapist_id,
        kind=email.kind,
        placement_request_ids=email.placement_request_ids,
        sent_at=email.sent_at or now,
        bounced_at=now,
    )
    record(session, email, event, now=now)
