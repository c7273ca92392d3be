"""One change of many objects: which ones, and what became of each."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from pydantic import AfterValidator, Field

from shared.errors import Conflict, PlatformError
from shared.values.errors import NotAcceptable
from shared.values.rules import rule_across
from shared.values.schemas import Distinct, QuerySchema, Schema

MOST_AT_ONCE = 1000
"""So many objects are changed by one request, in its transaction."""

Filters = TypeVar("Filters", bound=QuerySchema)


def _that_goes_at_once(total: int) -> int:
    if total > MOST_AT_ONCE:
        raise NotAcceptable("field.change_in_parts", most=MOST_AT_ONCE)
    return total


class Selection(Schema, Generic[Filters]):
    """Which objects of a list are to be changed: those with these ids, or those that a filter finds."""

    ids: Annotated[list[UUID], Distinct(MOST_AT_ONCE), Field(min_length=1)] | None = None
    """The ids of the objects."""
    filter: Filters | None = None
    """The same filters as in the query of the list, each with a list of values where it takes several."""
    expected_total: Annotated[
        int, Field(ge=1, json_schema_extra={"maximum": MOST_AT_ONCE}), AfterValidator(_that_goes_at_once)
    ]
    """How many objects the sender believes these are; of another number none is changed (409)."""

    @rule_across("ids", "filter")
    def _names_them_in_one_way(self) -> None:
        """Either `ids` or `filter` is sent."""
        if (self.ids is None) == (self.filter is None):
            raise NotAcceptable("field.ids_or_filter")


@dataclass(frozen=True)
class ObjectOutcome:
    """What became of one object: changed, or refused for this reason."""

    id: UUID
    refusal: PlatformError | None


class OtherTotal(Conflict):
    """The selection has not the objects that its sender believes."""


def require_total(found: Collection[UUID], wanted: Selection[Any]) -> None:
    """Raise `OtherTotal` where these are more or fewer than expected, or an id is nobody's (`unknown_ids`).

    `found` may end one behind `MOST_AT_ONCE`.
    """
    there = set(found)
    unknown = [each for each in wanted.ids or () if each not in there]
    if unknown:
        refusal = OtherTotal("bulk.other_total.unknown")
        refusal.members["unknown_ids"] = [str(each) for each in unknown]
        raise refusal
    if len(found) > MOST_AT_ONCE:
        raise OtherTotal("bulk.other_total.too_many", most=MOST_AT_ONCE)
    if len(found) != wanted.expected_total:
        raise OtherTotal("bulk.other_total", found=len(found), expected=wanted.expected_total)


def require_same(found: Sequence[UUID], locked: Sequence[UUID]) -> None:
    """Raise `OtherTotal` where others changed the selection before it was locked."""
    if set(found) != set(locked):
        raise OtherTotal("bulk.other_total.changing")
