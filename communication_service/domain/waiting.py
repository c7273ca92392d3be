"""What each request waits for, in an inquiry or not: nothing waits without a reason that staff can see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from communication_service.domain import mail_server, sending_limits
from communication_service.domain.contact_waits import ContactWait
from communication_service.domain.planning import kept_back
from communication_service.domain.schemas import WaitingRequest, WaitingRequestFilter
from communication_service.domain.unsent_rows import patient_facts
from communication_service.settings import ContactRules
from communication_service.store import copy_queries, lists, request_queries
from communication_service.store.tables import ContactRequest, Inquiry, PatientPseudonym, PhoneCall
from shared.database import Session
from shared.values.datetimes import berlin_day
from shared.values.lists import Listed, ListRequest

Waits = tuple[ContactWait, date | None]
"""What a request waits for, and the last day on which it does where that is known."""


@dataclass(frozen=True)
class PageContext:
    """What is needed to say what the requests of a page wait for."""

    patients: Mapping[UUID, PatientPseudonym]
    offered: Set[UUID]
    therapists: Mapping[UUID, str | None]
    """Their names."""
    followed_up: Set[UUID]
    inquiries: Mapping[UUID, Inquiry]
    calls: Mapping[UUID, PhoneCall]
    emails_go: bool
    is_hour_of_sending: bool


def list_part(
    session: Session, wanted: ListRequest[WaitingRequestFilter], *, rules: ContactRules, now: datetime
) -> Listed:
    """A part of the requests that wait for something."""
    filters = wanted.filters
    part = lists.waiting_requests(
        session, wanted.part, patient_id=filters.patient_id, therapist_id=filters.therapist_id
    )
    return part.shown(views(session, part.rows, rules=rules, now=now))


def views(
    session: Session, found: Sequence[ContactRequest], *, rules: ContactRules, now: datetime
) -> list[WaitingRequest]:
    """These requests, each with what it waits for."""
    patients = {request.patient_id for request in found}
    therapists = {request.therapist_id for request in found}
    inquiries = [request.inquiry_id for request in found if request.inquiry_id is not None]
    context = PageContext(
        patients=copy_queries.patients(session, patients),
        offered=request_queries.patients_offered_a_place(session, patients),
        therapists=lists.known_therapists(session, therapists),
        followed_up=lists.therapists_followed_up(session, therapists),
        inquiries=lists.inquiries_with_ids(session, inquiries),
        calls=lists.planned_calls_of(session, inquiries),
        emails_go=mail_server.trouble(session) is None,
        is_hour_of_sending=sending_limits.are_inquiries_sent(rules, now),
    )
    return [_view(request, context, reason(request, context, rules=rules, now=now)) for request in found]


def _view(request: ContactRequest, context: PageContext, waits: Waits) -> WaitingRequest:
    patient = context.patients.get(request.patient_id)
    return WaitingRequest(
        placement_request_id=request.id,
        patient_id=request.patient_id,
        patient_reference=(patient.reference or None) if patient else None,
        therapist_id=request.therapist_id,
        therapist_name=context.therapists.get(request.therapist_id),
        inquiry_id=request.inquiry_id,
        waits_for=waits[0],
        waits_until=waits[1],
    )


def reason(request: ContactRequest, context: PageContext, *, rules: ContactRules, now: datetime) -> Waits:
    """What a request that is not over waits for."""
    if request.status == "accepted":
        return ContactWait.PLACEMENT, None
    if request.status == "contacted":
        return ContactWait.ANSWER, _until_the_call(request, context, rules)
    if request.status == "announced":
        return ContactWait.APPROVAL, None
    inquiry = context.inquiries.get(request.inquiry_id) if request.inquiry_id else None
    if inquiry is not None and inquiry.status == "under_way":
        return ContactWait(inquiry.waits_for or ContactWait.SENDING), None
    kept = kept_back(request.hold, patient_facts(request, context.patients, context.offered))
    if kept is not None:
        return ContactWait(kept), _until_the_search_goes_on(context.patients.get(request.patient_id), kept)
    if request.therapist_id not in context.therapists:
        return ContactWait.THERAPIST_NOT_KNOWN, None
    if inquiry is None:
        is_gathering = request.waiting_since is not None and request.waiting_since + rules.gathering > now
        return ContactWait.GATHERING if is_gathering else ContactWait.COMPOSING, None
    return _of_inquiry(inquiry, context.calls.get(inquiry.id), context)


def _until_the_search_goes_on(patient: PatientPseudonym | None, kept: str) -> date | None:
    return patient.paused_until if patient is not None and kept == ContactWait.SEARCH_PAUSED else None


def _until_the_call(request: ContactRequest, context: PageContext, rules: ContactRules) -> date | None:
    """The last day before the call, if one follows as things are now: see `request_queries.unanswered_since`."""
    if request.emailed_on is None or request.by_phone:
        return None
    if request.therapist_id not in context.followed_up or request.patient_id in context.offered:
        return None
    return request.emailed_on + timedelta(days=rules.days_until_call - 1)


def _of_inquiry(inquiry: Inquiry, call: PhoneCall | None, context: PageContext) -> Waits:
    if inquiry.waits_for is not None:
        return ContactWait(inquiry.waits_for), inquiry.waits_until
    if call is not None:
        return ContactWait.PLANNED_CALL, berlin_day(call.starts_at)
    if not context.is_hour_of_sending:
        return ContactWait.SENDING_HOURS, None
    return ContactWait.SENDING if context.emails_go else ContactWait.MAIL_SERVER, None
