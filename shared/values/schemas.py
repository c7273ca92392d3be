"""The base of all schemas: strict parsing, merge patches, and problems as sentences."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Self, TypeVar, Union, cast, get_args, get_origin
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
    create_model,
    field_validator,
)
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, ErrorDetails, core_schema

from shared.errors import FieldProblem
from shared.texts import Sentence, TextLanguage
from shared.values.datetimes import Instant
from shared.values.descriptions import DescribedModel
from shared.values.errors import NotAcceptable
from shared.values.messages import sentence_of
from shared.values.rules import describe_with_rules, without_rule
from shared.values.unchecked import unchecked

MOST_PROBLEMS = 100
LONGEST_NAME_SHOWN = 100
MOST_NAMES_SHOWN = 20


def _refuse_unstorable(value: Any) -> None:
    if isinstance(value, str):
        if "\x00" in value:  # PostgreSQL's text cannot hold it: the insert would fail
            raise NotAcceptable("field.nul")
    elif isinstance(value, dict):
        for key, item in value.items():
            _refuse_unstorable(key)
            _refuse_unstorable(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_unstorable(item)


class Schema(DescribedModel):
    """A request or response body over HTTP.

    JSON is read strictly (`from_json`, or `model_validate_json` on the bytes): "5" is not a number, 1 is not
    true, unknown fields are refused; dates, ids and vocabularies are strings there, as JSON has nothing else.
    The docstring of a field is its description in the OpenAPI document.
    Python objects (rows, other schemas) are read leniently (`of`). Strings lose their outer blanks.
    Validators raise NotAcceptable: the text of no other exception reaches the sender.
    """

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        from_attributes=True,
        str_strip_whitespace=True,
        allow_inf_nan=False,
        serialize_by_alias=True,
        validate_by_name=True,
        validate_by_alias=True,
        hide_input_in_errors=True,
    )

    @field_validator("*")
    @classmethod
    def _is_storable(cls, value: Any) -> Any:
        _refuse_unstorable(value)
        return value

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Returns the JSON schema, whose description has the rules across fields that it cannot express."""
        described = super().__get_pydantic_json_schema__(schema, handler)
        resolved = handler.resolve_ref_schema(described)
        if said := describe_with_rules(cls, resolved.get("description")):
            resolved["description"] = said
        return described

    @classmethod
    def from_json(cls, document: object) -> Self:
        """Returns the schema from parsed JSON (dicts, lists, strings…), read strictly. Raises ValidationError."""
        return cls.model_validate_json(json.dumps(document))

    @classmethod
    def of(cls, source: object) -> Self:
        """Returns the schema from an object's attributes or a dict of Python values. Raises ValidationError."""
        if isinstance(source, cls):  # pydantic would return a subclass as it is, with fields that must not be shown
            source = {name: getattr(source, name) for name in cls.model_fields}
        return cls.model_validate(source, strict=False, from_attributes=True)

    @classmethod
    def unchecked(cls, values: Mapping[str, Any]) -> Self:
        """Returns the schema with these values of all its fields as they are: for what our own tables hold.

        Raises `KeyError` where a field is missing. `model_construct` takes longer than to decrypt a patient.
        """
        return unchecked(cls, values)

    def to_json(self) -> dict[str, Any]:
        """Returns the JSON document as Python dicts, lists, strings, numbers and None."""
        return self.model_dump(mode="json")


class RecordSchema(Schema):
    """Data in events: unknown fields are ignored, so that old readers accept new events."""

    model_config = ConfigDict(extra="ignore")


class QuerySchema(Schema):
    """Data of a query string, where numbers and booleans are written as in JSON."""


Item = TypeVar("Item")
Model = TypeVar("Model", bound=BaseModel)


class EntityView(Schema):
    """The read-only fields in the view of every stored object."""

    id: UUID
    """Identifies the object, and never changes."""
    created_at: Instant
    """When the object was made."""
    updated_at: Instant
    """When it changed last, by a person or by the platform."""
    updated_by: Annotated[
        UUID | None,
        Field(description="the account of who made the last change that `version` counts; null: the platform itself"),
    ]
    version: int
    """Counts the changes of what people edit; the header `ETag` has the same number."""


@dataclass(frozen=True)
class Distinct:
    """For lists that are sets: `Annotated[list[Procedure], Distinct(50)]` drops repeats and keeps the order.

    The length as sent is checked first: a list that is too long is not read further.
    """

    longest: int

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        limited = {**handler(source), "max_length": self.longest}
        return core_schema.no_info_after_validator_function(_without_repeats, cast("CoreSchema", limited))


def _without_repeats(values: list[Item]) -> list[Item]:
    return list(dict.fromkeys(values))


# Problems


class InvalidFields(ValueError):
    """All fields that cannot be accepted."""

    def __init__(self, problems: Iterable[FieldProblem]) -> None:
        self.problems = list(problems)
        super().__init__("; ".join(f"{problem.field}: {problem.message}" for problem in self.problems))


def problems_of(error: ValidationError, model: Any = None) -> list[FieldProblem]:
    """Returns the first hundred problems, as sentences for the sender; values are never repeated.

    With an unknown field the sentence names the fields of the `model`, unless these are many.
    """
    details = error.errors(include_url=False)[:MOST_PROBLEMS]
    known = _known_fields(model)
    problems = [
        FieldProblem(field, sentence_of(detail, known)) for detail in details for field in refused_fields(detail)
    ]
    return problems[:MOST_PROBLEMS]


def _known_fields(model: Any) -> list[str]:
    names = _by_json_name(model) if isinstance(model, type) and issubclass(model, BaseModel) else {}
    return list(names) if len(names) <= MOST_NAMES_SHOWN else []


def refused_fields(detail: ErrorDetails) -> Iterator[str]:
    """Yields the dotted path of the refused value, or the paths of the fields in it that a rule names."""
    place = [str(part)[:LONGEST_NAME_SHOWN] for part in detail["loc"]]
    refused = detail.get("ctx", {}).get("error")
    for field in (refused.fields if isinstance(refused, NotAcceptable) else ()) or ("",):
        yield ".".join([*place, *filter(None, [field])])


# Merge patches (RFC 7396)


@dataclass(frozen=True)
class Changed:
    """For a field that no merge patch changes: `Annotated[Status, Changed(by="POST …/status")]` says what does."""

    by: str


@dataclass(frozen=True)
class MergePatch:
    """A validated merge patch, before it is applied to an object."""

    changes: dict[str, Any]
    """Writable fields and their new values. An object inside the object is the dict of what changes in it,
    or None to clear it: see `merged`."""
    read_only: dict[str, Any]
    """Fields that cannot be written, as sent."""

    def changes_to(self, current: Schema) -> dict[str, Any]:
        """Returns the changes of writable fields; read-only fields must have their current values.

        Sentences among them may be sent back in either language.
        Raises InvalidFields naming each read-only field that was sent with another value.
        """
        differing = [list(_differing(self.read_only, shown, "")) for shown in _shown_in_each_language(current)]
        if all(differing):
            raise InvalidFields(FieldProblem(field, _how_it_changes(field, type(current))) for field in differing[0])
        return self.changes


def _shown_in_each_language(view: Schema) -> Iterator[dict[str, Any]]:
    for language in TextLanguage:
        yield view.model_dump(mode="json", context=lambda chosen=language: chosen)


def read_patch(document: object, writable: type[BaseModel], view: type[BaseModel]) -> MergePatch:
    """Returns a merge patch from parsed JSON, checked against the writable fields and those that are only shown.

    `null` clears an optional field and sets one with a default back to it; a required field refuses it.
    Objects are merged, lists and weekly hours replaced whole. Rules that concern several fields are not
    checked here, since the other fields are not known: check them on the merged whole (`merged`).
    Raises InvalidFields with every problem.
    """
    if not isinstance(document, dict):
        raise InvalidFields([FieldProblem.of("", "field.not_object")])
    to_write, to_compare = _split(document, writable, view)
    try:
        patch = patch_of(writable).model_validate_json(json.dumps(to_write))
    except ValidationError as error:
        raise InvalidFields(problems_of(error, writable)) from None
    return MergePatch(changes_in(patch, writable), to_compare)


def merged(model: type[Model], current: object, changes: Mapping[str, Any]) -> Model:
    """Returns the model with the changes of a merge patch applied to it.

    `current` is an object or a dict with the model's fields, or None to begin with an empty one. The whole is
    checked, rules across fields too. Raises ValidationError.
    """
    return model.model_validate(_merged_values(model, current, changes), strict=False, by_name=True)


def _merged_values(model: type[BaseModel], current: object, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the model; validated once, as a whole, so that problems name fields by their full path."""
    values = {} if current is None else {name: _value_of(current, name) for name in model.model_fields}
    for name, change in changes.items():
        inner = _nested_model(model.model_fields[name].annotation)
        is_object = inner is not None and isinstance(change, Mapping)
        values[name] = _merged_values(inner, values.get(name), change) if inner and is_object else change
    return values


def _value_of(current: object, name: str) -> Any:
    return current[name] if isinstance(current, Mapping) else getattr(current, name)


@cache
def patch_of(model: type[Model]) -> type[Model]:
    """Returns the model of a merge patch of this model: the same fields and checks, none of them required.

    Named `<Model>Patch`. Which fields were sent is `model_fields_set`; the others have no
    meaning. Validators of single fields are kept, those of the whole model are left out.
    """
    fields = {name: _optional(field) for name, field in model.model_fields.items()}
    silenced: dict[str, Any] = {name: without_rule() for name in model.__pydantic_decorators__.model_validators}
    return create_model(  # type: ignore[call-overload, no-any-return]
        f"{model.__name__}Patch",
        __base__=model,
        __doc__=describe_with_rules(model, model.__doc__),
        __validators__=silenced,
        # rules across fields hold for the whole, not for what changes
        __cls_kwargs__={"json_schema_extra": None},
        **fields,
    )


def changes_in(patch: BaseModel, model: type[BaseModel]) -> dict[str, Any]:
    """Returns the fields that were sent, by their Python names; `null` for a field with a default is the default."""
    return {name: _change(getattr(patch, name), model.model_fields[name]) for name in patch.model_fields_set}


def _change(value: Any, field: FieldInfo) -> Any:
    if value is None and not _takes_null(field.annotation):
        return field.get_default(call_default_factory=True)
    inner = _nested_model(field.annotation)
    return changes_in(value, inner) if inner is not None and isinstance(value, BaseModel) else value


def _optional(field: FieldInfo) -> tuple[Any, FieldInfo]:
    inner = _nested_model(field.annotation)
    annotation: Any = field.annotation if inner is None else patch_of(inner)
    if inner is not None and _takes_null(field.annotation):
        annotation = annotation | None
    for constraint in field.metadata:
        annotation = Annotated[annotation, constraint]
    if not field.is_required() and not _takes_null(annotation):
        annotation = annotation | None
    # A factory, unlike a default, does not appear in the OpenAPI document, where it would be wrong.
    optional: Any = Field(
        default_factory=lambda: None,
        alias=field.alias,
        title=field.title,
        description=field.description,
        examples=field.examples,
        json_schema_extra=field.json_schema_extra,
    )
    return annotation, optional


def _takes_null(annotation: Any) -> bool:
    if get_origin(annotation) is Annotated:
        return _takes_null(get_args(annotation)[0])
    return annotation in (Any, None, NoneType) or NoneType in _alternatives(annotation)


def _nested_model(annotation: Any) -> type[BaseModel] | None:
    """The model in `Model` and `Model | None`: an object that a merge patch merges, not replaces."""
    for alternative in _alternatives(annotation):
        if isinstance(alternative, type) and issubclass(alternative, BaseModel):
            return alternative
    return None


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def _by_json_name(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _split(
    document: Mapping[str, Any], writable: type[BaseModel], view: type[BaseModel]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the fields to write, unknown fields included, and the read-only fields to compare."""
    fields, shown = _by_json_name(writable), _by_json_name(view)
    to_write: dict[str, Any] = {}
    to_compare: dict[str, Any] = {}
    for name, value in document.items():
        if name not in fields:
            (to_compare if name in shown else to_write)[name] = value
            continue
        inner = _nested_model(fields[name].annotation)
        inner_view = _nested_model(shown[name].annotation) if name in shown else None
        if inner is None or inner_view is None or not isinstance(value, dict):
            to_write[name] = value
            continue
        inner_write, inner_compare = _split(value, inner, inner_view)
        if inner_write or not inner_compare:
            to_write[name] = inner_write
        if inner_compare:
            to_compare[name] = inner_compare
    return to_write, to_compare


def _how_it_changes(field: str, view: type[BaseModel]) -> Sentence:
    shown = _by_json_name(view).get(field)
    ways = [each.by for each in shown.metadata if isinstance(each, Changed)] if shown else []
    return Sentence.of("field.fixed.changed_by", by=ways[0]) if ways else Sentence.of("field.fixed")


def _differing(sent: Mapping[str, Any], shown: Mapping[str, Any], path: str) -> Iterable[str]:
    for name, value in sent.items():
        now = shown.get(name)
        if isinstance(value, dict) and isinstance(now, dict):
            yield from _differing(value, now, f"{path}{name}.")
        elif value != now:
            yield path + name
