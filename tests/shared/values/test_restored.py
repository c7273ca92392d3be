"""Documents that a schema wrote are restored as they were, and none of its rules is asked again."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from shared.values.datetimes import Instant, IsoDate
from shared.values.enums import Gender, Procedure
from shared.values.restored import Restorer
from shared.values.schemas import Distinct, Schema
from shared.values.text import Line
from shared.values.weekly import Weekly, WeeklyHours


class Person(Schema):
    name: Line
    born_on: IsoDate | None = None


class Kept(Schema):
    """A field of each kind that a document may have."""

    name: Annotated[Line, Field(examples=["x"])]
    from_: IsoDate | None = Field(None, alias="from")
    at: Instant | None = None
    by: UUID | None = None
    number: int = 0
    share: float | None = None
    is_true: bool | None = None
    gender: Gender = Gender.UNKNOWN
    procedures: Annotated[list[Procedure], Distinct(9)] = []
    words: list[Line] = []
    others: list[UUID] = []
    hours: WeeklyHours = None
    person: Person | None = None
    people: list[Person] = []
    kind: Literal["a", "b"] = "a"


LINES = st.text("abcäß ", min_size=1, max_size=9).map(str.strip).filter(bool)
PEOPLE = st.builds(Person, name=LINES, born_on=st.none() | st.dates())
INSTANTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - of hypothesis
HOURS = st.sampled_from([None, Weekly.from_json({"monday": [{"start": "09:00", "end": "12:00"}]})])
KEPT = st.builds(
    Kept,
    name=LINES,
    from_=st.none() | st.dates(),
    at=st.none() | INSTANTS,
    by=st.none() | st.uuids(),
    number=st.integers(-9, 9),
    share=st.none() | st.floats(0, 9),
    is_true=st.none() | st.booleans(),
    gender=st.sampled_from(Gender),
    procedures=st.lists(st.sampled_from(Procedure), unique=True),
    words=st.lists(LINES),
    others=st.lists(st.uuids(), unique=True),
    hours=HOURS,
    person=st.none() | PEOPLE,
    people=st.lists(PEOPLE, max_size=3),
    kind=st.sampled_from(["a", "b"]),
)
KEPT_FORM = Restorer(Kept)


@given(KEPT, st.booleans())
def test_what_was_written_is_restored_as_it_was(kept: Kept, exclude_none: bool) -> None:
    document = json.loads(json.dumps(kept.model_dump(mode="json", exclude_none=exclude_none)))
    restored = KEPT_FORM.whole(document)
    assert vars(restored) == vars(kept)
    assert restored.to_json() == kept.to_json()
    assert KEPT_FORM.part(document, ["person", "at"]) == {"person": kept.person, "at": kept.at}


def test_what_a_document_does_not_have_has_its_default_which_no_two_objects_share() -> None:
    first, second = (KEPT_FORM.whole({"name": "x", "of an older version": 1}) for _ in range(2))
    assert first == second == Kept(name="x")
    first.words.append("changed")
    assert (second.words, Kept(name="x").words) == ([], [])
    with pytest.raises(KeyError, match="name"):
        KEPT_FORM.whole({})


def test_a_rule_that_became_stricter_hides_nothing() -> None:
    class Stricter(Schema):
        words: Annotated[list[Annotated[str, Field(max_length=2)]], Field(max_length=1)] = []

    assert Restorer(Stricter).whole({"words": ["long", "and", "many"]}).words == ["long", "and", "many"]


def test_a_field_that_cannot_be_restored_stops_the_process_that_declares_it() -> None:
    class Ambiguous(Schema):
        either: IsoDate | UUID

    class Unknown(Schema):
        mapping: dict[str, IsoDate]

    for schema in (Ambiguous, Unknown):
        with pytest.raises(TypeError):
            Restorer(schema)
