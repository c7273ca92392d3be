"""Sending an e-mail: claimed in one transaction, handed over outside of any, recorded in another one.

A claim is committed before anything is handed over. A worker that dies with a claim, or gets no answer, leaves it in
doubt: nothing is ever sent again by itself unless it is certain that it did not go.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from communication_service.domain import (
    cooldowns,
    email_claims,
    notices,
    patient_addresses,
    states,
    suppressions,
)
from communication_service.domain.contact_waits import ContactWait
from communication_service.domain.email_claims import EmailClaim, EmailToSend
from communication_service.domain.email_texts import NONE_ASKED, Summaries
from communication_service.settings import ContactRules
from communication_service.store import email_queries, inquiry_queries, locks, request_queries, schedule
from communication_service.store.tables import ContactRequest, Email, Inquiry
from shared.database import Session
from shared.events.catalogue import EmailSent
from shared.events.outbox import record_each
from shared.security.patient_texts import PatientTexts
from shared.values.datetimes import berlin_day
from shared.values.patient_details import PatientDetailsAnswer
from shared.values.reply_enums import SuppressionSource

LONGEST_PAUSE = timedelta(hours=1)
MOST_DEFERRALS = 40
"""A server that defers an e-mail for this long (about a day and a half) will not take the e-mail."""
MOST_TROUBLES = 8
"""An e-mail that began so many troubles (in two hours, while others went) is the reason for them."""
LEASE_RAN_OUT = "the sender stopped before it recorded what became of the e-mail"


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
    """Claims an e-mail; None where it may not be sent now (`email_claims.claim_all`)."""
    wanted, known = {email_id: summaries}, {email_id: details} if details else {}
    claims = email_claims.claim_all(session, wanted, rules=rules, texts=texts, lease=lease, details=known, now=now)
    return claims[0] if claims else None


def postpone(session: Session, email_id: UUID, *, until: datetime, detail: str) -> None:
    """Postpone an e-mail whose data caused an error."""
    email = email_queries.email(session, email_id, lock=True)
    if email is not None and email.status == "approved":
        email.not_before, email.error = until, detail


# What became of it


def record_sent(session: Session, email_id: UUID, attempt: int, *, rules: ContactRules, now: datetime) -> bool:
    """Record that the mail server took the e-mail; False where this attempt is no longer the one that counts."""
    return bool(record_all_sent(session, [Taken(email_id, attempt, now)], rules=rules, now=now))


class Taken(NamedTuple):
    """An e-mail that the mail server took, in which attempt and when."""

    email_id: UUID
    attempt: int
    at: datetime


def record_all_sent(session: Session, taken: Sequence[Taken], *, rules: ContactRules, now: datetime) -> set[UUID]:
    """The same of several, with few statements for all; returns the ids of those whose attempt counts."""
    known = email_queries.emails(session, [each.email_id for each in taken])
    locks.lock_therapists(session, [each.therapist_id for each in known if each.therapist_id is not None])
    attempts = {each.email_id: each for each in taken}
    emails = [
        each
        for each in email_queries.emails(session, attempts, lock=True)
        if each.attempts == attempts[each.id].attempt and each.status in states.CLAIMED
    ]
    sent = [(each, attempts[each.id].at) for each in emails]
    _record_sent(session, sent, rules=rules, now=now, by_staff=False)
    return {each.id for each in emails}


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
    if address_is_bad and email.patient_id is not None:
        patient_addresses.refuse(email, now=now)
    elif address_is_bad:
        reason = f"The mail server refused this address: {detail}"
        wanted = suppressions.Wanted(email.recipient, email.recipient_key, reason, SuppressionSource.MAIL_SERVER)
        suppressions.suppress(session, [wanted], by=None, now=now)
    return _fail(session, email, detail=detail, now=now)


def _fail(session: Session, email: Email, *, detail: str, now: datetime) -> bool:
    states.fail_email(email, detail=detail, now=now)
    for request in _requests_in(session, email):
        request.by_phone = True
    _reopen(session, email, now)
    notices.write_again(session, email, now=now)
    return True


def take_back_refusal(session: Session, email_id: UUID, *, now: datetime) -> None:
    """Take back a refusal that was not about the e-mail: its address is free, and it waits again with its requests.

    The e-mail was certainly not sent. Where the practice was phoned instead, or another e-mail has taken its place, the
    e-mail stays failed; one that only waits for another address is not needed.
    """
    known = email_queries.email(session, email_id)
    if known is None:
        return
    if known.therapist_id is not None:
        locks.lock_therapist(session, known.therapist_id)
    email = email_queries.email(session, email_id, lock=True)
    if email is None or email.status != "failed":
        return
    email.address_refused_at = None
    requests = _requests_in(session, email)
    suppressions.lift_refusal(session, email.recipient_key, now=now)
    if email.inquiry_id is not None and not _goes_on_by_mail(session, inquiry_queries.inquiry_of(session, email)):
        return
    if not notices.give_way(session, email, now=now):
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


def doubt_unrecorded(session: Session, *, now: datetime, at_most: int = 100) -> list[EmailToSend]:
    """Put e-mails in doubt whose sender recorded nothing before its lease ran out, and return them."""
    lost = email_queries.emails_whose_lease_ran_out(session, now=now, limit=at_most)
    for email in lost:
        _mark_in_doubt(session, email, LEASE_RAN_OUT, now)
    return [EmailToSend(email.id, email.correlation_id) for email in lost]


def _mark_in_doubt(session: Session, email: Email, detail: str, now: datetime) -> None:
    states.doubt_email(email, detail=detail, now=now)
    if email.inquiry_id is not None:
        inquiry_queries.inquiry_of(session, email).waits_for = ContactWait.EMAIL_IN_DOUBT


def resolve_doubt(
    session: Session, email: Email, *, was_sent: bool, rules: ContactRules, by: UUID | None, now: datetime
) -> None:
    """Record what staff found out about an e-mail in doubt; one that did not go is written anew, unless by staff."""
    request_queries.lock_requests(session, email.placement_request_ids)
    if was_sent:
        _record_sent(session, [(email, email.claimed_at or now)], rules=rules, now=now, by_staff=True)
    else:
        states.fail_email(email, detail=email.error, now=now)
        _reopen(session, email, now)
        notices.write_anew(session, email, now=now)
        notices.write_again(session, email, now=now)
    email.resolved_by = by
    email.count_change(by=by, now=now)


def _record_sent(
    session: Session, sent: Sequence[tuple[Email, datetime]], *, rules: ContactRules, now: datetime, by_staff: bool
) -> None:
    """The e-mails, locked, went at these instants. Requests come before cooldowns (docs/decisions/0019)."""
    requests = request_queries.requests(session, {id for email, _ in sent for id in email.placement_request_ids})
    ids = [email.inquiry_id for email, _ in sent if email.inquiry_id is not None]
    inquiries = {each.id: each for each in inquiry_queries.inquiries(session, ids, lock=True)}
    cooldowns.count_from(session, [each for each in sent if each[0].inquiry_id is not None], rules=rules)
    for email, sent_at in sent:
        states.record_email_sent(email, sent_at=sent_at, now=now)
        if email.inquiry_id is not None:
            states.record_inquiry_gone_out(inquiries[email.inquiry_id], now=now)
            for request in [each for each in requests if each.inquiry_id == email.inquiry_id]:
                states.record_contact(request, emailed_on=berlin_day(sent_at))
                if request.withdrawal_reason is not None:
                    request.withdrawal_due_at = now
    # what staff find out is caused by them
    events = [(email, _sent_event(email, at), None if by_staff else email.correlation_id) for email, at in sent]
    record_each(session, events, now=now)
    session.flush()
    therapists = [email.therapist_id for email, _ in sent if email.therapist_id is not None]
    if therapists:
        # a second e-mail may wait behind this one
        schedule.add(session, schedule.to_therapists(therapists), at=now)


def _sent_event(email: Email, sent_at: datetime) -> EmailSent:
    return EmailSent(
        email_id=email.id,
        inquiry_id=email.inquiry_id,
        therapist_id=email.therapist_id,
        patient_id=email.patient_id,
        kind=email.kind,
        placement_request_ids=email.placement_request_ids,
        sent_at=sent_at,
    )


def _reopen(session: Session, email: Email, now: datetime) -> None:
    """Let the requests of an inquiry's e-mail be planned anew, and end its cooldowns."""
    if email.inquiry_id is None:
        return
    states.reopen_inquiry(inquiry_queries.inquiry_of(session, email), now=now)
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
