"""Undoing a whole import: in portions, in the opposite order of its records, each therapist by what the log says.

A portion is one transaction under the lock of the import, with the place that was reached: a worker that dies leaves
nothing half done, and another one goes on. No file is applied meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.database import Session
from shared.errors import Conflict
from shared.events.catalogue import TherapistDeactivated, TherapistUpdated
from shared.events.event import Event
from shared.events.outbox import record_all
from shared.values.enums import ImportStatus
from shared.values.import_enums import UndoOutcome
from shared.values.lists import Listed, ListRequest
from shared.values.postal_codes import coordinates_problem
from shared.values.therapist_enums import TherapistChangeAction
from shared.values.weekly import Weekly
from therapist_service.domain import (
    change_log,
    import_undo_rules,
    imports,
    publishing,
    states,
    therapists,
    undone_entries,
    undone_reviews,
)
from therapist_service.domain.change_log import Change, ChangeOrigin
from therapist_service.domain.import_schemas import ImportUndoFilter, ImportView
from therapist_service.domain.import_undo_rules import UndoPlan
from therapist_service.domain.schemas import PLACE
from therapist_service.store import change_queries, lists, queries, source_queries, undo_queries
from therapist_service.store.tables import Import, ImportUndoOutcome, Therapist

SHOWN = {"inactive_by": "status"}
"""Columns that clients know by another name."""
FOLLOWS = frozenset({"protected_fields"})
"""What is not named beside the fields that were changed: that they are protected by now."""
MERGED = "merged_into"
"""By this clients know that a therapist was merged into another."""
WEEKLY = frozenset({"phone_hours"})
"""Fields whose values the log holds in another form than the column does."""
NOT_WHOLLY_UNDONE = frozenset({UndoOutcome.KEPT, UndoOutcome.PARTLY_RESTORED, UndoOutcome.FAILED})
STATUS = frozenset({"status", "inactive_by"})
"""What an import changes of a therapist's status; it follows from `inactive_by`."""


def ask(session: Session, import_id: UUID, *, by: UUID | None, now: datetime) -> ImportView:
    """Have an import undone by a worker.

    Raises `NotFound`, and `Conflict` for an import that is not completed, is being undone, or is too long ago.
    """
    known = imports.known_import(session, import_id, lock=True)
    if known.status == ImportStatus.UNDONE:
        raise Conflict("import.undone_already")
    if known.status != ImportStatus.COMPLETED:
        raise Conflict("import.not_completed")
    if known.undo_asked_at is not None:
        raise Conflict("import.undo_asked")
    if known.records_removed_at is not None:
        raise Conflict("import.records_removed")
    known.undo_asked_at, known.undo_asked_by, known.undo_left = now, by, known.done
    known.undo_total = undo_queries.count_records(session, import_id)
    known.count_change(by=by, now=now)
    return imports.view(known)


def list_part(session: Session, import_id: UUID, wanted: ListRequest[ImportUndoFilter]) -> Listed:
    """A part of what became of the therapists of an import that was undone; raises `NotFound`."""
    imports.known_import(session, import_id)
    found = lists.import_undo_outcomes(session, import_id, wanted.part, outcomes=wanted.filters.outcome)
    return found.shown(found.rows)


def undo_portion(session: Session, *, at_most: int, now: datetime) -> int:
    """Undo the next records of an import that is to be undone; returns their number, and 1 when it is finished.

    0 where there is none, another worker is at it, or a file is being applied.
    """
    known = undo_queries.next_to_undo(session)
    if known is None or undo_queries.is_applying(session, now=now):
        return 0
    records = undo_queries.records_below(session, known.id, known.undo_left or 0, limit=at_most)
    if not records:
        return undone_entries.take_back(session, known, at_most=at_most) or _finish(session, known, now)
    wanted = {record.therapist_id for record in records}
    gone = _undo_all(session, known, wanted - undo_queries.with_outcome(session, known.id, wanted), now=now)
    entries = {record.external_id for record in records if record.therapist_id in gone}
    source_queries.set_gone(session, known.source or "", entries, now)
    _count(known, records, now)
    return len(records)


def _finish(session: Session, known: Import, now: datetime) -> int:
    undone_reviews.take_back(session, known, now=now)
    session.flush()
    undo_queries.name_approved(session, known.id, shown=SHOWN)
    known.undo_kept = undo_queries.count_outcomes(session, known.id, NOT_WHOLLY_UNDONE)
    undone_entries.bring_back(session, known)
    states.undo_import(known, now=now)
    return 1


def set_aside(session: Session, reason: str, *, now: datetime) -> None:
    """Go on after the next record, which cannot be undone; the therapist stays as they are."""
    known = undo_queries.next_to_undo(session)
    if known is None:
        return
    records = undo_queries.records_below(session, known.id, known.undo_left or 0, limit=1)
    for record in records:
        _note(session, known, record.therapist_id, UndoOutcome.FAILED, reason=reason)
    _count(known, records, now)


def _count(known: Import, records: Sequence[Any], now: datetime) -> None:
    known.undo_left = records[-1].position
    known.undo_done += len(records)
    known.updated_at = now


def _undo_all(session: Session, known: Import, therapist_ids: set[UUID], *, now: datetime) -> set[UUID]:
    """Undo what the import did to these therapists, with one statement for all events and one for the log.

    Returns those who are not in the source now, as if the import had not been.
    """
    gone: set[UUID] = set()
    queries.lock_therapists(session, therapist_ids)
    found = undo_queries.therapists(session, therapist_ids)
    merged = undo_queries.merged_ones(session, therapist_ids)
    changes = change_queries.changes_of(session, [*(each.id for each in found), *merged])
    undone = undo_queries.undone_imports(session, {each.import_id for rows in changes.values() for each in rows})
    for id in merged:
        _name_merged(session, known, id, import_undo_rules.plan(changes.get(id, []), known.id, undone))
    origin = ChangeOrigin(changed_by=known.undo_asked_by, import_id=known.id, file=known.file)
    events: list[tuple[UUID, int, Event]] = []
    entries: list[Change] = []
    for therapist in found:
        plan = import_undo_rules.plan(changes.get(therapist.id, []), known.id, undone)
        if plan is None:
            continue
        before = change_log.columns_of(therapist)
        _undo(session, known, therapist, plan)
        difference = change_log.difference_of(before, change_log.columns_of(therapist))
        if not difference:
            continue
        is_gone = therapist.inactive_by is not None and before["inactive_by"] is None
        if is_gone:
            gone.add(therapist.id)
        therapist.count_change(by=origin.changed_by, now=now)
        therapist.sequence += 1
        event = (TherapistDeactivated if is_gone else TherapistUpdated)(therapist=publishing.public(therapist))
        events.append((therapist.id, therapist.sequence, event))
        entries.append(Change(therapist.id, TherapistChangeAction.UNDONE, origin, difference))
    session.flush()
    record_all(session, events, now=now)
    change_log.add(session, entries, now=now)
    return gone


def _name_merged(session: Session, known: Import, therapist_id: UUID, plan: UndoPlan | None) -> None:
    """What the import did to one who was merged since is the kept one's by now, and stays."""
    if plan is not None:
        _note(session, known, therapist_id, UndoOutcome.KEPT, kept=[*plan.before, *plan.kept, MERGED])


def _undo(session: Session, known: Import, therapist: Therapist, plan: UndoPlan) -> None:
    """Change the therapist as planned, and note what became of them."""
    if not plan.was_brought:
        _restore(therapist, plan)
        outcome = _outcome(plan)
    elif plan.kept:
        outcome = UndoOutcome.KEPT
    else:
        states.deactivate_for_import(therapist)
        outcome = UndoOutcome.DEACTIVATED
    _note(session, known, therapist.id, outcome, kept=plan.kept)


def _outcome(plan: UndoPlan) -> UndoOutcome:
    if not plan.kept:
        return UndoOutcome.RESTORED
    return UndoOutcome.PARTLY_RESTORED if plan.before else UndoOutcome.KEPT


def _restore(therapist: Therapist, plan: UndoPlan) -> None:
    for name in plan.before.keys() - STATUS:
        value = plan.before[name]
        setattr(therapist, name, Weekly.from_json(value) if name in WEEKLY else value)
    if coordinates_problem(therapist.postal_code, therapist.latitude, therapist.longitude):
        for name in PLACE:  # they belong to the address that is no more
            setattr(therapist, name, None)
    if "inactive_by" in plan.before:
        lift = plan.before["inactive_by"] is None
        (states.reactivate_after_import if lift else states.deactivate_for_import)(therapist)
    therapists.make_findable(therapist)


def _note(
    session: Session,
    known: Import,
    therapist_id: UUID,
    outcome: UndoOutcome,
    *,
    kept: Sequence[str] = (),
    reason: str | None = None,
) -> None:
    row = {"import_id": known.id, "therapist_id": therapist_id, "outcome": outcome}
    named = {SHOWN.get(name, name) for name in kept}
    session.add(ImportUndoOutcome(**row, kept=sorted(named - FOLLOWS or named), reason=reason))
    if outcome in NOT_WHOLLY_UNDONE:
        known.undo_kept += 1
