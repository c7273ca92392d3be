"""From one status of a therapist, an import or a review to another (docs/api.md#states-of-a-therapist).

Nobody else assigns a status. A function sets everything that belongs to its transition. What an import does to a
therapist is written with thousands of others in one statement, so that those functions return columns instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from shared.values.enums import ImportStatus, ReviewState, TherapistStatus
from shared.values.practice_enums import InactiveBy
from shared.values.transitions import check_transition
from therapist_service.store.tables import Import, ImportReview, Therapist

_T = TherapistStatus
_I = ImportStatus
_R = ReviewState

BY_IMPORT: Final = InactiveBy.IMPORT.value
"""Who made a therapist inactive; an import lifts only what an import set (docs/domain.md#import-rule-6)."""

THERAPISTS: Final[dict[TherapistStatus, frozenset[TherapistStatus]]] = {
    _T.ACTIVE: frozenset({_T.BLOCKED, _T.INACTIVE}),
    # a block on top of a block replaces reason and end
    _T.BLOCKED: frozenset({_T.BLOCKED, _T.ACTIVE, _T.INACTIVE}),
    _T.INACTIVE: frozenset({_T.BLOCKED, _T.ACTIVE}),
}

IMPORTS: Final[dict[ImportStatus, frozenset[ImportStatus]]] = {
    _I.RUNNING: frozenset({_I.HELD, _I.COMPLETED, _I.FAILED, _I.REJECTED}),
    _I.HELD: frozenset({_I.RUNNING, _I.REJECTED}),
    _I.COMPLETED: frozenset({_I.UNDONE}),
    _I.FAILED: frozenset(),
    _I.REJECTED: frozenset(),
    _I.UNDONE: frozenset(),
}

REVIEWS: Final[dict[ReviewState, frozenset[ReviewState]]] = {
    _R.PENDING: frozenset({_R.APPROVED, _R.REJECTED, _R.SUPERSEDED}),
    _R.APPROVED: frozenset({_R.PENDING}),
    _R.REJECTED: frozenset({_R.PENDING}),
    _R.SUPERSEDED: frozenset(),
}


def register(therapist: Therapist) -> None:
    """A new therapist is active."""
    therapist.status = _T.ACTIVE


def block(therapist: Therapist, *, reason: str, until: date | None, by: UUID | None, today: date) -> None:
    """Any status → blocked; a block that is replaced keeps its first day."""
    _enter(therapist, _T.BLOCKED)
    therapist.blocked_by = by
    therapist.block_since = therapist.block_since or today
    therapist.block_reason, therapist.block_until = reason, until


def unblock(therapist: Therapist) -> None:
    """blocked → active, or inactive where somebody said so before."""
    _enter(therapist, _T.INACTIVE if therapist.inactive_by else _T.ACTIVE)
    therapist.block_reason = therapist.block_since = therapist.block_until = therapist.blocked_by = None


def deactivate(therapist: Therapist) -> None:
    """active → inactive, since staff say so; a block wins, and they are inactive after it.

    Of one whom an import made inactive it is staff who say so from now on: no import lifts it any more.
    """
    if therapist.status == _T.ACTIVE:
        _enter(therapist, _T.INACTIVE)
    therapist.inactive_by = InactiveBy.STAFF.value


def reactivate(therapist: Therapist) -> None:
    """inactive → active, whether an import or staff had said so; one who is blocked is active after the block."""
    if therapist.status == _T.INACTIVE:
        _enter(therapist, _T.ACTIVE)
    therapist.inactive_by = None


def _enter(therapist: Therapist, to: TherapistStatus) -> None:
    check_transition(THERAPISTS, therapist.status, to)
    therapist.status = to.value


def become_one(kept: Therapist, merged: Therapist) -> None:
    """The merged one is not there any more. A block of either counts, an import's inactivity only if it is of both."""
    if merged.status == _T.BLOCKED and kept.status != _T.BLOCKED:
        _enter(kept, _T.BLOCKED)
        kept.block_reason, kept.blocked_by = merged.block_reason, merged.blocked_by
        kept.block_since, kept.block_until = merged.block_since, merged.block_until
    if kept.inactive_by == BY_IMPORT and merged.inactive_by is None:
        kept.inactive_by = None
        if kept.status == _T.INACTIVE:
            _enter(kept, _T.ACTIVE)
    merged.merged_into = kept.id


def remove(therapist: Therapist, *, now: datetime) -> None:
    """Nobody is shown or finds the therapist any more, whatever their status was."""
    therapist.removed_at = now


def take_back(therapist: Therapist) -> None:
    """One who was removed is there again, since somebody was to be asked or was contacted at the same moment."""
    therapist.removed_at = None


def columns_of_a_new_one() -> dict[str, Any]:
    """A therapist whom an import brings is active."""
    return {"status": _T.ACTIVE.value}


def columns_of_one_who_is_gone(known: Mapping[str, Any]) -> dict[str, Any]:
    """active → inactive, since the source does not have them any more; a block wins, and they are inactive after it."""
    by_import = {"inactive_by": BY_IMPORT}
    return by_import if known["status"] == _T.BLOCKED else by_import | {"status": _T.INACTIVE.value}


def columns_of_one_who_is_back(known: Mapping[str, Any]) -> dict[str, Any]:
    """inactive → active, where an import had made them inactive; a block stays."""
    if known["inactive_by"] != BY_IMPORT:
        return {}
    nobody = {"inactive_by": None}
    return nobody | {"status": _T.ACTIVE.value} if known["status"] == _T.INACTIVE else nobody


def deactivate_for_import(therapist: Therapist) -> None:
    """active → inactive, as if no source had them any more; a block wins, and they are inactive after it."""
    if therapist.inactive_by is None:
        therapist.inactive_by = BY_IMPORT
        if therapist.status == _T.ACTIVE:
            _enter(therapist, _T.INACTIVE)


def reactivate_after_import(therapist: Therapist) -> None:
    """inactive → active, where an import had made them inactive; a block stays."""
    if therapist.inactive_by == BY_IMPORT:
        therapist.inactive_by = None
        if therapist.status == _T.INACTIVE:
            _enter(therapist, _T.ACTIVE)


def begin_import(known: Import) -> None:
    """A new import is running, until its file has been applied or refused."""
    known.status = _I.RUNNING


def hold_import(known: Import, *, now: datetime) -> None:
    """running → held: a person decides whether the file is applied; nobody works on it, and later files wait."""
    _enter_import(known, _I.HELD, by=None, now=now)
    known.held_at = now


def approve_import(known: Import, *, by: UUID | None, now: datetime) -> None:
    """held → running: the file is applied at its turn."""
    _enter_import(known, _I.RUNNING, by=by, now=now)
    known.decided_at, known.decided_by = now, by


def reject_import(known: Import, *, by: UUID | None, now: datetime) -> None:
    """held → rejected: nothing of the file is applied."""
    _enter_import(known, _I.REJECTED, by=by, now=now)
    known.decided_at, known.decided_by = now, by
    known.finished_at = now


def undo_import(known: Import, *, now: datetime) -> None:
    """completed → undone: nothing of the file is left but what is newer."""
    _enter_import(known, _I.UNDONE, by=known.undo_asked_by, now=now)
    known.undone_at = now


def end_import(known: Import, to: ImportStatus, *, now: datetime) -> None:
    """running → completed, failed or rejected: nobody works on it any more."""
    _enter_import(known, to, by=None, now=now)
    known.finished_at = now


def _enter_import(known: Import, to: ImportStatus, *, by: UUID | None, now: datetime) -> None:
    check_transition(IMPORTS, known.status, to)
    known.status = to.value
    known.claimed_until = None
    known.count_change(by=by, now=now)


def columns_of_a_new_review() -> dict[str, Any]:
    """A new review waits for a decision."""
    return {"state": _R.PENDING.value}


def columns_of_a_superseded_review() -> dict[str, Any]:
    """pending → superseded: a newer record of the same entry says something else."""
    return {"state": _R.SUPERSEDED.value}


def approve_review(review: ImportReview, *, by: UUID | None, now: datetime) -> None:
    """pending → approved."""
    _decide(review, _R.APPROVED, by=by, now=now)
    review.reason = None


def reject_review(review: ImportReview, *, reason: str | None, by: UUID | None, now: datetime) -> None:
    """pending → rejected."""
    _decide(review, _R.REJECTED, by=by, now=now)
    review.reason = reason


def reopen_review(review: ImportReview, *, by: UUID | None, now: datetime) -> None:
    """approved or rejected → pending: nobody has decided it; why it was rejected before is still said."""
    check_transition(REVIEWS, review.state, _R.PENDING)
    review.state = _R.PENDING.value
    review.decided_at = review.decided_by = None
    review.count_change(by=by, now=now)


def _decide(review: ImportReview, to: ReviewState, *, by: UUID | None, now: datetime) -> None:
    check_transition(REVIEWS, review.state, to)
    review.state = to.value
    review.decided_at, review.decided_by = now, by
    review.count_change(by=by, now=now)
