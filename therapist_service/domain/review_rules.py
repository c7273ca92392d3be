"""What of an import waits for a person, and in which words they read it: rules of plain values, without a database.

What is harmless is applied at once (docs/domain.md#import-rule-4). The rest waits, unless `IMPORT_PASSES` lets its kind
pass, as one review of a record. Values are those of JSON, so that they can be stored and compared with stored ones.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from pydantic_core import to_jsonable_python

from shared.values.enums import ReviewKind, ReviewState
from shared.values.weekly import Weekly
from therapist_service.domain.schemas import PLACE, ImportedFields

IDENTITY: Final = frozenset({"salutation", "title", "first_name", "last_name", "gender"})
CONTACT: Final = frozenset({
    "street", "house_number", "postal_code", "city", *PLACE, "phone", "mobile", "fax", "email", "website",
})  # fmt: skip
HARMLESS: Final = frozenset({
    "accreditation", "procedures", "age_groups", "settings", "languages", "qualifications", "offers", "phone_hours",
})  # fmt: skip
"""What a practice offers and when it answers: applied at once."""
REACTIVATION: Final = "status"
"""Under this name a review has that a therapist whom an import made inactive is in the source again."""
GRAVITY: Final = (ReviewKind.IDENTITY, ReviewKind.NEW, ReviewKind.REACTIVATION, ReviewKind.CONTACT)
"""A review of several kinds is called after the first of them."""

Passes = frozenset[ReviewKind]
"""The kinds that are applied without a review."""

_DEFAULTS: Final = {name: info.default for name, info in ImportedFields.model_fields.items() if not info.is_required()}


@dataclass(frozen=True, slots=True)
class WaitingRecord:
    """What of one record a person must decide."""

    kind: ReviewKind
    values: dict[str, Any]
    """The fields that wait and their values; of a new person and of a question who somebody is, all."""
    difference: list[dict[str, Any]]
    therapist_id: UUID | None = None
    """Whom it concerns; None where that is what is to be decided."""
    candidate_ids: Sequence[UUID] = ()
    set_aside: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LastReview:
    """The newest review of an entry of a source."""

    id: UUID
    state: ReviewState
    kind: ReviewKind
    therapist_id: UUID | None
    candidate_ids: Sequence[UUID]
    values: Mapping[str, Any]
    declined: Mapping[str, Any]
    """Fields and values that people rejected, here or before, and that the source has said ever since."""

    def is_of(self, waiting: WaitingRecord) -> bool:
        """Whether it waits for the decision of the same."""
        mine = (self.kind, self.therapist_id, sorted(self.candidate_ids), self.values)
        return mine == (waiting.kind, waiting.therapist_id, sorted(waiting.candidate_ids), waiting.values)

    def rejected_the_person(self, values: Mapping[str, Any]) -> bool:
        """Whether this very person was rejected; other languages or hours make nobody else of them."""
        names = ((IDENTITY | CONTACT) - PLACE) & values.keys()  # what could not be read says nothing
        return self.state == ReviewState.REJECTED and all(
            same_value(self.declined.get(name), values[name]) for name in names
        )


def as_json(value: Any) -> Any:
    """A value of a field as JSON has it."""
    if value is None or type(value) in (str, float, bool):
        return value
    return value.to_json() if isinstance(value, Weekly) else to_jsonable_python(value)


def same_value(one: Any, other: Any) -> bool:
    """Whether two values are the same; the lists of a therapist are sets: another order is no change."""
    if isinstance(one, list) and isinstance(other, list):
        return sorted(one) == sorted(other)
    return bool(one == other)


def kind_of(name: str) -> ReviewKind | None:
    """Of which kind the change of a field is; None where it is harmless."""
    if name in IDENTITY:
        return ReviewKind.IDENTITY
    if name == REACTIVATION:
        return ReviewKind.REACTIVATION
    return None if name in HARMLESS else ReviewKind.CONTACT


def still_declined(last: LastReview | None, sent: Mapping[str, Any]) -> dict[str, Any]:
    """What people rejected and the source says again; what it says otherwise now is forgotten.

    A field that could not be read says nothing.
    """
    if last is None or not last.declined:
        return {}
    return {
        name: value
        for name, value in last.declined.items()
        if name not in sent or same_value(as_json(sent[name]), value)
    }


def fields_that_wait(changes: Mapping[str, Any], declined: Mapping[str, Any], passes: Passes) -> dict[str, Any]:
    """Those of the changes that a person must decide, as JSON; not those that people rejected."""
    return {
        name: as_json(value)
        for name, value in changes.items()
        if not _passes(name, passes) and not _is_declined(name, value, declined)
    }


def fields_that_pass(changes: Mapping[str, Any], declined: Mapping[str, Any], passes: Passes) -> frozenset[str]:
    """Those of the changes that are applied at once; never one that people rejected, whatever passes by now."""
    return frozenset(
        name for name, value in changes.items() if _passes(name, passes) and not _is_declined(name, value, declined)
    )


def _passes(name: str, passes: Passes) -> bool:
    kind = kind_of(name)
    return kind is None or kind in passes


def _is_declined(name: str, value: Any, declined: Mapping[str, Any]) -> bool:
    return name in declined and same_value(declined[name], as_json(value))


def gravest(names: Collection[str]) -> ReviewKind:
    """The kind of a review in which these fields wait."""
    kinds = {kind_of(name) for name in names}
    return next(kind for kind in GRAVITY if kind in kinds)


def change_of(
    known: Mapping[str, Any], waiting: Mapping[str, Any], protected: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The difference of a known therapist: what waits, and what the source says of fields that staff protect."""
    rows = [_row(name, _before(known, name), value, is_protected=False) for name, value in waiting.items()]
    return rows + [_row(name, _before(known, name), value, is_protected=True) for name, value in protected.items()]


def person_of(values: Mapping[str, Any], known: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The difference of a whole person: what is known of them, or of the one candidate whose values it would change.

    A known e-mail address is never replaced by none.
    """
    if known is None:
        shown = {name: value for name, value in values.items() if value not in (None, [], _DEFAULTS.get(name))}
        return [_row(name, None, value, is_protected=False) for name, value in shown.items()]
    protected = set(known["protected_fields"])
    return [
        _row(name, before, value, is_protected=name in protected)
        for name, value in values.items()
        if not same_value(before := as_json(known[name]), value) and (name, value) != ("email", None)
    ]


def _before(known: Mapping[str, Any], name: str) -> Any:
    return "inactive" if name == REACTIVATION else as_json(known[name])


def _row(name: str, before: Any, after: Any, *, is_protected: bool) -> dict[str, Any]:
    return {"field": name, "before": before, "after": after, "protected": is_protected}
