"""What follows from what was said of a practice's places (docs/domain.md#capacity): rules of plain values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any, Final

from shared.errors import FieldProblem, RuleBroken
from shared.values.enums import CapacityState
from shared.values.practice_enums import CapacitySource
from therapist_service.domain.capacity_schemas import Capacity, CapacityStatement, NewCapacity, NewCapacityStatement

SETTINGS: Final = tuple(Capacity.model_fields)

NOTHING_STATED: Final[Mapping[str, Any]] = {
    "capacity": None,
    "capacity_due_on": None,
    "free_individual_from": None,
    "free_group_from": None,
    "potentially_available": False,
}
"""The columns of a therapist of whose places nobody has said anything."""


def stated(known: Capacity, new: NewCapacity, *, today: date) -> Capacity:
    """The capacity after people have said this; of a setting of which the same is said it stays as it is.

    Raises `RuleBroken` for what was said in the future, has run out already, or would be said by an import.
    """
    statements: dict[str, CapacityStatement] = {}
    problems: list[FieldProblem] = []
    for name in SETTINGS:
        before, sent = getattr(known, name), getattr(new, name)
        statement = _statement(sent, before, today)
        is_repeated = statement == before or (sent is None and before.state == CapacityState.UNKNOWN)
        statements[name] = before if is_repeated else statement
        problems += [] if is_repeated else _problems(name, statement, today)
    if problems:
        raise RuleBroken("therapist.capacity", errors=problems)
    return Capacity(**statements)


def _statement(sent: NewCapacityStatement | None, before: CapacityStatement, today: date) -> CapacityStatement:
    if sent is None:
        return CapacityStatement(stated_on=today, source=CapacitySource.STAFF)
    values = {name: getattr(sent, name) for name in NewCapacityStatement.model_fields}
    is_the_same = all(values[name] == getattr(before, name) for name in ("state", "from_", "expires_on"))
    day, source = (before.stated_on, before.source) if is_the_same else (today, CapacitySource.STAFF)
    return CapacityStatement.of({**values, "stated_on": sent.stated_on or day, "source": sent.source or source})


def _problems(name: str, statement: CapacityStatement, today: date) -> Iterator[FieldProblem]:
    if statement.stated_on is not None and statement.stated_on > today:
        yield FieldProblem.of(f"{name}.stated_on", "field.in_the_future")
    if statement.expires_on is not None and statement.expires_on < today:
        yield FieldProblem.of(f"{name}.expires_on", "field.before_today")
    if statement.source == CapacitySource.IMPORT:
        yield FieldProblem.of(f"{name}.source", "field.said_by_no_import")


def on_a_day(capacity: Capacity, today: date) -> Capacity:
    """The same without what does not count any more on this day."""
    return Capacity(**{name: _unless_it_ran_out(getattr(capacity, name), today) for name in SETTINGS})


def _unless_it_ran_out(statement: CapacityStatement, today: date) -> CapacityStatement:
    if statement.expires_on is None or statement.expires_on >= today:
        return statement
    # who said so, and when, stays: staff see what it was that has run out
    return statement.model_copy(update={"state": CapacityState.UNKNOWN, "from_": None})


def columns_of(capacity: Capacity, today: date) -> dict[str, Any]:
    """The columns of a therapist with this capacity, on this day: it, and everything that follows from it."""
    both = [getattr(capacity, name) for name in SETTINGS]
    return {
        "capacity": capacity.to_json(),
        "capacity_due_on": min((day for each in both for day in _days_of_change(each, today)), default=None),
        "free_individual_from": _free_from(capacity.individual),
        "free_group_from": _free_from(capacity.group),
        "potentially_available": any(_is_free(each, today) for each in both),
    }


def _free_from(statement: CapacityStatement) -> date | None:
    is_free = statement.state == CapacityState.FREE
    return statement.from_ or (statement.stated_on if is_free else None)


def _is_free(statement: CapacityStatement, today: date) -> bool:
    """A place that is free, from whichever day, or one that was to be from a day that has come."""
    return statement.state == CapacityState.FREE or (statement.from_ is not None and statement.from_ <= today)


def _days_of_change(statement: CapacityStatement, today: date) -> Iterator[date]:
    """The days after this one on which something else follows from it."""
    if statement.state == CapacityState.UNKNOWN:
        return
    if statement.expires_on is not None:
        yield statement.expires_on + timedelta(days=1)
    if not _is_free(statement, today) and statement.from_ is not None:
        yield statement.from_
