"""Objects of pydantic whose values were checked before: to construct them costs a tenth of `model_construct`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from operator import itemgetter
from typing import Any, Final, TypeVar

from pydantic import BaseModel

Model = TypeVar("Model", bound=BaseModel)

_set: Final = object.__setattr__
"""Sets what an object of pydantic consists of."""


def unchecked(kind: type[Model], values: Mapping[str, Any]) -> Model:
    """Returns the object with these values of all its fields as they are: for what our own tables hold.

    Raises `KeyError` where a field is missing.
    """
    made = kind.__new__(kind)
    names, values_of = _fields_of(kind)
    _set(made, "__dict__", dict(zip(names, values_of(values), strict=True)))
    _set(made, "__pydantic_fields_set__", set(names))
    _set(made, "__pydantic_extra__", None)
    _set(made, "__pydantic_private__", None)
    return made


@cache
def _fields_of(kind: type[BaseModel]) -> tuple[tuple[str, ...], Callable[[Mapping[str, Any]], tuple[Any, ...]]]:
    """The names of the fields, and what takes their values in this order out of a mapping."""
    names = tuple(kind.__pydantic_fields__)
    if len(names) > 1:
        return names, itemgetter(*names)
    return names, lambda values: tuple(values[name] for name in names)
