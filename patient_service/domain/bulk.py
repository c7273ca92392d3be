"""One change of many patients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from patient_service.domain import accesses, patients, searches
from patient_service.domain.accesses import Reader, RevealingConflict
from patient_service.domain.assignments import account_of
from patient_service.domain.bulk_schemas import PatientBulkChange
from patient_service.domain.schemas import PatientFilter
from patient_service.store import lists
from shared.database import Session
from shared.database.bulk_changes import change_each
from shared.security.encryption import Keys
from shared.values.bulk import ObjectOutcome, OtherTotal, require_same, require_total
from shared.values.datetimes import berlin_day
from shared.values.schemas import MergePatch


def change(
    session: Session, keys: Keys, wanted: PatientBulkChange, *, reader: Reader, now: datetime
) -> list[ObjectOutcome]:
    """Put somebody in charge of these patients; returns what became of each.

    Raises `RevealingConflict` where these are more or fewer than expected, or change at this moment, and
    `InvalidFields` for `me` of a caller without an account; then none is changed.
    """
    assigned_to = account_of(wanted.assigned_to, reader.id)
    ids = _selected(session, keys, wanted, reader, today=berlin_day(now))
    _reveal(ids, lambda: require_total(ids, wanted.expected_total))
    searches.lock(session, ids)
    _reveal(ids, lambda: require_same(ids, _selected(session, keys, wanted, reader, today=berlin_day(now))))
    patch = MergePatch({"assigned_to": assigned_to}, {})
    outcomes = change_each(session, ids, _change_of_one(session, keys, patch, reader=reader, now=now))
    _note(session, keys, outcomes, reader, now=now)
    return outcomes


def _note(session: Session, keys: Keys, outcomes: Sequence[ObjectOutcome], reader: Reader, *, now: datetime) -> None:
    """Write down who was changed and who was revealed by a refusal.

    That is done at the end, since from then on another read of one of these files waits for this transaction.
    """
    changed = [each.id for each in outcomes if each.refusal is None]
    conflicts = [each.refusal for each in outcomes if isinstance(each.refusal, RevealingConflict)]
    accesses.note_ids(session, keys, changed, reader, "changed", now=now)
    accesses.note_ids(session, keys, [id for each in conflicts for id in each.patient_ids], reader, "read", now=now)


def _selected(
    session: Session, keys: Keys, wanted: PatientBulkChange, reader: Reader, *, today: date
) -> Sequence[UUID]:
    conditions = patients.conditions_of(keys, wanted.filter or PatientFilter(), reader, today=today)
    if wanted.ids is not None:
        conditions.append(lists.ids_are_among(wanted.ids))
    return lists.ids_where(session, conditions, at_most=wanted.expected_total + 1)


def _reveal(ids: Sequence[UUID], require: Callable[[], None]) -> None:
    """Do what may refuse the selection: who learns that there are others than expected learns of them."""
    try:
        require()
    except OtherTotal as other:
        raise RevealingConflict(ids, other.sentence.key, **other.sentence.values) from None


def _change_of_one(
    session: Session, keys: Keys, patch: MergePatch, *, reader: Reader, now: datetime
) -> Callable[[UUID], Any]:
    return lambda id: patients.change_unnoted(session, keys, id, patch, expected_versions=None, reader=reader, now=now)
