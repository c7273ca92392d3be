"""From one status of a placement request to another: plain functions (docs/api.md#states-of-a-placement-request)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from matching_service.settings import AskAgainRules
from shared.values.enums import PatientStatus, RequestHold, RequestOutcome, RequestStatus, RequestWait

S = RequestStatus

NOT_GONE_OUT: Final = frozenset({S.OPEN, S.QUEUED})
HOLDABLE: Final = NOT_GONE_OUT | {S.DEFERRED}
"""A deferred request would go out again by itself, so it is held as well."""
ASKED_FOR: Final = NOT_GONE_OUT | {S.CONTACTED}
"""What a contact is to bring an answer for, or has been asked and waits for it."""
TAKES_AN_ANSWER: Final = frozenset({S.OPEN, S.QUEUED, S.CONTACTED, S.DEFERRED, S.NO_ANSWER})
"""Practices also call back before we reach them."""
WITHDRAWABLE: Final = TAKES_AN_ANSWER | {S.ACCEPTED}
LOST_WITH_THE_THERAPIST: Final = HOLDABLE
"""What has gone out to a practice that is now blocked or inactive may still be answered."""

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


def is_old_news(
    inquiry_id: UUID | None, told_at: datetime, *, present_inquiry_id: UUID | None, inquiry_at: datetime | None
) -> bool:
    """Whether news of a contact are older than those of another contact that are known already.

    Events of different contacts come in any order; `told_at` is when they happened.
    """
    if inquiry_id is None or inquiry_id == present_inquiry_id or inquiry_at is None:
        return False
    return told_at < inquiry_at


def latest(one: datetime | None, other: datetime) -> datetime:
    """The later of an instant that may not be known yet and another."""
    return other if one is None else max(one, other)
