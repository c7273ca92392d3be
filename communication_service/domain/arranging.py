"""A contact's letter or call: written or planned, changed with what it carries, cancelled when nothing is left."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from communication_service.domain import copies, gates, letters, states
from communication_service.domain.calendar import Opening
from communication_service.domain.channels import Way
from communication_service.domain.letters import Letter
from communication_service.settings import ContactRules
from communication_service.store import queries
from communication_service.store.tables import Email, Inquiry, Patient, PhoneCall, Therapist
from shared.database import Session
from shared.values.datetimes import berlin_day


def arrange(
    session: Session,
    inquiry: Inquiry,
    therapist: Therapist,
    patients: Sequence[Patient],
    *,
    way: Way,
    is_first: bool,
    attempt: int,
    rules: ContactRules,
    now: datetime,
) -> None:
    """Let the inquiry have the letter or the call that fits what it carries now, or say what it waits for.

    `is_first`: no other letter, or no other call, to this therapist comes before (docs/domain.md#contact-rule-6).
    `attempt` is the number that a call has.
    """
    if way.channel == "email":
        cancel_call(session, inquiry, now=now)
        _write(session, inquiry, therapist, patients, way, is_first_letter=is_first, rules=rules, now=now)
        return
    cancel_letter(session, inquiry, now=now)
    inquiry.waits_for, inquiry.waits_until = way.waits_for, None
    if inquiry.waits_for is None and not is_first:
        inquiry.waits_for = "earlier_inquiry"
    if inquiry.waits_for is not None:
        cancel_call(session, inquiry, now=now)
    else:
        _plan(session, inquiry, therapist, attempt=attempt, rules=rules, now=now)


# Letters


def _write(
    session: Session,
    inquiry: Inquiry,
    therapist: Therapist,
    patients: Sequence[Patient],
    way: Way,
    *,
    is_first_letter: bool,
    rules: ContactRules,
    now: datetime,
) -> None:
    letter = letters.inquiry(therapist, patients, sender=rules.sender)
    email = queries.unsent_email(session, inquiry.id)
    if email is None:
        email = states.new_email(inquiry, message_id_domain=rules.sender.domain, now=now)
    _fill(email, letter, therapist, inquiry.placement_request_ids, now)
    waits_for, waits_until = way.waits_for, None
    if waits_for is None:
        closed = gates.closed(session, therapist.id, email.recipient_key, today=berlin_day(now))
        if closed is not None:
            waits_for, waits_until = closed.waits_for, closed.waits_until
        elif not is_first_letter:
            waits_for = "earlier_inquiry"
    if waits_for is None:
        states.approve_email(email, now=now)
    else:
        states.hold_email(email, waits_for=waits_for, waits_until=waits_until, now=now)
    session.add(email)
    inquiry.waits_for, inquiry.waits_until = waits_for, waits_until


def _fill(email: Email, letter: Letter, therapist: Therapist, request_ids: list[UUID], now: datetime) -> None:
    """Let the letter say what it should; it is told apart from before, so that a look that changes nothing shows."""
    # checked by `Reachability`: without an address the way would be another
    recipient, recipient_key = therapist.email or "", therapist.email_key or ""
    if email.recipient_key != recipient_key:
        email.not_before, email.refusals, email.troubles_begun = None, 0, 0  # that was about another address
    before = _content(email)
    email.recipient, email.recipient_key = recipient, recipient_key
    email.subject, email.body_text, email.body_html = letter.subject, letter.text, letter.html
    email.placement_request_ids = list(request_ids)
    if _content(email) != before:
        email.updated_at = now


def _content(email: Email) -> tuple[object, ...]:
    address = (email.recipient, email.recipient_key)
    return (*address, email.subject, email.body_text, email.body_html, email.placement_request_ids)


def cancel_letter(session: Session, inquiry: Inquiry, *, now: datetime) -> None:
    """Never send the letter that this inquiry has not sent yet, if there is one."""
    email = queries.unsent_email(session, inquiry.id)
    if email is not None:
        states.cancel_email(email, now=now)
        session.flush()


# Calls


def opening(session: Session, therapist: Therapist) -> Opening | None:
    """When the practice can be phoned; None where its phone hours are unknown."""
    if not therapist.phone_hours:
        return None
    state = copies.federal_state(therapist, queries.place(session, therapist.id))
    return Opening(therapist.phone_hours, state, therapist.holidays)


def _plan(
    session: Session, inquiry: Inquiry, therapist: Therapist, *, attempt: int, rules: ContactRules, now: datetime
) -> None:
    """Plan a call, or move one that no longer fits the practice's hours or that nobody made on its day."""
    hours = opening(session, therapist)
    assert hours is not None  # the way says so
    call = queries.planned_call(session, inquiry.id)
    if call is not None:
        if call.placement_request_ids != inquiry.placement_request_ids:
            call.placement_request_ids, call.attempt = list(inquiry.placement_request_ids), attempt
            call.updated_at = now
        if _still_fits(call, inquiry, hours, now=now):
            return
    queries.lock_line(session)
    earliest = max(now, inquiry.next_attempt_after or now)
    session.flush()
    start = hours.next_free_slot(
        earliest=earliest,
        rules=rules,
        taken=lambda first, last: queries.taken_times(session, first, last),
    )
    if start is None:
        cancel_call(session, inquiry, now=now)
        inquiry.waits_for = "no_free_slot"
        return
    if call is None:
        call = states.new_phone_call(
            inquiry, attempt=attempt, starts_at=start, ends_at=start + rules.call_length, now=now
        )
        session.add(call)
    else:
        call.starts_at, call.ends_at, call.updated_at = start, start + rules.call_length, now
    session.flush()


def _still_fits(call: PhoneCall, inquiry: Inquiry, hours: Opening, *, now: datetime) -> bool:
    is_early = inquiry.next_attempt_after is not None and call.starts_at < inquiry.next_attempt_after
    is_past = berlin_day(call.starts_at) < berlin_day(now)
    return not is_early and not is_past and hours.allows(call.starts_at, call.ends_at)


def cancel_call(session: Session, inquiry: Inquiry, *, now: datetime) -> None:
    """Never make the call that is planned for this inquiry, if there is one."""
    call = queries.planned_call(session, inquiry.id)
    if call is not None:
        states.cancel_phone_call(call, now=now)
        session.flush()
