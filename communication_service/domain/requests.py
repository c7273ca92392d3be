"""What matching tells of placement requests, remembered so that no order of its events can ask a practice wrongly.

A request's events arrive in order, since they have one key. Should they not, whether to ask and whether to hold are
kept apart, each with the newest event that was heard on it: a withdrawal stays, whatever older event comes later.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from communication_service.settings import ContactRules
from communication_service.store import queries
from communication_service.store.tables import PlacementRequest
from shared.db import Session
from shared.values.moments import berlin_day


@dataclass(frozen=True)
class Told:
    """Which request an event is about, and the event's place in the request's history."""

    id: UUID
    patient_id: UUID
    therapist_id: UUID
    sequence: int
    correlation_id: str


def ask(session: Session, told: Told, *, priority: int, now: datetime) -> None:
    """Let the practice be asked, once the requests for it have gathered for a while.

    Where the request waits already it goes on waiting. A hold from before is lifted: matching tells anew of one.
    """
    request = _known(session, told)
    if told.sequence > request.hold_sequence:
        request.hold_sequence, request.hold = told.sequence, None
    if told.sequence <= request.asked_sequence:
        return
    request.asked_sequence, request.priority = told.sequence, priority
    request.correlation_id = told.correlation_id
    if request.status == "over":
        request.by_phone, request.emailed_on = False, None  # a new round begins with an e-mail
    if request.status != "waiting":
        request.status, request.waiting_since, request.attempts = "waiting", now, 0
    request.look_at = now


def drop(session: Session, told: Told, *, is_accepted: bool = False, now: datetime) -> None:
    """Do not ask (any more): the request was withdrawn, answered or accepted, or the patient has taken up the place.

    While a practice's offer stands, the patient's other requests do not go out, calls after an unanswered e-mail
    included (docs/domain.md#contact-rule-9).
    """
    request = _known(session, told)
    if told.sequence <= request.asked_sequence:
        return
    was_accepted = request.status == "accepted"
    request.asked_sequence, request.status = told.sequence, "accepted" if is_accepted else "over"
    request.look_at = now if request.inquiry_id else None
    if is_accepted or was_accepted:
        session.flush()
        queries.look_again(session, queries.requests_of_patients([told.patient_id]), at=now)


def hold(session: Session, told: Told, reason: str | None, *, now: datetime) -> None:
    """Let the request wait for this reason, or no longer (None); what has gone out stays."""
    request = _known(session, told)
    if told.sequence <= request.hold_sequence:
        return
    request.hold_sequence = told.sequence
    if request.status in ("announced", "waiting"):
        request.hold = reason
        request.look_at = now if request.status == "waiting" else None


def lock(session: Session, request_ids: Iterable[UUID]) -> None:
    """Let nobody else change these requests before this transaction ends; those heard of first are not there yet."""
    queries.lock_requests(session, request_ids)


def _known(session: Session, told: Told) -> PlacementRequest:
    request = queries.request_for_change(session, told.id)
    if request is None:
        request = PlacementRequest(
            id=told.id,
            patient_id=told.patient_id,
            therapist_id=told.therapist_id,
            status="announced",
            priority=0,
            by_phone=False,
            attempts=0,
            asked_sequence=0,
            hold_sequence=0,
            correlation_id=told.correlation_id,
        )
        session.add(request)
        session.flush()
    return request


def follow_up(session: Session, *, rules: ContactRules, now: datetime, at_most: int = 100) -> int:
    """Call practices about e-mails a week without an answer (docs/domain.md#contact-rule-4); how many requests."""
    last_day = berlin_day(now) - timedelta(days=rules.days_until_call)
    unanswered = queries.unanswered_since(session, day=last_day, limit=at_most)
    for request in unanswered:
        request.status, request.waiting_since, request.by_phone, request.look_at = "waiting", now, True, now
    return len(unanswered)
