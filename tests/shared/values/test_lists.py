"""Declarations of lists, their queries and their pages."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from patient_service.domain.lists import ACCESSES, PATIENTS
from shared.values.lists import Page, PageQuery, part_of
from shared.values.schemas import Schema


class Person(Schema):
    """Somebody."""

    name: str
    """The name."""


def test_a_page_query_has_defaults() -> None:
    assert PageQuery.model_validate({}) == PageQuery(limit=50, offset=0)


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 201}, {"limit": "5"}, {"offset": -1}, {"page": 2}])
def test_a_page_query_out_of_bounds_is_refused(query: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PageQuery.model_validate(query)


def test_a_page_holds_its_items() -> None:
    page = Page[Person](items=[Person(name="Ng")], total=1, limit=50, offset=0, next=None, counts=None)
    assert page.to_json() == {
        "items": [{"name": "Ng"}], "total": 1, "limit": 50, "offset": 0, "next": None, "counts": None,
    }  # fmt: skip


def test_a_list_takes_what_it_declares() -> None:
    assert PATIENTS.query.model_fields.keys() == {
        "q", "status", "postal_code", "assigned_to", "born_on", "missing", "search_longer_than_days",
        "crisis", "erasure",
        "limit", "offset", "sort", "after", "view", "ids", "count_by",
    }  # fmt: skip
    assert ACCESSES.query.model_fields.keys() == {"limit", "offset", "sort", "after", "view", "count_by"}
    assert (PATIENTS.query().sort, PATIENTS.query().view, ACCESSES.query().sort) == ("-created_at", "full", "-at")


@pytest.mark.parametrize("query", [{"sort": "name"}, {"view": "all"}, {"count_by": "q"}, {"after": "ü"}])
def test_what_a_list_does_not_declare_is_refused(query: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PATIENTS.query.model_validate(query)


def test_a_part_of_a_schema_has_the_same_fields_and_no_other() -> None:
    class Whole(Person):
        secret: str
        """Nobody's business."""

    shown = part_of("Shown", Whole, "name", about="What is shown.")
    assert shown.model_json_schema() == Person.model_json_schema() | {"title": "Shown", "description": "What is shown."}
    assert shown.of(Whole(name="Ng", secret="x")).to_json() == {"name": "Ng"}
