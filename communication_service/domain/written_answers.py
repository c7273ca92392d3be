"""What a practice answered to an e-mail, whether staff typed it or the practice used the link: recorded once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from communication_service.domain import answers, sending
from communication_service.domain.schemas import CallResponse
from communication_service.settings import ContactRules
from communication_service.store.tables import Email
from shared.database import Session
from shared.errors import Conflict
from shared.events.catalogue import EmailAnswered
from shared.events.outbox import record
from shared.security.patient_texts import PatientTexts
from shared.values.enums import Channel, EmailStatus

REACHED: Final = frozenset({EmailStatus.SENT, EmailStatus.IN_DOUBT, EmailStatus.BOUNCED})
"""E-mails that may be with the practice: an answer to one that is in doubt, or came back, proves that it arrived."""
ANSWERABLE: Final = REACHED | {EmailStatus.SENDING}
"""E-mails that somebody may answer: one that is being sent may be read before that is recorded."""


def record_written(
    session: Session,
    texts: PatientTexts,
    email: Email,
    said: Sequence[CallResponse],
    *,
    channel: Channel,
    rules: ContactRules,
    by: UUID | None,
    now: datetime,
) -> None:
    """Record and publish these answers to an e-mail that `emails.lock_and_get` returned; its doubt ends, also without
    any answer.

    Raises `Conflict` unless it went out and no other answer is recorded, and `RuleBroken` for answers about others.
    """
    if email.status not in REACHED or email.therapist_id is None:
        raise Conflict("email.not_sent")
    therapist_id = email.therapist_id
    now = answers.later_than_known(session, therapist_id, now)
    answers.require_about(said, email.placement_request_ids)
    answers.require_open(session, said, email.placement_request_ids)
    if email.status == EmailStatus.IN_DOUBT:
        sending.resolve_doubt(session, email, was_sent=True, rules=rules, by=by, now=now)
        session.flush()
    if said:
        _record(session, texts, email, said, therapist_id=therapist_id, channel=channel, by=by, now=now)


def _record(
    session: Session,
    texts: PatientTexts,
    email: Email,
    said: Sequence[CallResponse],
    *,
    therapist_id: UUID,
    channel: Channel,
    by: UUID | None,
    now: datetime,
) -> None:
    answers.record_answers(
        session, texts, said, therapist_id=therapist_id, email_id=email.id, occurred_at=now, by=by, now=now
    )
    answers.end_requests(session, said, now=now)
    email.count_change(by=by, now=now)
    event = EmailAnswered(
        email_id=email.id,
        therapist_id=therapist_id,
        occurred_at=now,
        channel=channel,
        answers=answers.for_event(said),
        recorded_by=by,
    )
    record(session, email, event, now=now)
