"""What practices answer: kept for good, told to the world, and no longer asked for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from communication_service.domain.schemas import CallResponse
from communication_service.store import answers as store
from communication_service.store import queries
from communication_service.store import tables as t
from shared.database import Session
from shared.errors import Conflict, FieldProblem, RuleBroken
from shared.events.catalogue import PracticeAnswer
from shared.values.enums import CallAnswer

SMALLEST_STEP = timedelta(microseconds=1)


def after_those_known(session: Session, therapist_id: UUID, now: datetime) -> datetime:
    """Now, but after every answer of this practice that is recorded; the caller holds the practice's lock.

    An answer without a time of its own is newer than all that are recorded, though clocks differ between machines: told
    as an older one, it would change nothing.
    """
    newest = store.newest_of(session, therapist_id)
    return now if newest is None else max(now, newest + SMALLEST_STEP)


def must_be_about(said: Sequence[CallResponse], request_ids: Sequence[UUID]) -> None:
    """Raise `RuleBroken`, naming each answer about a request that was not asked in this contact."""
    errors = [
        FieldProblem(f"responses.{place}.placement_request_id", "was not asked in this contact")
        for place, response in enumerate(said)
        if response.placement_request_id not in request_ids
    ]
    if errors:
        raise RuleBroken("response.about_another_request", "An answer is about another contact.", errors=errors)


def must_be_open(session: Session, said: Sequence[CallResponse], request_ids: Sequence[UUID]) -> None:
    """Raise `Conflict`, naming each answer to a request that has one, as matching does; "later" is not the last word.

    What is acknowledged here is told to matching, which would only note a second answer: it would change nothing. Locks
    the requests of the contact, so that of two answers at once one is refused; the caller holds the practice's lock.
    """
    queries.lock_requests(session, request_ids)
    answers = _answers(said)
    closed = {request.id for request in queries.requests(session, answers) if request.answered}
    errors = [
        FieldProblem(f"responses.{place}.placement_request_id", "has an answer already")
        for place, response in enumerate(said)
        if response.placement_request_id in closed & answers
    ]
    if errors:
        raise Conflict(
            "placement_request.answered_already",
            "An answer is recorded already; a mistaken one is corrected, not given again. Nothing was recorded now.",
            errors=errors,
        )


def _answers(said: Sequence[CallResponse]) -> set[UUID]:
    return {response.placement_request_id for response in said if response.outcome != CallAnswer.NOT_DISCUSSED}


def keep(
    session: Session,
    said: Sequence[CallResponse],
    *,
    therapist_id: UUID,
    occurred_at: datetime,
    now: datetime,
    email_id: UUID | None = None,
    phone_call_id: UUID | None = None,
) -> None:
    """Write the answers down; nothing ever changes them. Only after "later" another one is taken."""
    session.add_all(
        t.Answer(
            placement_request_id=response.placement_request_id,
            therapist_id=therapist_id,
            email_id=email_id,
            phone_call_id=phone_call_id,
            outcome=response.outcome,
            available_from=response.available_from,
            note=response.note,
            occurred_at=occurred_at,
            recorded_at=now,
        )
        for response in said
    )
    final = _answers([response for response in said if response.outcome != CallAnswer.LATER])
    for request in queries.requests(session, final):
        request.answered = True
    session.flush()


def stop_asking(session: Session, said: Sequence[CallResponse], *, now: datetime) -> None:
    """Requests with an answer are over here, before matching has heard of it; a planned call is looked at again."""
    for request in queries.requests(session, _answers(said)):
        if request.status in ("waiting", "contacted"):
            request.status = "over"
            request.look_at = now if request.inquiry_id else None


def public(said: Sequence[CallResponse]) -> list[PracticeAnswer]:
    """The answers as events carry them: without notes, which may hold what a practice said of a patient."""
    return [
        PracticeAnswer(
            placement_request_id=response.placement_request_id,
            outcome=response.outcome,
            available_from=response.available_from,
        )
        for response in said
    ]
