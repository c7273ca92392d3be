"""Inquiries."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from communication_service.store.tables import Email, Inquiry, PhoneCall
from shared.database.rows import find_row


def inquiry(session: Session, inquiry_id: UUID, *, lock: bool = False) -> Inquiry | None:
    """One inquiry."""
    return find_row(session, Inquiry, inquiry_id, lock=lock)


def inquiry_of(session: Session, row: Email | PhoneCall) -> Inquiry:
    """The inquiry of an e-mail or a call that is part of one, locked."""
    assert row.inquiry_id is not None
    found = inquiry(session, row.inquiry_id, lock=True)
    assert found is not None  # a foreign key says so
    return found


def inquiries(session: Session, ids: Collection[UUID], *, lock: bool = False) -> Sequence[Inquiry]:
    """These inquiries as they are now, by their ids; locked, if wanted."""
    found = select(Inquiry).where(Inquiry.id.in_(ids)).order_by(Inquiry.id).execution_options(populate_existing=True)
    return session.scalars(found.with_for_update() if lock else found).all() if ids else []


def has_not_gone_out(session: Session, inquiry_id: UUID) -> bool:
    """Whether nothing of this inquiry has gone out or is going out."""
    status = session.scalar(select(Inquiry.status).where(Inquiry.id == inquiry_id))
    return status == "open"


def open_inquiries(session: Session, therapist_ids: Collection[UUID]) -> Sequence[Inquiry]:
    """Contacts with these therapists that have not gone out, oldest first, locked."""
    return session.scalars(
        select(Inquiry)
        .where(Inquiry.therapist_id.in_(therapist_ids), Inquiry.status == "open")
        .order_by(Inquiry.created_at, Inquiry.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
