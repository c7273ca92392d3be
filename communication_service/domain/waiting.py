"""What each request waits for, in an inquiry or not: nothing waits without a reason that staff can see."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from communication_service.domain import mail_server
from communication_service.domain.composing import patient_facts
from communication_service.domain.planning import kept_back
from communication_service.domain.schemas import WaitingRequest, WaitingRequestFilter, WaitingRequestPage
from communication_service.settings import ContactRules
from communication_service.store import copy_queries, lists, request_queries
from communication_service.store.tables import ContactRequest, Inquiry, PatientPseudonym, PhoneCall
from shared.database import Session
from shared.values.datetimes import berlin_day

Waits = tuple[str, date | None]
"""What a request waits for, and the last day on which it does where that is known."""


@dataclass(frozen=True)
class Surroundings:
    """What the requests of a page depend on."""

    patients: Mapping[UUID, PatientPseudonym]
    offered: Set[UUID]
    therapists: Set[UUID]
    followed_up: Set[UUID]
    inquiries: Mapping[UUID, Inquiry]
    calls: Mapping[UUID, PhoneCall]
    emails_go: bool


def list_page(
    session: Session, wanted: WaitingRequestFilter, *, rules: ContactRules, now: datetime
) -> WaitingRequestPage:
    """A page of the requests that wait for something, the longest waiting first."""
    found, total = lists.waiting_requests(session, **wanted.model_dump())
    patients = {request.patient_id for request in found}
    therapists = {request.therapist_id for request in found}
    inquiries = [request.inquiry_id for request in found if request.inquiry_id is not None]
    around = Surroundings(
        patients=copy_queries.patients(session, patients),
        offered=request_queries.patients_offered_a_place(session, patients),
        therapists=lists.known_therapists(session, therapists),
        followed_up=lists.therapists_followed_up(session, therapists),
        inquiries=lists.inquiries_with_ids(session, inquiries),
        calls=lists.planned_calls_of(session, inquiries),
        emails_go=mail_server.trouble(session) is None,
    )
    shown = [_view(request, reason(request, around, rules=rules, now=now)) for request in found]
    return WaitingRequestPage(items=shown, total=total, limit=wanted.limit, offset=wanted.offset)


def _view(request: ContactRequest, waits: Waits) -> WaitingRequest:
    return WaitingRequest(
        placement_request_id=request.id,
        patient_id=request.patient_id,
        therapist_id=request.therapist_id,
        inquiry_id=request.inquiry_id,
        waits_for=waits[0],
        waits_until=waits[1],
    )


def reason(request: ContactRequest, around: Surroundings, *, rules: ContactRules, now: datetime) -> Waits:
    """What a request that is not over waits for."""
    if request.status == "accepted":
        return "placement", None
    if request.status == "contacted":
        return "answer", _until_the_call(request, around, rules)
    if request.status == "announced":
        return "approval", None
    inquiry = around.inquiries.get(request.inquiry_id) if request.inquiry_id else None
    if inquiry is not None and inquiry.status == "under_way":
        return inquiry.waits_for or "sending", None
    kept = kept_back(request.hold, patient_facts(request, around.patients, around.offered))
    if kept is not None:
        return kept, _until_the_search_goes_on(around.patients.get(request.patient_id), kept)
    if request.therapist_id not in around.therapists:
        return "therapist_not_known", None
    if inquiry is None:
        is_gathering = request.waiting_since is not None and request.waiting_since + rules.gathering > now
        return "gathering" if is_gathering else "composing", None
    return _of_inquiry(inquiry, around.calls.get(inquiry.id), emails_go=around.emails_go)


def _until_the_search_goes_on(patient: PatientPseudonym | None, kept: str) -> date | None:
    return patient.paused_until if patient is not None and kept == "search_paused" else None


def _until_the_call(request: ContactRequest, around: Surroundings, rules: ContactRules) -> date | None:
    """The last day before the call, if one follows as things are now: see `request_queries.unanswered_since`."""
    if request.emailed_on is None or request.by_phone:
        return None
    if request.therapist_id not in around.followed_up or request.patient_id in around.offered:
        return None
    return request.emailed_on + timedelta(days=rules.days_until_call - 1)


def _of_inquiry(inquiry: Inquiry, call: PhoneCall | None, *, emails_go: bool) -> Waits:
    if inquiry.waits_for is not None:
        return inquiry.waits_for, inquiry.waits_until
    if call is not None:
        return "planned_call", berlin_day(call.starts_at)
    return "sending" if emails_go else "mail_server", None
