"""Answers requests for lists: a part as JSON, or the whole as CSV, which is read part by part while it is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from flask import Response, request
from pydantic import TypeAdapter

from shared.errors import FieldProblem
from shared.http.csv_files import CONTENT_TYPE, CSV, lines
from shared.http.cursors import Cursors
from shared.http.file_forms import JSON
from shared.http.inputs import QueryString
from shared.http.languages import language_of_caller
from shared.http.media_types import preferred
from shared.http.responses import ResponseShape
from shared.runtime.logs import logger
from shared.security.authentication import Caller
from shared.texts import TextLanguage
from shared.values.lists import MAX_LIMIT, Listed, ListOf, ListRequest
from shared.values.readable import hidden_from
from shared.values.schemas import InvalidFields

log = logger(__name__)

ReadPart = Callable[[ListRequest[Any]], Listed]
"""Reads one part of a list, in a transaction of its own."""


@dataclass(frozen=True)
class WantedList:
    """A request for a list: what it wants, the query that says so, and whether as CSV."""

    wanted: ListRequest[Any]
    query: Any
    is_csv: bool


class ListQuery:
    """Reads the query of a request for a list."""

    def __init__(self, declared: ListOf[Any], cursors: Cursors) -> None:
        self._declared, self._cursors = declared, cursors
        self._parameters = QueryString(declared.query)

    def read(self) -> WantedList:
        """What the present request wants. Raises `InvalidFields`."""
        query: Any = self._parameters.read()
        is_csv = preferred(JSON, CSV) == CSV
        _refuse_contradictions(query, is_csv)
        offset, position = (query.offset, None) if query.after is None else self._cursors.read(query)
        return WantedList(self._declared.wanted(query, position=position, offset=offset), query, is_csv)


def _refuse_contradictions(query: Any, is_csv: bool) -> None:
    if query.after is not None and "offset" in query.model_fields_set:
        raise InvalidFields([FieldProblem.of("offset", "field.with_after")])
    if is_csv and getattr(query, "count_by", None) is not None:
        raise InvalidFields([FieldProblem.of("count_by", "field.counts_in_csv")])


class ListShape:
    """Turns parts of one list into responses."""

    def __init__(self, declared: ListOf[Any], cursors: Cursors) -> None:
        self._cursors = cursors
        self._pages = {view: ResponseShape(page, 200) for view, page in declared.pages.items()}
        self._tables = {view: Table(schema) for view, schema in (declared.views | declared.lines).items()}

    def page(self, sent: WantedList, read: ReadPart, reader: Caller) -> Response:
        """One part as JSON."""
        part, listed = sent.wanted.part, read(sent.wanted)
        following = part.offset + len(listed.items)
        shown = {
            "items": listed.items,
            "total": listed.total,
            "limit": part.limit,
            "offset": part.offset,
            "next": listed.position and self._cursors.write(sent.query, listed.position, following),
            "counts": listed.counts,
        }
        return self._pages[sent.wanted.view].response(shown, reader=reader)

    def file(self, sent: WantedList, read: ReadPart, reader: Caller) -> Response:
        """The list as CSV. The first part is read before the response begins, so that a refusal is a problem."""
        table = self._tables[sent.wanted.view]
        at_most = sent.query.limit if "limit" in sent.query.model_fields_set else None
        parts = _parts(sent.wanted, read, at_most)
        first = next(parts)
        name = request.path.rstrip("/").rsplit("/", 1)[-1]
        return Response(
            table.lines(first, parts, reader, language_of_caller()),
            content_type=CONTENT_TYPE,
            headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
        )


def _parts(wanted: ListRequest[Any], read: ReadPart, at_most: int | None) -> Iterator[Listed]:
    """The parts of the list one after the other, so many entries at most. No transaction is open between two.

    A client that goes away, or reads slowly, holds nothing but the part that it is being sent.
    """
    part = replace(wanted.part, is_export=True, limit=MAX_LIMIT)
    while True:
        limit = MAX_LIMIT if at_most is None else min(MAX_LIMIT, at_most)
        listed = read(replace(wanted, part=replace(part, limit=limit)))
        yield listed
        at_most = None if at_most is None else at_most - len(listed.items)
        if listed.position is None or at_most == 0:
            return
        part = replace(part, position=listed.position)


class Table:
    """Writes objects of one schema as lines of CSV: a column for each of its fields, JSON in it where it is a list."""

    def __init__(self, schema: Any) -> None:
        self._names = {name: field.serialization_alias or name for name, field in schema.model_fields.items()}
        self._rows: TypeAdapter[Any] = TypeAdapter(list[schema])
        self._schema = list[schema]

    def lines(self, first: Listed, others: Iterator[Listed], reader: Caller, language: TextLanguage) -> Iterator[bytes]:
        """The file, in pieces: the header with the first part, then each further part.

        Without a request: it is over when the further parts are read.
        """
        hidden = hidden_from(reader.may, self._schema)
        columns = self._columns(hidden)

        def text(part: Listed) -> str:
            shaped = self._rows.validate_python(list(part.items), strict=False, from_attributes=True)
            rows = self._rows.dump_python(shaped, mode="json", exclude=hidden, context=lambda: language)
            return lines([row.get(name) for name in columns] for row in rows)

        yield (lines([columns]) + text(first)).encode()
        try:
            for part in others:
                yield text(part).encode()
        except Exception as broken:
            # the status was sent before: all that can be done is to break off, so that nobody takes it for the whole
            log.error("list.file_broken_off", problem=type(broken).__name__, exc_info=broken)
            raise

    def _columns(self, hidden: Any) -> list[str]:
        left_out = {name for name, inner in (hidden or {}).get("__all__", {}).items() if inner is True}
        return [shown for name, shown in self._names.items() if name not in left_out]
