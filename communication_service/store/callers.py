"""Named questions about those of us who phone practices, and about whose calls are theirs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from communication_service.store.tables import Caller, ContactRequest, Inquiry, PhoneCall
from shared.database.listing import Found, Listing
from shared.database.rows import find_row
from shared.values.lists import Part

STANDS = Caller.removed_at.is_(None)

CALLERS: Final = Listing(sorts={"name": (Caller.name, Caller.id)}, default="name", identity=Caller.id)


def read_part(session: Session, part: Part) -> Found[Caller]:
    """A part of the callers."""
    return CALLERS.read(session, select(Caller).where(STANDS), part)


def caller(session: Session, caller_id: UUID, *, lock: bool = False) -> Caller | None:
    """One caller who was not removed."""
    known = find_row(session, Caller, caller_id, lock=lock)
    return known if known is not None and known.removed_at is None else None


def caller_of_account(session: Session, user_id: UUID | None) -> UUID | None:
    """The caller who signs in with this account, if one does."""
    if user_id is None:
        return None
    return session.scalar(select(Caller.id).where(STANDS, Caller.user_id == user_id))


def names(session: Session, ids: Collection[UUID]) -> dict[UUID, str]:
    """What these callers are called, also those who were removed."""
    rows = select(Caller.id, Caller.name).where(Caller.id.in_(list(ids)))
    return {row.id: row.name for row in session.execute(rows)}


def with_hours(session: Session) -> Sequence[Caller]:
    """Callers who phone at some time of the week, in the order of their ids."""
    return session.scalars(select(Caller).where(STANDS, Caller.hours.is_not(None)).order_by(Caller.id)).all()


def concerned_by(caller_id: UUID) -> ColumnElement[bool]:
    """Requests whose contact changes with this caller: called by them, on the agency's own line, or without a slot."""
    planned = select(PhoneCall.inquiry_id).where(
        PhoneCall.status == "planned", or_(PhoneCall.caller_id == caller_id, PhoneCall.caller_id.is_(None))
    )
    without = select(Inquiry.id).where(Inquiry.status == "open", Inquiry.waits_for == "no_free_slot")
    return or_(ContactRequest.inquiry_id.in_(planned), ContactRequest.inquiry_id.in_(without))
