"""Phone calls."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from communication_service.store.tables import PhoneCall
from shared.database.rows import find_row


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


def taken_times(session: Session, start: datetime, end: datetime) -> list[tuple[UUID | None, datetime, datetime]]:
    """When calls are planned between two instants, and for whom."""
    rows = select(PhoneCall.caller_id, PhoneCall.starts_at, PhoneCall.ends_at).where(
        PhoneCall.status == "planned", PhoneCall.starts_at < end, PhoneCall.ends_at > start
    )
    return [(caller_id, starts, ends) for caller_id, starts, ends in session.execute(rows)]
