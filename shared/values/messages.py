"""Pydantic's validation errors as sentences that follow the name of the field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic_core import ErrorDetails

from shared.values.errors import NotAcceptable

_MESSAGES: dict[str, str] = {
    "missing": "is required",
    "extra_forbidden": "is not a known field",
    "unexpected_keyword_argument": "is not a known field",
    "string_type": "must be text",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "is not in the expected form",
    "string_unicode": "must be valid Unicode text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing_size": "is too large",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "decimal_type": "must be a number",
    "decimal_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "multiple_of": "must be a multiple of {multiple_of}",
    "enum": "must be one of: {expected}",
    "literal_error": "must be one of: {expected}",
    "list_type": "must be a list",
    "set_type": "must be a list",
    "tuple_type": "must be a list",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dataclass_type": "must be an object",
    "uuid_type": "must be an id (UUID)",
    "uuid_parsing": "must be an id (UUID)",
    "uuid_version": "must be an id (UUID)",
    "date_type": "must be a date like 2026-11-23",
    "datetime_type": "must be a date and time with an offset, like 2026-11-23T09:30:00Z",
    "time_type": "must be a time like 09:30",
    "time_parsing": "must be a time like 09:30",
    "json_invalid": "must be valid JSON",
    "recursion_loop": "must not contain itself",
}
_NULL_IS_NOT_THE_PROBLEM = {"missing", "extra_forbidden", "unexpected_keyword_argument"}


def message_of(detail: ErrorDetails, known: Sequence[str] = ()) -> str:
    """Returns what is wrong with a value, for its sender; the value is never repeated.

    `known`: the fields of the whole, which are named where another one was sent (not inside of these fields).
    """
    kind, context = detail["type"], detail.get("ctx", {})
    if detail["input"] is None and kind not in _NULL_IS_NOT_THE_PROBLEM:
        return "must not be null"
    if isinstance(context.get("error"), NotAcceptable):
        return str(context["error"])
    if context.get("min_length") == 1 and kind in ("too_short", "string_too_short"):
        return "must not be empty"
    message = _MESSAGES.get(kind, "is not valid").format_map({name: _plain(value) for name, value in context.items()})
    is_unknown = kind == "extra_forbidden" and len(detail["loc"]) == 1
    return f"{message} (known: {', '.join(known)})" if is_unknown and known else message


def _plain(limit: Any) -> Any:
    return int(limit) if isinstance(limit, float) and limit.is_integer() else limit
