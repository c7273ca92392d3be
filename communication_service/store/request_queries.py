"""Placement requests: those that wait, those that are locked, those that nobody answered."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import Session, aliased

from communication_service.store.tables import ContactRequest, MailReply, PracticeCopy
from shared.database import lock_rows
from shared.database.rows import find_row

UNSENT = or_(ContactRequest.status == "waiting", ContactRequest.inquiry_id.is_not(None))


def request(session: Session, request_id: UUID) -> ContactRequest | None:
    """One request."""
    return find_row(session, ContactRequest, request_id)


def request_for_change(session: Session, request_id: UUID) -> ContactRequest | None:
    """One request, locked."""
    return find_row(session, ContactRequest, request_id, lock=True)


def requests(session: Session, ids: Iterable[UUID]) -> Sequence[ContactRequest]:
    """These requests, by id, locked."""
    return session.scalars(
        select(ContactRequest)
        .where(ContactRequest.id.in_(list(ids)))
        .order_by(ContactRequest.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def requests_now(session: Session, ids: Iterable[UUID]) -> Sequence[ContactRequest]:
    """These requests as they are now, by id; not locked."""
    wanted = select(ContactRequest).where(ContactRequest.id.in_(list(ids))).order_by(ContactRequest.id)
    return session.scalars(wanted.execution_options(populate_existing=True)).all()


def patients_of_requests(session: Session, ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """The patient of each request."""
    rows = select(ContactRequest.id, ContactRequest.patient_id).where(ContactRequest.id.in_(list(ids)))
    return {row.id: row.patient_id for row in session.execute(rows)}


def lock_requests(session: Session, ids: Iterable[UUID]) -> None:
    """Let no other transaction change these requests before ours ends."""
    lock_rows(session, ContactRequest, ids)


def unsent_requests(session: Session, therapist_id: UUID) -> Sequence[ContactRequest] | None:
    """Requests to this therapist that have not gone out, locked; None while one of them is being changed elsewhere."""
    return unsent_requests_of(session, [therapist_id]).get(therapist_id)


def unsent_requests_of(session: Session, therapist_ids: Collection[UUID]) -> dict[UUID, Sequence[ContactRequest]]:
    """The same of several therapists; those of whom a request is being changed elsewhere are left out."""
    wanted = (ContactRequest.therapist_id.in_(therapist_ids), UNSENT)
    found: dict[UUID, list[ContactRequest]] = {each: [] for each in therapist_ids}
    locked = select(ContactRequest).where(*wanted).order_by(ContactRequest.id).with_for_update(skip_locked=True)
    for request in session.scalars(locked.execution_options(populate_existing=True)):
        found[request.therapist_id].append(request)
    # waiting for a listener that waits for us would be a deadlock; a withdrawal must not be overlooked either
    number = select(ContactRequest.therapist_id, func.count()).where(*wanted).group_by(ContactRequest.therapist_id)
    totals: dict[UUID, int] = {each: total for each, total in session.execute(number)}  # noqa: C416 - a row is no pair
    return {id: requests for id, requests in found.items() if totals.get(id, 0) == len(requests)}


def unanswered(session: Session, therapist_ids: Collection[UUID]) -> Sequence[ContactRequest]:
    """Requests for which this practice was or is to be asked, and has not answered; the longest waiting first."""
    wanted = (ContactRequest.therapist_id.in_(therapist_ids), ContactRequest.asked, ~ContactRequest.answered)
    return session.scalars(
        select(ContactRequest).where(*wanted).order_by(ContactRequest.waiting_since.nulls_last(), ContactRequest.id)
    ).all()


def patients_offered_a_place(session: Session, ids: Iterable[UUID]) -> set[UUID]:
    """Those of these patients whom some practice has offered a place."""
    wanted = select(ContactRequest.patient_id).where(
        ContactRequest.patient_id.in_(list(ids)), ContactRequest.status == "accepted"
    )
    return set(session.scalars(wanted))


FOLLOWED_UP = and_(PracticeCopy.status == "active", PracticeCopy.contact_preference.in_(("any", "phone_only")))
"""Practices that are called after an e-mail they did not answer."""


def unanswered_since(session: Session, *, day: date, limit: int) -> Sequence[ContactRequest]:
    """Requests e-mailed on that day or before, without an answer or a call, for patients who have been offered no
    place; locked, those held by others left out. Not while an answer by e-mail waits for staff.
    """
    elsewhere = aliased(ContactRequest)
    offered = select(elsewhere.id).where(
        elsewhere.patient_id == ContactRequest.patient_id, elsewhere.status == "accepted"
    )
    has_written = select(MailReply.id).where(
        MailReply.state == "waiting",
        MailReply.kind == "answer",
        MailReply.placement_request_ids.contains(array([ContactRequest.id])),
    )
    return session.scalars(
        select(ContactRequest)
        .join(PracticeCopy, PracticeCopy.id == ContactRequest.therapist_id)
        .where(
            ContactRequest.status == "contacted",
            ~ContactRequest.by_phone,
            ContactRequest.emailed_on <= day,
            ContactRequest.inquiry_id.is_(None),
            ~offered.exists(),
            ~has_written.exists(),
            FOLLOWED_UP,
        )
        .order_by(ContactRequest.emailed_on, ContactRequest.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=ContactRequest)
    ).all()
