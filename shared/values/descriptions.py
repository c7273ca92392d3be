"""The descriptions of fields: what stands under each of them in the source of its class.

They are read when a document asks for them. With `use_attribute_docstrings` pydantic reads them when a class is made,
and searches the source of each class anew: a fifth of the time in which a process starts, and most need no document.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

Docstrings = Mapping[str, str]
Kind = TypeVar("Kind", bound=type)
_TAKEN_FROM = "__described_by__"


class DescribedModel(BaseModel):
    """A model whose JSON schema has the docstrings of its fields, and which is built when it is first used.

    A process imports all models and uses some.
    """

    model_config = ConfigDict(defer_build=True)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Returns the JSON schema with the descriptions of the fields."""
        return _describe(cls, schema, handler)


def described(kind: Kind) -> Kind:
    """Decorates a dataclass that is a part of a response: its JSON schema gets the docstrings of its fields."""
    kind.__get_pydantic_json_schema__ = classmethod(_describe)  # type: ignore[attr-defined]
    return kind


def described_by(made: type[BaseModel], whole: type[BaseModel]) -> None:
    """Let the fields of a model that was made without source have the descriptions that they have in `whole`."""
    setattr(made, _TAKEN_FROM, whole)


def descriptions(kind: type) -> dict[str, str]:
    """Returns the descriptions of the fields of a model or dataclass by their names, without those that have none."""
    under = _docstrings_of_fields(kind)
    fields: Mapping[str, FieldInfo] = getattr(kind, "__pydantic_fields__", {})
    return under | {name: field.description for name, field in fields.items() if field.description}


def _describe(kind: type, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
    found = handler(schema)
    properties = handler.resolve_ref_schema(found).get("properties", {})
    for name, description in descriptions(kind).items():
        for key in _names(kind, name) & properties.keys():
            properties[key].setdefault("description", description)
    return found


def _names(kind: type, name: str) -> set[str]:
    """What a field may be called in JSON."""
    field: FieldInfo | None = getattr(kind, "__pydantic_fields__", {}).get(name)
    aliases = (field.alias, field.validation_alias, field.serialization_alias) if field else ()
    return {name, *(each for each in aliases if isinstance(each, str))}


def _docstrings_of_fields(kind: type) -> dict[str, str]:
    """What the nearest class says that declares the field: one that declares it anew says all about it."""
    found: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        own = _own_docstrings(each)
        if own is not None:
            declared = inspect.get_annotations(each)
            found = {name: said for name, said in found.items() if name not in declared} | dict(own)
    return found


def _own_docstrings(kind: type) -> Docstrings | None:
    """Those in the source of the class itself; None for one that has no source, which takes over what its bases say."""
    if whole := vars(kind).get(_TAKEN_FROM):
        return descriptions(whole)
    is_ours = kind is not object and not kind.__module__.startswith("pydantic")
    return _classes_of(kind.__module__).get(kind.__qualname__) if is_ours else None


@cache
def _classes_of(module: str) -> Mapping[str, Docstrings]:
    """The docstrings of the attributes of each class in a module, by the class's qualified name."""
    try:
        source = inspect.getsource(sys.modules[module])
    except (OSError, TypeError, KeyError):
        return {}
    return dict(_classes_in(ast.parse(source).body, ""))


def _classes_in(body: Sequence[ast.stmt], prefix: str) -> Iterator[tuple[str, Docstrings]]:
    for each in body:
        if isinstance(each, ast.ClassDef):
            yield prefix + each.name, dict(_docstrings_in(each.body))
            yield from _classes_in(each.body, f"{prefix}{each.name}.")
        elif isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _classes_in(each.body, f"{prefix}{each.name}.<locals>.")


def _docstrings_in(body: Sequence[ast.stmt]) -> Iterator[tuple[str, str]]:
    for declared, after in pairwise(body):
        match declared, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, inspect.cleandoc(text)
