"""What becomes of one therapist when an import is undone (docs/domain.md#import-rule-11): plain values, no database.

A field goes back to what it was before the import, unless somebody or something changed it since: then that stays and
the field is named. What undone imports had written counts as never written, so that several imports can be undone in
any order: afterwards nothing of any of them is left.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from shared.values.therapist_enums import TherapistChangeAction
from therapist_service.domain.schemas import PLACE


class LoggedChange(Protocol):
    """An entry of the log of changes."""

    @property
    def import_id(self) -> UUID | None:
        """The import that did it."""

    @property
    def review_id(self) -> UUID | None:
        """The review that somebody approved."""

    @property
    def action(self) -> str:
        """What happened."""

    @property
    def difference(self) -> Sequence[Mapping[str, Any]]:
        """The fields before and after."""


@dataclass(frozen=True, slots=True)
class UndoPlan:
    """What is to be done to a therapist."""

    before: Mapping[str, Any]
    """Fields, and their values as in the log, to which they go back."""
    kept: Sequence[str]
    """Fields that were changed since, and stay."""
    was_brought: bool
    """Whether the import brought the therapist, of whom nothing is left then unless something is kept."""


def plan(changes: Sequence[LoggedChange], import_id: UUID, undone: Collection[UUID]) -> UndoPlan | None:
    """What undoing the import does to a therapist with these changes, the oldest first; None: it changed nothing.

    `undone` are the imports that were undone before, or are being undone.
    """
    mine = [index for index, change in enumerate(changes) if _is_of(change, {import_id})]
    if not mine:
        return None
    left = [
        index
        for index, change in enumerate(changes)
        if change.action != TherapistChangeAction.UNDONE and not _is_of(change, {import_id, *undone})
    ]
    if any(changes[index].action == TherapistChangeAction.REGISTERED for index in mine):
        return UndoPlan({}, sorted({name for index in left for name in _fields(changes[index])}), was_brought=True)
    before, kept = {}, set()
    for name in sorted({name for index in mine for name in _fields(changes[index])}):
        last_of_mine = max(index for index in mine if name in _fields(changes[index]))
        last_left = max((index for index in left if name in _fields(changes[index])), default=-1)
        if last_left > last_of_mine:
            kept.add(name)
        else:
            before[name] = _value(changes, name, last_left)
    if kept & PLACE:  # half a place is none
        kept |= PLACE & before.keys()
    return UndoPlan({name: value for name, value in before.items() if name not in kept}, sorted(kept), False)


def _is_of(change: LoggedChange, import_ids: Collection[UUID]) -> bool:
    """Whether one of these imports made the change by itself; what a person approved of its file is the person's."""
    is_by_itself = change.review_id is None and change.action != TherapistChangeAction.UNDONE
    return is_by_itself and change.import_id in import_ids


def _fields(change: LoggedChange) -> set[str]:
    return {each["field"] for each in change.difference}


def _value(changes: Sequence[LoggedChange], name: str, last_left: int) -> Any:
    """What the last change that is left made of the field; without one, what it was before all of them."""
    if last_left >= 0:
        return next(each["after"] for each in changes[last_left].difference if each["field"] == name)
    return next(each["before"] for change in changes for each in change.difference if each["field"] == name)
