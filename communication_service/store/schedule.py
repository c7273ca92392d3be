"""When each therapist is planned for again.

A request has an instant of its own (`due_at`). What concerns many requests is an entry of the schedule, which is only
added: a transaction that adds one waits for nobody who holds a request.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    delete,
    false,
    func,
    null,
    select,
    union,
    union_all,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from communication_service.store.request_queries import UNSENT
from communication_service.store.tables import ContactRequest, PracticeCopy, ScheduleEntry
from shared.database.sets import is_among


class Due(NamedTuple):
    """A therapist whose contacts are to be planned, and what caused the oldest of their requests."""

    therapist_id: UUID
    correlation_id: str | None


def due(session: Session, *, now: datetime, limit: int) -> list[Due]:
    """Therapists whose contacts are due to be planned; those who may have a place first, then the longest due."""
    entries = union_all(
        select(
            ContactRequest.therapist_id,
            ContactRequest.due_at,
            ContactRequest.correlation_id,
            ContactRequest.waiting_since.label("since"),
            ContactRequest.id,
        ).where(ContactRequest.due_at <= now),
        select(
            ScheduleEntry.therapist_id, ScheduleEntry.due_at, ScheduleEntry.correlation_id, null(), ScheduleEntry.id
        ).where(ScheduleEntry.due_at <= now),
    ).subquery()
    oldest_first = aggregate_order_by(entries.c.correlation_id, entries.c.since.asc().nulls_last(), entries.c.id)
    rows = (
        select(entries.c.therapist_id, func.array_agg(oldest_first)[1])
        .outerjoin(PracticeCopy, PracticeCopy.id == entries.c.therapist_id)
        .group_by(entries.c.therapist_id, PracticeCopy.potentially_available)
        .order_by(
            func.coalesce(PracticeCopy.potentially_available, false()).desc(),
            func.min(entries.c.due_at),
            entries.c.therapist_id,
        )
        .limit(limit)
    )
    return [Due(*row) for row in session.execute(rows)]


def still_due(session: Session, therapist_ids: Collection[UUID], *, now: datetime) -> set[UUID]:
    """Those of these therapists whose contacts are still to be planned."""
    found = (
        select(kind.therapist_id).where(kind.therapist_id.in_(therapist_ids), kind.due_at <= now)
        for kind in (ContactRequest, ScheduleEntry)
    )
    return set(session.scalars(union(*found)))


def add(session: Session, condition: ColumnElement[bool], *, at: datetime) -> None:
    """Let the contacts with the therapists of these unsent requests be planned at `at`, or sooner; waits for nobody."""
    oldest_first = aggregate_order_by(
        ContactRequest.correlation_id, ContactRequest.waiting_since.asc().nulls_last(), ContactRequest.id
    )
    found = session.execute(
        select(ContactRequest.therapist_id, func.array_agg(oldest_first)[1])
        .where(UNSENT, condition)
        .group_by(ContactRequest.therapist_id)
    )
    session.add_all(ScheduleEntry(therapist_id=one, due_at=at, correlation_id=cause) for one, cause in found)
    session.flush()


def clear(session: Session, therapist_ids: Collection[UUID]) -> None:
    """Remove the entries of therapists who are locked: what is read after this is as new as each of them."""
    gone = delete(ScheduleEntry).where(ScheduleEntry.therapist_id.in_(therapist_ids))
    session.execute(gone.execution_options(synchronize_session=False))


def postpone(session: Session, therapist_id: UUID, *, at: datetime) -> None:
    """Do not plan for a therapist before then."""
    clear(session, [therapist_id])
    scheduled = select(ContactRequest).where(
        ContactRequest.therapist_id == therapist_id, ContactRequest.due_at.is_not(None)
    )
    for request in session.scalars(scheduled.order_by(ContactRequest.id).with_for_update()):
        request.due_at = at


def to_therapists(ids: Iterable[UUID]) -> ColumnElement[bool]:
    """Requests to one of these therapists."""
    return is_among(ContactRequest.therapist_id, {*ids})


def of_patients(ids: Iterable[UUID]) -> ColumnElement[bool]:
    """Requests for one of these patients."""
    return is_among(ContactRequest.patient_id, {*ids})


def to_address(email_key: str) -> ColumnElement[bool]:
    """Requests to a therapist who has this address."""
    return ContactRequest.therapist_id.in_(select(PracticeCopy.id).where(PracticeCopy.email_key == email_key))
