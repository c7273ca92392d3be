"""A contact's letter or call: written or planned, changed with what it carries, cancelled when nothing is left."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from communication_service.domain import copies, gates, letters
from communication_service.domain.calendar import Opening
from communication_service.domain.channels import Way
from communication_service.settings import ContactRules
from communication_service.store import queries
from communication_service.store.tables import Email, Inquiry, Patient, PhoneCall, Therapist
from shared.database import Session, new_id
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
        email = _new_email(inquiry, rules, now)
    fields: dict[str, Any] = {
        # checked by `Reachability`: without an address the way would be another
        "recipient": therapist.email or "",
        "recipient_key": therapist.email_key or "",
        "subject": letter.subject,
        "body_text": letter.text,
        "body_html": letter.html,
        "placement_request_ids": list(inquiry.placement_request_ids),
    }
    waits_for, waits_until = way.waits_for, None
    if waits_for is None:
        closed = gates.closed(session, therapist.id, fields["recipient_key"], today=berlin_day(now))
        if closed is not None:
            waits_for, waits_until = closed.waits_for, closed.waits_until
        elif not is_first_letter:
            waits_for = "earlier_inquiry"
    fields |= {
        "status": "approved" if waits_for is None else "waiting",
        "waits_for": waits_for,
        "waits_until": waits_until,
    }
    changed = {name: value for name, value in fields.items() if getattr(email, name) != value}
    for name, value in changed.items():
        setattr(email, name, value)
    if changed:
        email.updated_at = now
    if "recipient_key" in changed:
        email.not_before, email.refusals, email.troubles_begun = None, 0, 0  # that was about another address
    session.add(email)
    inquiry.waits_for, inquiry.waits_until = waits_for, waits_until


def _new_email(inquiry: Inquiry, rules: ContactRules, now: datetime) -> Email:
    identity = new_id()
    return Email(
        id=identity,
        created_at=now,
        updated_at=now,
        version=1,
        kind="inquiry",
        therapist_id=inquiry.therapist_id,
        inquiry_id=inquiry.id,
        message_id=f"<{identity}@{rules.sender.domain}>",
        attempts=0,
        refusals=0,
        troubles_begun=0,
        correlation_id=inquiry.correlation_id,
    )


def cancel_letter(session: Session, inquiry: Inquiry, *, now: datetime) -> None:
    """Never send the letter that this inquiry has not sent yet, if there is one."""
    email = queries.unsent_email(session, inquiry.id)
    if email is not None:
        email.status, email.waits_for, email.waits_until, email.updated_at = "cancelled", None, None, now
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
        call = PhoneCall(
            id=new_id(),
            created_at=now,
            version=1,
            therapist_id=inquiry.therapist_id,
            inquiry_id=inquiry.id,
            placement_request_ids=list(inquiry.placement_request_ids),
            line=UUID(int=0),
            direction="outbound",
            status="planned",
            attempt=attempt,
        )
        session.add(call)
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
        call.status, call.updated_at = "cancelled", now
        session.flush()
