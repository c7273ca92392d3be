"""Which fields of an object only some people may read, declared at the field."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler, SerializationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from shared.values.account_enums import Scope
from shared.values.enums import Role

EACH = "__all__"
"""Every item of a list, as pydantic names it in what it leaves out."""

IN_THE_DOCUMENT = "x-readable-by"


class ReadableBy:
    """Lets only people with one of these roles, or machines with one of these scopes, read a field.

    `reason: Annotated[str | None, ReadableBy(Role.COORDINATOR)]`. Administrators read everything. Wherever the schema
    is shown to others, in whichever response, the field is left out (docs/access.md).
    """

    def __init__(self, *who: Role | Scope) -> None:
        self.access = frozenset({Role.ADMIN, *who})

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Returns the schema of the field with who may read it."""
        return {**handler(schema), IN_THE_DOCUMENT: sorted(self.access)}


FOR_COORDINATORS = ReadableBy(Role.COORDINATOR)
"""What says something of a person's health or identifies them, e-mails, and free text, which may do both."""
FOR_CALLERS = ReadableBy(Role.COORDINATOR, Role.CALLER)
"""What is between the agency and a practice: not for those who review imports or logs."""


class NamesFieldsOf:
    """For a list of names of fields, or a dict by them: the name of a field says something of it too.

    `origins: Annotated[dict[str, Origin], NamesFieldsOf(TherapistFields)]`. Who may not read a field of that schema
    does not read its name there either.
    """

    def __init__(self, schema: type[BaseModel]) -> None:
        self.schema = schema

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Returns the schema; of a list one that leaves out names, as pydantic itself does with the keys of a dict."""
        named = handler(source)
        if get_origin(source) is not list:
            return named
        names = core_schema.list_schema(core_schema.str_schema())
        shown = core_schema.plain_serializer_function_ser_schema(_without_names, info_arg=True, return_schema=names)
        return {**named, "serialization": shown}


def _without_names(names: list[str], info: SerializationInfo) -> list[str]:
    hidden: Any = info.exclude or ()
    return [each for each in names if each not in hidden]


RestrictedField = tuple[tuple[str, ...], ReadableBy]
"""The path of a field from the whole response on, and who may read it."""


def restricted_fields(kind: Any) -> list[RestrictedField]:
    """Returns the fields that not everybody may read in what a schema shows, also in objects and lists inside it.

    Raises `TypeError` for a schema that holds itself.
    """
    return list(_in_kind(kind, (), ()))


def hidden_from(may_read: Callable[[frozenset[Role | Scope]], bool], kind: Any) -> dict[str, Any] | None:
    """Returns what pydantic is to leave out of a schema for whom `may_read` says so; None where nothing is hidden."""
    return left_out(restricted_fields(kind), may_read)


def left_out(
    restricted: Iterable[RestrictedField], may_read: Callable[[frozenset[Role | Scope]], bool]
) -> dict[str, Any] | None:
    """Returns the same of these fields."""
    hidden = [path for path, readable in restricted if not may_read(readable.access)]
    return without(hidden) if hidden else None


def without(paths: Iterable[tuple[str, ...]]) -> dict[str, Any]:
    """Returns what pydantic is to leave out where these paths may not be read (its parameter `exclude`)."""
    left_out: dict[str, Any] = {}
    for *outer, name in sorted(paths, key=len):
        inside: Any = left_out
        for each in outer:
            inside = inside.setdefault(each, {})
            if inside is True:
                break
        else:
            inside[name] = True
    return left_out


def _in_kind(kind: Any, path: tuple[str, ...], outer: tuple[Any, ...]) -> Iterator[RestrictedField]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        if kind in outer:
            raise TypeError(f"{kind.__name__} holds itself: its fields have no end of paths, so none could be left out")
        yield from _in_model(kind, path, (*outer, kind))
        return
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        inner = inner[:1]
    elif origin not in (Union, UnionType):
        path = (*path, EACH)
    for each in inner:
        yield from _in_kind(each, path, outer)


def _in_model(model: type[BaseModel], path: tuple[str, ...], outer: tuple[Any, ...]) -> Iterator[RestrictedField]:
    for name, field in model.model_fields.items():
        here = (*path, name)
        yield from ((here, each) for each in field.metadata if isinstance(each, ReadableBy))
        for named in (each.schema for each in field.metadata if isinstance(each, NamesFieldsOf)):
            yield from (((*here, *path), readable) for path, readable in restricted_fields(named) if len(path) == 1)
        yield from _in_kind(field.annotation, here, outer)
