"""Every transition from one status to another, of e-mails, inquiries and requests (docs/api.md#states).

A transition is one function: it refuses where the table of its kind does not allow it, and sets everything that belongs
to it. Nobody else assigns a status (tests/architecture/test_states.py), also not in an UPDATE. The functions change one
row each; what follows for other rows, their callers do.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Protocol, TypeVar
from uuid import UUID

from communication_service.store.tables import ContactRequest, Email, Inquiry
from shared.database import first_version, new_id
from shared.errors import Conflict
from shared.values.enums import ContactRequestStatus, EmailKind, EmailStatus, InquiryStatus
from shared.values.transitions import check_transition

Status = TypeVar("Status", bound=StrEnum)
Transitions = Mapping[Status, frozenset[Status]]
"""Where each status may lead; to itself where only what belongs to it changes."""


class _HasStatus(Protocol):
    status: Any


def enter(row: _HasStatus, to: Status, allowed: Transitions[Status]) -> None:
    """Let the row have this status, where its table allows that; for modules of states alone. Raises `Conflict`."""
    check_transition(allowed, row.status, to)
    row.status = to


# E-mails

_UNSENT: Final = frozenset({EmailStatus.DRAFT, EmailStatus.WAITING, EmailStatus.APPROVED, EmailStatus.CANCELLED})
EMAILS: Final[Transitions[EmailStatus]] = {
    EmailStatus.DRAFT: _UNSENT,
    EmailStatus.WAITING: _UNSENT,
    EmailStatus.APPROVED: _UNSENT | {EmailStatus.SENDING},
    EmailStatus.SENDING: frozenset({EmailStatus.APPROVED, EmailStatus.SENT, EmailStatus.IN_DOUBT, EmailStatus.FAILED}),
    EmailStatus.SENT: frozenset({EmailStatus.BOUNCED}),
    EmailStatus.IN_DOUBT: frozenset({EmailStatus.IN_DOUBT, EmailStatus.APPROVED, EmailStatus.SENT, EmailStatus.FAILED}),
    EmailStatus.FAILED: frozenset({EmailStatus.APPROVED}),
    EmailStatus.BOUNCED: frozenset(),
    EmailStatus.CANCELLED: frozenset(),
}
"""Where an e-mail may go from each status."""
CLAIMED: Final = frozenset({EmailStatus.SENDING, EmailStatus.IN_DOUBT})
"""Handed over, perhaps; what became of it is not recorded."""


def new_inquiry_email(inquiry: Inquiry, *, message_id_domain: str, now: datetime) -> Email:
    """Make the e-mail of an inquiry, approved; the caller writes its text and adds it to the session."""
    email = new_email(EmailKind.INQUIRY, inquiry.therapist_id, message_id_domain=message_id_domain, by=None, now=now)
    email.inquiry_id, email.correlation_id = inquiry.id, inquiry.correlation_id
    return email


def new_email(
    kind: EmailKind,
    therapist_id: UUID | None,
    *,
    message_id_domain: str,
    is_draft: bool = False,
    by: UUID | None,
    now: datetime,
) -> Email:
    """Make an e-mail, approved or a draft by hand; the caller writes its text and adds it."""
    identity = new_id()
    return Email(
        id=identity,
        **first_version(by=by, now=now),
        kind=kind,
        status=EmailStatus.DRAFT if is_draft else EmailStatus.APPROVED,
        therapist_id=therapist_id,
        message_id=f"<{identity}@{message_id_domain}>",
        attempts=0,
        deferrals=0,
        troubles_begun=0,
        written_by_staff=is_draft,
    )


def new_patient_notice(patient_id: UUID, *, message_id_domain: str, now: datetime) -> Email:
    """Make an e-mail to a patient, approved; its address is asked for as it goes, and kept nowhere."""
    email = new_email(EmailKind.PATIENT_NOTICE, None, message_id_domain=message_id_domain, by=None, now=now)
    email.patient_id, email.recipient, email.recipient_key, email.placement_request_ids = patient_id, "", "", []
    return email


def approve_email(email: Email, *, now: datetime) -> None:
    """Let the e-mail go at its turn."""
    if email.status != EmailStatus.APPROVED:
        enter(email, EmailStatus.APPROVED, EMAILS)
        email.waits_for, email.waits_until, email.updated_at = None, None, now


def draft_email(email: Email, *, now: datetime) -> None:
    """Let the e-mail wait until somebody approves it."""
    email.approved_at = email.approved_by = None
    if email.status != EmailStatus.DRAFT:
        enter(email, EmailStatus.DRAFT, EMAILS)
        email.waits_for, email.waits_until, email.updated_at = None, None, now


def hold_email(email: Email, *, waits_for: str, waits_until: date | None, now: datetime) -> None:
    """Let the e-mail wait for something, until a day where one is known."""
    if (email.status, email.waits_for, email.waits_until) != (EmailStatus.WAITING, waits_for, waits_until):
        enter(email, EmailStatus.WAITING, EMAILS)
        email.waits_for, email.waits_until, email.updated_at = waits_for, waits_until, now


def cancel_email(email: Email, *, now: datetime) -> None:
    """Never send the e-mail: nothing is left to say in it."""
    enter(email, EmailStatus.CANCELLED, EMAILS)
    email.waits_for, email.waits_until, email.updated_at = None, None, now


def may_go(email: Email, *, now: datetime) -> bool:
    """Whether the e-mail is approved, and is not kept back until later."""
    return email.status == EmailStatus.APPROVED and (email.not_before is None or email.not_before <= now)


def claim_email(email: Email, *, lease: timedelta, now: datetime) -> None:
    """From here on the e-mail is never sent again by itself, unless it is certain that it did not go."""
    enter(email, EmailStatus.SENDING, EMAILS)
    email.attempts += 1
    email.claimed_at, email.claimed_until, email.updated_at = now, now + lease, now


def record_email_sent(email: Email, *, sent_at: datetime, now: datetime) -> None:
    """The mail server took the e-mail at `sent_at`."""
    enter(email, EmailStatus.SENT, EMAILS)
    email.sent_at, email.error, email.updated_at = sent_at, None, now
    email.claimed_until = email.not_before = None


def bounce_email(email: Email, *, detail: str, now: datetime) -> None:
    """The mail server took the e-mail, and it did not arrive."""
    enter(email, EmailStatus.BOUNCED, EMAILS)
    email.error, email.updated_at = detail, now


def retry_email(email: Email, *, detail: str, not_before: datetime | None, now: datetime) -> None:
    """The e-mail certainly did not go, and goes again: at `not_before`, or at its turn."""
    enter(email, EmailStatus.APPROVED, EMAILS)
    email.error, email.updated_at = detail, now
    email.not_before, email.claimed_until = not_before, None


def fail_email(email: Email, *, detail: str | None, now: datetime) -> None:
    """The e-mail certainly did not go, and does not go again."""
    enter(email, EmailStatus.FAILED, EMAILS)
    email.error, email.updated_at, email.claimed_until = detail, now, None


def require_in_doubt(email: Email) -> None:
    """Raise `Conflict` unless nobody knows what became of the e-mail."""
    if email.status != EmailStatus.IN_DOUBT:
        raise Conflict("email.not_in_doubt")


def doubt_email(email: Email, *, detail: str, now: datetime) -> None:
    """Nobody knows whether the e-mail went: it counts as sent until staff find out."""
    enter(email, EmailStatus.IN_DOUBT, EMAILS)
    email.error, email.updated_at = detail, now


# Inquiries

INQUIRIES: Final[Transitions[InquiryStatus]] = {
    InquiryStatus.OPEN: frozenset(
        {
            InquiryStatus.OPEN,
            InquiryStatus.UNDER_WAY,
            InquiryStatus.GONE_OUT,
            InquiryStatus.NO_ANSWER,
            InquiryStatus.DISSOLVED,
        }
    ),
    InquiryStatus.UNDER_WAY: frozenset({InquiryStatus.OPEN, InquiryStatus.GONE_OUT}),
    InquiryStatus.GONE_OUT: frozenset(),
    InquiryStatus.NO_ANSWER: frozenset(),
    InquiryStatus.DISSOLVED: frozenset(),
}


def new_inquiry(therapist_id: UUID, *, channel: str, correlation_id: str | None, now: datetime) -> Inquiry:
    """Make a contact with a practice that carries nothing yet; it is open."""
    return Inquiry(
        id=new_id(),
        **first_version(by=None, now=now),
        therapist_id=therapist_id,
        channel=channel,
        status=InquiryStatus.OPEN,
        placement_request_ids=[],
        attempts=0,
        correlation_id=correlation_id,
    )


def begin_inquiry(inquiry: Inquiry) -> None:
    """Its e-mail is being sent."""
    enter(inquiry, InquiryStatus.UNDER_WAY, INQUIRIES)


def reopen_inquiry(inquiry: Inquiry, *, now: datetime) -> None:
    """Its e-mail did not go: what it carries is computed anew."""
    enter(inquiry, InquiryStatus.OPEN, INQUIRIES)
    inquiry.waits_for, inquiry.waits_until, inquiry.updated_at = None, None, now


def record_inquiry_gone_out(inquiry: Inquiry, *, now: datetime) -> None:
    """Its e-mail was sent, or the practice was reached."""
    enter(inquiry, InquiryStatus.GONE_OUT, INQUIRIES)
    inquiry.waits_for, inquiry.waits_until, inquiry.updated_at = None, None, now


def record_inquiry_unanswered(inquiry: Inquiry) -> None:
    """All attempts to call are used up."""
    enter(inquiry, InquiryStatus.NO_ANSWER, INQUIRIES)
    inquiry.waits_for, inquiry.waits_until = None, None


def dissolve_inquiry(inquiry: Inquiry, *, now: datetime) -> None:
    """Nothing is left to ask."""
    enter(inquiry, InquiryStatus.DISSOLVED, INQUIRIES)
    inquiry.waits_for, inquiry.waits_until, inquiry.updated_at = None, None, now


# Placement requests, as far as contacting goes

_AFTER_NEWS: Final = frozenset(
    {
        ContactRequestStatus.WAITING,
        ContactRequestStatus.CONTACTED,
        ContactRequestStatus.ACCEPTED,
        ContactRequestStatus.OVER,
    }
)
"""Matching's events may come in any order, and what it says counts."""
PLACEMENT_REQUESTS: Final[Transitions[ContactRequestStatus]] = {
    **dict.fromkeys(ContactRequestStatus, _AFTER_NEWS),
    ContactRequestStatus.OVER: _AFTER_NEWS | {ContactRequestStatus.ANNOUNCED},
}
IN_CONTACT: Final = frozenset({ContactRequestStatus.WAITING, ContactRequestStatus.CONTACTED})
"""An answer ends these: the others are not asked for."""
HOLDABLE: Final = frozenset({ContactRequestStatus.ANNOUNCED, ContactRequestStatus.WAITING})
"""What has gone out is not held any more."""


def new_request(request_id: UUID, *, patient_id: UUID, therapist_id: UUID, correlation_id: str) -> ContactRequest:
    """Make the record of a request that an event speaks of, not approved yet as far as is known here."""
    return ContactRequest(
        id=request_id,
        patient_id=patient_id,
        therapist_id=therapist_id,
        status=ContactRequestStatus.ANNOUNCED,
        priority=0,
        by_phone=False,
        attempts=0,
        asked=False,
        answered=False,
        asked_sequence=0,
        hold_sequence=0,
        correlation_id=correlation_id,
    )


def ask(request: ContactRequest, *, now: datetime) -> None:
    """Let the request wait for its contact, or go on waiting; a new round begins with an e-mail."""
    if request.status == ContactRequestStatus.OVER:
        begin_new_round(request)
    wait(request, now=now)


def begin_new_round(request: ContactRequest) -> None:
    """Forget the e-mail of an earlier round."""
    request.by_phone, request.emailed_on = False, None


def wait(request: ContactRequest, *, now: datetime) -> None:
    """Let the request wait for its contact, in the round in which it is."""
    if request.status != ContactRequestStatus.WAITING:
        goes_on = request.status == ContactRequestStatus.ANNOUNCED
        enter(request, ContactRequestStatus.WAITING, PLACEMENT_REQUESTS)
        request.waiting_since, request.attempts = now, request.attempts if goes_on else 0
    request.due_at = now
    _forget_withdrawal(request)


def wait_for_call(request: ContactRequest, *, now: datetime) -> None:
    """Nobody answered the e-mail: the request waits for a call."""
    enter(request, ContactRequestStatus.WAITING, PLACEMENT_REQUESTS)
    request.waiting_since, request.by_phone, request.due_at = now, True, now


def wait_for_answer(request: ContactRequest, *, now: datetime) -> None:
    """The e-mail has gone out, as matching says too."""
    enter(request, ContactRequestStatus.CONTACTED, PLACEMENT_REQUESTS)
    _forget_withdrawal(request)
    _leave_at_next_computation(request, now=now)


def record_contact(request: ContactRequest, *, emailed_on: date | None = None, is_over: bool = False) -> None:
    """The contact of the request has taken place: it waits for the answer, or has one and `is_over`.

    A hold that came too late holds nothing; matching drops it too, without an event. A request that does not wait any
    more only leaves the contact.
    """
    request.inquiry_id = request.due_at = None
    if emailed_on is not None:
        request.emailed_on = emailed_on
    if request.status == ContactRequestStatus.WAITING:
        enter(request, ContactRequestStatus.OVER if is_over else ContactRequestStatus.CONTACTED, PLACEMENT_REQUESTS)
        request.hold = None


def give_up(request: ContactRequest) -> bool:
    """Nobody was reached in all attempts; False for a request that did not wait any more, which leaves its contact."""
    request.inquiry_id = request.due_at = None
    if request.status != ContactRequestStatus.WAITING:
        return False
    enter(request, ContactRequestStatus.OVER, PLACEMENT_REQUESTS)
    return True


def expect_to_be_asked(request: ContactRequest) -> None:
    """The last attempt was none: until matching asks again, the request keeps its round and what it counts."""
    enter(request, ContactRequestStatus.ANNOUNCED, PLACEMENT_REQUESTS)


def end(request: ContactRequest, *, now: datetime) -> None:
    """Do not ask for the request any more; what has not gone out is computed without it."""
    enter(request, ContactRequestStatus.OVER, PLACEMENT_REQUESTS)
    _leave_at_next_computation(request, now=now)


def accept(request: ContactRequest, *, now: datetime) -> None:
    """The practice offers a place: nobody is asked for this request while the offer stands."""
    enter(request, ContactRequestStatus.ACCEPTED, PLACEMENT_REQUESTS)
    request.corrected_at = None
    _forget_withdrawal(request)
    _leave_at_next_computation(request, now=now)


def _forget_withdrawal(request: ContactRequest) -> None:
    request.withdrawal_reason = None
    if request.corrected_at is None:
        request.withdrawal_due_at = None


def _leave_at_next_computation(request: ContactRequest, *, now: datetime) -> None:
    request.due_at = now if request.inquiry_id else None
