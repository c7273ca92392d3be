"""Sending an e-mail: claimed in one transaction, handed over outside of any, recorded in another one.

A claim is committed before anything is handed over. A worker that dies with a claim, or gets no answer, leaves it in
doubt: nothing is ever sent again by itself unless it is certain that it did not go.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from communication_service.domain import (
    composing,
    cooldowns,
    email_parts,
    mail_server,
    notices,
    personal_letters,
    practice_summaries,
    sending_limits,
    states,
    suppressions,
)
from communication_service.domain.contact_waits import ContactWait
from communication_service.domain.practice_summaries import NONE_ASKED, Summaries
from communication_service.settings import ContactRules
from communication_service.store import email_queries, inquiry_queries, locks, request_queries, schedule
from communication_service.store.tables import ContactRequest, Email, Inquiry
from shared.database import Session
from shared.events.catalogue import EmailSent
from shared.events.outbox import record
from shared.security.patient_texts import PatientTexts
from shared.values.datetimes import berlin_day
from shared.values.emails import EmailText
from shared.values.mail_enums import MailMode
from shared.values.patient_details import PatientDetailsAnswer

LONGEST_PAUSE = timedelta(hours=1)
MOST_DEFERRALS = 40
"""A server that defers an e-mail for this long (about a day and a half) will not take the e-mail."""
MOST_TROUBLES = 8
"""An e-mail that began so many troubles (in two hours, while others went) is the reason for them."""
LEASE_RAN_OUT = "the sender stopped before it recorded what became of the e-mail"


class Waiting(NamedTuple):
    """An e-mail that a job works on, and what caused it."""

    email_id: UUID
    correlation_id: str | None


@dataclass(frozen=True)
class EmailClaim:
    """An e-mail that only this worker may hand over now."""

    email_id: UUID
    attempt: int
    deferrals: int
    text: EmailText
    recipient: str
    message_id: str
    correlation_id: str | None
    mode: MailMode = MailMode.SEND
    is_to_patient: bool = False
    is_about_progress: bool = False
    """Whether a patient reads in it how the search goes on; such e-mails can be stopped by a link."""


def next_to_send(session: Session, *, rules: ContactRules, now: datetime, at_most: int = 20) -> list[Waiting]:
    """Returns candidates for the next e-mail, of which the caller sends one; none while the mail server gets a pause.

    Nor while as many were handed over as may be.

    There are several, since another worker may claim the first one.
    """
    is_open = sending_limits.are_inquiries_sent(rules, now)
    found = email_queries.emails_to_send(session, now=now, limit=at_most, with_inquiries=is_open)
    if (
        not found
        or not sending_limits.has_room(session, rules, now)
        or not mail_server.claim_turn(session, rules=rules, now=now)
    ):
        return []
    return [Waiting(email.id, email.correlation_id) for email in found]


def claim(
    session: Session,
    email_id: UUID,
    *,
    rules: ContactRules,
    texts: PatientTexts,
    lease: timedelta,
    summaries: Summaries = NONE_ASKED,
    details: PatientDetailsAnswer | None = None,
    now: datetime,
) -> EmailClaim | None:
    """Claims an e-mail; None where it may not be sent now. An inquiry starts both cooldowns, other kinds wait for none.

    (docs/domain.md#contact-rule-5)

    `summaries` of its patients, as they were a moment ago, are written into it; somebody who joined it since is asked
    for at its next turn. So are `details` of the one patient whom it names, or to whom it goes.
    """
    email = _ready(session, email_id, rules=rules, texts=texts, now=now)
    if email is None or not practice_summaries.write_into(session, texts, email, summaries, rules=rules):
        return None
    if not personal_letters.write_into(session, texts, email, details, rules=rules, now=now):
        return None
    if not sending_limits.take_room(session, rules, now):
        return None
    if email.inquiry_id is not None and not _begin_inquiry(session, email, rules=rules, until=now + lease, now=now):
        return None
    states.claim_email(email, lease=lease, now=now)
    email.mode = rules.mail_mode
    session.flush()
    return EmailClaim(
        email_id=email.id,
        attempt=email.attempts,
        deferrals=email.deferrals,
        text=email_parts.text_to_send(session, texts, email),
        recipient=personal_letters.recipient(email, details),
        message_id=email.message_id,
        correlation_id=email.correlation_id,
        mode=rules.mail_mode,
        is_to_patient=email.patient_id is not None,
        is_about_progress=email.patient_id is not None and not email.placement_request_ids,
    )


def _begin_inquiry(session: Session, email: Email, *, rules: ContactRules, until: datetime, now: datetime) -> bool:
    """Start the cooldowns of an inquiry's e-mail; False where one runs, for which it waits."""
    if not cooldowns.start(session, email, rules=rules, now=now, until=until):
        _wait_for_cooldown(session, email, now)
        return False
    states.begin_inquiry(_inquiry(session, email))
    return True


def _ready(
    session: Session, email_id: UUID, *, rules: ContactRules, texts: PatientTexts, now: datetime
) -> Email | None:
    """The e-mail, locked, if it may go as things are now but for the cooldowns."""
    known = email_queries.email(session, email_id)
    if known is None:
        return None
    if known.inquiry_id is None or known.therapist_id is None:
        return notices.ready(session, known, texts=texts, now=now)
    # takes the therapist's lock; a withdrawal, a hold, another address count until this very moment
    if not composing.compose(session, known.therapist_id, rules=rules, texts=texts, now=now):
        return None
    email = email_queries.email(session, email_id, lock=True)
    return email if email is not None and states.may_go(email, now=now) else None


def _wait_for_cooldown(session: Session, email: Email, now: datetime) -> None:
    """Let the e-mail wait: another one began a cooldown since it was planned, and the next plan says which."""
    assert email.therapist_id is not None  # `_ready`
    schedule.add(session, schedule.to_therapists([email.therapist_id]), at=now)
    cooldown = cooldowns.last_to_end(session, email.therapist_id, email.recipient_key, today=berlin_day(now))
    if cooldown is not None:
        inquiry = _inquiry(session, email)
        states.hold_email(email, waits_for=cooldown.waits_for, waits_until=cooldown.waits_until, now=now)
        inquiry.waits_for, inquiry.waits_until = cooldown.waits_for, cooldown.waits_until


def postpone(session: Session, email_id: UUID, *, until: datetime, detail: str) -> None:
    """Postpone an e-mail whose data caused an error."""
    email = email_queries.email(session, email_id, lock=True)
    if email is not None and email.status == "approved":
        email.not_before, email.error = until, detail


# What became of it


def record_sent(session: Session, email_id: UUID, attempt: int, *, rules: ContactRules, now: datetime) -> bool:
    """Record that the mail server took the e-mail; False where this attempt is no longer the one that counts."""
    email = _of_attempt(session, email_id, attempt)
    if email is None:
        return False
    _record_sent(session, email, rules=rules, sent_at=now, now=now)
    return True


def record_deferral(
    session: Session,
    email_id: UUID,
    attempt: int,
    *,
    detail: str,
    rules: ContactRules,
    now: datetime,
    began_trouble: bool = False,
) -> bool:
    """The e-mail was not taken for a reason of its own: it is tried again after a pause that doubles.

    So is one that began a trouble of every e-mail. Each kind is counted by itself; after `MOST_DEFERRALS` or
    `MOST_TROUBLES` the e-mail fails and its requests move to the phone.
    """
    email = _of_attempt(session, email_id, attempt)
    if email is None:
        return False
    email.deferrals += not began_trouble
    email.troubles_begun += began_trouble
    if email.deferrals >= MOST_DEFERRALS or email.troubles_begun >= MOST_TROUBLES:
        return _fail(session, email, detail=detail, now=now)
    times = email.troubles_begun if began_trouble else email.deferrals
    pause = min(rules.email_retry * 2 ** min(times - 1, 10), LONGEST_PAUSE)
    _retry(session, email, detail=detail, not_before=now + pause, now=now)
    return True


def record_not_tried(session: Session, email_id: UUID, attempt: int, *, detail: str, now: datetime) -> bool:
    """Record that the e-mail did not go for a reason that is none of its own: it goes as soon as e-mails go."""
    email = _of_attempt(session, email_id, attempt)
    if email is None:
        return False
    _retry(session, email, detail=detail, not_before=None, now=now)
    return True


def _retry(session: Session, email: Email, *, detail: str, not_before: datetime | None, now: datetime) -> None:
    states.retry_email(email, detail=detail, not_before=not_before, now=now)
    _reopen(session, email, now)


def record_refusal(
    session: Session, email_id: UUID, attempt: int, *, detail: str, address_is_bad: bool, now: datetime
) -> bool:
    """Record that the e-mail will never be taken: its requests are called about; a bad address gets no more e-mails."""
    email = _of_attempt(session, email_id, attempt)
    if email is None:
        return False
    # a patient's address is no practice's, and not to be kept in the clear
    if address_is_bad and email.therapist_id is not None:
        reason = f"The mail server refused this address: {detail}"
        wanted = suppressions.Wanted(email.recipient, email.recipient_key, reason, "mail_server")
        suppressions.suppress(session, [wanted], by=None, now=now)
    return _fail(session, email, detail=detail, now=now)


def _fail(session: Session, email: Email, *, detail: str, now: datetime) -> bool:
    states.fail_email(email, detail=detail, now=now)
    for request in _requests_in(session, email):
        request.by_phone = True
    _reopen(session, email, now)
    return True


def take_back_refusal(session: Session, email_id: UUID, *, now: datetime) -> None:
    """Take back a refusal that was not about the e-mail: its address is free, and it waits again with its requests.

    The e-mail was certainly not sent. Where the practice was phoned instead, the e-mail stays failed.
    """
    known = email_queries.email(session, email_id)
    if known is None:
        return
    if known.therapist_id is not None:
        locks.lock_therapist(session, known.therapist_id)
    email = email_queries.email(session, email_id, lock=True)
    if email is None or email.status != "failed":
        return
    requests = _requests_in(session, email)
    suppressions.lift_refusal(session, email.recipient_key, now=now)
    if email.inquiry_id is not None and not _goes_on_by_mail(session, _inquiry(session, email)):
        return
    for request in requests:
        if not request.attempts:
            request.by_phone = False
    email.deferrals += 1
    _retry(session, email, detail=email.error or "", not_before=None, now=now)


def _goes_on_by_mail(session: Session, inquiry: Inquiry) -> bool:
    """Whether the practice was not phoned instead, and no other e-mail takes the place of the one that was refused."""
    was_phoned = inquiry.attempts or inquiry.next_attempt_after
    return inquiry.status == "open" and not was_phoned and not email_queries.unsent_emails(session, [inquiry.id])


def _requests_in(session: Session, email: Email) -> list[ContactRequest]:
    """The requests whose contact this e-mail is, locked; of an e-mail of no inquiry there are none."""
    requests = request_queries.requests(session, email.placement_request_ids)
    return [each for each in requests if email.inquiry_id is not None and each.inquiry_id == email.inquiry_id]


def record_doubt(session: Session, email_id: UUID, attempt: int, *, detail: str, now: datetime) -> bool:
    """Record that nobody knows whether the e-mail went: it counts as sent until staff find out."""
    email = _of_attempt(session, email_id, attempt)
    if email is None:
        return False
    _mark_in_doubt(session, email, detail, now)
    return True


def doubt_unrecorded(session: Session, *, now: datetime, at_most: int = 100) -> list[Waiting]:
    """Put e-mails in doubt whose sender recorded nothing before its lease ran out, and return them."""
    lost = email_queries.emails_whose_lease_ran_out(session, now=now, limit=at_most)
    for email in lost:
        _mark_in_doubt(session, email, LEASE_RAN_OUT, now)
    return [Waiting(email.id, email.correlation_id) for email in lost]


def _mark_in_doubt(session: Session, email: Email, detail: str, now: datetime) -> None:
    states.doubt_email(email, detail=detail, now=now)
    if email.inquiry_id is not None:
        _inquiry(session, email).waits_for = ContactWait.EMAIL_IN_DOUBT


def resolve_doubt(
    session: Session, email: Email, *, was_sent: bool, rules: ContactRules, by: UUID | None, now: datetime
) -> None:
    """Record what staff found out about an e-mail in doubt; one that did not go is written anew at its turn."""
    request_queries.lock_requests(session, email.placement_request_ids)
    if was_sent:
        _record_sent(session, email, rules=rules, sent_at=email.claimed_at or now, now=now)
    else:
        states.fail_email(email, detail=email.error, now=now)
        _reopen(session, email, now)
        notices.write_anew(session, email, now=now)
    email.resolved_by = by
    email.count_change(by=by, now=now)


def _record_sent(session: Session, email: Email, *, rules: ContactRules, sent_at: datetime, now: datetime) -> None:
    states.record_email_sent(email, sent_at=sent_at, now=now)
    if email.inquiry_id is not None:
        cooldowns.count_from(session, email, rules=rules, sent_at=sent_at)
        states.record_inquiry_gone_out(_inquiry(session, email), now=now)
    for request in _requests_in(session, email):
        states.record_contact(request, emailed_on=berlin_day(sent_at))
        if request.withdrawal_reason is not None:
            request.withdrawal_due_at = now
    event = EmailSent(
        email_id=email.id,
        inquiry_id=email.inquiry_id,
        therapist_id=email.therapist_id,
        patient_id=email.patient_id,
        kind=email.kind,
        placement_request_ids=email.placement_request_ids,
        sent_at=sent_at,
    )
    record(session, email, event, now=now)
    if email.therapist_id is not None:
        # a second e-mail may wait behind this one
        schedule.add(session, schedule.to_therapists([email.therapist_id]), at=now)


def _reopen(session: Session, email: Email, now: datetime) -> None:
    """Let the requests of an inquiry's e-mail be planned anew, and end its cooldowns."""
    if email.inquiry_id is None:
        return
    states.reopen_inquiry(_inquiry(session, email), now=now)
    session.flush()
    cooldowns.end(session, email, now=now)
    if email.therapist_id is not None:
        schedule.add(session, schedule.to_therapists([email.therapist_id]), at=now)


def _of_attempt(session: Session, email_id: UUID, attempt: int) -> Email | None:
    """The e-mail, locked, if this attempt is the last one and what became of it is not recorded."""
    known = email_queries.email(session, email_id)
    if known is None:
        return None
    if known.therapist_id is not None:
        locks.lock_therapist(session, known.therapist_id)
    email = email_queries.email(session, email_id, lock=True)
    if email is None or email.attempts != attempt or email.status not in states.CLAIMED:
        return None
    # before suppressions and cooldowns, as everywhere (docs/decisions/0019)
    request_queries.lock_requests(session, email.placement_request_ids)
    return email


def _inquiry(session: Session, email: Email) -> Inquiry:
    assert email.inquiry_id is not None
    inquiry = inquiry_queries.inquiry(session, email.inquiry_id, lock=True)
    assert inquiry is not None  # a foreign key says so
    return inquiry
