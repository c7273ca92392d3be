"""Phone calls."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import false, func, or_, select, tuple_
from sqlalchemy.orm import Session

from communication_service.store.tables import Inquiry, PhoneCall, PracticeCopy, WrongNumber
from shared.database.rows import find_row
from shared.values.weekly import Weekly

PLANNED_BY_US = (PhoneCall.status == "planned") & (PhoneCall.direction == "outbound")
MOST_CALLABLE = 200
"""So many calls are looked at: one of them can be made as a rule."""


def phone_call(session: Session, call_id: UUID, *, lock: bool = False) -> PhoneCall | None:
    """One call; with `lock`, as it is now."""
    return find_row(session, PhoneCall, call_id, lock=lock)


def planned_calls(session: Session, inquiry_ids: Iterable[UUID]) -> dict[UUID, PhoneCall]:
    """The call of each of these inquiries that has not been made, by inquiry, locked."""
    found = session.scalars(
        select(PhoneCall)
        .where(PhoneCall.inquiry_id.in_(list(inquiry_ids)), PhoneCall.status == "planned")
        .order_by(PhoneCall.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {call.inquiry_id: call for call in found if call.inquiry_id is not None}


def taken_times(
    session: Session, start: datetime, end: datetime, *, besides: PhoneCall | None = None
) -> list[tuple[UUID | None, datetime, datetime]]:
    """When calls are planned between two instants, and for whom; one may be left out."""
    rows = select(PhoneCall.caller_id, PhoneCall.starts_at, PhoneCall.ends_at).where(
        PLANNED_BY_US, PhoneCall.starts_at < end, PhoneCall.ends_at > start
    )
    if besides is not None:
        rows = rows.where(PhoneCall.id != besides.id)
    return [(caller_id, starts, ends) for caller_id, starts, ends in session.execute(rows)]


def planned_call(session: Session, call_id: UUID) -> PhoneCall | None:
    """One call that is to be made, locked as it is now; None where another transaction has it."""
    wanted = select(PhoneCall).where(PhoneCall.id == call_id, PLANNED_BY_US)
    return session.scalar(wanted.with_for_update(skip_locked=True).execution_options(populate_existing=True))


def planned_call_to(session: Session, therapist_id: UUID) -> PhoneCall | None:
    """The call to this practice that is to be made."""
    return session.scalar(select(PhoneCall).where(PhoneCall.therapist_id == therapist_id, PLANNED_BY_US))


def held_by(session: Session, account: UUID | None, *, now: datetime) -> Sequence[UUID]:
    """Calls that this account has claimed, the oldest claim first."""
    held = (PLANNED_BY_US, PhoneCall.claimed_by == account, PhoneCall.claimed_until > now)
    return [] if account is None else session.scalars(select(PhoneCall.id).where(*held).order_by(PhoneCall.id)).all()


def open_calls(
    session: Session, during: Weekly, *, by: UUID | None, caller_id: UUID | None, at: datetime
) -> Sequence[tuple[PhoneCall, PracticeCopy]]:
    """Calls to practices whose weekly phone hours include this time, which nobody else has claimed; the best first.

    The best are potentially available, then due, then those of this caller, then the earliest.
    """
    is_own = func.coalesce(PhoneCall.caller_id == caller_id, false())
    found = (
        select(PhoneCall, PracticeCopy)
        .join(PracticeCopy, PracticeCopy.id == PhoneCall.therapist_id)
        .join(Inquiry, Inquiry.id == PhoneCall.inquiry_id)
        .where(
            PLANNED_BY_US,
            PracticeCopy.status == "active",
            PracticeCopy.phone_hours.contains(during),
            or_(Inquiry.next_attempt_after.is_(None), Inquiry.next_attempt_after <= at),
            or_(PhoneCall.claimed_until.is_(None), PhoneCall.claimed_until <= at, PhoneCall.claimed_by == by),
            or_(PhoneCall.released_until.is_(None), PhoneCall.released_until <= at, PhoneCall.released_by != by),
        )
        .order_by(
            PracticeCopy.potentially_available.desc(),
            (PhoneCall.starts_at <= at).desc(),
            is_own.desc(),
            PhoneCall.starts_at,
            PhoneCall.id,
        )
        .limit(MOST_CALLABLE)
    )
    return [(call, therapist) for call, therapist in session.execute(found)]


def later_calls(session: Session, call: PhoneCall) -> Sequence[PhoneCall]:
    """Calls of the same inquiry that were planned after this one and not cancelled, the oldest first, locked."""
    planned = tuple_(PhoneCall.created_at, PhoneCall.id)
    return session.scalars(
        select(PhoneCall)
        .where(PhoneCall.inquiry_id == call.inquiry_id, planned > (call.created_at, call.id))
        .where(PhoneCall.status != "cancelled")
        .order_by(PhoneCall.created_at, PhoneCall.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def wrong_number(session: Session, therapist_id: UUID) -> WrongNumber | None:
    """What a call to this practice found out about its numbers."""
    return session.get(WrongNumber, therapist_id, populate_existing=True)


def wrong_numbers(session: Session, therapist_ids: Collection[UUID]) -> dict[UUID, WrongNumber]:
    """The same of several practices, by their ids."""
    found = select(WrongNumber).where(WrongNumber.therapist_id.in_(therapist_ids))
    return {each.therapist_id: each for each in session.scalars(found.execution_options(populate_existing=True))}


def save_wrong_number(session: Session, call: PhoneCall, therapist: PracticeCopy | None, *, now: datetime) -> None:
    """Keep the numbers that the practice has now, one of which was wrong."""
    session.merge(
        WrongNumber(
            therapist_id=call.therapist_id,
            phone=therapist.phone if therapist else None,
            mobile=therapist.mobile if therapist else None,
            phone_call_id=call.id,
            noted_at=now,
        )
    )
    session.flush()


def forget_wrong_number(session: Session, call: PhoneCall) -> None:
    """Let the practice's numbers count again that this call found to be wrong."""
    known = wrong_number(session, call.therapist_id)
    if known is not None and known.phone_call_id == call.id:
        session.delete(known)
        session.flush()
