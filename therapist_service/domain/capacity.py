"""Whether practices have places: said by people, and carried on as days pass (docs/domain.md#capacity)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

from shared.database import Session
from shared.events.catalogue import TherapistUpdated
from therapist_service.domain import change_log, therapists
from therapist_service.domain.capacity_rules import columns_of, on_a_day, stated
from therapist_service.domain.capacity_schemas import NewCapacity
from therapist_service.domain.change_log import ChangeOrigin
from therapist_service.domain.schemas import TherapistView
from therapist_service.store import queries
from therapist_service.store.tables import Therapist


def state(
    session: Session,
    therapist_id: UUID,
    new: NewCapacity,
    *,
    expected_versions: Collection[int] | None,
    by: UUID | None,
    today: date,
    reason: str | None = None,
    now: datetime,
) -> TherapistView:
    """Write down what is said of a practice's places; all that follows from it changes too. `reason`: for the log.

    Raises `NotFound`, `LostUpdate`, and `RuleBroken` for what cannot be said on this day.
    """
    therapist = therapists.locked(session, therapist_id, expected_versions)
    known = therapists.capacity_of(therapist)
    capacity = stated(known, new, today=today)
    if capacity == known:
        return therapists.view(session, therapist)
    before = change_log.columns_of(therapist)
    _set(therapist, columns_of(capacity, today))
    origin = ChangeOrigin(changed_by=by, reason=reason)
    return therapists.save(session, therapist, TherapistUpdated, before=before, origin=origin, now=now)


def let_days_pass(session: Session, *, today: date, now: datetime, at_most: int = 100) -> int:
    """Bring capacities of which something else follows on this day up to date; returns the number of them.

    Only what changes for others is a change of the therapist and published.
    """
    due = queries.capacities_due(session, today=today, limit=at_most)
    for therapist in due:
        columns = columns_of(on_a_day(therapists.capacity_of(therapist), today), today)
        is_shown = any(getattr(therapist, name) != columns[name] for name in columns if name != "capacity_due_on")
        before = change_log.columns_of(therapist)
        _set(therapist, columns)
        if is_shown:
            therapists.keep_change(session, therapist, TherapistUpdated, before=before, origin=ChangeOrigin(), now=now)
    return len(due)


def _set(therapist: Therapist, columns: dict[str, object]) -> None:
    for name, value in columns.items():
        setattr(therapist, name, value)
