"""When a practice was last asked, written to, called and spoken to: a machine's notes, which refuse no person's save.

They neither count as a change (`version`) nor are published.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from uuid import UUID

from shared.database import Session
from shared.events.catalogue import CallRecorded, ContactEntered, EmailSent, RequestApproved
from shared.values.datetimes import berlin_day
from shared.values.enums import CallResult
from therapist_service.domain import removals
from therapist_service.store import queries


def lock(session: Session, therapist_ids: Iterable[UUID | None]) -> None:
    """Let nobody else change these therapists before this transaction ends; None is nobody."""
    meant = {each for each in therapist_ids if each is not None}
    queries.lock_therapists(session, meant | queries.kept_ones(session, meant))


def record_request(session: Session, approved: RequestApproved, *, now: datetime) -> None:
    """Note that somebody decided to ask a therapist for a patient."""
    _record(session, approved.therapist_id, now=now, last_asked_on=berlin_day(approved.approved_at))


def record_entered(session: Session, entered: ContactEntered, *, now: datetime) -> None:
    """Note a contact for a patient that staff entered by hand: the practice was asked, by us or by the patient."""
    _record(session, entered.therapist_id, now=now, last_asked_on=berlin_day(entered.occurred_at))


def record_email(session: Session, sent: EmailSent, *, now: datetime) -> None:
    """Note an e-mail of any kind that went to a therapist."""
    if sent.therapist_id is not None:
        _record(session, sent.therapist_id, now=now, last_email_on=berlin_day(sent.sent_at))


def record_call(session: Session, call: CallRecorded, *, now: datetime) -> None:
    """Note a call in either direction; only one in which somebody was reached is a conversation."""
    day = berlin_day(call.occurred_at)
    days = {"last_call_on": day}
    if call.result == CallResult.REACHED:
        days["last_conversation_on"] = day
    _record(session, call.therapist_id, now=now, **days)


def _record(session: Session, therapist_id: UUID, *, now: datetime, **days: date) -> None:
    kept_id = queries.kept_one(session, therapist_id)
    queries.record_contact(session, kept_id, **days)
    removals.take_back(session, kept_id, now=now)
