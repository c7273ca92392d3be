"""From one status of a placement request to another (docs/api.md#states-of-a-placement-request), and of a contact plan.

Nobody else assigns a status or a hold. A function sets everything that belongs to its transition; its
caller holds the request's lock and its patient's, writes the audit log and publishes the change.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from matching_service.settings import AskAgainRules
from matching_service.store.tables import ContactPlan, PlacementRequest
from shared.values.contact_plan_enums import ContactPlanStatus
from shared.values.datetimes import berlin_day
from shared.values.enums import (
    PatientStatus,
    RequestHold,
    RequestOutcome,
    RequestStatus,
    RequestWait,
    WithdrawalReason,
)
from shared.values.placement_enums import PlacementFailure
from shared.values.transitions import check_transition

S = RequestStatus

ANSWERED: Final = frozenset({S.ACCEPTED, S.DEFERRED, S.DECLINED})
"""Where answers lead."""
PLACES: Final = frozenset({S.PLACED, S.FAILED})
"""The patient has taken up the place, though it may have failed since."""
CLOSED: Final = frozenset({S.DECLINED, S.FAILED, S.PLACED})
"""The therapist may have been asked anew since, as after a refusal, or a therapy that has ended."""
ALLOWED: Final[dict[RequestStatus, frozenset[RequestStatus]]] = {
    # a call may say of a request that it was not discussed before anything says that it was in an inquiry
    S.OPEN: ANSWERED | {S.OPEN, S.QUEUED, S.CONTACTED, S.NO_ANSWER, S.WITHDRAWN},
    S.QUEUED: ANSWERED | {S.OPEN, S.CONTACTED, S.NO_ANSWER, S.WITHDRAWN},
    S.CONTACTED: ANSWERED | {S.OPEN, S.NO_ANSWER, S.WITHDRAWN},
    S.DEFERRED: ANSWERED | {S.OPEN, S.WITHDRAWN},
    S.NO_ANSWER: ANSWERED | {S.OPEN, S.WITHDRAWN},
    S.ACCEPTED: frozenset({S.PLACED, S.WITHDRAWN}),
    S.PLACED: frozenset({S.FAILED}),
    S.DECLINED: frozenset(),
    S.WITHDRAWN: frozenset(),
    S.FAILED: frozenset(),
}


def _that_can_become(status: RequestStatus) -> frozenset[RequestStatus]:
    return frozenset(before for before, after in ALLOWED.items() if status in after)


NOT_GONE_OUT: Final = frozenset({S.OPEN, S.QUEUED})
HOLDABLE: Final = NOT_GONE_OUT | {S.DEFERRED}
"""A deferred request would go out again by itself, so it is held as well."""
ASKED_FOR: Final = NOT_GONE_OUT | {S.CONTACTED}
"""What a contact is to bring an answer for, or has been asked and waits for it."""
TAKES_AN_ANSWER: Final = _that_can_become(S.DECLINED)
"""Practices also call back before we reach them."""
WITHDRAWABLE: Final = _that_can_become(S.WITHDRAWN)
LOST_WITH_THE_THERAPIST: Final = HOLDABLE
"""What has gone out to a practice that is now blocked or inactive may still be answered."""

BY_PROGRESS: Final = (S.OPEN, S.QUEUED, S.CONTACTED, S.NO_ANSWER, S.DEFERRED, S.ACCEPTED, S.PLACED)
"""Live requests from the one that has come least far to the one that has come farthest."""
TAKES_UP_A_PLACE: Final = frozenset({PatientStatus.SEARCHING, PatientStatus.PAUSED, PatientStatus.IN_THERAPY})
"""As in the patient service: a placement ends a pause, and staff may have noted the therapy before the place."""
SEARCH_ENDED: Final = frozenset(
    {
        PatientStatus.OPEN,
        PatientStatus.SEARCH_ABORTED,
        PatientStatus.THERAPY_COMPLETED,
        PatientStatus.THERAPY_ABORTED,
    }
)

_WAITS_FOR: Final[dict[S, RequestWait]] = {
    S.OPEN: RequestWait.INQUIRY,
    S.QUEUED: RequestWait.CONTACT,
    S.CONTACTED: RequestWait.ANSWER,
    S.ACCEPTED: RequestWait.PLACEMENT,
    S.DEFERRED: RequestWait.NEXT_CONTACT,
    S.NO_ANSWER: RequestWait.DECISION,
}


def approve(request: PlacementRequest) -> None:
    """A new request is open: approved, in no contact."""
    request.status = S.OPEN


def approve_again(request: PlacementRequest, *, now: datetime) -> None:
    """no answer → open: staff approved anew that the practice is asked."""
    _enter(request, S.OPEN, now)


def queue(request: PlacementRequest, *, now: datetime) -> None:
    """open → queued: the request is part of an inquiry that has not gone out."""
    _enter(request, S.QUEUED, now)


def leave_queue(request: PlacementRequest, *, now: datetime) -> None:
    """queued → open: the inquiry was dissolved."""
    _enter(request, S.OPEN, now)


def mark_contacted(request: PlacementRequest, *, now: datetime) -> None:
    """open or queued → contacted: the practice was written to or called."""
    _enter(request, S.CONTACTED, now)


def give_up(request: PlacementRequest, *, at: datetime, rules: AskAgainRules, now: datetime) -> None:
    """open, queued or contacted → no answer: nobody was reached in all the attempts there are, of which `at` ended."""
    _enter(request, S.NO_ANSWER, now)
    request.next_contact_after = berlin_day(at) + timedelta(days=rules.days_after_no_answer)


def take_answer(
    request: PlacementRequest,
    outcome: RequestOutcome,
    available_from: date | None,
    *,
    at: datetime,
    rules: AskAgainRules,
    now: datetime,
) -> None:
    """A status that takes an answer → accepted, deferred or declined."""
    _enter(request, status_after(outcome), now)
    request.outcome, request.available_from, request.hold = outcome, available_from, None
    request.responded_at = latest(request.responded_at, at)
    if outcome == RequestOutcome.LATER:
        request.next_contact_after = next_contact_after(berlin_day(at), available_from, rules)


def reopen(request: PlacementRequest, *, now: datetime) -> None:
    """Deferred, or asked for → open: the practice is to be asked again."""
    _enter(request, S.OPEN, now)


def place(request: PlacementRequest, *, first_session_on: date | None, placed_on: date, now: datetime) -> None:
    """accepted → placed: the patient takes up the place."""
    _enter(request, S.PLACED, now)
    request.placed_on, request.first_session_on = placed_on, first_session_on


def confirm_place(request: PlacementRequest, *, confirmed_on: date, now: datetime) -> None:
    """placed → placed: the place works."""
    request.confirmed_on, request.updated_at = confirmed_on, now


def end_place(request: PlacementRequest, *, now: datetime) -> None:
    """placed → placed: the therapy is over."""
    request.place_ended_at = request.updated_at = now


def fail_place(
    request: PlacementRequest,
    *,
    failed_on: date,
    reason: PlacementFailure | None = None,
    sessions_held: int | None = None,
    now: datetime,
) -> None:
    """placed → failed: the patient is back in the search."""
    _enter(request, S.FAILED, now)
    request.failed_on, request.failure_reason, request.sessions_held = failed_on, reason, sessions_held


def withdraw(request: PlacementRequest, reason: WithdrawalReason, *, now: datetime) -> None:
    """Anything that is not over → withdrawn."""
    _enter(request, S.WITHDRAWN, now)
    request.withdrawn_reason = reason


def correct_answer(
    request: PlacementRequest,
    outcome: RequestOutcome,
    available_from: date | None,
    *,
    rules: AskAgainRules,
    now: datetime,
) -> None:
    """Let the answer have been another one, at the time at which it was given; a place that followed was none.

    A request that was withdrawn since stays so.
    """
    if request.status != S.WITHDRAWN:
        _go_back(request, status_after(outcome), now)
    request.outcome = outcome
    correct_day(request, available_from, rules=rules, now=now)


def correct_day(request: PlacementRequest, available_from: date | None, *, rules: AskAgainRules, now: datetime) -> None:
    """Let the place that the answer speaks of be there from another day; one that said "later" is asked at its time."""
    request.available_from, request.updated_at = available_from, now
    if request.status == S.DEFERRED and request.responded_at is not None:
        answered_on = berlin_day(request.responded_at)
        request.next_contact_after = next_contact_after(answered_on, available_from, rules)


def take_answer_back(
    request: PlacementRequest,
    before: RequestStatus,
    *,
    outcome: RequestOutcome | None,
    available_from: date | None,
    responded_at: datetime | None,
    unanswered_on: date | None,
    rules: AskAgainRules,
    now: datetime,
) -> None:
    """Let the request stand as before its answer, with the answer that counted then, if one did.

    One that was withdrawn, or asked again, since stays so.
    """
    request.outcome, request.available_from, request.responded_at = outcome, available_from, responded_at
    if request.status in ANSWERED | PLACES:
        restore(request, before, unanswered_on=unanswered_on, rules=rules, now=now)
    request.updated_at = now


def restore(
    request: PlacementRequest,
    before: RequestStatus,
    *,
    unanswered_on: date | None,
    rules: AskAgainRules,
    now: datetime,
) -> None:
    """Let the request stand as it did before something that was a mistake."""
    _go_back(request, before, now)
    if before == S.DEFERRED and request.responded_at is not None:
        answered_on = berlin_day(request.responded_at)
        request.next_contact_after = next_contact_after(answered_on, request.available_from, rules)
    elif before == S.NO_ANSWER:
        last = unanswered_on or berlin_day(now)
        request.next_contact_after = last + timedelta(days=rules.days_after_no_answer)


def _go_back(request: PlacementRequest, to: RequestStatus, now: datetime) -> None:
    """Enter a status against the direction of `ALLOWED`: only what was recorded by mistake is taken back so."""
    request.status, request.updated_at, request.next_contact_after = to, now, None
    request.withdrawn_reason = None
    request.placed_on = request.first_session_on = request.confirmed_on = request.place_ended_at = None
    request.failed_on = request.failure_reason = request.sessions_held = None
    request.days_until_placed = request.days_paused = None
    if to not in HOLDABLE:
        request.hold = None


def set_hold(request: PlacementRequest, hold: RequestHold | None, *, now: datetime) -> None:
    """Let the request wait, for another reason than before, or not any more."""
    request.hold, request.updated_at = hold, now


def _enter(request: PlacementRequest, to: RequestStatus, now: datetime) -> None:
    check_transition(ALLOWED, request.status, to)
    request.status, request.updated_at, request.next_contact_after = to, now, None
    if to not in HOLDABLE:
        request.hold = None


def status_after(outcome: RequestOutcome) -> RequestStatus:
    """Where an answer leads."""
    if outcome == RequestOutcome.ACCEPTED:
        return S.ACCEPTED
    return S.DEFERRED if outcome == RequestOutcome.LATER else S.DECLINED


def next_contact_after(answered_on: date, available_from: date | None, rules: AskAgainRules) -> date:
    """When who said "later" is asked again: `days_before_named_date` before it (docs/domain.md#contact-rule-8).

    Where that is past or too soon, `days_at_least` after the answer, but not after the date named, if that is to come.
    Without a date, `days_without_a_date` after the answer.
    """
    if available_from is None:
        return answered_on + timedelta(days=rules.days_without_a_date)
    soonest = answered_on + timedelta(days=rules.days_at_least)
    if available_from > answered_on:
        soonest = min(soonest, available_from)
    return max(available_from - timedelta(days=rules.days_before_named_date), soonest)


def hold_for(status: str, patient_status: str | None, *, accepted_elsewhere: bool) -> RequestHold | None:
    """Why a request waits, if it does: a place offered elsewhere, or a pause (docs/domain.md#contact-rule-9)."""
    if status not in HOLDABLE:
        return None
    if accepted_elsewhere:
        return RequestHold.ACCEPTED_ELSEWHERE
    return RequestHold.SEARCH_PAUSED if patient_status == PatientStatus.PAUSED else None


def waits(
    status: RequestStatus, hold: RequestHold | None, next_contact_after: date | None
) -> tuple[RequestWait | None, date | None]:
    """What a request waits for, and the last day on which it does where that is known; None where it is over."""
    if hold is not None:
        return RequestWait(hold), None
    until = None if next_contact_after is None else next_contact_after - timedelta(days=1)
    return _WAITS_FOR.get(status), until


def ends_all_requests(before: str, after: str) -> bool:
    """Whether this step of a search ends every request made until then (docs/domain.md#contact-rule-9).

    Also the step from a therapy back to the search: the therapy had ended what was asked before.
    """
    return after in SEARCH_ENDED or (before == PatientStatus.IN_THERAPY and after != PatientStatus.IN_THERAPY)


def is_late(
    inquiry_id: UUID | None, event_time: datetime, *, present_inquiry_id: UUID | None, inquiry_at: datetime | None
) -> bool:
    """Whether an event of an inquiry is older than what is known of another inquiry already.

    Events of different inquiries come in any order; `event_time` is when they happened.
    """
    if inquiry_id is None or inquiry_id == present_inquiry_id or inquiry_at is None:
        return False
    return event_time < inquiry_at


def latest(one: datetime | None, other: datetime) -> datetime:
    """The later of an instant that may not be known yet and another."""
    return other if one is None else max(one, other)


P = ContactPlanStatus

PLANS: Final[dict[ContactPlanStatus, frozenset[ContactPlanStatus]]] = {
    P.WAITING: frozenset({P.COMPUTING, P.CANCELLED}),
    # again computing: who computed it has not said anything for too long
    P.COMPUTING: frozenset({P.WAITING, P.COMPUTING, P.PROPOSED, P.CANCELLED, P.FAILED}),
    P.PROPOSED: frozenset({P.APPROVING, P.SUPERSEDED, P.CANCELLED}),
    P.APPROVING: frozenset({P.APPROVED}),
    P.APPROVED: frozenset(),
    P.SUPERSEDED: frozenset(),
    P.CANCELLED: frozenset(),
    P.FAILED: frozenset(),
}
PLAN_BEING_MADE: Final = frozenset({P.WAITING, P.COMPUTING})


def begin_plan(plan: ContactPlan) -> None:
    """A new plan waits for its turn to be computed."""
    plan.status = P.WAITING


def compute_plan(plan: ContactPlan, claim: UUID, *, until: datetime, now: datetime) -> None:
    """Waiting or computing → computing: who has this claim computes it, until then or longer."""
    _enter_plan(plan, P.COMPUTING, now)
    plan.claim, plan.claimed_until = claim, until
    plan.attempts, plan.patients_done = plan.attempts + 1, 0


def compute_plan_anew(plan: ContactPlan, *, now: datetime) -> None:
    """Computing → waiting: what it is computed from is not true any more."""
    _enter_plan(plan, P.WAITING, now)
    plan.attempts = 0


def propose_plan(plan: ContactPlan, *, now: datetime) -> None:
    """Computing → proposed: staff can look at it."""
    _enter_plan(plan, P.PROPOSED, now)
    plan.proposed_at = now


def fail_plan(plan: ContactPlan, *, now: datetime) -> None:
    """Computing → failed: it could not be computed, several times."""
    _enter_plan(plan, P.FAILED, now)


def supersede_plan(plan: ContactPlan, *, now: datetime) -> None:
    """Proposed → superseded: another plan was approved, of whose requests this one does not know."""
    _enter_plan(plan, P.SUPERSEDED, now)


def cancel_plan(plan: ContactPlan, *, now: datetime) -> None:
    """Not approved yet → cancelled: nobody is asked, and who computes it finds that it is not theirs any more."""
    _enter_plan(plan, P.CANCELLED, now)


def approve_plan(plan: ContactPlan, *, by: UUID | None, now: datetime) -> None:
    """Proposed → approving: its requests are to be made."""
    _enter_plan(plan, P.APPROVING, now)
    plan.approved_by, plan.approved_at, plan.patients_done = by, now, 0


def complete_plan(plan: ContactPlan, *, now: datetime) -> None:
    """Approving → approved: of each request it is known what became of it."""
    _enter_plan(plan, P.APPROVED, now)


def _enter_plan(plan: ContactPlan, to: ContactPlanStatus, now: datetime) -> None:
    check_transition(PLANS, plan.status, to)
    plan.status, plan.updated_at = to, now
    plan.finished_at = None if PLANS[to] else now
    plan.claim = plan.claimed_until = None
