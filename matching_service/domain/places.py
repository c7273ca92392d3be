"""What becomes of a place that a patient has taken up (docs/domain.md#place-rule-10)."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from matching_service.domain import audit_log, consequences, states
from matching_service.domain.place_schemas import Confirmation, PlaceFailure
from matching_service.domain.placement_requests import lock_request
from matching_service.domain.publishing import ids_of
from matching_service.domain.request_views import view
from matching_service.domain.schemas import RequestView
from matching_service.store import queries
from matching_service.store.tables import PlacementRequest
from shared.database import Session
from shared.errors import Conflict, FieldProblem
from shared.events.catalogue import PlaceConfirmed, PlaceFailed
from shared.events.outbox import record
from shared.security.patient_texts import PatientTexts
from shared.values.enums import RequestStatus
from shared.values.placement_enums import AuditEvent
from shared.values.schemas import InvalidFields


def confirm(
    session: Session,
    texts: PatientTexts,
    request_id: UUID,
    confirmation: Confirmation,
    *,
    by: UUID | None,
    today: date,
    now: datetime,
) -> RequestView:
    """Record that the place works.

    Raises `NotFound`, `Conflict` unless the place goes on and nobody has confirmed it, `InvalidFields` for a day in the
    future or before the place was taken.
    """
    request = _lock_place(session, request_id)
    if request.confirmed_on is not None:
        raise Conflict("placement_request.confirmed_already")
    _check_day(request, "confirmed_on", confirmation.confirmed_on, today=today)
    states.confirm_place(request, confirmed_on=confirmation.confirmed_on, now=now)
    request.count_change(by=by, now=now)
    place = queries.newest_entry(session, request.id, AuditEvent.PLACED)
    audit_log.add_entry(session, request, AuditEvent.CONFIRMED, occurred_at=now, by=by, cause=place, now=now)
    event = PlaceConfirmed(
        **ids_of(request),
        confirmed_on=confirmation.confirmed_on,
    )
    record(session, request, event, now=now)
    return view(session, texts, request)


def fail(
    session: Session,
    texts: PatientTexts,
    request_id: UUID,
    failure: PlaceFailure,
    *,
    by: UUID | None,
    today: date,
    now: datetime,
) -> RequestView:
    """Record that the place failed: the patient service takes the patient back into the search.

    In this search the therapist is left out from now on (`patient_exclusion`). Raises as `confirm` does, and
    `InvalidFields` for a day before the one since which it is known to work.
    """
    request = _lock_place(session, request_id)
    _check_day(request, "failed_on", failure.failed_on, today=today)
    if request.confirmed_on is not None and failure.failed_on < request.confirmed_on:
        raise InvalidFields([FieldProblem.of("failed_on", "field.before_it_worked")])
    states.fail_place(
        request, failed_on=failure.failed_on, reason=failure.reason, sessions_held=failure.sessions_held, now=now
    )
    request.count_change(by=by, now=now)
    place = queries.newest_entry(session, request.id, AuditEvent.PLACED)
    entry = audit_log.add_entry(
        session, request, AuditEvent.FAILED, occurred_at=now, reason=failure.reason, by=by, cause=place, now=now
    )
    event = PlaceFailed(
        **ids_of(request),
        failed_on=failure.failed_on,
    )
    record(session, request, event, now=now)
    consequences.recompute_holds_of(session, request.patient_id, cause=entry, now=now)
    return view(session, texts, request)


def _lock_place(session: Session, request_id: UUID) -> PlacementRequest:
    """The request of a place that goes on, locked after its patient."""
    request = lock_request(session, request_id)
    if request.status != RequestStatus.PLACED:
        raise Conflict("placement_request.not_placed", status=RequestStatus(request.status))
    if request.place_ended_at is not None:
        raise Conflict("placement_request.place_over")
    return request


def _check_day(request: PlacementRequest, field: str, day: date, *, today: date) -> None:
    if day > today:
        raise InvalidFields([FieldProblem.of(field, "field.in_the_future")])
    if request.placed_on is not None and day < request.placed_on:
        raise InvalidFields([FieldProblem.of(field, "field.before_the_place")])
