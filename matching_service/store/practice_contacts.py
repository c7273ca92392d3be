"""Named questions about how practices can be contacted, and when callers phone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, Uuid, and_, func, or_, select, text

from matching_service.store.contact_tables import CallingHours, PracticeContact
from matching_service.store.tables import PlacementRequest
from shared.database import Executor
from shared.values.weekly import WeeklyColumn

_CONTACTS: Final = text("""
SELECT t.id, t.name, t.city, t.status, t.contact_preference, t.mailbox, t.can_be_phoned, t.phone_hours,
       t.holidays, CASE WHEN t.geocoded_address = t.address THEN t.geocoded_states END AS federal_states,
       coalesce(c.email_suppressed, false) AS email_suppressed, c.email_again_on, c.call_again_on, c.planned_call_at,
       coalesce(c.number_is_wrong, false) AS number_is_wrong,
       -- of all practices the same: read once
       CASE WHEN row_number() OVER () = 1 THEN (SELECT days FROM calling_hours WHERE callers > 0 LIMIT 1) END AS days
FROM therapists t LEFT JOIN practice_contacts c ON c.id = t.id
WHERE t.id = ANY (CAST(:ids AS uuid[])) AND t.status IS NOT NULL
""").columns(id=Uuid(), phone_hours=WeeklyColumn())


def of_therapists(executor: Executor, ids: Collection[UUID]) -> Sequence[Row[Any]]:
    """How each of these therapists can be contacted; the first row has the days on which callers phone, if any do."""
    return executor.execute(_CONTACTS, {"ids": [str(id) for id in ids]}).all() if ids else []


def is_offered_a_place(executor: Executor, patient_id: UUID) -> bool:
    """Whether a practice offers the patient a place, or the patient has taken one."""
    is_offer = PlacementRequest.status == "accepted"
    is_place = and_(PlacementRequest.status == "placed", PlacementRequest.place_ended_at.is_(None))
    found = select(PlacementRequest.id).where(PlacementRequest.patient_id == patient_id, or_(is_offer, is_place))
    return bool(executor.execute(select(found.exists())).scalar())


def calling_days(executor: Executor) -> Sequence[dict[str, Any]] | None:
    """The minutes in which callers phone on each of the next days; None where nobody has hours."""
    return executor.execute(select(CallingHours.days).where(CallingHours.callers > 0)).scalar()


def count_planned_calls(executor: Executor, first: datetime, end: datetime) -> int:
    """How many practices have a call planned between two instants."""
    planned = select(func.count()).where(
        PracticeContact.planned_call_at >= first, PracticeContact.planned_call_at < end
    )
    return executor.execute(planned).scalar() or 0
