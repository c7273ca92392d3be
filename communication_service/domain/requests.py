"""What matching tells of placement requests, remembered so that no order of its events can ask a practice wrongly.

A request's events arrive in order, since they have one key. Should they not, whether to ask and whether to hold are
kept apart, each with the newest event that was heard on it: a withdrawal stays, whatever older event comes later.

Anybody can write an event with a high sequence to Kafka, and then every true one looks old. As with copies
(`shared.database.copies`) that is noticed, and what matching republishes overrules it by its time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from communication_service.settings import ContactRules
from communication_service.store import answers, queries
from communication_service.store.tables import PlacementRequest
from shared.database import Session, copies
from shared.events.catalogue import RequestUpdated
from shared.events.event import EventEnvelope
from shared.values.datetimes import berlin_day
from shared.values.enums import RequestStatus as S

Part = Literal["asked", "hold"]
"""What is kept apart of a request, each with a sequence and a time of its own."""

TABLE: Final = PlacementRequest.__tablename__
ASKED: Final = frozenset({S.OPEN, S.QUEUED, S.CONTACTED})
"""Statuses of matching in which the practice is to be asked, or was asked and has not answered."""
ANSWERED: Final = frozenset({S.ACCEPTED, S.DECLINED, S.PLACED, S.FAILED})


@dataclass(frozen=True)
class Told:
    """Which request an event is about, and the event's place in the request's history."""

    id: UUID
    patient_id: UUID
    therapist_id: UUID
    envelope: EventEnvelope


def ask(session: Session, told: Told, *, priority: int, now: datetime) -> None:
    """Let the practice be asked, once the requests for it have gathered for a while.

    Where the request waits already it goes on waiting. A hold from before is lifted: matching tells anew of one.
    """
    request = _known(session, told)
    if _is_news(session, request, told, "hold"):
        request.hold = None
    if not _is_news(session, request, told, "asked"):
        return
    request.asked, request.answered, request.priority = True, False, priority
    request.correlation_id = told.envelope.correlation_id
    if request.status == "over":
        request.by_phone, request.emailed_on = False, None  # a new round begins with an e-mail
    _wait(request, now=now)


def _wait(request: PlacementRequest, *, now: datetime) -> None:
    if request.status != "waiting":
        request.status, request.waiting_since, request.attempts = "waiting", now, 0
    request.look_at = now


def drop(
    session: Session, told: Told, *, is_accepted: bool = False, is_answered: bool | None = None, now: datetime
) -> None:
    """Do not ask (any more): the request was withdrawn, answered or accepted, or the patient has taken up the place.

    `is_answered`: whether the practice may not answer any more; None leaves that as it is.
    """
    request = _known(session, told)
    if _is_news(session, request, told, "asked"):
        if is_answered is not None:
            request.answered = is_answered
        _stop(session, request, is_accepted=is_accepted, now=now)


def _stop(session: Session, request: PlacementRequest, *, is_accepted: bool, now: datetime) -> None:
    """While a practice's offer stands, the patient's other requests do not go out, calls after an unanswered e-mail
    included (docs/domain.md#contact-rule-9).
    """
    was_accepted = request.status == "accepted"
    request.asked, request.status = False, "accepted" if is_accepted else "over"
    request.look_at = now if request.inquiry_id else None
    if is_accepted or was_accepted:
        _look_at_the_patients(session, request, now=now)


def _look_at_the_patients(session: Session, request: PlacementRequest, *, now: datetime) -> None:
    session.flush()
    queries.look_again(session, queries.requests_of_patients([request.patient_id]), at=now)


def hold(session: Session, told: Told, reason: str | None, *, now: datetime) -> None:
    """Let the request wait for this reason, or no longer (None); what has gone out stays."""
    request = _known(session, told)
    if _is_news(session, request, told, "hold"):
        _hold(request, reason, now=now)


def _hold(request: PlacementRequest, reason: str | None, *, now: datetime) -> None:
    if request.status in ("announced", "waiting"):
        request.hold = reason
        request.look_at = now if request.status == "waiting" else None


def follow(session: Session, told: Told, stands: RequestUpdated, *, now: datetime) -> None:
    """Let the request be what matching says it is, where something else was heard; otherwise nothing changes.

    What was done here meanwhile (a letter that went, an answer), and what matching has not heard of yet, stays.
    """
    if stands.status not in (*ASKED, S.ACCEPTED) and queries.request_for_change(session, told.id) is None:
        return
    request = _known(session, told)
    was_ahead = _is_ahead(session, request, told.envelope)
    if _is_news(session, request, told, "asked"):
        _agree(session, request, stands, was_ahead=was_ahead, now=now)
    if _is_news(session, request, told, "hold") and request.hold != stands.hold:
        _hold(request, stands.hold, now=now)


def _agree(
    session: Session, request: PlacementRequest, stands: RequestUpdated, *, was_ahead: bool, now: datetime
) -> None:
    request.priority = stands.priority
    is_asked, is_accepted = stands.status in ASKED, stands.status == S.ACCEPTED
    if not is_asked:
        # an answer that was acknowledged here may still be under way to matching
        is_kept = request.answered and answers.has_definite(session, request.id)
        request.answered = stands.status in ANSWERED or is_kept
    is_known = (is_asked, is_accepted) == (request.asked, request.status == "accepted")
    if is_known and not was_ahead and not _is_asked_twice(request, stands):
        return
    if is_asked:
        _go_on(session, request, stands, now=now)
    else:
        _stop(session, request, is_accepted=is_accepted, now=now)


def _is_asked_twice(request: PlacementRequest, stands: RequestUpdated) -> bool:
    """Whether a letter has gone out and another is to go, of which matching knows nothing."""
    is_to_go = request.status == "waiting" and not request.by_phone
    return stands.status == S.CONTACTED and is_to_go and request.emailed_on is not None


def _go_on(session: Session, request: PlacementRequest, stands: RequestUpdated, *, now: datetime) -> None:
    """Ask the practice; but where a letter has gone out, wait for its answer, unless matching asks anew since."""
    is_reopened = stands.status == S.OPEN and stands.inquiry_id == request.newest_inquiry_id
    was_accepted = request.status == "accepted"
    request.asked, request.answered = True, False
    if is_reopened:
        request.by_phone, request.emailed_on = False, None
    if stands.status == S.CONTACTED and stands.emailed_on is not None:
        request.emailed_on = min(stands.emailed_on, berlin_day(now))
    if request.emailed_on is not None and not request.by_phone:
        request.status, request.look_at = "contacted", now if request.inquiry_id else None
    else:
        _wait(request, now=now)
    if was_accepted:
        _look_at_the_patients(session, request, now=now)


def disown(session: Session, request_id: UUID, envelope: EventEnvelope, *, now: datetime) -> None:
    """Let a request be over that matching has never made; one that is not known here either is none."""
    request = queries.request_for_change(session, request_id)
    if request is None:
        return
    told = Told(request_id, request.patient_id, request.therapist_id, envelope)
    if _is_news(session, request, told, "asked"):
        _stop(session, request, is_accepted=False, now=now)
    _is_news(session, request, told, "hold")


def lock(session: Session, request_ids: Iterable[UUID]) -> None:
    """Let nobody else change these requests before this transaction ends; those heard of first are not there yet."""
    queries.lock_requests(session, request_ids)


def _is_news(session: Session, request: PlacementRequest, told: Told, part: Part) -> bool:
    """Whether the event is newer than what is known of this part; then it is what is known from now on.

    So is another event of the same sequence, since one of the two is nobody's: the later one counts, as in copies.
    """
    return copies.take_newer(session, request, told.envelope.position(f"{part}_"), part=f"{part}_")


def _is_ahead(session: Session, request: PlacementRequest, envelope: EventEnvelope) -> bool:
    """Whether what was heard last on asking is none of matching's."""
    return request.asked_sequence > envelope.sequence or copies.is_ahead(session, TABLE, request.id, part="asked_")


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
            asked=False,
            answered=False,
            asked_sequence=0,
            hold_sequence=0,
            correlation_id=told.envelope.correlation_id,
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
