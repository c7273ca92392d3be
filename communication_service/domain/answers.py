"""Answers of practices: they are recorded, never changed, and published, and the answered requests end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from communication_service.domain import states
from communication_service.domain.schemas import CallResponse, RecordedResponse
from communication_service.store import answers as store
from communication_service.store import copy_queries, request_queries
from communication_service.store import tables as t
from shared.database import Session
from shared.errors import Conflict, FieldProblem, RuleBroken
from shared.events.catalogue import PracticeAnswer
from shared.security.patient_texts import PatientText, PatientTexts
from shared.values.enums import CallAnswer

SMALLEST_STEP = timedelta(microseconds=1)


def later_than_known(session: Session, therapist_id: UUID, now: datetime) -> datetime:
    """Returns `now`, or an instant after the newest recorded answer of this practice; the caller holds its lock.

    An answer without a time of its own must be newer than all recorded ones, although clocks differ between machines:
    an older answer would change nothing in matching.
    """
    newest = store.newest_of(session, copy_queries.with_merged(session, therapist_id))
    return now if newest is None else max(now, newest + SMALLEST_STEP)


def require_about(said: Sequence[CallResponse], request_ids: Sequence[UUID]) -> None:
    """Raise `RuleBroken`, naming each answer about a request that was not asked in this contact."""
    errors = [
        FieldProblem.of(f"responses.{place}.placement_request_id", "field.not_asked_in_this_contact")
        for place, response in enumerate(said)
        if response.placement_request_id not in request_ids
    ]
    if errors:
        raise RuleBroken("response.about_another_request", errors=errors)


def require_open(session: Session, said: Sequence[CallResponse], request_ids: Sequence[UUID]) -> None:
    """Raise `Conflict`, naming each answer to a request that is answered already, except by "later".

    Matching applies the same rule: it would only log a second answer. Locks the requests of the contact, so that of two
    answers at once one is refused; the caller holds the practice's lock.
    """
    request_queries.lock_requests(session, request_ids)
    answers = _answers(said)
    closed = {request.id for request in request_queries.requests(session, answers) if request.answered}
    errors = [
        FieldProblem.of(f"responses.{place}.placement_request_id", "field.answered_already")
        for place, response in enumerate(said)
        if response.placement_request_id in closed & answers
    ]
    if errors:
        raise Conflict("placement_request.answered_already.in_contact", errors=errors)


def _answers(said: Sequence[CallResponse]) -> set[UUID]:
    return {response.placement_request_id for response in said if response.outcome != CallAnswer.NOT_DISCUSSED}


def record_answers(
    session: Session,
    texts: PatientTexts,
    said: Sequence[CallResponse],
    *,
    therapist_id: UUID,
    occurred_at: datetime,
    by: UUID | None,
    now: datetime,
    email_id: UUID | None = None,
    phone_call_id: UUID | None = None,
) -> None:
    """Record the answers; nothing ever changes them. Only after "later" another one is taken."""
    notes = _encrypted_notes(session, texts, said)
    session.add_all(
        t.RecordedAnswer(
            placement_request_id=response.placement_request_id,
            therapist_id=therapist_id,
            email_id=email_id,
            phone_call_id=phone_call_id,
            outcome=response.outcome,
            available_from=response.available_from,
            note=notes.get(response.placement_request_id),
            occurred_at=occurred_at,
            recorded_at=now,
            recorded_by=by,
        )
        for response in said
    )
    final = _answers([response for response in said if response.outcome != CallAnswer.LATER])
    for request in request_queries.requests(session, final):
        request.answered = True
    session.flush()


def _encrypted_notes(session: Session, texts: PatientTexts, said: Sequence[CallResponse]) -> dict[UUID, bytes]:
    """The notes by request, each encrypted with a key of the patient whom it is about."""
    noted = {response.placement_request_id: response.note for response in said if response.note is not None}
    return encrypt_for_requests(session, texts, noted)


def encrypt_for_requests(session: Session, texts: PatientTexts, notes: Mapping[UUID, Any]) -> dict[UUID, bytes]:
    """Returns what is noted about requests, each encrypted with a key of the request's patient."""
    patients = request_queries.patients_of_requests(session, notes) if notes else {}
    encrypted = texts.encrypt_all(session, [PatientText(patients[id], id, note) for id, note in notes.items()])
    return dict(zip(notes, encrypted, strict=True))


def views(session: Session, texts: PatientTexts, recorded: Sequence[t.RecordedAnswer]) -> list[RecordedResponse]:
    """Recorded answers as clients see them; their notes are decrypted together."""
    notes = texts.read(session, [(each.note, each.placement_request_id) for each in recorded])
    names = RecordedResponse.model_fields.keys() - {"note"}
    return [
        RecordedResponse.of({name: getattr(each, name) for name in names} | {"note": notes[each.note]})
        for each in recorded
    ]


def end_requests(session: Session, said: Sequence[CallResponse], *, now: datetime) -> None:
    """End the requests with an answer, before matching knows of it; a planned call is planned again without them."""
    for request in request_queries.requests(session, _answers(said)):
        if request.status in states.IN_CONTACT:
            states.end(request, now=now)


def for_event(said: Sequence[CallResponse]) -> list[PracticeAnswer]:
    """Returns the answers as events carry them: without notes, which may hold what a practice said of a patient."""
    return [
        PracticeAnswer(
            placement_request_id=response.placement_request_id,
            outcome=response.outcome,
            available_from=response.available_from,
        )
        for response in said
    ]
