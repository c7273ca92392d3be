"""Fields that only some people may read are left out for others, wherever in a response they are."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import pytest
from flask import Flask
from openapi_spec_validator import validate
from pydantic import Field

from shared.http import Context, Resource, Route, endpoint
from shared.http.openapi import document
from shared.http.responses import ResponseShape
from shared.security.authentication import COORDINATORS, Caller
from shared.values.account_enums import Scope
from shared.values.enums import Role
from shared.values.lists import Page
from shared.values.readable import (
    FOR_CALLERS,
    FOR_COORDINATORS,
    NamesFieldsOf,
    ReadableBy,
    restricted_fields,
    without,
)
from shared.values.schemas import Schema

SECRET = "Erika has F32.1"


class Inner(Schema):
    """An object inside another."""

    when: date
    note: Annotated[str | None, Field(description="free text"), FOR_COORDINATORS]


class Outer(Schema):
    """Everything that can hold a field."""

    id: int
    text: Annotated[str, FOR_CALLERS]
    one: Inner | None
    several: list[Inner]
    by_name: dict[str, Inner]
    deep: list[list[Inner]]
    from_: Annotated[str, FOR_COORDINATORS] = Field(alias="from")
    whole: Annotated[Inner, ReadableBy(Scope.IMPORTS_START)]


def an_inner() -> Inner:
    return Inner(when=date(2026, 11, 23), note=SECRET)


def an_outer() -> Outer:
    inner = an_inner()
    held: Any = {"one": inner, "several": [inner], "by_name": {"a": inner}, "deep": [[inner]], "whole": inner}
    return Outer(id=1, text="call me", from_=SECRET, **held)


@pytest.fixture(autouse=True)
def _in_an_application() -> Any:
    with Flask("test").test_request_context("/api/things"):
        yield


def shown_to(kind: Any, result: Any, *roles: Role, scopes: frozenset[Scope] = frozenset()) -> Any:
    reader = Caller(id=None, roles=frozenset(roles), scopes=scopes)
    return ResponseShape(kind, 200).response(result, reader=reader).json


def test_who_may_read_all_gets_all() -> None:
    everything = an_outer().to_json()
    assert shown_to(Outer, an_outer(), Role.ADMIN) == everything
    without_whole = {name: value for name, value in everything.items() if name != "whole"}
    assert shown_to(Outer, an_outer(), Role.COORDINATOR) == without_whole


def test_a_field_is_left_out_in_lists_objects_and_under_its_name_in_json() -> None:
    shown = shown_to(Outer, an_outer(), Role.CALLER)
    bare = {"when": "2026-11-23"}
    assert shown == {
        "id": 1, "text": "call me", "one": bare, "several": [bare], "by_name": {"a": bare}, "deep": [[bare]],
    }  # fmt: skip


@pytest.mark.parametrize("role", [Role.IMPORTER, Role.AUDITOR, Role.SERVICE, None])
def test_nobody_else_learns_it_from_a_page_either(role: Role | None) -> None:
    page = Page[Outer](items=[an_outer(), an_outer()], total=2, limit=50, offset=0, next=None, counts=None)
    shape = ResponseShape(Page[Outer], 200)
    answer = shape.response(page, reader=Caller(id=None, roles=frozenset({role} if role else ())))
    assert SECRET not in answer.get_data(as_text=True)
    assert "call me" not in answer.get_data(as_text=True)
    assert (answer.json["total"], len(answer.json["items"])) == (2, 2)


def test_a_machine_reads_what_its_scope_names() -> None:
    shown = shown_to(Outer, an_outer(), Role.SERVICE, scopes=frozenset({Scope.IMPORTS_START}))
    assert shown["whole"] == {"when": "2026-11-23"}
    assert "text" not in shown


def test_several_roles_read_what_any_of_them_may() -> None:
    assert "from" in shown_to(Outer, an_outer(), Role.AUDITOR, Role.COORDINATOR)


def test_a_row_with_more_than_the_schema_shows_no_more() -> None:
    class Row:
        when, note, other = date(2026, 11, 23), SECRET, SECRET

    assert shown_to(Inner, Row(), Role.CALLER) == {"when": "2026-11-23"}


class Named(Schema):
    """Names of fields of another schema."""

    set_by_hand: Annotated[list[str], NamesFieldsOf(Inner)]
    set_by: Annotated[dict[str, Inner], NamesFieldsOf(Inner)]


def test_the_name_of_a_field_is_left_out_like_the_field() -> None:
    named = Named(set_by_hand=["note", "when"], set_by={"note": an_inner(), "when": an_inner()})
    assert shown_to(Named, named, Role.ADMIN) == named.to_json()
    bare = {"when": "2026-11-23"}
    assert shown_to(list[Named], [named], Role.CALLER) == [{"set_by_hand": ["when"], "set_by": {"when": bare}}]


class Itself(Schema):
    """A schema without an end."""

    children: list[Itself]
    note: Annotated[str, FOR_COORDINATORS]


def test_a_schema_that_holds_itself_is_refused_when_it_is_declared() -> None:
    """Some depth would not be looked at."""
    with pytest.raises(TypeError, match="holds itself"):
        ResponseShape(Itself, 200)


def test_what_lies_inside_a_field_that_is_left_out_needs_no_path() -> None:
    assert without([("a", "b"), ("a",), ("c", "d")]) == {"a": True, "c": {"d": True}}
    assert [path for path, _ in restricted_fields(Inner)] == [("note",)]


class InnerResource(Resource):
    """An endpoint that shows it."""

    @endpoint(response=Inner, transaction=False)
    def get(self, context: Context[Any]) -> Inner:
        """Show it."""
        return an_inner()


def test_the_document_names_the_readers_and_promises_the_field_to_nobody() -> None:
    made = document([Route("/api/things", InnerResource, get=COORDINATORS)], title="T", description="D")
    validate(made)
    schema = made["components"]["schemas"]["Inner"]
    assert schema["properties"]["note"]["x-readable-by"] == ["admin", "coordinator"]
    assert schema["required"] == ["when"]
