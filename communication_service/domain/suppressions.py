"""Addresses that get no inquiries, whoever uses them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from communication_service.domain.schemas import NewSuppression, SuppressionPage, SuppressionView
from communication_service.store import lists, queries
from communication_service.store.tables import EmailSuppression
from shared.db import Session, new_id
from shared.errors import Conflict, NotFound
from shared.values.contacts import normalised_email
from shared.values.schemas import PageQuery


def listed(session: Session, wanted: PageQuery) -> SuppressionPage:
    """A page of suppressed addresses, newest first."""
    found, total = lists.suppressions(session, limit=wanted.limit, offset=wanted.offset)
    shown = [SuppressionView.of(each) for each in found]
    return SuppressionPage(items=shown, total=total, limit=wanted.limit, offset=wanted.offset)


def get(session: Session, suppression_id: UUID) -> SuppressionView:
    """One suppression; raises `NotFound`."""
    return SuppressionView.of(_known(session, suppression_id))


def add(session: Session, new: NewSuppression, *, now: datetime) -> SuppressionView:
    """Write no more inquiries to an address; what waits for it moves to the phone. Raises `Conflict` if known."""
    key = normalised_email(new.email)
    if queries.is_suppressed(session, key):
        raise Conflict("email_suppression.known", "This address gets no inquiries already.")
    suppression = EmailSuppression(
        id=new_id(), created_at=now, updated_at=now, version=1, email=new.email, email_key=key, reason=new.reason
    )
    session.add(suppression)
    session.flush()
    queries.look_again(session, queries.requests_to_address(key), at=now)
    return SuppressionView.of(suppression)


def remove(session: Session, suppression_id: UUID, *, now: datetime) -> None:
    """Let an address get inquiries again; a therapist's own opt-out stays. Raises `NotFound`."""
    suppression = _known(session, suppression_id)
    key = suppression.email_key
    session.delete(suppression)
    session.flush()
    queries.look_again(session, queries.requests_to_address(key), at=now)


def _known(session: Session, suppression_id: UUID) -> EmailSuppression:
    suppression = lists.suppression(session, suppression_id)
    if suppression is None:
        raise NotFound("email_suppression")
    return suppression
