"""Named questions about plans of calls, and about what they are made from."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, Text, case, cast, delete, exists, func, or_, select, text
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session, aliased

from communication_service.store.call_plan_tables import NOT_OVER, CallPlan
from communication_service.store.call_queries import PLANNED_BY_US
from communication_service.store.tables import (
    ContactRequest,
    Inquiry,
    PatientPseudonym,
    PhoneCall,
    PhoneCaller,
    PracticeCopy,
    PracticePlace,
)
from shared.database import take_turn as take_turn_of
from shared.database.listing import Found, Listing
from shared.database.rows import find_row
from shared.values.lists import Part

PLANS: Final = Listing(
    sorts={"created_at": (CallPlan.id,)},
    default="-created_at",
    identity=CallPlan.id,
    counts={"state": CallPlan.state},
)


def one(session: Session, plan_id: UUID, *, lock: bool = False) -> CallPlan | None:
    """One plan."""
    return find_row(session, CallPlan, plan_id, lock=lock)


def plans(session: Session, part: Part, *, states: Collection[str]) -> Found[CallPlan]:
    """A part of the plans with one of these states; without states, all."""
    wanted = select(CallPlan)
    return PLANS.read(session, wanted.where(CallPlan.state.in_(states)) if states else wanted, part)


def take_turn(session: Session) -> None:
    """Wait until no other transaction begins or claims a plan."""
    take_turn_of(session, "communication_service: which plan of calls is next")


def not_over(session: Session) -> CallPlan | None:
    """The plan that waits or is computed, locked."""
    wanted = select(CallPlan).where(CallPlan.state.in_(NOT_OVER)).with_for_update()
    return session.scalar(wanted.execution_options(populate_existing=True))


def last_fingerprint(session: Session) -> str | None:
    """What the newest plan was made from that came to its end, or failed: it is not tried again by itself."""
    wanted = select(CallPlan.fingerprint).where(CallPlan.state.not_in(NOT_OVER), CallPlan.fingerprint.is_not(None))
    return session.scalar(wanted.order_by(CallPlan.id.desc()).limit(1))


def forget_before(session: Session, moment: datetime) -> None:
    """Remove plans that were over before then."""
    session.execute(delete(CallPlan).where(CallPlan.state.not_in(NOT_OVER), CallPlan.finished_at < moment))


# What plans are made from


def _wanted(*columns: Any) -> Select[Any]:
    """Contacts by phone that wait for nothing but a call. While an e-mail waits too, one depends on the other."""
    is_ready = or_(Inquiry.waits_for.is_(None), Inquiry.waits_for == "no_free_slot")
    letter = aliased(Inquiry)
    is_written_to = exists().where(
        letter.therapist_id == Inquiry.therapist_id, letter.status == "open", letter.channel == "email"
    )
    return (
        select(*columns)
        .join(PracticeCopy, PracticeCopy.id == Inquiry.therapist_id)
        .outerjoin(PracticePlace, PracticePlace.id == Inquiry.therapist_id)
        .outerjoin(PhoneCall, (PhoneCall.inquiry_id == Inquiry.id) & PLANNED_BY_US)
        .where(Inquiry.status == "open", Inquiry.channel == "phone", is_ready, ~is_written_to)
        .where(PracticeCopy.status == "active")
    )


def wanted(session: Session) -> Sequence[tuple[Inquiry, PhoneCall | None, PracticeCopy, PracticePlace | None]]:
    """Contacts by phone that wait for nothing but a call, with the call that is planned."""
    rows = session.execute(_wanted(Inquiry, PhoneCall, PracticeCopy, PracticePlace).order_by(Inquiry.id))
    return [(inquiry, call, therapist, place) for inquiry, call, therapist, place in rows]


def waiting_since(session: Session) -> dict[UUID, date]:
    """Since when the patient who has searched longest has done so, by contact."""
    started = func.min(PatientPseudonym.search_started_on)
    rows = session.execute(
        select(ContactRequest.inquiry_id, started)
        .join(PatientPseudonym, PatientPseudonym.id == ContactRequest.patient_id)
        .where(ContactRequest.inquiry_id.is_not(None), PatientPseudonym.search_started_on.is_not(None))
        .group_by(ContactRequest.inquiry_id)
    )
    return {inquiry_id: day for inquiry_id, day in rows if inquiry_id and day}


def planned_between(
    session: Session, start: datetime, end: datetime
) -> Sequence[tuple[UUID, UUID | None, datetime, datetime]]:
    """The calls of ours that are planned between two instants, with who makes them when."""
    columns = (PhoneCall.id, PhoneCall.caller_id, PhoneCall.starts_at, PhoneCall.ends_at)
    rows = session.execute(select(*columns).where(PLANNED_BY_US, PhoneCall.starts_at < end, PhoneCall.ends_at > start))
    return [(id, caller_id, starts, ends) for id, caller_id, starts, ends in rows]


def fingerprint(session: Session) -> str:
    """Another text whenever something is different that plans are made from, except where calls are planned.

    Where staff chose a time, that counts as well.
    """
    is_chosen = or_(PhoneCall.insisted, PhoneCall.chosen_by_staff)
    calls = _wanted(
        Inquiry.id.label("id"),
        _digest(
            *(Inquiry.id, Inquiry.next_attempt_after, Inquiry.unanswered_at, case((is_chosen, PhoneCall.starts_at))),
            *(case((is_chosen, PhoneCall.caller_id)), PracticeCopy.phone_hours, PracticeCopy.holidays),
            *(PracticeCopy.potentially_available, PracticePlace.federal_states),
        ).label("digest"),
    ).subquery()
    callers = select(
        PhoneCaller.id.label("id"), _digest(PhoneCaller.id, PhoneCaller.version).label("digest")
    ).subquery()
    parts = [
        session.scalar(select(func.md5(func.string_agg(each.c.digest, aggregate_order_by(text("''"), each.c.id)))))
        for each in (calls, callers)
    ]
    return "-".join(part or "" for part in parts)


def _digest(*columns: Any) -> Any:
    return func.md5(func.concat_ws("|", *(func.coalesce(cast(each, Text), "") for each in columns)))


def planned_calls(session: Session, ids: Collection[UUID]) -> dict[UUID, PhoneCall]:
    """These calls, locked as they are now, as far as they are planned and nobody else works on them."""
    found = session.scalars(
        select(PhoneCall)
        .where(PhoneCall.id.in_(list(ids)), PLANNED_BY_US)
        .order_by(PhoneCall.id)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return {call.id: call for call in found}


def compare_times_at_the_end(session: Session) -> None:
    """Let calls change places in this transaction: that no caller has two at once is checked when it ends."""
    session.execute(text("SET CONSTRAINTS ALL DEFERRED"))
