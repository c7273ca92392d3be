"""Fields are described by what stands under them in the source, as if pydantic had read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from shared.values.descriptions import DescribedModel, described, descriptions
from shared.values.lists import part_of
from shared.values.schemas import Schema, patch_of


class _Animal(Schema):
    name: str
    """How it is called."""
    legs: Annotated[int, Field(description="the number of legs", alias="legCount")]
    """Not this."""
    tail: bool
    kinds: ClassVar[int] = 1
    """No field."""

    class Home(Schema):
        town: str
        """Where
        it lives."""


class _Cat(_Animal):
    tail: bool
    """Whether it has one."""
    name: str


def test_a_field_has_the_docstring_of_the_class_that_declares_it() -> None:
    assert descriptions(_Animal.Home) == {"town": "Where\nit lives."}
    found = descriptions(_Cat)
    assert {name: found.get(name) for name in _Cat.model_fields} == {
        "name": None,  # declared anew and without one
        "legs": "the number of legs",
        "tail": "Whether it has one.",
    }


def test_the_json_schema_is_the_one_that_pydantic_makes_of_docstrings() -> None:
    class Ours(DescribedModel):
        text: str
        """The text."""
        cat: _Cat
        """The cat."""
        other: Annotated[str, Field(alias="otherText")] = ""
        """Another text."""
        plain: int = 0

    class Pydantics(BaseModel):
        model_config = ConfigDict(use_attribute_docstrings=True, title="Ours")

        text: str
        """The text."""
        cat: _Cat
        """The cat."""
        other: Annotated[str, Field(alias="otherText")] = ""
        """Another text."""
        plain: int = 0

    assert Ours.model_json_schema() == Pydantics.model_json_schema()


def test_what_is_made_of_a_schema_is_described_as_it_is() -> None:
    part = part_of("NamedAnimal", _Animal, "name", about="A name.").model_json_schema()["properties"]
    assert part["name"]["description"] == "How it is called."
    patch = patch_of(_Animal).model_json_schema()["properties"]
    assert patch["name"]["description"] == "How it is called."
    assert patch["legCount"]["description"] == "the number of legs"


def test_a_dataclass_inside_a_schema_is_described_too() -> None:
    class Whole(Schema):
        parts: list[_Part]

    assert Whole.model_json_schema()["$defs"]["_Part"]["properties"]["size"]["description"] == "In metres."


@described
@dataclass(frozen=True, slots=True)
class _Part:
    size: float
    """In metres."""
