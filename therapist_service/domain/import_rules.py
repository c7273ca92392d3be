"""What one record of an import does to one therapist: rules of plain values, without a database.

A record is the whole new state, so a field that it does not hold is cleared, but for three rules: a protected field is
never overwritten, a known e-mail address never by nothing (docs/domain.md#import-rule-3), and what could not be read
changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.events.catalogue import TherapistDeactivated, TherapistRegistered, TherapistUpdated
from shared.texts import Sentence
from shared.values.enums import ImportAction, ImportOutcome
from shared.values.postal_codes import coordinates_problem
from shared.values.weekly import Weekly
from therapist_service.domain import states
from therapist_service.domain.import_records import Entry, not_taken
from therapist_service.domain.schemas import PLACE, TherapistFields

DEFAULTS: Mapping[str, Any] = {
    name: info.default for name, info in TherapistFields.model_fields.items() if not info.is_required()
}

AnyTherapistEvent = type[TherapistRegistered] | type[TherapistUpdated] | type[TherapistDeactivated]


@dataclass(frozen=True, slots=True)
class ImportDecision:
    """What becomes of a record."""

    action: ImportAction
    outcome: ImportOutcome
    reason: str | None = None
    changes: dict[str, Any] = field(default_factory=dict)
    """Columns of the therapist and their new values."""
    difference: list[dict[str, Any]] = field(default_factory=list)
    event: AnyTherapistEvent | None = None


def decide(entry: Entry, known: Mapping[str, Any] | None) -> ImportDecision:
    """What the entry does to the therapist with its `external_id`, or to nobody where none is known."""
    if entry.refused is not None:
        return ImportDecision(entry.action, ImportOutcome.REJECTED, entry.refused)
    if entry.action == ImportAction.DELETION:
        return _gone(entry, known)
    return _new(entry) if known is None else _seen_again(entry, known)


def _gone(entry: Entry, known: Mapping[str, Any] | None) -> ImportDecision:
    # inactive, never deleted: docs/domain.md#import-rule-5
    action, note = ImportAction.DELETION, entry.note
    if known is None:
        return ImportDecision(action, ImportOutcome.UNCHANGED, _both(note, "not known here"))
    if known["inactive_by"] is not None:
        return ImportDecision(action, ImportOutcome.UNCHANGED, note)
    changes = states.columns_of_one_who_is_gone(known)
    if "status" not in changes:
        reason = _both(note, "blocked; inactive when the block ends")
        return ImportDecision(action, ImportOutcome.APPLIED, reason, changes, _difference(known, changes))
    difference = _difference(known, {name: value for name, value in changes.items() if name != "inactive_by"})
    return ImportDecision(action, ImportOutcome.APPLIED, note, changes, difference, TherapistDeactivated)


def _both(note: str | None, reason: str) -> str:
    return f"{note}; {reason}" if note else reason


def _new(entry: Entry) -> ImportDecision:
    values = {**DEFAULTS, **entry.values}
    changes = {**values, **states.columns_of_a_new_one(), "protected_fields": [], "set_aside": entry.set_aside}
    return ImportDecision(ImportAction.ADDITION, ImportOutcome.APPLIED, entry.note, changes, [], TherapistRegistered)


def _seen_again(entry: Entry, known: Mapping[str, Any]) -> ImportDecision:
    wanted, note = _wanted(entry, known)
    changes = {name: value for name, value in wanted.items() if not _same(known[name], value)}
    changes |= states.columns_of_one_who_is_back(known)
    quiet = {} if known["set_aside"] == entry.set_aside else {"set_aside": entry.set_aside}
    if not changes:
        return ImportDecision(ImportAction.MODIFICATION, ImportOutcome.UNCHANGED, note, quiet)
    shown = {name: value for name, value in changes.items() if name != "inactive_by" or "status" not in changes}
    # of one who is blocked nobody else sees whether they would be inactive otherwise
    event = None if changes.keys() == {"inactive_by"} else TherapistUpdated
    difference = _difference(known, shown)
    return ImportDecision(ImportAction.MODIFICATION, ImportOutcome.APPLIED, note, changes | quiet, difference, event)


def _wanted(entry: Entry, known: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
    """What the record says of the fields that an import may set, and the record's note."""
    left_alone = set(known["protected_fields"])
    if left_alone & PLACE:
        left_alone |= PLACE
    if entry.values.get("email") is None:
        left_alone.add("email")
    wanted = {name: value for name, value in entry.values.items() if name not in left_alone}
    why_not = None if left_alone & PLACE else _misplaced({**known, **wanted})
    if why_not is None:
        return wanted, entry.note
    # they belong to the address before or, where the record sent them, to another one than staff set
    sent = wanted.get("latitude") is not None
    note = "; ".join(filter(None, (entry.note, not_taken("latitude", f"the coordinates {why_not}") if sent else None)))
    return wanted | dict.fromkeys(PLACE), note or None


def _misplaced(therapist: Mapping[str, Any]) -> Sentence | None:
    return coordinates_problem(therapist["postal_code"], therapist["latitude"], therapist["longitude"])


def _same(before: Any, after: Any) -> bool:
    if isinstance(before, list) and isinstance(after, list):
        return sorted(before) == sorted(after)  # these lists are sets: another order is no change
    return bool(before == after)


def _difference(known: Mapping[str, Any], changes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"field": name, "before": _as_json(known[name]), "after": _as_json(value)} for name, value in changes.items()
    ]


def _as_json(value: Any) -> Any:
    return value.to_json() if isinstance(value, Weekly) else value
