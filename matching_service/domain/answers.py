"""What practices answer, and what follows from it."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from matching_service.domain import audit_log, consequences, publishing, states, waiting
from matching_service.domain.contact_log import Contact
from matching_service.domain.placement_requests import lock_request, lock_request_that_goes_on
from matching_service.domain.possible_contacts import ANSWERS
from matching_service.domain.publishing import ids_of
from matching_service.domain.request_views import view
from matching_service.domain.schemas import NewAnswer, NewPlace, RequestView, Withdrawal
from matching_service.settings import AskAgainRules
from matching_service.store import contact_log, queries
from matching_service.store.tables import PlacementRequest
from shared.database import Session
from shared.errors import Conflict, FieldProblem, RuleBroken
from shared.events.catalogue import PatientPlaced, RequestAccepted, RequestAnswered
from shared.events.outbox import record
from shared.security.patient_texts import PatientTexts
from shared.values.contact_log_enums import ContactResult
from shared.values.datetimes import CLOCKS_MAY_DIFFER, berlin_day
from shared.values.enums import Channel, Direction, RequestStatus, WithdrawalReason
from shared.values.placement_enums import AuditEvent
from shared.values.schemas import InvalidFields


class PlaceNotFollowed(Conflict):
    """The patient service has yet to follow what was recorded of this place, which takes a moment as a rule."""

    retry_after = 2

    def __init__(self) -> None:
        super().__init__("patient.place_not_followed")


def respond(
    session: Session,
    texts: PatientTexts,
    request_id: UUID,
    response: NewAnswer,
    *,
    rules: AskAgainRules,
    by: UUID | None,
    now: datetime,
) -> RequestView:
    """Record a practice's answer that staff enter.

    Of a request that was ended by a merge the one that goes on takes it. The first answer to a withdrawn request is
    logged and changes nothing; the contact log corrects it. Raises `NotFound`, `Conflict` where an answer is recorded
    already, `RuleBroken` for a time that cannot be, `InvalidFields` for a place that was free before the answer.
    """
    request = lock_request_that_goes_on(session, request_id)
    when = "occurred_at" if response.occurred_on is None else "occurred_on"
    if response.at is not None and response.at > now + CLOCKS_MAY_DIFFER:
        raise _wrong_time(FieldProblem.of(when, "field.in_the_future"))
    # their clock may be ahead; an answer dated later than now would make one of the next minutes too old
    at = min(response.at, now) if response.at else _not_before(request.responded_at, now)
    if response.at is not None:
        _require_possible_time(session, request, when, at)
    require_not_before_answer("available_from", response.available_from, at)
    note = texts.encrypt(session, request.patient_id, request.id, response.note)
    channel, direction = response.channel, response.direction or _direction_of(response.channel)
    if request.status == RequestStatus.WITHDRAWN:
        if contact_log.is_answered(session, request, ANSWERS - {ContactResult.LATER}):
            raise Conflict("placement_request.answered_already", status=RequestStatus.WITHDRAWN)
        _log(session, request, response, at=at, channel=channel, direction=direction, note=note, by=by, now=now)
        return view(session, texts, request)
    if request.status not in states.TAKES_AN_ANSWER:
        raise Conflict("placement_request.answered_already", status=RequestStatus(request.status))
    _record_answer(
        session,
        request,
        response,
        at=at,
        channel=channel,
        direction=direction,
        note=note,
        rules=rules,
        by=by,
        now=now,
    )
    request.count_change(by=by, now=now)
    return view(session, texts, request)


def _direction_of(channel: Channel | None) -> Direction | None:
    """Who began a contact of which staff did not say it: an answer in writing comes from the practice."""
    return Direction.INBOUND if channel in _WRITTEN else None


_WRITTEN = frozenset({Channel.EMAIL, Channel.LETTER, Channel.FAX, Channel.REPLY_LINK})


def _require_possible_time(session: Session, request: PlacementRequest, field: str, at: datetime) -> None:
    is_known = request.status in states.TAKES_AN_ANSWER and request.responded_at is not None
    if is_known and at < states.latest(request.responded_at, at):
        raise _wrong_time(FieldProblem.of(field, "field.before_known_answer"))
    if berlin_day(at) < _asked_on(session, request):
        raise _wrong_time(FieldProblem.of(field, "field.before_the_request"))


def _asked_on(session: Session, request: PlacementRequest) -> date:
    """The first day on which the practice was to be asked, also under a reference that this request goes on for."""
    return berlin_day(queries.first_made_at(session, request))


def require_not_before_answer(field: str, day: date | None, answered_at: datetime | None) -> None:
    """Raise `InvalidFields` for a day before the one on which the practice answered."""
    if day is not None and answered_at is not None and day < berlin_day(answered_at):
        raise InvalidFields([FieldProblem.of(field, "field.before_the_answer")])


def _not_before(known: datetime | None, now: datetime) -> datetime:
    """Now, but not before the answer that is known: another one was recorded while this one waited for its lock."""
    return states.latest(known, now)


def _wrong_time(problem: FieldProblem) -> RuleBroken:
    return RuleBroken("response.time", field=problem.field, problem=problem.sentence, errors=[problem])


def take_answer(
    session: Session,
    request: PlacementRequest,
    response: NewAnswer,
    *,
    at: datetime,
    event_time: datetime,
    channel: str,
    direction: str,
    rules: AskAgainRules,
    by: UUID | None,
    now: datetime,
) -> None:
    """Take an answer that came by e-mail or call, whatever happened meanwhile; the caller holds the locks.

    One without an effect (the request is over, answered, or a newer answer is known) is logged and changes nothing:
    it cannot be refused, and staff can see it. Of a request that was opened again since it was answered, only an
    answer that was recorded before that comes too late: whenever it was given, nobody asks for it any more.
    """
    known = request.responded_at
    is_asked_again = request.status in states.ASKED_FOR
    # the same instant is not older: both were acknowledged, and this one comes last
    too_late = known is not None and (event_time <= known if is_asked_again else at < known)
    if request.status in states.TAKES_AN_ANSWER and not too_late:
        _record_answer(
            session, request, response, at=at, channel=channel, direction=direction, rules=rules, by=by, now=now
        )
    else:
        _log(session, request, response, at=at, channel=channel, direction=direction, by=by, now=now)


def _record_answer(
    session: Session,
    request: PlacementRequest,
    response: NewAnswer,
    *,
    at: datetime,
    channel: str | None,
    direction: str | None,
    rules: AskAgainRules,
    by: UUID | None,
    now: datetime,
    note: bytes | None = None,
) -> None:
    states.take_answer(request, response.outcome, response.available_from, at=at, rules=rules, now=now)
    entry = _log(session, request, response, at=at, channel=channel, direction=direction, note=note, by=by, now=now)
    request.answer_entry_id = entry
    publish_answer(session, request, berlin_day(at), now=now)
    consequences.recompute_holds_of(session, request.patient_id, cause=entry, now=now)


def _log(
    session: Session,
    request: PlacementRequest,
    response: NewAnswer,
    *,
    at: datetime,
    by: UUID | None,
    now: datetime,
    channel: str | None = None,
    direction: str | None = None,
    note: bytes | None = None,
) -> UUID:
    return audit_log.add_entry(
        session,
        request,
        AuditEvent.ANSWERED,
        occurred_at=at,
        by=by,
        now=now,
        channel=channel,
        outcome=response.outcome,
        available_from=response.available_from,
        note=note,
        contact=Contact(ContactResult(response.outcome), direction),
    )


def publish_answer(session: Session, request: PlacementRequest, answered_on: date, *, now: datetime) -> None:
    """Publish the answer that counts, which was given on that day."""
    ids = ids_of(request)
    answered = RequestAnswered(**ids, outcome=request.outcome, available_from=request.available_from)
    record(session, request, answered, now=now)
    if request.status == RequestStatus.ACCEPTED:
        record(session, request, RequestAccepted(**ids, accepted_on=answered_on), now=now)


def place(
    session: Session,
    texts: PatientTexts,
    request_id: UUID,
    placing: NewPlace,
    *,
    by: UUID | None,
    today: date,
    now: datetime,
) -> RequestView:
    """The patient takes up this place: every other request is withdrawn.

    Raises `NotFound`, `Conflict` unless the practice accepted, the search goes on and no other place stands, and
    `InvalidFields` for days that cannot be.
    """
    request = lock_request(session, request_id)
    if request.status == RequestStatus.PLACED:
        raise Conflict("placement_request.placed_already")
    if request.status != RequestStatus.ACCEPTED:
        raise Conflict("placement_request.not_accepted", status=RequestStatus(request.status))
    patient = queries.lock_patients(session, [request.patient_id]).get(request.patient_id)
    if patient is None or patient.status not in states.TAKES_UP_A_PLACE:
        # the patient service would not follow
        raise Conflict("patient.not_searching.any_more")
    if patient.placement_request_id == request.id:
        # it was taken back by a correction; what it says of the former place would be taken for news of this one
        raise PlaceNotFollowed
    if any(each.status == RequestStatus.PLACED for each in queries.lock_live_requests_of_patient(session, patient.id)):
        # the patient service speaks of one place: what became of another, nobody would ever say
        raise Conflict("patient.placed_already")
    placed_on = _day_of_place(session, request, placing, today=today)
    states.place(request, first_session_on=placing.first_session_on, placed_on=placed_on, now=now)
    waiting.save_days_until_placed(request, patient, placed_on=placed_on)
    request.count_change(by=by, now=now)
    entry = audit_log.add_entry(
        session, request, AuditEvent.PLACED, occurred_at=now, by=by, cause=request.answer_entry_id, now=now
    )
    placed = PatientPlaced(
        **ids_of(request),
        placed_on=placed_on,
    )
    record(session, request, placed, now=now)
    reason = WithdrawalReason.PLACED_ELSEWHERE
    consequences.withdraw_all(session, request.patient_id, reason, states.WITHDRAWABLE, cause=entry, now=now)
    return view(session, texts, request)


def _day_of_place(session: Session, request: PlacementRequest, placing: NewPlace, *, today: date) -> date:
    """The day on which the place was taken; raises `InvalidFields` where it, or the first session, cannot be then."""
    if placing.placed_on is not None and placing.placed_on > today:
        raise InvalidFields([FieldProblem.of("placed_on", "field.in_the_future")])
    require_not_before_answer("placed_on", placing.placed_on, request.responded_at)
    first = placing.first_session_on
    if first is not None and first < _asked_on(session, request):
        raise InvalidFields([FieldProblem.of("first_session_on", "field.before_the_request")])
    return placing.placed_on or today


def withdraw(
    session: Session, request_id: UUID, withdrawal: Withdrawal, *, by: UUID | None, now: datetime
) -> PlacementRequest:
    """Take a request back; what an acceptance held goes on, unless another one stands.

    Raises `NotFound`, and `Conflict` for a request that is over.
    """
    request = lock_request(session, request_id)
    if request.status not in states.WITHDRAWABLE:
        raise Conflict("placement_request.over", status=RequestStatus(request.status))
    entry = consequences.withdraw(session, request, WithdrawalReason(withdrawal.reason), by=by, now=now)
    request.count_change(by=by, now=now)
    consequences.recompute_holds_of(session, request.patient_id, cause=entry, now=now)
    return request


def withdraw_and_show(
    session: Session, texts: PatientTexts, request_id: UUID, withdrawal: Withdrawal, *, by: UUID | None, now: datetime
) -> RequestView:
    """The same, with the request as it is then."""
    return view(session, texts, withdraw(session, request_id, withdrawal, by=by, now=now))


def reopen_deferred(session: Session, *, today: date, now: datetime, at_most: int = 100) -> int:
    """Ask practices again that said "later", now that their time has come; returns the number of requests."""
    ids = queries.deferred_until(session, today, limit=at_most)
    due = [
        request
        for request in queries.lock_with_patients(session, ids)
        if request.status == RequestStatus.DEFERRED
        and request.hold is None
        and request.next_contact_after is not None
        and request.next_contact_after <= today
    ]
    for request in due:
        # it is composed only after communication knows of this, so whatever is said of earlier contacts is old
        request.inquiry_at = now
        reopen(session, request, cause=request.answer_entry_id, now=now)
    return len(due)


def reopen(session: Session, request: PlacementRequest, *, cause: UUID | None = None, now: datetime) -> None:
    """The request waits to be asked again; the caller knows that its status allows it and holds the locks.

    `cause`: the entry of the audit log from which that follows.

    A therapist who was blocked since the practice was asked, or excluded by the patient, is not asked again
    (docs/domain.md#contact-rule-9).
    """
    if consequences.is_unavailable(session, request.therapist_id):
        consequences.withdraw(session, request, WithdrawalReason.THERAPIST_UNAVAILABLE, by=None, cause=cause, now=now)
        return
    patient = queries.lock_patients(session, [request.patient_id]).get(request.patient_id)
    if consequences.is_excluded(session, request, patient):
        consequences.withdraw(session, request, WithdrawalReason.PATIENT_DECLINED, by=None, cause=cause, now=now)
        return
    states.reopen(request, now=now)
    audit_log.add_entry(session, request, AuditEvent.REOPENED, occurred_at=now, by=None, cause=cause, now=now)
    record(session, request, publishing.reopened(request), now=now)
