"""What one record of an import does to one therapist: rules of plain values, without a database.

What is to wait for a person is decided by `review_rules`, and who a record is by `entity_resolution`.

A record is the whole new state, so a field that it does not hold is cleared, but for three rules: a protected field is
never overwritten, a known e-mail address never by nothing (docs/domain.md#import-rule-3), and what could not be read
changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from shared.events.catalogue import TherapistDeactivated, TherapistRegistered, TherapistUpdated
from shared.texts import Sentence
from shared.values.enums import ImportAction, ImportOutcome, ReviewKind
from shared.values.postal_codes import coordinates_problem
from therapist_service.domain import entity_resolution, review_rules, states
from therapist_service.domain.entity_resolution import NOBODY, Identification
from therapist_service.domain.import_records import Entry, kept_values, not_taken
from therapist_service.domain.review_rules import REACTIVATION, LastReview, Passes, WaitingRecord, as_json, same_value
from therapist_service.domain.schemas import PLACE, TherapistFields

DEFAULTS: Mapping[str, Any] = {
    name: info.default for name, info in TherapistFields.model_fields.items() if not info.is_required()
}

AnyTherapistEvent = type[TherapistRegistered] | type[TherapistUpdated] | type[TherapistDeactivated]


@dataclass(frozen=True, slots=True)
class Known:
    """The therapist of a record, and the entry of the source as which they are known."""

    therapist: Mapping[str, Any]
    source: Mapping[str, Any] | None = None
    """None where the record was found to be this therapist just now."""
    is_leading: bool = True
    """Whether this entry says what the therapist is like: of several the newest that is not gone does."""
    is_listed_otherwise: bool = False
    """Whether their sources have another entry of the therapist."""
    is_just_gone: bool = False
    """Whether the same file said that another entry of theirs is gone: then that they are back is no question."""
    next_record: Mapping[str, Any] | None = None
    """What the entry said last that leads when this one goes, in JSON; None where the therapist is like it already."""


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
    waiting: WaitingRecord | None = None
    """What a person must decide."""
    declined: dict[str, Any] = field(default_factory=dict)
    """What people rejected and the source still says."""


def decide(
    entry: Entry,
    known: Known | None,
    who: Identification = NOBODY,
    last: LastReview | None = None,
    resembled: Mapping[str, Any] | None = None,
    *,
    passes: Passes,
) -> ImportDecision:
    """What the entry does to the therapist who is `known` as it, or to nobody; `last` is its newest review.

    `who` says among whom a person must decide where nobody is known, `resembled` is that therapist where it is only
    one, and `passes` what is not reviewed.
    """
    if entry.refused is not None:
        return ImportDecision(entry.action, ImportOutcome.REJECTED, entry.refused)
    if entry.action == ImportAction.DELETION:
        return _led_by_another(entry, known, last, passes) or _gone(entry, known)
    if known is None:
        return _unknown(entry, who, last, passes, resembled)
    if known.source is not None and entity_resolution.is_somebody_else(*_compared(known, known.source, entry)):
        return _person_waits(entry, ReviewKind.IDENTITY, last, known.therapist, (known.therapist["id"],))
    if not known.is_leading:
        reason = _both(entry.note, "another entry of this therapist is newer: its records count")
        return ImportDecision(ImportAction.MODIFICATION, ImportOutcome.UNCHANGED, reason)
    same_file = {ReviewKind.REACTIVATION} if known.is_just_gone else set()
    return _seen_again(entry, known.therapist, last, passes | same_file)


def _led_by_another(
    entry: Entry, known: Known | None, last: LastReview | None, passes: Passes
) -> ImportDecision | None:
    """What the entry that leads from now on had said, where another one goes; None where nothing follows from that.

    Also where the one that goes did not lead: after a merge the therapist is like the entry of the kept one.
    """
    if known is None or not known.is_listed_otherwise or known.next_record is None:
        return None
    values = kept_values(known.next_record)
    if values is None:
        return None
    said = replace(entry, values=values, note=_both(entry.note, "another entry of this therapist counts from now on"))
    return _seen_again(said, known.therapist, last, passes)


def _gone(entry: Entry, known: Known | None) -> ImportDecision:
    # inactive, never deleted: docs/domain.md#import-rule-5
    action, note = ImportAction.DELETION, entry.note
    if known is None:
        return ImportDecision(action, ImportOutcome.UNCHANGED, _both(note, "not known here"))
    therapist = known.therapist
    if known.is_listed_otherwise:
        return ImportDecision(action, ImportOutcome.UNCHANGED, _both(note, "another entry of this therapist is left"))
    if therapist["inactive_by"] is not None:
        return ImportDecision(action, ImportOutcome.UNCHANGED, note)
    changes = states.columns_of_one_who_is_gone(therapist)
    if "status" not in changes:
        reason = _both(note, "blocked; inactive when the block ends")
        return ImportDecision(action, ImportOutcome.APPLIED, reason, changes, _difference(therapist, changes))
    difference = _difference(therapist, {name: value for name, value in changes.items() if name != "inactive_by"})
    return ImportDecision(action, ImportOutcome.APPLIED, note, changes, difference, TherapistDeactivated)


def _both(note: str | None, reason: str) -> str:
    return f"{note}; {reason}" if note else reason


def _unknown(
    entry: Entry,
    who: Identification,
    last: LastReview | None,
    passes: Passes,
    resembled: Mapping[str, Any] | None,
) -> ImportDecision:
    if who.proposed:  # never decided by itself, whatever passes: docs/domain.md#import-rule-4
        return _person_waits(entry, ReviewKind.IDENTITY, last, resembled, who.proposed)
    if ReviewKind.NEW not in passes:
        return _person_waits(entry, ReviewKind.NEW, last, None, ())
    values = {**DEFAULTS, **entry.values}
    changes = {**values, **states.columns_of_a_new_one(), "protected_fields": []}
    return ImportDecision(ImportAction.ADDITION, ImportOutcome.APPLIED, entry.note, changes, [], TherapistRegistered)


def _person_waits(
    entry: Entry,
    kind: ReviewKind,
    last: LastReview | None,
    known: Mapping[str, Any] | None,
    candidate_ids: tuple[UUID, ...],
) -> ImportDecision:
    """Nothing of the record is applied, not even what is harmless: it may be somebody else's."""
    values = {name: as_json(value) for name, value in entry.values.items()}
    action = entry.action
    if last is not None and last.rejected_the_person(values):
        reason = _both(entry.note, "rejected in review; waits again when name, address or contact change")
        return ImportDecision(action, ImportOutcome.UNCHANGED, reason, declined=dict(last.declined))
    difference = review_rules.person_of(values, known)
    waiting = WaitingRecord(kind, values, difference, None, candidate_ids, entry.set_aside)
    return ImportDecision(action, ImportOutcome.WAITING, entry.note, waiting=waiting)


def _compared(
    known: Known, source: Mapping[str, Any], entry: Entry
) -> tuple[entity_resolution.Person, entity_resolution.Person]:
    """Who the entry was until now, and who the record says that it is.

    Where what the entry said last is kept, that counts: its therapist has another one too, perhaps at another address.
    What could not be read says nothing, and neither does what staff have set: there the source was wrong before.
    """
    nothing = dict.fromkeys(entity_resolution.COMPARED)
    if source.get("record") is not None:
        return nothing | dict(source["record"]), nothing | dict(entry.values)
    as_known = {name: known.therapist[name] for name in entity_resolution.COMPARED}
    set_by_staff = {name: as_known[name] for name in known.therapist["protected_fields"] if name in as_known}
    return as_known, as_known | dict(entry.values) | set_by_staff


def _seen_again(entry: Entry, known: Mapping[str, Any], last: LastReview | None, passes: Passes) -> ImportDecision:
    wanted, note = _wanted(entry, known)
    changed = {name: value for name, value in wanted.items() if not same_value(known[name], value)}
    back = states.columns_of_one_who_is_back(known)
    declined = review_rules.still_declined(last, entry.values)
    asked = changed | ({REACTIVATION: "active"} if back else {})
    passing = review_rules.fields_that_pass(asked, declined, passes)
    waits = review_rules.fields_that_wait(asked, declined, passes)
    changes = {name: value for name, value in changed.items() if name in passing}
    if REACTIVATION in passing:
        changes |= back
    if rejected := sorted(asked.keys() - passing - waits.keys()):
        note = _both(note, f"{', '.join(rejected)} not taken: rejected in review")
    waiting = _waiting(entry, known, waits) if waits else None
    outcome = _outcome(changes, waiting)
    action = ImportAction.MODIFICATION
    if not changes:
        return ImportDecision(action, outcome, note, waiting=waiting, declined=declined)
    shown = {name: value for name, value in changes.items() if name != "inactive_by" or "status" not in changes}
    # of one who is blocked nobody else sees whether they would be inactive otherwise
    event = None if changes.keys() == {"inactive_by"} else TherapistUpdated
    return ImportDecision(action, outcome, note, changes, _difference(known, shown), event, waiting, declined)


def _outcome(changes: Mapping[str, Any], waiting: WaitingRecord | None) -> ImportOutcome:
    if waiting is not None:
        return ImportOutcome.WAITING
    return ImportOutcome.APPLIED if changes else ImportOutcome.UNCHANGED


def _waiting(entry: Entry, known: Mapping[str, Any], waits: dict[str, Any]) -> WaitingRecord:
    protected = {
        name: as_json(entry.values[name])
        for name in known["protected_fields"]
        if name in entry.values and not same_value(known[name], entry.values[name])
    }
    difference = review_rules.change_of(known, waits, protected)
    return WaitingRecord(review_rules.gravest(waits), waits, difference, known["id"], (), entry.set_aside)


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


def _difference(known: Mapping[str, Any], changes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"field": name, "before": as_json(known[name]), "after": as_json(value)} for name, value in changes.items()]
