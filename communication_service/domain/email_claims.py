"""Claiming e-mails: from the commit on, only who claimed one may hand it over, and nobody does by themselves again.

Several inquiries are claimed in one transaction, which takes few statements for all of them; each is claimed before its
first byte goes (docs/decisions/0007).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, NamedTuple
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
)
from communication_service.domain.email_texts import Summaries
from communication_service.settings import ContactRules
from communication_service.store import email_queries, inquiry_queries, schedule
from communication_service.store.tables import Email
from shared.database import Session
from shared.security.patient_texts import PatientTexts
from shared.values.datetimes import berlin_day
from shared.values.emails import EmailText
from shared.values.mail_enums import MailMode
from shared.values.patient_details import PatientDetailsAnswer

Details = Mapping[UUID, PatientDetailsAnswer]
"""What the patient service said of the patient of a notice, by e-mail."""
NOBODY: Final[Details] = MappingProxyType({})


class EmailToSend(NamedTuple):
    """An e-mail that a job works on, and what caused it."""

    email_id: UUID
    correlation_id: str | None
    is_inquiry: bool = True


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
    claimed_at: datetime
    mode: MailMode = MailMode.SEND
    is_to_patient: bool = False
    is_about_progress: bool = False
    """Whether a patient reads in it how the search goes on; such e-mails can be stopped by a link."""


def next_to_send(session: Session, *, rules: ContactRules, now: datetime, at_most: int = 20) -> list[EmailToSend]:
    """Returns candidates for the next e-mails; none while the mail server gets a pause.

    Nor while as many were handed over as may be.

    There are several, since another worker may claim the first ones.
    """
    is_open = sending_limits.are_inquiries_sent(rules, now)
    found = email_queries.emails_to_send(session, now=now, limit=at_most, with_inquiries=is_open)
    if (
        not found
        or not sending_limits.has_room(session, rules, now)
        or not mail_server.claim_turn(session, rules=rules, now=now)
    ):
        return []
    return [EmailToSend(email.id, email.correlation_id, email.inquiry_id is not None) for email in found]


def claim_all(
    session: Session,
    wanted: Mapping[UUID, Summaries],
    *,
    rules: ContactRules,
    texts: PatientTexts,
    lease: timedelta,
    details: Details = NOBODY,
    now: datetime,
) -> list[EmailClaim]:
    """Claims those of these e-mails that may be sent now; inquiries start both cooldowns.

    (docs/domain.md#contact-rule-5)

    A notice is claimed alone: its locks are not those of an inquiry. The summaries of each e-mail's patients, as they
    were a moment ago, are written into it; somebody who joined it since is asked for at its next turn.
    So are the details of the one patient whom a notice names, or to whom it goes.
    """
    ready = _ready(session, wanted, rules=rules, texts=texts, now=now)
    with_summary = practice_summaries.with_summary(session, ready)
    ready = [
        each
        for each in ready
        if practice_summaries.write_into(session, texts, each, wanted[each.id], with_summary[each.id], rules=rules)
    ]
    ready = [
        each
        for each in ready
        if personal_letters.write_into(session, texts, each, details.get(each.id), rules=rules, now=now)
    ]
    ready = ready[: sending_limits.take_room(session, rules, now, wanted=len(ready))]
    inquiries = [each for each in ready if each.inquiry_id is not None]
    started = cooldowns.start_all(session, inquiries, rules=rules, now=now, until=now + lease)
    claimed = [each for each in ready if each.inquiry_id is None or each.id in started]
    for email in inquiries:
        if email.id not in started:
            _wait_for_cooldown(session, email, now)
    ids = [each.inquiry_id for each in claimed if each.inquiry_id is not None]
    for inquiry in inquiry_queries.inquiries(session, ids, lock=True):
        states.begin_inquiry(inquiry)
    for email in claimed:
        states.claim_email(email, lease=lease, now=now)
        email.mode = rules.mail_mode
    session.flush()
    read = email_parts.texts_to_send(session, texts, claimed)
    return [_claim_of(email, read[email.id], details.get(email.id), rules) for email in claimed]


def _claim_of(email: Email, text: EmailText, details: PatientDetailsAnswer | None, rules: ContactRules) -> EmailClaim:
    assert email.claimed_at is not None
    return EmailClaim(
        email_id=email.id,
        attempt=email.attempts,
        deferrals=email.deferrals,
        text=text,
        recipient=personal_letters.recipient(email, details),
        message_id=email.message_id,
        correlation_id=email.correlation_id,
        claimed_at=email.claimed_at,
        mode=rules.mail_mode,
        is_to_patient=email.patient_id is not None,
        is_about_progress=email.patient_id is not None and not email.placement_request_ids,
    )


def _ready(
    session: Session, wanted: Mapping[UUID, Summaries], *, rules: ContactRules, texts: PatientTexts, now: datetime
) -> Sequence[Email]:
    """Those of the e-mails, locked, that may go as things are now but for the cooldowns."""
    known = email_queries.emails(session, wanted)
    if len(known) == 1 and (known[0].inquiry_id is None or known[0].therapist_id is None):
        notice = notices.ready(session, known[0], texts=texts, now=now)
        return [] if notice is None else [notice]
    inquiries = [each for each in known if each.inquiry_id is not None and each.therapist_id is not None]
    therapists = [each.therapist_id for each in inquiries if each.therapist_id is not None]
    # takes the therapists' locks; a withdrawal, a hold, another address count until this very moment
    composed = composing.compose_all(session, list(dict.fromkeys(therapists)), rules=rules, texts=texts, now=now)
    locked = email_queries.emails(session, [each.id for each in inquiries if each.therapist_id in composed], lock=True)
    may_go = {each.id: each for each in locked if states.may_go(each, now=now)}
    return [may_go[each] for each in wanted if each in may_go]


def _wait_for_cooldown(session: Session, email: Email, now: datetime) -> None:
    """Let the e-mail wait: another one began a cooldown since it was planned, and the next plan says which."""
    assert email.therapist_id is not None  # `_ready`
    schedule.add(session, schedule.to_therapists([email.therapist_id]), at=now)
    cooldown = cooldowns.last_to_end(session, email.therapist_id, email.recipient_key, today=berlin_day(now))
    if cooldown is not None:
        inquiry = inquiry_queries.inquiry_of(session, email)
        states.hold_email(email, waits_for=cooldown.waits_for, waits_until=cooldown.waits_until, now=now)
        inquiry.waits_for, inquiry.waits_until = cooldown.waits_for, cooldown.waits_until
