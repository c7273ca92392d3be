import json
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Annotated, Any, Self
from uuid import UUID

import pytest
from pydantic import Field, ValidationError, field_validator, model_validator

from shared.errors import FieldProblem
from shared.values.datetimes import IsoDate
from shared.values.enums import Gender, PatientStatus, Procedure
from shared.values.errors import NotAcceptable
from shared.values.periods import Period
from shared.values.schemas import (
    Distinct,
    EntityView,
    InvalidFields,
    RecordSchema,
    Schema,
    merged,
    patch_of,
    problems_of,
    read_patch,
)
from shared.values.weekly import Weekly, WeeklyHours

ID = UUID("01890000-0000-7000-8000-000000000001")
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


class Anamnesis(Schema):
    occupation: str | None = None
    since: IsoDate | None = None


class Person(Schema):
    name: Annotated[str, Field(min_length=2)]
    age: int = 0


class PatientFields(Schema):
    last_name: Annotated[str, Field(min_length=1, max_length=5)]
    first_name: str | None = None
    gender: Gender = Gender.UNKNOWN
    date_of_birth: IsoDate | None = None
    insured: bool | None = None
    distance: Annotated[float, Field(ge=0)] | None = None
    procedures: Annotated[list[Procedure], Distinct(10)] = []
    excluded: list[UUID] = []
    availability: WeeklyHours = None
    anamnesis: Anamnesis | None = None
    contact_persons: list[Person] = []
    holidays: list[Period] = []

    @field_validator("first_name")
    @classmethod
    def _is_not_x(cls, name: str | None) -> str | None:
        if name == "X":
            raise NotAcceptable("field.x")
        return name

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        if self.first_name == self.last_name:
            raise NotAcceptable("field.names_differ")
        return self


class PatientView(EntityView, PatientFields):
    status: PatientStatus
    consents: list[Person] = []


def view(**changes: object) -> PatientView:
    fields = {"last_name": "Heide", "status": "open", "id": str(ID), "created_at": "2026-11-23T09:00:00Z"}
    return PatientView.from_json(
        fields | {"updated_at": "2026-11-23T09:00:00Z", "updated_by": None, "version": 3} | changes
    )


def problems(document: object, schema: type[Schema] = PatientFields) -> dict[str, str]:
    with pytest.raises(ValidationError) as refused:
        schema.from_json(document)
    return {problem.field: problem.message for problem in problems_of(refused.value)}


def patch_problems(document: object) -> dict[str, str]:
    with pytest.raises(InvalidFields) as refused:
        read_patch(document, PatientFields, PatientView)
    return {problem.field: problem.message for problem in refused.value.problems}


def test_json_strings_become_dates_ids_and_words() -> None:
    patient = PatientFields.from_json(
        {"last_name": " Ng ", "gender": "female", "date_of_birth": "2000-01-31", "excluded": [str(ID)], "distance": 5}
    )
    assert (patient.last_name, patient.gender, patient.excluded) == ("Ng", Gender.FEMALE, [ID])
    assert (patient.date_of_birth, patient.distance) == (date(2000, 1, 31), 5.0)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("last_name", 5, "must be text"),
        ("last_name", None, "must not be null"),
        ("last_name", "  ", "must not be empty"),
        ("last_name", "abcdef", "must have at most 5 characters"),
        ("last_name", "a\x00b", "must not contain the NUL character"),
        ("gender", "f", "must be one of: 'female', 'male', 'diverse' or 'unknown'"),
        ("gender", None, "must not be null"),
        ("date_of_birth", "0", "must be a date like 2026-11-23"),
        ("date_of_birth", 0, "must be a date like 2026-11-23"),
        ("insured", 1, "must be true or false"),
        ("insured", "true", "must be true or false"),
        ("distance", "5", "must be a number"),
        ("distance", -1, "must be at least 0"),
        ("distance", float("nan"), "must be a finite number"),
        ("procedures", "VT", "must be a list"),
        ("anamnesis", [], "must be an object"),
        ("availability", {"monday": 1}, "monday: must be a list of windows"),
        ("unheard_of", 1, "is not a known field"),
        ("first_name", "X", "must not be X"),
    ],
)
def test_what_json_does_not_mean_is_refused(field: str, value: Any, message: str) -> None:
    assert problems({"last_name": "Ng"} | {field: value}) == {field: message}


def test_problems_have_dotted_paths_and_come_all_at_once() -> None:
    assert problems({"contact_persons": [{"name": "Ng"}, {"name": "N", "age": "5"}], "excluded": ["x"]}) == {
        "last_name": "is required",
        "contact_persons.1.name": "must have at least 2 characters",
        "contact_persons.1.age": "must be a whole number",
        "excluded.0": "must be an id (UUID)",
    }


def test_a_problem_of_the_whole_has_no_field() -> None:
    assert problems([]) == {"": "must be an object"}
    assert problems({"last_name": "Ng", "first_name": "Ng"}) == {"": "the names must differ"}


def test_text_that_no_database_stores_is_a_problem_not_a_crash() -> None:
    assert problems({"last_name": "\ud800"}) == {"": "must be valid JSON"}


def test_nothing_that_was_sent_is_repeated() -> None:
    document = {"last_name": "SECRET", "gender": "SECRET", "date_of_birth": "SECRET", "excluded": ["SECRET"]}
    with pytest.raises(ValidationError) as refused:
        PatientFields.from_json(document | {"availability": {"SECRET": []}, "contact_persons": "SECRET"})
    assert "SECRET" not in str(refused.value) + str(problems_of(refused.value))


def test_the_text_of_foreign_exceptions_is_not_shown() -> Any:
    class Careless(Schema):
        number: str

        @field_validator("number")
        @classmethod
        def _counts(cls, value: str) -> str:
            return str(int(value))

    assert problems({"number": "SECRET"}, Careless) == {"number": "is not valid"}


def test_rows_are_read_leniently_since_tables_hold_words_as_text() -> None:
    row = SimpleNamespace(
        **dict.fromkeys(PatientView.model_fields), spare=1
    )  # a row has more attributes than its view shows
    row.__dict__.update(
        last_name="Ng", gender="female", procedures=("VT",), excluded=[], contact_persons=[], holidays=[], consents=[],
        status="open", id=str(ID), created_at=NOW, updated_at=NOW, version=1,
    )  # fmt: skip
    row.contact_persons = [SimpleNamespace(name="Ng", age=5)]
    shown = PatientView.of(row)
    assert (shown.gender, shown.procedures, shown.id) == (Gender.FEMALE, [Procedure.BEHAVIOURAL], ID)
    assert shown.contact_persons == [Person(name="Ng", age=5)]
    assert shown.to_json()["created_at"] == "2026-11-23T09:00:00Z"


def test_events_ignore_what_they_do_not_know_but_stay_strict() -> None:
    class Payload(RecordSchema):
        count: int

    assert Payload.from_json({"count": 1, "new": 2}) == Payload(count=1)
    assert problems({"count": "1"}, Payload) == {"count": "must be a whole number"}


def test_sets_lose_their_repeats_and_keep_their_order() -> None:
    patient = PatientFields.from_json({"last_name": "Ng", "procedures": ["TP", "VT", "TP"]})
    assert patient.procedures == [Procedure.PSYCHODYNAMIC, Procedure.BEHAVIOURAL]


# Merge patches


def test_a_patch_holds_only_what_was_sent() -> None:
    patch = read_patch({"first_name": " Ada ", "date_of_birth": "2000-01-31"}, PatientFields, PatientView)
    assert patch.changes_to(view()) == {"first_name": "Ada", "date_of_birth": date(2000, 1, 31)}


def test_an_empty_patch_changes_nothing() -> None:
    assert read_patch({}, PatientFields, PatientView).changes_to(view()) == {}


def test_null_clears_or_sets_back_to_the_default() -> None:
    document = {"first_name": None, "availability": None, "anamnesis": None, "gender": None, "procedures": None}
    assert read_patch(document, PatientFields, PatientView).changes == {
        "first_name": None,
        "availability": None,
        "anamnesis": None,
        "gender": Gender.UNKNOWN,
        "procedures": [],
    }


def test_weekly_hours_and_lists_are_replaced_whole() -> None:
    week = {"monday": [{"start": "09:00", "end": "12:00"}]}
    patch = read_patch({"availability": week, "contact_persons": [{"name": "Ng"}]}, PatientFields, PatientView)
    assert patch.changes == {"availability": Weekly.of([(540, 720)]), "contact_persons": [Person(name="Ng")]}


KNOWN_FIELDS = (
    "is not a known field (known: last_name, first_name, gender, date_of_birth, insured, distance, procedures,"
    " excluded, availability, anamnesis, contact_persons, holidays)"
)


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({"last_name": None}, {"last_name": "must not be null"}),
        ({"last_name": ""}, {"last_name": "must not be empty"}),
        ({"distance": -1}, {"distance": "must be at least 0"}),
        ({"distance": "1"}, {"distance": "must be a number"}),
        ({"first_name": "X"}, {"first_name": "must not be X"}),
        ({"unheard_of": 1, "gender": "f"}, {"unheard_of": KNOWN_FIELDS, "gender": "must be one of: 'female', "
         "'male', 'diverse' or 'unknown'"}),
        ({"anamnesis": {"since": "0", "x": 1}}, {"anamnesis.since": "must be a date like 2026-11-23",
         "anamnesis.x": "is not a known field"}),
        ({"anamnesis": 1}, {"anamnesis": "must be an object"}),
        ({"contact_persons": [{}]}, {"contact_persons.0.name": "is required"}),
        ({"contact_persons": [None]}, {"contact_persons.0": "must not be null"}),
        ([], {"": "must be an object"}),
        (None, {"": "must be an object"}),
    ],
)  # fmt: skip
def test_a_patch_is_checked_like_the_whole(document: dict[str, Any] | list[Any] | None, found: dict[str, Any]) -> None:
    assert patch_problems(document) == found


def test_rules_across_fields_wait_for_the_merged_whole() -> None:
    changes = read_patch({"first_name": "Heide"}, PatientFields, PatientView).changes
    with pytest.raises(ValidationError):
        merged(PatientFields, view(), changes)


def test_objects_are_merged_with_what_is_there() -> None:
    changes = read_patch({"anamnesis": {"since": "2020-01-01"}}, PatientFields, PatientView).changes
    assert changes == {"anamnesis": {"since": date(2020, 1, 1)}}
    whole = merged(PatientFields, view(anamnesis={"occupation": "nurse"}), changes)
    assert whole.anamnesis == Anamnesis(occupation="nurse", since=date(2020, 1, 1))
    assert merged(PatientFields, view(), changes).anamnesis == Anamnesis(since=date(2020, 1, 1))
    assert merged(Anamnesis, {"occupation": "nurse", "since": "2020-01-01"}, {"since": None}) == Anamnesis(
        occupation="nurse"
    )


def test_read_only_fields_sent_back_unchanged_are_ignored() -> None:
    current = view(consents=[{"name": "Ng", "age": 1}])
    whole = current.to_json()
    changes = read_patch(whole, PatientFields, PatientView).changes_to(current)
    assert not {"id", "version", "status", "consents", "created_at"} & changes.keys()
    assert merged(PatientFields, current, changes).model_dump() == PatientFields.of(current).model_dump()


def test_read_only_fields_sent_with_another_value_are_problems() -> None:
    patch = read_patch({"status": "searching", "version": 3, "consents": [], "id": None}, PatientFields, PatientView)
    with pytest.raises(InvalidFields) as refused:
        patch.changes_to(view())
    assert refused.value.problems == [
        FieldProblem.of("status", "field.fixed"),
        FieldProblem.of("id", "field.fixed"),
    ]


class Mandate(Schema):
    given_on: IsoDate


class MandateView(Mandate):
    revoked: bool = False


class Case(Schema):
    mandate: Mandate | None = None


class CaseView(EntityView, Case):
    mandate: MandateView | None = None


def test_read_only_fields_inside_an_object_are_compared_too() -> None:
    shown = CaseView(
        id=ID,
        created_at=NOW,
        updated_at=NOW,
        updated_by=None,
        version=1,
        mandate=MandateView(given_on=date(2026, 1, 1)),
    )
    same = read_patch({"mandate": {"given_on": "2026-02-01", "revoked": False}}, Case, CaseView)
    assert same.changes_to(shown) == {"mandate": {"given_on": date(2026, 2, 1)}}
    with pytest.raises(InvalidFields, match=r"mandate\.revoked: cannot be changed"):
        read_patch({"mandate": {"revoked": True}}, Case, CaseView).changes_to(shown)


def test_fields_with_aliases_are_patched_by_their_json_name() -> None:
    assert read_patch({"from": "2026-12-24"}, Period, Period).changes == {"first": date(2026, 12, 24)}


def test_the_patch_model_is_one_component_with_nothing_required() -> None:
    assert patch_of(PatientFields) is patch_of(PatientFields)
    schema = patch_of(PatientFields).model_json_schema()
    assert schema["title"] == "PatientFieldsPatch"
    assert "required" not in schema
    assert schema["properties"]["last_name"] == {
        "maxLength": 5, "minLength": 1, "title": "Last Name", "type": "string",
    }  # fmt: skip
    assert '"default"' not in json.dumps(schema["properties"])
    assert "AnamnesisPatch" in schema["$defs"]


def test_an_object_of_unchecked_values_is_like_any_other() -> None:
    values = {"name": "Anna", "age": 3}
    made = Person.unchecked(values | {"no field": 1})
    checked = Person(**values)
    assert (made, made.to_json(), made.model_copy()) == (checked, checked.to_json(), checked)
    assert (list(vars(made)), made.model_fields_set) == (["name", "age"], {"name", "age"})
    assert Person.unchecked({"age": None, "name": ""}).name == ""
    with pytest.raises(KeyError):
        Person.unchecked({"name": "Anna"})
