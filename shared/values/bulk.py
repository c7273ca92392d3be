"""One change of many objects: which ones, and what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar
from uuid import UUID

from pydantic import Field

from shared.errors import Conflict, PlatformError
from shared.values.errors import NotAcceptable
from shared.values.rules import rule_across
from shared.values.schemas import Distinct, QuerySchema, Schema

MOST_AT_ONCE = 1000
"""So many objects are changed by one request, in its transaction."""

Filters = TypeVar("Filters", bound=QuerySchema)


class Selection(Schema, Generic[Filters]):
    """Which objects of a list are to be changed: those with these ids, or those that a filter finds."""

    ids: Annotated[list[UUID], Distinct(MOST_AT_ONCE), Field(min_length=1)] | None = None
    """The ids of the objects."""
    filter: Filters | None = None
    """The same filters as in the query of the list, each with a list of values where it takes several."""
    expected_total: Annotated[int, Field(ge=1, le=MOST_AT_ONCE)]
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


def require_total(found: Sequence[UUID], expected: int) -> None:
    """Raise `OtherTotal` where there are more or fewer than expected; `found` may end one behind the expected ones."""
    if len(found) != expected:
        if len(found) > expected:
            raise OtherTotal("bulk.other_total.more", expected=expected)
        raise OtherTotal("bulk.other_total.fewer", found=len(found), expected=expected)


def require_same(found: Sequence[UUID], locked: Sequence[UUID]) -> None:
    """Raise `OtherTotal` where others changed the selection before it was locked."""
    if set(found) != set(locked):
        raise OtherTotal("bulk.other_total.changing")
