"""Lists: what a list offers, declared once, and which part of it a request wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Generic, Literal, Protocol, TypeVar, cast
from uuid import UUID

from pydantic import BaseModel, Field, GetJsonSchemaHandler, create_model
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from shared.values.descriptions import described_by
from shared.values.schemas import Distinct, QuerySchema, Schema

MAX_LIMIT = 200
DEFAULT_LIMIT = 50
MOST_VALUES = 100
LONGEST_CURSOR = 8000
CURSOR_FORM = "^[A-Za-z0-9_-]+$"

View = Literal["full", "row", "label"]
"""How much of each object a list shows: all, what a table needs, or what names it."""

BY_COMMA = "x-by-comma"
"""In a JSON schema: the values of this array are one parameter, separated by commas."""


class ByComma:
    """Marks the parameter of a query that has several values, separated by commas: `status=open,searching`."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Returns the schema of the array with the mark for the OpenAPI document."""
        return {**handler(schema), BY_COMMA: True}


Item = TypeVar("Item")
Filters = TypeVar("Filters", bound=QuerySchema)

Several = Annotated[list[Item], Distinct(MOST_VALUES), ByComma()]
"""A filter of which any value will do; none sent: all will. Only for values that have no commas themselves."""

Position = tuple[Any, ...]
"""The values of an entry by which the list is sorted; the last one identifies the entry."""


@dataclass(frozen=True)
class Part:
    """Which entries of a list to read, and in which order."""

    limit: int
    sort: str
    """The name of an order; `-` in front reverses it."""
    offset: int = 0
    """How many entries come before the first of these."""
    position: Position | None = None
    """The entry after which to begin; None begins with the `offset`."""
    count_by: str | None = None
    ids: Sequence[UUID] = ()
    """Only these objects; empty: all."""
    is_export: bool = False
    """Whether this is a part of a file with the whole list: nothing is counted then."""

    def beginning(self) -> Part:
        """The first part of the same list."""
        return replace(self, offset=0, position=None)


@dataclass(frozen=True)
class ListRequest(Generic[Filters]):
    """What a request wants of a list."""

    filters: Filters
    part: Part
    view: View


@dataclass(frozen=True)
class Listed:
    """The entries of one part, as they are shown, and what is known of the whole list."""

    items: Sequence[Any]
    """Objects with the attributes of the view that is wanted; what the view does not name is left out."""
    total: int
    counts: Mapping[str, int] | None
    position: Position | None
    """Of the last entry, where more entries follow."""


class PageQuery(QuerySchema):
    """Which part of the list to show."""

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT
    """How many entries to show."""
    offset: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    """How many entries to leave out before the first."""


class Page(Schema, Generic[Item]):
    """A part of a list, the length of the whole list, and where it continues."""

    items: list[Item]
    """The objects of this part."""
    total: int
    """How many objects the whole list has."""
    limit: int
    """How many objects this part may have at most."""
    offset: int
    """How many objects of the list come before this part."""
    next: str | None
    """What to send as `after` to see the next part; null: this is the last one."""
    counts: dict[str, int] | None
    """How many objects of the whole list have each value of the field that `count_by` names; null without it."""


class Orders(Protocol):
    """The names of the orders and of the counted fields of a list (`shared.database.listing.Listing`)."""

    @property
    def sorts(self) -> Mapping[str, Any]:
        """The orders by name."""

    @property
    def types(self) -> Mapping[str, tuple[Any, ...]]:
        """The Python types of the position in each order."""

    @property
    def default(self) -> str:
        """The order of a request that names none."""

    @property
    def counts(self) -> Mapping[str, Any]:
        """The fields by which the list can be counted."""

    @property
    def identity(self) -> Any:
        """What `ids` are compared with; None where the entries have no id."""


class ListOf(Generic[Filters]):
    """Declares a list: `PATIENTS = ListOf(lists.PATIENTS, PatientFilter, full=PatientView, row=PatientRow)`.

    The parameters of the query, the schemas of the response, cursors, and CSV follow from it. `row` is the same as
    `full` where that has no diagnosis, number of an insured person, body or free text. `line` is what a line of CSV
    says of a whole object where people read it in a spreadsheet: words and local times instead of codes.
    """

    def __init__(
        self,
        orders: Orders,
        filters: type[Filters],
        *,
        full: type[Schema],
        row: type[Schema],
        label: type[Schema] | None = None,
        line: type[Schema] | None = None,
    ) -> None:
        given: dict[View, type[Schema] | None] = {"full": full, "row": row, "label": label}
        self.views: dict[View, type[Schema]] = {name: schema for name, schema in given.items() if schema is not None}
        self.lines: dict[View, type[Schema]] = {} if line is None else {"full": line}
        self.orders = orders
        self.query: Any = _query(
            orders, filters, list(self.views), name=f"{full.__name__.removesuffix('View')}ListQuery"
        )
        self.pages: dict[View, Any] = {name: Page[schema] for name, schema in self.views.items()}  # type: ignore[valid-type]
        self.response: Any = _any_of(list(self.pages.values()))

    def wanted(self, query: Any, *, position: Position | None, offset: int) -> ListRequest[Filters]:
        """What a query wants that was read as `self.query`, and whose cursor was read."""
        part = Part(
            limit=query.limit,
            offset=offset,
            position=position,
            sort=query.sort,
            count_by=getattr(query, "count_by", None),
            ids=getattr(query, "ids", ()),
        )
        return ListRequest(query, part, query.view)


def _query(orders: Orders, filters: type[Filters], views: Sequence[View], *, name: str) -> type[Filters]:
    """The filters of a list together with the parameters that every list has, as far as this one offers them.

    It has a name of its own: the filters alone may be a part of a body, too.
    """
    fields: dict[str, Any] = {"sort": _sort(orders), "after": _AFTER, "view": _view(views)}
    if orders.identity is not None:
        fields["ids"] = _IDS
    if orders.counts:
        fields["count_by"] = _count_by(orders)
    bases: Any = PageQuery if issubclass(PageQuery, filters) else (filters, PageQuery)
    named: Any = {"__doc__": filters.__doc__, "__module__": filters.__module__}
    query: Any = create_model(name, __base__=bases, **named, **fields)
    return cast("type[Filters]", query)


_CURSOR = Annotated[str, Field(max_length=LONGEST_CURSOR, pattern=CURSOR_FORM, examples=["WzUwLCIwMTkwIl0"])]
_AFTER = (_CURSOR | None, Field(None, description="the `next` of the part before; not together with `offset`"))
_IDS: Any = (Several[UUID], Field([], description="Only the objects with these ids, separated by commas."))


def _sort(orders: Orders) -> Any:
    names = [f"{sign}{name}" for name in orders.sorts for sign in ("", "-")]
    return _one_of(names), Field(orders.default, description="The order; `-` in front reverses it.")


def _count_by(orders: Orders) -> Any:
    about = "Counts the objects of the whole list by the values of this field, in `counts`."
    return _one_of(list(orders.counts)) | None, Field(None, description=about)


def _view(views: Sequence[View]) -> Any:
    about = "How much of each object is shown: all, what a table needs, or what names it."
    return _one_of(list(views)), Field("full", description=about)


def _one_of(names: Sequence[str]) -> Any:
    return Literal.__getitem__(tuple(names))


def _any_of(kinds: Sequence[Any]) -> Any:
    found = kinds[0]
    for each in kinds[1:]:
        found = found | each
    return found


def part_of(name: str, whole: type[BaseModel], *fields: str, about: str) -> type[Schema]:
    """Returns the schema of an object with these fields only: a view that a new field of the whole does not enter."""
    chosen: dict[str, Any] = {each: (whole.model_fields[each].annotation, whole.model_fields[each]) for each in fields}
    named: Any = {"__doc__": about, "__module__": whole.__module__}
    made: Any = create_model(name, __base__=Schema, **named, **chosen)
    described_by(made, whole)
    return cast("type[Schema]", made)
