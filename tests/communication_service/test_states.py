"""Every step from status to status: the allowed ones set what belongs to them, all others are refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from communication_service.domain import call_states, states
from communication_service.store.tables import ContactRequest, Email, Inquiry, PhoneCall
from shared.errors import Conflict
from shared.values.enums import CallResult, CallStatus, ContactRequestStatus, EmailStatus, InquiryStatus
from shared.values.transitions import TransitionNotAllowed
from tests.builders.communication import a_practice_to_phone, a_request, a_therapist, composed
from tests.conftest import MONDAY

LEASE = timedelta(minutes=5)
Step = Callable[[Any], object]

EMAIL_STEPS: dict[EmailStatus, list[Step]] = {
    EmailStatus.APPROVED: [
        lambda e: states.approve_email(e, now=MONDAY),
        lambda e: states.retry_email(e, detail="later", not_before=None, now=MONDAY),
    ],
    EmailStatus.DRAFT: [lambda e: states.draft_email(e, now=MONDAY)],
    EmailStatus.WAITING: [lambda e: states.hold_email(e, waits_for="anything", waits_until=None, now=MONDAY)],
    EmailStatus.CANCELLED: [lambda e: states.cancel_email(e, now=MONDAY)],
    EmailStatus.SENDING: [lambda e: states.claim_email(e, lease=LEASE, now=MONDAY)],
    EmailStatus.SENT: [lambda e: states.record_email_sent(e, sent_at=MONDAY, now=MONDAY)],
    EmailStatus.FAILED: [lambda e: states.fail_email(e, detail="no", now=MONDAY)],
    EmailStatus.IN_DOUBT: [lambda e: states.doubt_email(e, detail="?", now=MONDAY)],
    EmailStatus.BOUNCED: [lambda e: states.bounce_email(e, detail="5.1.1", now=MONDAY)],
}
INQUIRY_STEPS: dict[InquiryStatus, list[Step]] = {
    InquiryStatus.OPEN: [lambda i: states.reopen_inquiry(i, now=MONDAY)],
    InquiryStatus.UNDER_WAY: [states.begin_inquiry],
    InquiryStatus.GONE_OUT: [lambda i: states.record_inquiry_gone_out(i, now=MONDAY)],
    InquiryStatus.NO_ANSWER: [states.record_inquiry_unanswered],
    InquiryStatus.DISSOLVED: [lambda i: states.dissolve_inquiry(i, now=MONDAY)],
}


def made(call: PhoneCall, result: CallResult) -> None:
    call_states.record_call_made(call, result=result, occurred_at=MONDAY, notes=[], by=None, now=MONDAY)


CALL_STEPS: dict[CallStatus, list[Step]] = {
    CallStatus.COMPLETED: [lambda c: made(c, CallResult.REACHED)],
    CallStatus.FAILED: [
        lambda c, result=result: made(c, result)  # type: ignore[misc]
        for result in CallResult
        if result != CallResult.REACHED
    ],
    CallStatus.CANCELLED: [lambda c: call_states.cancel_phone_call(c, now=MONDAY)],
}
REQUEST_STEPS: dict[ContactRequestStatus, list[Step]] = {
    ContactRequestStatus.ANNOUNCED: [states.expect_to_be_asked],
    ContactRequestStatus.WAITING: [
        lambda r: states.ask(r, now=MONDAY),
        lambda r: states.wait(r, now=MONDAY),
        lambda r: states.wait_for_call(r, now=MONDAY),
    ],
    ContactRequestStatus.CONTACTED: [lambda r: states.wait_for_answer(r, now=MONDAY)],
    ContactRequestStatus.ACCEPTED: [lambda r: states.accept(r, now=MONDAY)],
    ContactRequestStatus.OVER: [lambda r: states.end(r, now=MONDAY)],
}
MACHINES: dict[type[Any], tuple[Mapping[Any, frozenset[Any]], Mapping[Any, list[Step]]]] = {
    Email: (states.EMAILS, EMAIL_STEPS),
    Inquiry: (states.INQUIRIES, INQUIRY_STEPS),
    PhoneCall: (call_states.PHONE_CALLS, CALL_STEPS),
    ContactRequest: (states.PLACEMENT_REQUESTS, REQUEST_STEPS),
}

CASES = [
    pytest.param(table, before, after, step, id=f"{table.__name__}-{before}-{after}-{n}")
    for table, (allowed, steps) in MACHINES.items()
    for before in allowed
    for after, ways in steps.items()
    for n, step in enumerate(ways)
]


def a_row(table: type[Any], status: StrEnum) -> Any:
    """A row with this status, as far as the functions look; it is not stored."""
    counters = {name: 0 for name in ("attempts", "version") if hasattr(table, name)}
    return table(status=status, inquiry_id=UUID(int=1), **counters) if table is not Inquiry else table(status=status)


@pytest.mark.parametrize(("table", "before", "after", "step"), CASES)
def test_a_step_is_taken_where_the_table_allows_it_and_refused_elsewhere(
    table: type[Any], before: StrEnum, after: StrEnum, step: Step
) -> None:
    row = a_row(table, before)
    allowed = MACHINES[table][0]
    if after in allowed[before]:
        step(row)
        assert row.status == after
    else:
        with pytest.raises(TransitionNotAllowed):
            step(row)
        assert row.status == before


@pytest.mark.parametrize("table", MACHINES)
def test_every_status_is_in_the_table_and_is_reached_by_a_step_or_has_its_issue(table: type[Any]) -> None:
    allowed, steps = MACHINES[table]
    kind: type[StrEnum] = next(type(status) for status in allowed)
    assert set(allowed) == set(kind)
    first = {EmailStatus.APPROVED, InquiryStatus.OPEN, CallStatus.PLANNED, ContactRequestStatus.ANNOUNCED}
    assert set(kind) - set(steps) <= first
    assert {to for after in allowed.values() for to in after} == set(steps)


def test_a_request_that_does_not_wait_any_more_only_leaves_its_contact() -> None:
    for status in set(ContactRequestStatus) - {ContactRequestStatus.WAITING}:
        request = a_row(ContactRequest, status)
        states.record_contact(request, emailed_on=date(2026, 11, 23))
        assert (request.status, request.inquiry_id) == (status, None)
        request = a_row(ContactRequest, status)
        assert not states.give_up(request)
        assert (request.status, request.inquiry_id) == (status, None)


@pytest.mark.parametrize(("is_over", "status"), [(True, "over"), (False, "contacted")])
def test_the_contact_of_a_request_that_waits_ends_the_hold_that_came_too_late(is_over: bool, status: str) -> None:
    request = a_row(ContactRequest, ContactRequestStatus.WAITING)
    request.hold = "search_paused"
    states.record_contact(request, is_over=is_over)
    assert (request.status, request.hold, request.inquiry_id, request.due_at) == (status, None, None, None)


def test_a_new_round_begins_with_an_email_and_counts_its_calls_anew() -> None:
    request = a_row(ContactRequest, ContactRequestStatus.OVER)
    request.by_phone, request.emailed_on, request.attempts = True, date(2026, 11, 1), 2
    states.ask(request, now=MONDAY)
    assert (request.by_phone, request.emailed_on, request.attempts) == (False, None, 0)
    assert (request.waiting_since, request.due_at) == (MONDAY, MONDAY)


def test_a_claim_sets_all_that_belongs_to_it_and_what_ends_it_takes_that_back() -> None:
    email = a_row(Email, EmailStatus.APPROVED)
    states.claim_email(email, lease=LEASE, now=MONDAY)
    assert (email.attempts, email.claimed_at, email.claimed_until) == (1, MONDAY, MONDAY + LEASE)
    states.doubt_email(email, detail="?", now=MONDAY)
    assert email.claimed_until == MONDAY + LEASE
    states.record_email_sent(email, sent_at=MONDAY, now=MONDAY)
    assert (email.claimed_until, email.sent_at, email.error) == (None, MONDAY, None)


def test_only_what_is_in_doubt_is_resolved_and_only_a_planned_call_is_made() -> None:
    for status in set(EmailStatus) - {EmailStatus.IN_DOUBT}:
        with pytest.raises(Conflict, match="not in doubt"):
            states.require_in_doubt(a_row(Email, status))
    for call_status in set(CallStatus) - {CallStatus.PLANNED}:
        with pytest.raises(Conflict, match="made or cancelled"):
            call_states.require_planned(a_row(PhoneCall, call_status))


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (Email, {"status": "posted"}),
        (Email, {"status": "waiting"}),  # nobody says what for
        (Email, {"status": "sending"}),  # nobody knows how long
        (Email, {"status": "sent"}),  # nobody knows when
        (Email, {"claimed_until": MONDAY}),  # nobody claimed it
        (Inquiry, {"status": "closed"}),
        (Inquiry, {"status": "gone_out", "waits_for": "anything"}),
        (Inquiry, {"waits_until": date(2026, 11, 29), "waits_for": None}),
        (PhoneCall, {"status": "missed"}),
        (PhoneCall, {"status": "completed"}),  # nobody says what came of it
        (PhoneCall, {"status": "failed", "result": "busy"}),  # nobody knows when
        (ContactRequest, {"status": "asked"}),
        (ContactRequest, {"waiting_since": None}),
    ],
)
def test_the_database_refuses_what_no_step_leads_to(
    table: type[Any], values: dict[str, object], session: Session, connection: object
) -> None:
    a_request(a_therapist())
    a_request(a_practice_to_phone())
    composed()
    row = session.scalars(select(table).order_by(table.id)).first()
    for name, value in values.items():
        setattr(row, name, value)
    with pytest.raises(IntegrityError), session.begin_nested():
        session.flush()
