"""Named questions about those of us who phone practices, and about whose calls are theirs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from communication_service.store.tables import ContactRequest, Inquiry, PhoneCall, PhoneCaller
from shared.database.listing import Found, Listing
from shared.database.rows import find_row
from shared.values.lists import Part

STANDS = PhoneCaller.removed_at.is_(None)

CALLERS: Final = Listing(sorts={"name": (PhoneCaller.name, PhoneCaller.id)}, default="name", identity=PhoneCaller.id)


def read_part(session: Session, part: Part) -> Found[PhoneCaller]:
    """A part of the callers."""
    return CALLERS.read(session, select(PhoneCaller).where(STANDS), part)


def caller(session: Session, caller_id: UUID, *, lock: bool = False) -> PhoneCaller | None:
    """One caller who was not removed."""
    known = find_row(session, PhoneCaller, caller_id, lock=lock)
    return known if known is not None and known.removed_at is None else None


def caller_of_account(session: Session, user_id: UUID | None) -> UUID | None:
    """The caller who signs in with this account, if one does."""
    if user_id is None:
        return None
    return session.scalar(select(PhoneCaller.id).where(STANDS, PhoneCaller.user_id == user_id))


def names(session: Session, ids: Collection[UUID]) -> dict[UUID, str]:
    """What these callers are called, also those who were removed."""
    rows = select(PhoneCaller.id, PhoneCaller.name).where(PhoneCaller.id.in_(list(ids)))
    return {row.id: row.name for row in session.execute(rows)}


def with_hours(session: Session) -> Sequence[PhoneCaller]:
    """Callers who phone at some time of the week, in the order of their ids."""
    return session.scalars(
        select(PhoneCaller).where(STANDS, PhoneCaller.hours.is_not(None)).order_by(PhoneCaller.id)
    ).all()


def concerned_by(caller_id: UUID) -> ColumnElement[bool]:
    """Requests whose contact changes with this caller: called by them, on the agency's own line, or without a slot."""
    planned = select(PhoneCall.inquiry_id).where(
        PhoneCall.status == "planned", or_(PhoneCall.caller_id == caller_id, PhoneCall.caller_id.is_(None))
    )
    without = select(Inquiry.id).where(Inquiry.status == "open", Inquiry.waits_for == "no_free_slot")
    return or_(ContactRequest.inquiry_id.in_(planned), ContactRequest.inquiry_id.in_(without))
