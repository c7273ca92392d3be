"""One change of many placement requests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from matching_service.domain import answers, placement_requests
from matching_service.domain.bulk_schemas import BulkChange
from matching_service.domain.schemas import RequestFilter, Withdrawal
from matching_service.store import lists, queries
from shared.database import Session
from shared.database.bulk_changes import change_each, take_turn_with_many
from shared.values.bulk import MOST_AT_ONCE, ObjectOutcome, require_same, require_total


def change(session: Session, wanted: BulkChange, *, by: UUID | None, now: datetime) -> list[ObjectOutcome]:
    """Withdraw these requests, or give them another priority; returns what became of each.

    Raises `OtherTotal` where these are more or fewer than expected, or change at this moment; then none is changed.
    """
    take_turn_with_many(session, "matching_service: placement requests")
    ids = _selected(session, wanted)
    require_total(ids, wanted)
    # all at once, in their order: another transaction that changes several of them cannot wait for this one in a circle
    queries.lock_with_patients(session, ids)
    require_same(ids, _selected(session, wanted))
    return change_each(session, ids, _change_of_one(session, wanted, by=by, now=now))


def _selected(session: Session, wanted: BulkChange) -> Sequence[UUID]:
    filters = wanted.filter or RequestFilter()
    return lists.ids_where(
        session,
        wanted.ids,
        at_most=MOST_AT_ONCE + 1,
        patient_id=filters.patient_id,
        therapist_id=filters.therapist_id,
        status=filters.status,
        unmet_criteria=filters.unmet_criteria,
        still_fits=filters.still_fits,
    )


def _change_of_one(session: Session, wanted: BulkChange, *, by: UUID | None, now: datetime) -> Callable[[UUID], Any]:
    if wanted.reason is not None:
        withdrawal = Withdrawal(reason=wanted.reason)
        return lambda id: answers.withdraw(session, id, withdrawal, by=by, now=now)
    priority = wanted.priority or 0
    return lambda id: placement_requests.set_priority(session, id, priority, by=by, now=now)
