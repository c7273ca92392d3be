"""Composing: `planning` decides which inquiries a practice should have; this module reads and writes the rows.

Everything that has not gone out to a therapist is planned anew each time something about it changed, and once more in
the transaction that claims an e-mail: so an e-mail never carries a request that was withdrawn or held meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from communication_service.domain import (
    call_planning,
    callers,
    cooldowns,
    email_parts,
    email_texts,
    planning,
    practice_hours,
    states,
)
from communication_service.domain.call_planning import CallPlanner, ChosenSlot
from communication_service.domain.call_times import CallerTimes
from communication_service.domain.contact_waits import ContactWait
from communication_service.domain.planning import PatientFacts, PlannedInquiry, PracticeFacts, Unsent
from communication_service.settings import ContactRules
from communication_service.store import (
    call_queries,
    copy_queries,
    email_queries,
    inquiry_queries,
    locks,
    request_queries,
    schedule,
    suppressions,
)
from communication_service.store.tables import ContactRequest, Email, Inquiry, PatientPseudonym, PhoneCall, PracticeCopy
from shared.database import Session
from shared.events.catalogue import InquiryComposed, InquiryDissolved
from shared.events.outbox import record
from shared.security.patient_texts import PatientTexts
from shared.values.datetimes import berlin_day


def due(session: Session, *, now: datetime, at_most: int) -> Sequence[schedule.Due]:
    """Therapists to compose for, those who may have a place first (docs/domain.md#contact-rule-7)."""
    return schedule.due(session, now=now, limit=at_most)


def compose_if_due(
    session: Session, therapist_id: UUID, *, rules: ContactRules, texts: PatientTexts, now: datetime
) -> bool:
    """Compose what has not gone out to this therapist, if it is still due; returns False where nothing was done."""
    if not schedule.is_due(session, therapist_id, now=now):
        return False
    return compose(session, therapist_id, rules=rules, texts=texts, now=now)


def postpone(session: Session, therapist_id: UUID, *, until: datetime) -> None:
    """Postpone composing for a therapist whose data caused an error."""
    schedule.postpone(session, therapist_id, at=until)


def compose(
    session: Session,
    therapist_id: UUID,
    *,
    rules: ContactRules,
    texts: PatientTexts,
    now: datetime,
    chosen: ChosenSlot | None = None,
) -> bool:
    """Plan anew what has not gone out to this therapist; returns False while another transaction changes it.

    `chosen`: when staff want the call to be made, if there is one to make.
    """
    if not locks.try_to_lock_therapist(session, therapist_id):
        return False
    requests = request_queries.unsent_requests(session, therapist_id)
    if requests is None:
        return False
    schedule.clear(session, therapist_id)
    therapist = copy_queries.therapist(session, therapist_id)
    if therapist is None:
        _schedule(requests, now + planning.UNTIL_A_COPY_IS_LOOKED_FOR_AGAIN)
        return True
    rows = _read(session, texts, therapist, requests)
    unsent = _facts(session, rows, rules, now, has_chosen_time=chosen is not None)
    plan = planning.plan(unsent, rules, now)
    planner = CallPlanner(session, unsent.practice.call_times, rows.callers, rules, now, chosen)
    _apply(session, rows, unsent, plan, planner, rules=rules, texts=texts, now=now)
    session.flush()
    _schedule(requests, planning.next_plan_at(unsent, plan, rules, now))
    session.flush()
    return True


def _schedule(requests: Sequence[ContactRequest], at: datetime) -> None:
    for request in requests:
        request.due_at = at if request.status == "waiting" or request.inquiry_id else None


# What is known


@dataclass(frozen=True)
class _Rows:
    """The rows of everything that has not gone out to one therapist, locked; copies are not."""

    therapist: PracticeCopy
    requests: Mapping[UUID, ContactRequest]
    patients: Mapping[UUID, PatientPseudonym]
    offered: Set[UUID]
    """Patients whom a practice has offered a place."""
    inquiries: Mapping[UUID, Inquiry]
    """The oldest first."""
    emails: Mapping[UUID, Email]
    calls: Mapping[UUID, PhoneCall]
    """By inquiry, as the e-mails."""
    callers: Sequence[CallerTimes]


def _read(session: Session, texts: PatientTexts, therapist: PracticeCopy, requests: Sequence[ContactRequest]) -> _Rows:
    inquiries = {each.id: each for each in inquiry_queries.open_inquiries(session, therapist.id)}
    patients = {request.patient_id for request in requests}
    # as if they were not known yet: one of whom nothing can be written must not keep letters from the others
    patients -= texts.unwritable(session, patients)
    return _Rows(
        therapist=therapist,
        requests={request.id: request for request in requests},
        patients=copy_queries.patients(session, patients),
        offered=request_queries.patients_offered_a_place(session, patients),
        inquiries=inquiries,
        emails=email_queries.unsent_emails(session, inquiries),
        calls=call_queries.planned_calls(session, inquiries),
        callers=callers.times(session),
    )


def _facts(session: Session, rows: _Rows, rules: ContactRules, now: datetime, *, has_chosen_time: bool) -> Unsent:
    insisted = any(call_planning.is_fixed(each, rows.callers, now=now) for each in rows.calls.values())
    return Unsent(
        practice=_practice(session, rows.therapist, rules, now, has_chosen_time=has_chosen_time or insisted),
        requests=[_request(each, patient_facts(each, rows.patients, rows.offered)) for each in rows.requests.values()],
        inquiries=[_unsent_inquiry(each, rows, now) for each in rows.inquiries.values()],
    )


def _practice(
    session: Session, therapist: PracticeCopy, rules: ContactRules, now: datetime, *, has_chosen_time: bool
) -> PracticeFacts:
    key = therapist.email_key
    is_suppressed = key is not None and suppressions.is_suppressed(session, key)
    place = copy_queries.place(session, therapist.id)
    return PracticeFacts(
        status=therapist.status,
        contact_preference=therapist.contact_preference,
        email_key=key,
        is_suppressed=is_suppressed or therapist.email_opt_out,
        has_phone=practice_hours.has_number(session, therapist),
        call_times=practice_hours.call_times(therapist, place, rules),
        has_chosen_time=has_chosen_time,
        cooldown=None if key is None else cooldowns.last_to_end(session, therapist.id, key, today=berlin_day(now)),
    )


def patient_facts(
    request: ContactRequest, patients: Mapping[UUID, PatientPseudonym], offered: Set[UUID]
) -> PatientFacts | None:
    """What matters of the request's patient; None where no copy has arrived."""
    patient = patients.get(request.patient_id)
    if patient is None:
        return None
    return PatientFacts(patient.status, patient.search_started_on, is_offered_a_place=patient.id in offered)


def _request(request: ContactRequest, patient: PatientFacts | None) -> planning.UnsentRequest:
    return planning.UnsentRequest(
        id=request.id,
        patient=patient,
        is_waiting=request.status == "waiting",
        hold=request.hold,
        priority=request.priority,
        waiting_since=request.waiting_since,
        by_phone=request.by_phone,
        attempts=request.attempts,
        inquiry_id=request.inquiry_id,
        newest_inquiry_id=request.newest_inquiry_id,
    )


def _unsent_inquiry(inquiry: Inquiry, rows: _Rows, now: datetime) -> planning.UnsentInquiry:
    call = rows.calls.get(inquiry.id)
    slot = call_planning.slot_of(call, rows.callers, now=now) if call else None
    return planning.UnsentInquiry(inquiry.id, inquiry.next_attempt_after, slot, inquiry.unanswered_at)


# What should be


def _apply(
    session: Session,
    rows: _Rows,
    unsent: Unsent,
    plan: Sequence[PlannedInquiry],
    planner: CallPlanner,
    *,
    rules: ContactRules,
    texts: PatientTexts,
    now: datetime,
) -> None:
    left = _take_out(rows, planning.requests_to_take_out(unsent))
    placed = [(_inquiry(session, rows, planned, now), planned) for planned in plan]
    kept = {inquiry.id for inquiry, _ in placed}
    for inquiry in rows.inquiries.values():
        if inquiry.id not in kept:
            _dissolve(rows, inquiry, now)
    _publish_who_left(session, left, now)
    for inquiry, planned in placed:
        _fill(session, rows, inquiry, planned, now)
        if planned.channel == "email" or planned.waits_for is not None:
            _cancel_call(rows, inquiry, now)
    session.flush()  # a therapist has one planned call: those that are cancelled go before others are planned
    # e-mails first: they may add keys of patients, which come before the line (docs/decisions/0019)
    for inquiry, planned in sorted(placed, key=lambda each: each[1].channel != "email"):
        if planned.channel == "email":
            _write_email(session, rows, inquiry, planned, rules=rules, texts=texts, now=now)
        else:
            _cancel_email(rows, inquiry, now)
            planner.plan(inquiry, planned, rows.calls.get(inquiry.id))


def _take_out(rows: _Rows, to_take_out: Sequence[planning.UnsentRequest]) -> list[tuple[Inquiry, ContactRequest]]:
    """Take requests that may no longer go out of their inquiries; returns those that wait, each with its inquiry."""
    left = []
    for each in to_take_out:
        request = rows.requests[each.id]
        assert request.inquiry_id is not None  # `planning.requests_to_take_out`
        if each.is_waiting:
            left.append((rows.inquiries[request.inquiry_id], request))
        request.inquiry_id = None
    return left


def _publish_who_left(session: Session, left: Sequence[tuple[Inquiry, ContactRequest]], now: datetime) -> None:
    for inquiry in {inquiry.id: inquiry for inquiry, _ in left}.values():
        dissolved = InquiryDissolved(
            inquiry_id=inquiry.id,
            therapist_id=inquiry.therapist_id,
            placement_request_ids=[request.id for of, request in left if of is inquiry],
        )
        record(session, inquiry, dissolved, now=now)


def _inquiry(session: Session, rows: _Rows, planned: PlannedInquiry, now: datetime) -> Inquiry:
    if planned.inquiry_id is not None:
        return rows.inquiries[planned.inquiry_id]
    cause = rows.requests[planned.request_ids[0]].correlation_id
    made = states.new_inquiry(rows.therapist.id, channel=planned.channel, correlation_id=cause, now=now)
    session.add(made)
    return made


def _dissolve(rows: _Rows, inquiry: Inquiry, now: datetime) -> None:
    states.dissolve_inquiry(inquiry, now=now)
    _cancel_email(rows, inquiry, now)
    _cancel_call(rows, inquiry, now)


def _fill(session: Session, rows: _Rows, inquiry: Inquiry, planned: PlannedInquiry, now: datetime) -> None:
    """Put exactly these requests into the inquiry, and publish those that are new in it."""
    ids = list(planned.request_ids)
    is_news = inquiry.channel != planned.channel or not set(ids) <= set(inquiry.placement_request_ids)
    # one that was over meanwhile never left: for matching it waits anew, and is to be put in once more
    is_news = is_news or any(_waits_anew(rows.requests[each], inquiry) for each in ids)
    if inquiry.placement_request_ids != ids or is_news:
        inquiry.placement_request_ids, inquiry.channel, inquiry.updated_at = ids, planned.channel, now
    inquiry.waits_for, inquiry.waits_until = planned.waits_for, planned.waits_until
    inquiry.next_attempt_after = planned.next_attempt_after
    for request_id in ids:
        request = rows.requests[request_id]
        request.inquiry_id = request.newest_inquiry_id = inquiry.id
    if is_news:
        composed = InquiryComposed(
            inquiry_id=inquiry.id,
            therapist_id=inquiry.therapist_id,
            channel=inquiry.channel,
            placement_request_ids=ids,
        )
        record(session, inquiry, composed, now=now)


def _waits_anew(request: ContactRequest, inquiry: Inquiry) -> bool:
    """Whether the request began to wait after the inquiry was last filled."""
    return request.waiting_since is not None and request.waiting_since > inquiry.updated_at


# E-mails


def _write_email(
    session: Session,
    rows: _Rows,
    inquiry: Inquiry,
    planned: PlannedInquiry,
    *,
    rules: ContactRules,
    texts: PatientTexts,
    now: datetime,
) -> None:
    patients = [rows.patients[rows.requests[each].patient_id] for each in planned.request_ids]
    written = email_texts.inquiry(session, rows.therapist, patients, rules=rules)
    known = rows.emails.get(inquiry.id)
    is_approved = known is not None and known.approved_at and set(planned.request_ids) <= {*known.placement_request_ids}
    email = known or states.new_email(inquiry, message_id_domain=rules.sender.domain, now=now)
    _address(email, rows.therapist, now)
    wanted = list(planned.request_ids)
    # what stands there is read and compared: the same text is another one each time it is encrypted
    if known is None or (known.placement_request_ids, email_parts.read_whole(session, texts, known)) != (
        wanted,
        written.letter,
    ):
        written.mark(email)
        email_parts.write(
            session, texts, email, written.letter, [(rows.requests[each].patient_id, each) for each in wanted]
        )
        email.updated_at = now
    if rules.inquiries_need_approval and not is_approved:
        states.draft_email(email, now=now)
        inquiry.waits_for = inquiry.waits_for or ContactWait.APPROVAL
    elif planned.waits_for is None:
        states.approve_email(email, now=now)
    else:
        states.hold_email(email, waits_for=planned.waits_for, waits_until=planned.waits_until, now=now)
    session.add(email)


def _address(email: Email, therapist: PracticeCopy, now: datetime) -> None:
    """Write the practice's address into the e-mail; where it is there already, `updated_at` stays as it is."""
    # checked by `planning.channel_to`: without an address the channel would be another
    recipient, recipient_key = therapist.email or "", therapist.email_key or ""
    if email.recipient_key != recipient_key:
        email.not_before, email.deferrals, email.troubles_begun = None, 0, 0  # that was about another address
    if (email.recipient, email.recipient_key) != (recipient, recipient_key):
        email.recipient, email.recipient_key, email.updated_at = recipient, recipient_key, now


def _cancel_email(rows: _Rows, inquiry: Inquiry, now: datetime) -> None:
    email = rows.emails.get(inquiry.id)
    if email is not None:
        states.cancel_email(email, now=now)


# Calls


def _cancel_call(rows: _Rows, inquiry: Inquiry, now: datetime) -> None:
    call = rows.calls.get(inquiry.id)
    if call is not None:
        states.cancel_phone_call(call, now=now)
