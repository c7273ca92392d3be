"""What follows at once where a practice wants no more inquiries, or no contact at all, in answer to an e-mail."""

from __future__ import annotations

from datetime import datetime

from communication_service.domain import suppressions
from communication_service.domain.suppressions import Wanted
from communication_service.store import copy_queries, schedule
from communication_service.store.tables import Email
from shared.database import Session
from shared.values.reply_enums import SuppressionSource


def suppress_addresses(
    session: Session, email: Email, reason: str, source: SuppressionSource, *, now: datetime
) -> None:
    """Write no more inquiries to the address to which this e-mail to a practice went, nor to its present one."""
    wanted = {email.recipient_key: Wanted(email.recipient, email.recipient_key, reason, source)}
    kept = None if email.therapist_id is None else copy_queries.kept_therapist(session, email.therapist_id)
    practice = None if kept is None else copy_queries.therapist(session, kept)
    if practice is not None and practice.email is not None and practice.email_key is not None:
        wanted.setdefault(practice.email_key, Wanted(practice.email, practice.email_key, reason, source))
    suppressions.suppress(session, list(wanted.values()), by=None, now=now)


def mark(session: Session, email: Email, *, now: datetime) -> None:
    """Contact the practice of this e-mail in no way from now on: it may take a while until its block arrives here.

    The mark counts until a state of the practice arrives that is newer than it (`practice_facts`).
    """
    email.stopped_at = now
    session.flush()
    if email.therapist_id is not None:
        schedule.add(session, schedule.to_therapists([email.therapist_id]), at=now)
