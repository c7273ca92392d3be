"""One change of many patients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from patient_service.domain import accesses, erasures, patients, retention, searches
from patient_service.domain.accesses import Reader, RevealingConflict
from patient_service.domain.assignments import account_of
from patient_service.domain.bulk_schemas import PatientBulkChange
from patient_service.domain.schemas import PatientFilter
from patient_service.store import access_log, lists, merging
from patient_service.store.access_log import NewFileAccess
from shared.database import Session
from shared.database.bulk_changes import change_each, take_turn_with_many
from shared.security.encryption import Keys
from shared.values.bulk import MOST_AT_ONCE, ObjectOutcome, OtherTotal, require_same, require_total
from shared.values.datetimes import berlin_day
from shared.values.schemas import MergePatch


def change(
    session: Session, keys: Keys, wanted: PatientBulkChange, *, days_kept: int, reader: Reader, now: datetime
) -> list[ObjectOutcome]:
    """Do this with these patients; returns what became of each. Whom it keeps is kept for so many days.

    Raises `RevealingConflict` where these are more or fewer than expected, or change at this moment, and
    `InvalidFields` for `me` of a caller without an account; then none is changed.
    """
    assigned_to = account_of(wanted.assigned_to, reader.id)
    take_turn_with_many(session, "patient_service: patients")
    ids = _selected(session, keys, wanted, reader, today=berlin_day(now))
    _reveal(ids, lambda: require_total(ids, wanted))
    # with the files that would be erased with them, all in one order
    searches.lock(session, [*ids, *merging.merged_into(session, *ids)])
    _reveal(ids, lambda: require_same(ids, _selected(session, keys, wanted, reader, today=berlin_day(now))))
    if wanted.action == "approve_erasure":
        outcomes, noted = erasures.approve_each(session, keys, ids, reader=reader, now=now)
    else:
        change_one = _change_of_one(session, keys, wanted, assigned_to, days_kept, reader=reader, now=now)
        outcomes = change_each(session, ids, change_one)
        changed = access_log.owners(session, [each.id for each in outcomes if each.refusal is None])
        noted = accesses.seal(keys, changed, reader, "changed", now=now)
    _note(session, keys, outcomes, noted, reader, now=now)
    return outcomes


def _note(
    session: Session,
    keys: Keys,
    outcomes: Sequence[ObjectOutcome],
    changed: Sequence[NewFileAccess],
    reader: Reader,
    *,
    now: datetime,
) -> None:
    """Write down who was changed or erased, and who was revealed by a refusal.

    That is done at the end, since from then on another read of one of these files waits for this transaction.
    """
    conflicts = [each.refusal for each in outcomes if isinstance(each.refusal, RevealingConflict)]
    revealed = [id for each in conflicts for id in each.patient_ids]
    read = accesses.seal(keys, access_log.owners(session, revealed), reader, "read", now=now)
    accesses.record_sealed(session, [*changed, *read], reader, now=now)


def _selected(
    session: Session, keys: Keys, wanted: PatientBulkChange, reader: Reader, *, today: date
) -> Sequence[UUID]:
    conditions = patients.conditions_of(keys, wanted.filter or PatientFilter(), reader, today=today)
    if wanted.ids is not None:
        conditions.append(lists.ids_are_among(wanted.ids))
    return lists.ids_where(session, conditions, at_most=MOST_AT_ONCE + 1)


def _reveal(ids: Sequence[UUID], require: Callable[[], None]) -> None:
    """Do what may refuse the selection: who learns that there are others than expected learns of them."""
    try:
        require()
    except OtherTotal as other:
        refusal = RevealingConflict(ids, other.sentence.key, **other.sentence.values)
        refusal.members |= other.members
        raise refusal from None


def _change_of_one(
    session: Session,
    keys: Keys,
    wanted: PatientBulkChange,
    assigned_to: UUID | None,
    days_kept: int,
    *,
    reader: Reader,
    now: datetime,
) -> Callable[[UUID], Any]:
    how: dict[str, Any] = {"reader": reader, "now": now}
    if wanted.reason is not None:
        reason = wanted.reason
        return lambda id: retention.decline_unnoted(session, keys, id, reason, days=days_kept, **how)
    patch = MergePatch({"assigned_to": assigned_to}, {})
    return lambda id: patients.change_unnoted(session, keys, id, patch, expected_versions=None, **how)
