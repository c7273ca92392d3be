"""Restores objects from JSON documents that were written from their own schema."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Generic, Literal, TypeVar, Union, get_args, get_origin
from uuid import UUID

from pydantic.fields import FieldInfo

from shared.values.schemas import Schema

Model = TypeVar("Model", bound=Schema)
Restore = Callable[[Any], Any]
"""Makes of a value in JSON, which is not null, what the schema has in its place."""

_SHARED = (NoneType, bool, int, float, str, Enum)
"""Defaults of these types nobody can change, so all objects may have the same one."""


class Restorer(Generic[Model]):
    """Reads documents that `model_dump(mode="json")` made of one schema, in which its rules are kept.

    It asks no rule again: that costs more than to decrypt the document, and a rule that has become stricter since would
    hide all of it. Never for what comes from outside.
    """

    def __init__(self, model: type[Model]) -> None:
        """Raises `TypeError` for a schema with a field of which it is not known how to restore it."""
        self._model = model
        self._names = {name: field.alias or name for name, field in model.model_fields.items()}
        self._restore = {name: _restoring(field.annotation) for name, field in model.model_fields.items()}
        self._defaults = {name: _default(name, field) for name, field in model.model_fields.items()}

    def whole(self, document: Mapping[str, Any], **known: Any) -> Model:
        """Returns the object; `known` are fields that are not in the document. Raises as `part`."""
        names = [name for name in self._names if name not in known]
        return self._model.unchecked(self.part(document, names) | known)

    def part(self, document: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
        """Returns the values of these fields; one that the document does not have has its default.

        What the document has beside the fields of the schema is left out. Raises `KeyError` for a field without a
        default that it does not have.
        """
        return {name: self._value(document, name) for name in names}

    def _value(self, document: Mapping[str, Any], name: str) -> Any:
        written = self._names[name]
        if written not in document:
            return self._defaults[name]()
        value, restore = document[written], self._restore[name]
        return value if restore is None or value is None else restore(value)


def _default(name: str, field: FieldInfo) -> Callable[[], Any]:
    """Returns what makes the value of a field that a document does not have."""

    def made() -> Any:
        if field.is_required():
            raise KeyError(name)
        return field.get_default(call_default_factory=True, validated_data={})

    if field.is_required() or not isinstance(value := made(), _SHARED):
        return made
    return lambda: value


def _restoring(kind: Any) -> Restore | None:
    """Returns what restores values of this type; None where JSON has them as they are."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _restoring(inner[0])
    if origin in (Union, UnionType):
        return _of_one(kind, [each for each in inner if each is not NoneType])
    if origin is list:
        return _of_each(_restoring(inner[0]))
    if kind in (str, int, float, bool) or origin is Literal:
        return None
    return _of_class(kind)


def _of_one(kind: Any, alternatives: list[Any]) -> Restore | None:
    if len(alternatives) != 1:
        raise TypeError(f"a document does not say which one of {kind} it holds")
    return _restoring(alternatives[0])


def _of_each(restore: Restore | None) -> Restore | None:
    return None if restore is None else lambda values: [restore(each) for each in values]


def _of_class(kind: Any) -> Restore:
    if kind in (date, datetime):
        of_text: Restore = kind.fromisoformat
        return of_text
    if isinstance(kind, type) and issubclass(kind, Schema):
        return Restorer(kind).whole
    if isinstance(kind, type) and issubclass(kind, UUID | Enum):
        return kind
    if hasattr(kind, "from_json"):
        of_json: Restore = kind.from_json
        return of_json
    raise TypeError(f"it is not known how to restore {kind}")
