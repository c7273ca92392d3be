"""Pydantic's validation errors as sentences that follow the name of the field."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pydantic_core import ErrorDetails

from shared.texts import OneOf, Sentence, placeholders
from shared.values.errors import NotAcceptable

_KEYS: dict[str, str] = {
    "missing": "field.required",
    "extra_forbidden": "field.unknown",
    "unexpected_keyword_argument": "field.unknown",
    "string_type": "field.not_text",
    "string_too_short": "field.too_few_characters",
    "string_too_long": "field.too_many_characters",
    "string_pattern_mismatch": "field.not_in_form",
    "string_unicode": "field.not_unicode",
    "int_type": "field.not_whole_number",
    "int_parsing": "field.not_whole_number",
    "int_from_float": "field.not_whole_number",
    "int_parsing_size": "field.number_too_large",
    "float_type": "field.not_number",
    "float_parsing": "field.not_number",
    "finite_number": "field.not_finite",
    "decimal_type": "field.not_number",
    "decimal_parsing": "field.not_number",
    "bool_type": "field.not_boolean",
    "bool_parsing": "field.not_boolean",
    "greater_than": "field.not_more",
    "greater_than_equal": "field.less_than_least",
    "less_than": "field.not_less",
    "less_than_equal": "field.more_than_most",
    "multiple_of": "field.not_multiple",
    "enum": "field.not_in_vocabulary",
    "literal_error": "field.not_in_vocabulary",
    "list_type": "field.not_list",
    "set_type": "field.not_list",
    "tuple_type": "field.not_list",
    "too_short": "field.too_few_entries",
    "too_long": "field.too_many_entries",
    "dict_type": "field.not_object",
    "model_type": "field.not_object",
    "model_attributes_type": "field.not_object",
    "dataclass_type": "field.not_object",
    "uuid_type": "field.not_id",
    "uuid_parsing": "field.not_id",
    "uuid_version": "field.not_id",
    "date_type": "field.not_date",
    "datetime_type": "field.not_instant",
    "time_type": "field.not_time",
    "time_parsing": "field.not_time",
    "json_invalid": "field.not_json",
    "recursion_loop": "field.contains_itself",
}
_NULL_IS_NOT_THE_PROBLEM = {"missing", "extra_forbidden", "unexpected_keyword_argument"}


def sentence_of(detail: ErrorDetails, known: Sequence[str] = ()) -> Sentence:
    """Returns what is wrong with a value, for its sender; the value is never repeated.

    `known`: the fields of the whole, which are named where another one was sent (not inside of these fields).
    """
    kind, context = detail["type"], detail.get("ctx", {})
    refused = context.get("error")
    if detail["input"] is None and kind not in _NULL_IS_NOT_THE_PROBLEM:
        return Sentence.of("field.null")
    if isinstance(refused, NotAcceptable):
        return refused.sentence
    if context.get("min_length") == 1 and kind in ("too_short", "string_too_short"):
        return Sentence.of("field.empty")
    if kind == "extra_forbidden" and len(detail["loc"]) == 1 and known:
        return Sentence.of("field.unknown.of_known", known=known)
    key = _KEYS.get(kind, "field.not_valid")
    return Sentence(key, {name: _plain(context[name]) for name in placeholders(key)})


def _plain(limit: Any) -> Any:
    if isinstance(limit, str):  # such as "'a', 'b' or 'c'"
        return OneOf(re.split(", | or ", limit))
    return int(limit) if isinstance(limit, float) and limit.is_integer() else limit
