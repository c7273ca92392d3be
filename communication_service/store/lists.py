"""Named questions behind staff's lists: a page, and how many there are in all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Text, Uuid, cast, func, literal, null, or_, select, union_all
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from communication_service.store import request_queries
from communication_service.store.tables import (
    ContactRequest,
    Email,
    Inquiry,
    PhoneCall,
    PracticeCopy,
    RecordedAnswer,
    Tables,
)
from shared.database.rows import count_of, page_of

Row = TypeVar("Row", bound=Tables)
Found = tuple[Sequence[Row], int]


def _with_patient(session: Session, column: Any, patient_id: UUID) -> ColumnElement[bool]:
    """The column's requests include one of this patient's."""
    mine = session.scalars(select(ContactRequest.id).where(ContactRequest.patient_id == patient_id)).all()
    return column.overlap(cast(list(mine), ARRAY(Uuid)))  # type: ignore[no-any-return]


def emails(
    session: Session,
    *,
    therapist_id: UUID | None,
    patient_id: UUID | None,
    kind: str | None,
    status: str | None,
    limit: int,
    offset: int,
) -> Found[Email]:
    """E-mails, newest first."""
    wanted = select(Email).order_by(Email.created_at.desc(), Email.id.desc())
    for column, value in ((Email.therapist_id, therapist_id), (Email.kind, kind), (Email.status, status)):
        if value is not None:
            wanted = wanted.where(column == value)
    if patient_id is not None:
        about = _with_patient(session, Email.placement_request_ids, patient_id)
        wanted = wanted.where(or_(Email.patient_id == patient_id, about))
    return page_of(session, wanted, limit=limit, offset=offset)


def inquiries(
    session: Session,
    *,
    therapist_id: UUID | None,
    patient_id: UUID | None,
    channel: str | None,
    status: str | None,
    limit: int,
    offset: int,
) -> Found[Inquiry]:
    """Inquiries, newest first."""
    wanted = select(Inquiry).order_by(Inquiry.created_at.desc(), Inquiry.id.desc())
    for column, value in ((Inquiry.therapist_id, therapist_id), (Inquiry.channel, channel), (Inquiry.status, status)):
        if value is not None:
            wanted = wanted.where(column == value)
    if patient_id is not None:
        wanted = wanted.where(_with_patient(session, Inquiry.placement_request_ids, patient_id))
    return page_of(session, wanted, limit=limit, offset=offset)


def waiting_requests(
    session: Session, *, patient_id: UUID | None, therapist_id: UUID | None, limit: int, offset: int
) -> Found[ContactRequest]:
    """Requests that are not over, the longest waiting first."""
    wanted = (
        select(ContactRequest)
        .where(ContactRequest.status != "over")
        .order_by(ContactRequest.waiting_since, ContactRequest.id)
    )
    if patient_id is not None:
        wanted = wanted.where(ContactRequest.patient_id == patient_id)
    if therapist_id is not None:
        wanted = wanted.where(ContactRequest.therapist_id == therapist_id)
    return page_of(session, wanted, limit=limit, offset=offset)


def known_therapists(session: Session, ids: Iterable[UUID]) -> set[UUID]:
    """Those of these therapists whose copy has arrived."""
    return set(session.scalars(select(PracticeCopy.id).where(PracticeCopy.id.in_(list(ids)))))


def therapists_followed_up(session: Session, ids: Iterable[UUID]) -> set[UUID]:
    """Those of these therapists who are called after an e-mail that they did not answer."""
    return set(
        session.scalars(select(PracticeCopy.id).where(PracticeCopy.id.in_(list(ids)), request_queries.FOLLOWED_UP))
    )


def inquiries_with_ids(session: Session, ids: Iterable[UUID]) -> dict[UUID, Inquiry]:
    """These inquiries by id."""
    return {each.id: each for each in session.scalars(select(Inquiry).where(Inquiry.id.in_(list(ids))))}


def planned_calls_of(session: Session, inquiry_ids: Iterable[UUID]) -> dict[UUID, PhoneCall]:
    """The calls that are planned for these inquiries, by inquiry."""
    planned = select(PhoneCall).where(PhoneCall.inquiry_id.in_(list(inquiry_ids)), PhoneCall.status == "planned")
    return {call.inquiry_id: call for call in session.scalars(planned) if call.inquiry_id is not None}


def emails_and_calls_of(
    session: Session, inquiry_ids: Iterable[UUID]
) -> tuple[dict[UUID, list[UUID]], dict[UUID, list[UUID]]]:
    """The ids of each inquiry's e-mails and of its calls, oldest first."""
    ids = list(inquiry_ids)
    found: list[dict[UUID, list[UUID]]] = []
    for kind in (Email, PhoneCall):
        by_inquiry: dict[UUID, list[UUID]] = {each: [] for each in ids}
        rows = select(kind.inquiry_id, kind.id).where(kind.inquiry_id.in_(ids)).order_by(kind.created_at, kind.id)
        for inquiry_id, one in session.execute(rows):
            if inquiry_id is not None:
                by_inquiry[inquiry_id].append(one)
        found.append(by_inquiry)
    return found[0], found[1]


def phone_calls(
    session: Session,
    *,
    first: datetime | None,
    before: datetime | None,
    therapist_id: UUID | None,
    patient_id: UUID | None,
    status: str | None,
    limit: int,
    offset: int,
) -> Found[PhoneCall]:
    """Calls that start between two instants, in the order of their starts."""
    wanted = select(PhoneCall).order_by(PhoneCall.starts_at, PhoneCall.id)
    if first is not None:
        wanted = wanted.where(PhoneCall.starts_at >= first)
    if before is not None:
        wanted = wanted.where(PhoneCall.starts_at < before)
    for column, value in ((PhoneCall.therapist_id, therapist_id), (PhoneCall.status, status)):
        if value is not None:
            wanted = wanted.where(column == value)
    if patient_id is not None:
        wanted = wanted.where(_with_patient(session, PhoneCall.placement_request_ids, patient_id))
    return page_of(session, wanted, limit=limit, offset=offset)


def answers_to(
    session: Session, *, emails: Sequence[UUID] = (), calls: Sequence[UUID] = ()
) -> Sequence[RecordedAnswer]:
    """The answers that these e-mails and calls brought, in the order in which they were recorded."""
    return session.scalars(
        select(RecordedAnswer)
        .where(or_(RecordedAnswer.email_id.in_(emails), RecordedAnswer.phone_call_id.in_(calls)))
        .order_by(RecordedAnswer.recorded_at, RecordedAnswer.id)
    ).all()


def contacts(session: Session, therapist_id: UUID, *, limit: int, offset: int) -> tuple[Sequence[Any], int]:
    """E-mails and calls with a therapist that took place, failed, or are planned; newest first."""
    mails = select(
        literal("email").label("channel"),
        literal("outbound").label("direction"),
        func.coalesce(Email.sent_at, Email.claimed_at, Email.updated_at).label("at"),
        Email.status.label("status"),
        cast(null(), Text).label("result"),
        Email.resolved_by.label("recorded_by"),
        Email.id.label("email_id"),
        cast(null(), Uuid).label("phone_call_id"),
        Email.inquiry_id.label("inquiry_id"),
        Email.placement_request_ids.label("placement_request_ids"),
    ).where(Email.therapist_id == therapist_id, Email.status.in_(("sent", "in_doubt", "failed", "bounced")))
    calls = select(
        literal("phone"),
        PhoneCall.direction,
        func.coalesce(PhoneCall.occurred_at, PhoneCall.starts_at),
        PhoneCall.status,
        PhoneCall.result,
        PhoneCall.recorded_by,
        cast(null(), Uuid),
        PhoneCall.id,
        PhoneCall.inquiry_id,
        PhoneCall.placement_request_ids,
    ).where(PhoneCall.therapist_id == therapist_id, PhoneCall.status != "cancelled")
    both = union_all(mails, calls).subquery()
    newest_first = select(both).order_by(both.c.at.desc(), both.c.inquiry_id.desc(), both.c.status)
    return session.execute(newest_first.limit(limit).offset(offset)).all(), count_of(session, newest_first)
