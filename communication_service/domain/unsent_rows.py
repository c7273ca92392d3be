"""What has not gone out to some practices: its rows, read together, and what planning has to know of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from communication_service.domain import call_planning, callers, planning, practice_facts
from communication_service.domain.call_planning import StaffChoice
from communication_service.domain.call_times import CallerTimes
from communication_service.domain.contact_rule import PracticeFacts
from communication_service.domain.planning import PatientFacts, Unsent
from communication_service.settings import ContactRules
from communication_service.store import (
    call_queries,
    copy_queries,
    email_queries,
    inquiry_queries,
    request_queries,
)
from communication_service.store.tables import (
    ContactRequest,
    Email,
    Inquiry,
    PatientPseudonym,
    PhoneCall,
    PracticeCopy,
)
from shared.database import Session
from shared.security.patient_texts import PatientTexts


@dataclass(frozen=True)
class _ReadTogether:
    """What is read at once of all practices, by ids; copies are not locked, the others are."""

    patients: Mapping[UUID, PatientPseudonym]
    offered: Set[UUID]
    """Patients whom a practice has offered a place."""
    emails: Mapping[UUID, Email]
    """By inquiry."""
    calls: Mapping[UUID, PhoneCall]
    """By inquiry."""
    callers: Sequence[CallerTimes]
    practices: Mapping[UUID, PracticeFacts]


@dataclass(frozen=True)
class UnsentRows:
    """The rows of everything that has not gone out to one therapist, locked; copies are not."""

    therapist: PracticeCopy
    requests: Mapping[UUID, ContactRequest]
    inquiries: Mapping[UUID, Inquiry]
    """The oldest first."""
    together: _ReadTogether

    @property
    def patients(self) -> Mapping[UUID, PatientPseudonym]:
        """Patients by their ids: those of the requests, and others'."""
        return self.together.patients

    @property
    def emails(self) -> Mapping[UUID, Email]:
        """E-mails by inquiry: of these inquiries, and others'."""
        return self.together.emails

    @property
    def calls(self) -> Mapping[UUID, PhoneCall]:
        """Calls by inquiry, as the e-mails."""
        return self.together.calls

    @property
    def callers(self) -> Sequence[CallerTimes]:
        """When each of us phones."""
        return self.together.callers


def read(
    session: Session,
    texts: PatientTexts,
    requests: Mapping[UUID, Sequence[ContactRequest]],
    therapists: Mapping[UUID, PracticeCopy],
    *,
    rules: ContactRules,
    now: datetime,
) -> list[UnsentRows]:
    """The rows of these therapists, who are locked, in their order; `requests`: what has not gone out to each."""
    inquiries = inquiry_queries.open_inquiries(session, therapists.keys())
    ids = [each.id for each in inquiries]
    patients = {request.patient_id for id in therapists for request in requests[id]}
    # as if they were not known yet: one of whom nothing can be written must not keep letters from the others
    patients -= texts.unwritable(session, patients)
    together = _ReadTogether(
        patients=copy_queries.patients(session, patients),
        offered=request_queries.patients_offered_a_place(session, patients),
        emails=email_queries.unsent_emails(session, ids),
        calls=call_queries.planned_calls(session, ids),
        callers=callers.times(session),
        practices=practice_facts.read(session, therapists, rules=rules, now=now),
    )
    return [
        UnsentRows(
            therapist,
            {request.id: request for request in requests[id]},
            {inquiry.id: inquiry for inquiry in inquiries if inquiry.therapist_id == id},
            together,
        )
        for id, therapist in therapists.items()
    ]


def facts(rows: UnsentRows, now: datetime, *, choice: StaffChoice | None) -> Unsent:
    """What planning has to know of them; `choice`: what staff mean by the call that is planned now."""
    calls = [rows.calls[each] for each in rows.inquiries if each in rows.calls]
    fixed = [each for each in calls if call_planning.is_fixed(each, rows.callers, now=now)]
    reasons = [choice.because if choice else None, *(each.insisted_because for each in fixed)]
    practice = rows.together.practices[rows.therapist.id]
    called = _called_by_choice(rows, now)
    return Unsent(
        practice=replace(
            practice, has_chosen_time=choice is not None or bool(fixed), is_called_for_a_reason=any(reasons)
        ),
        requests=[
            _request(
                each,
                patient_facts(each, rows.patients, rows.together.offered),
                is_called=choice is not None or each.inquiry_id in called,
            )
            for each in rows.requests.values()
        ],
        inquiries=[_unsent_inquiry(each, rows, now) for each in rows.inquiries.values()],
    )


def patient_facts(
    request: ContactRequest, patients: Mapping[UUID, PatientPseudonym], offered: Set[UUID]
) -> PatientFacts | None:
    """What matters of the request's patient; None where no copy has arrived."""
    patient = patients.get(request.patient_id)
    if patient is None:
        return None
    return PatientFacts(patient.status, patient.search_started_on, is_offered_a_place=patient.id in offered)


def _called_by_choice(rows: UnsentRows, now: datetime) -> Set[UUID]:
    """The inquiries that staff chose to call about: for as long as their call stands they are asked by phone."""
    practice = rows.together.practices[rows.therapist.id]
    calls = {id: rows.calls[id] for id in rows.inquiries if id in rows.calls and rows.calls[id].chosen_by_staff}
    return {
        id
        for id, call in calls.items()
        if planning.still_fits(call_planning.slot_of(call, rows.callers, now=now), practice.call_times, None, now)
    }


def _request(request: ContactRequest, patient: PatientFacts | None, *, is_called: bool) -> planning.UnsentRequest:
    return planning.UnsentRequest(
        id=request.id,
        patient=patient,
        is_waiting=request.status == "waiting",
        hold=request.hold,
        priority=request.priority,
        waiting_since=request.waiting_since,
        by_phone=request.by_phone or is_called,
        attempts=request.attempts,
        inquiry_id=request.inquiry_id,
        newest_inquiry_id=request.newest_inquiry_id,
    )


def _unsent_inquiry(inquiry: Inquiry, rows: UnsentRows, now: datetime) -> planning.UnsentInquiry:
    call = rows.calls.get(inquiry.id)
    slot = call_planning.slot_of(call, rows.callers, now=now) if call else None
    return planning.UnsentInquiry(inquiry.id, inquiry.next_attempt_after, slot, inquiry.unanswered_at)
