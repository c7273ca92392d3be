"""Objects of pydantic whose values were checked before: to construct them costs a tenth of `model_construct`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from pydantic import BaseModel

Model = TypeVar("Model", bound=BaseModel)

_STATE: Final = ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")
"""What an object of pydantic consists of."""


def unchecked(kind: type[Model], values: Mapping[str, Any]) -> Model:
    """Returns the object with these values of all its fields as they are: for what our own tables hold.

    Raises `KeyError` where a field is missing.
    """
    made = kind.__new__(kind)
    fields = {name: values[name] for name in kind.__pydantic_fields__}
    for name, value in zip(_STATE, (fields, set(fields), None, None), strict=True):
        object.__setattr__(made, name, value)
    return made
