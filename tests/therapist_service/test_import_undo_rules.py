"""What becomes of one therapist when an import is undone: plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest

from shared.database import new_id
from shared.values.therapist_enums import TherapistChangeAction as Action
from therapist_service.domain.import_undo_rules import UndoPlan, plan

FIRST, SECOND, THIRD, REVIEW = new_id(), new_id(), new_id(), new_id()


@dataclass(frozen=True)
class Entry:
    """A change as the log has it."""

    import_id: UUID | None = None
    review_id: UUID | None = None
    action: str = Action.CHANGED
    difference: list[dict[str, Any]] = field(default_factory=list)


def fields(**changes: str) -> list[dict[str, Any]]:
    """Fields, each with its values before and after: `A>B`."""
    parts = {name: each.split(">") for name, each in changes.items()}
    return [
        {"field": name, "before": before or None, "after": after or None} for name, (before, after) in parts.items()
    ]


def by(import_id: UUID, **changes: str) -> Entry:
    return Entry(import_id=import_id, difference=fields(**changes))


def staff(**changes: str) -> Entry:
    return Entry(difference=fields(**changes))


def approved(import_id: UUID, **changes: str) -> Entry:
    return Entry(import_id=import_id, review_id=REVIEW, difference=fields(**changes))


def undo(import_id: UUID, **changes: str) -> Entry:
    return Entry(import_id=import_id, action=Action.UNDONE, difference=fields(**changes))


BROUGHT = Entry(import_id=FIRST, action=Action.REGISTERED)

CASES: dict[str, tuple[list[Entry], UUID, set[UUID], dict[str, Any], list[str]]] = {
    "as before": ([by(FIRST, city="A>B")], FIRST, set(), {"city": "A"}, []),
    "of several files the last": ([by(FIRST, city="A>B"), by(SECOND, city="B>C")], SECOND, set(), {"city": "B"}, []),
    "a later file": (
        [by(FIRST, city="A>B", phone="1>2"), by(SECOND, city="B>C")], FIRST, set(), {"phone": "1"}, ["city"],
    ),
    "staff": ([by(FIRST, city="A>B"), staff(city="B>C")], FIRST, set(), {}, ["city"]),
    "staff before": ([staff(city="A>S"), by(FIRST, city="S>B")], FIRST, set(), {"city": "S"}, []),
    "what a person approved of the file": ([approved(FIRST, email=">x")], FIRST, set(), {}, []),
    "a later approval": ([by(FIRST, city="A>B"), approved(SECOND, city="B>C")], FIRST, {SECOND}, {}, ["city"]),
    "the earlier one is undone already": (
        [by(FIRST, city="A>B"), by(SECOND, city="B>C")], SECOND, {FIRST}, {"city": "A"}, [],
    ),
    "the later one is undone already": (
        [by(FIRST, city="A>B"), by(SECOND, city="B>C"), undo(SECOND, city="C>B")], FIRST, {SECOND}, {"city": "A"}, [],
    ),
    "one between is left": (
        [by(FIRST, city="A>B"), by(SECOND, city="B>C"), by(THIRD, city="C>D")], THIRD, {FIRST}, {"city": "C"}, [],
    ),
    "half a place": (
        [by(FIRST, latitude="1>2", longitude="3>4", city="A>B"), by(SECOND, latitude="2>5")],
        FIRST, set(), {"city": "A"}, ["latitude", "longitude"],
    ),
    "two entries of one source": (
        [by(FIRST, city="A>B"), by(FIRST, city="B>C")], FIRST, set(), {"city": "A"}, [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_field_goes_back_unless_it_was_changed_since(case: str) -> None:
    changes, import_id, undone, before, kept = CASES[case]
    found = plan(changes, import_id, undone)
    if case.startswith("what a person approved"):
        assert found is None, "the file itself changed nothing"
    else:
        assert found == UndoPlan(before, kept, was_brought=False)


def test_of_who_was_brought_nothing_is_left_unless_somebody_changed_them_since() -> None:
    assert plan([BROUGHT], FIRST, set()) == UndoPlan({}, [], was_brought=True)
    later = [BROUGHT, by(SECOND, city="A>B"), staff(phone="1>2")]
    assert plan(later, FIRST, {SECOND}) == UndoPlan({}, ["phone"], was_brought=True)
    assert plan([staff(city="A>B")], FIRST, set()) is None
