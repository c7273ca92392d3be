"""Parses the input of a request into schemas: the body (JSON only), a merge patch, the query string."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import replace
from typing import Any, get_args, get_origin
from urllib.parse import unquote_to_bytes

from flask import request
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from shared.errors import FieldProblem, PlatformError
from shared.texts import OneOf
from shared.values.lists import ByComma
from shared.values.schemas import LONGEST_NAME_SHOWN, InvalidFields, MergePatch, problems_of, read_patch

JSON = frozenset({"application/json"})
MERGE_PATCH = JSON | {"application/merge-patch+json"}

_PLACE_IN_JSON = re.compile(r"line (\d+) column (\d+)")
NOTHING = b"{}"

LITERALS = (bool, int, float)
JSON_LITERAL = re.compile(r"true|false|-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,3})?", re.ASCII)
"""A boolean or a number of an acceptable length; Python itself reads 1_0, +5 and 05 as numbers too."""


class MalformedRequest(PlatformError):
    """The request is malformed or cut off."""


class WrongMediaType(PlatformError):
    """The body is of a kind that the endpoint does not take."""


class JsonBody:
    """Reads bodies of one kind."""

    def __init__(self, kind: Any) -> None:
        self._kind = kind
        self._adapter: TypeAdapter[Any] = TypeAdapter(kind)
        self._may_be_empty = isinstance(kind, type) and issubclass(kind, BaseModel) and _has_no_required_field(kind)

    def read(self) -> Any:
        """The body as the schema. Raises InvalidFields, 400 (not JSON), 413 or 415."""
        sent = raw_body()
        if not sent and (self._may_be_empty or not request.mimetype):
            sent = NOTHING
        else:
            require_media_type(JSON)
        _refuse_numbers_that_json_lacks(sent)
        _refuse_repeated_names(sent)
        try:
            return self._adapter.validate_json(sent)
        except ValidationError as invalid:
            for each in invalid.errors(include_input=False):
                if each["type"] == "json_invalid":
                    raise _not_json(each["ctx"]["error"]) from None
            raise InvalidFields(problems_of(invalid, self._kind)) from None


def read_merge_patch(writable: type[BaseModel], view: type[BaseModel]) -> MergePatch:
    """The merge patch in the body. Raises InvalidFields, 400 (not JSON), 413 or 415."""
    sent = raw_body()
    require_media_type(MERGE_PATCH)
    return read_patch(_parsed(sent), writable, view)


def refuse_body() -> None:
    """Refuse every body except an empty object: the endpoint takes no fields."""
    sent = raw_body()
    if not sent:
        return
    require_media_type(JSON)
    document = _parsed(sent)
    if not isinstance(document, dict):
        raise InvalidFields([FieldProblem.of("", "field.not_object")])
    if document:
        raise InvalidFields(FieldProblem.of(str(name), "field.unknown") for name in document)


def raw_body() -> bytes:
    """Returns the bytes of the body, cached for the idempotency digest. Raises 400, 413 or 415."""
    if request.environ.get("HTTP_CONTENT_ENCODING", "identity") != "identity":
        raise WrongMediaType("http.unsupported_media_type.encoded")
    try:
        sent = request.get_data(cache=True)
        if request.content_length is None and len(sent) == request.max_content_length:
            _refuse_more()
    except HTTPException:
        raise
    except Exception as broken:  # the server's parser has its own exceptions for chunks that are cut or malformed
        raise MalformedRequest("http.bad_request.cut_off") from broken
    if request.content_length is not None and len(sent) < request.content_length:
        raise MalformedRequest("http.bad_request.cut_off")
    return sent


def _refuse_more() -> None:
    # a chunked body announces no length: werkzeug returns what fits, and a truncated body must not be accepted
    if request.environ["wsgi.input"].read(1):
        raise RequestEntityTooLarge


class QueryString:
    """Reads the parameters of one kind of query, as the JSON document that has the same values."""

    def __init__(self, schema: type[BaseModel]) -> None:
        self.schema = schema
        self._lists = {field.alias or name for name, field in schema.model_fields.items() if _is_list(field.annotation)}
        self._by_comma = {
            field.alias or name
            for name, field in schema.model_fields.items()
            if any(isinstance(each, ByComma) for each in field.metadata)
        }
        self._literals = {
            field.alias or name for name, field in schema.model_fields.items() if _mentions(field.annotation, LITERALS)
        }

    def read(self) -> BaseModel:
        """The parameters as the schema. Raises InvalidFields, also for what is repeated or not in UTF-8."""
        _refuse_what_is_not_utf8(request.query_string)
        given: dict[str, Any] = {}
        for name, values in request.args.lists():
            if name in self._by_comma and len(values) == 1:
                given[name] = [self._value(name, value) for value in values[0].split(",")]
            elif name in self._lists - self._by_comma:
                given[name] = [self._value(name, value) for value in values]
            elif len(values) > 1:
                raise InvalidFields([FieldProblem.of(name, "field.twice")])
            else:
                given[name] = self._value(name, values[0])
        try:
            return self.schema.model_validate_json(to_json(given))
        except ValidationError as invalid:
            raise InvalidFields(self._problems(invalid)) from None

    def _problems(self, invalid: ValidationError) -> list[FieldProblem]:
        """The problems with the names of parameters; one of several values has no name of its own."""
        found = problems_of(invalid, self.schema)
        named = (replace(each, field=self._parameter(each.field)) for each in found)
        return list({(each.field, each.message): each for each in named}.values())

    def _parameter(self, field: str) -> str:
        name = field.partition(".")[0]
        return name if name in self._lists | self._by_comma else field

    def _value(self, name: str, text: str) -> Any:
        """Returns the number or boolean that JSON writes like this, where the field may be one, otherwise the text."""
        if name not in self._literals or not JSON_LITERAL.fullmatch(text):
            return text
        return from_json(text)


def refuse_parameters() -> None:
    """Refuse every parameter: the endpoint has no query schema."""
    if request.query_string:
        unknown = [FieldProblem.of(name, "field.unknown.parameter") for name in request.args]
        if unknown:
            raise InvalidFields(unknown)


def _refuse_what_is_not_utf8(query: bytes) -> None:
    """Raises InvalidFields for such parameters; Werkzeug would search for the text `M%FCller`."""
    wrong = [pair.partition(b"=")[0] for pair in query.split(b"&") if not _is_utf8(unquote_to_bytes(pair))]
    if wrong:
        names = (unquote_to_bytes(name).decode(errors="replace") for name in wrong)
        raise InvalidFields(FieldProblem.of(name[:LONGEST_NAME_SHOWN], "field.not_utf8") for name in names)


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def require_media_type(media_types: Collection[str]) -> None:
    """Raise `WrongMediaType` where the body is of none of these."""
    if request.mimetype not in media_types:
        raise WrongMediaType("http.unsupported_media_type", media_types=OneOf(sorted(media_types)))


def _parsed(sent: bytes) -> Any:
    try:
        document = from_json(sent, allow_inf_nan=False)
    except ValueError as invalid:
        raise _not_json(invalid) from None
    _refuse_repeated_names(sent)
    return document


def _not_json(why: object) -> MalformedRequest:
    """The refusal with the place that the parser names, and without its words: they may quote the body."""
    place = _PLACE_IN_JSON.search(str(why))
    if place is None:
        return MalformedRequest("http.bad_request.not_json")
    return MalformedRequest("http.bad_request.not_json_at", line=place[1], column=place[2])


def _refuse_repeated_names(sent: bytes) -> None:
    """Raises InvalidFields for an object with the same name twice, of which parsers would take the last value."""
    try:
        json.loads(sent, object_pairs_hook=_object, parse_int=str, parse_float=str)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
        return  # not JSON, or too deep: the schema's parser says so


def _object(pairs: list[tuple[str, Any]]) -> None:
    if len(pairs) < 2 or len(names := [name for name, _ in pairs]) == len(set(names)):
        return
    twice = next(name for name in names if names.count(name) > 1)
    raise InvalidFields([FieldProblem.of(twice[:LONGEST_NAME_SHOWN], "field.twice")])


def _refuse_numbers_that_json_lacks(sent: bytes) -> None:
    # pydantic's own parser accepts them; the words may also be part of a string, so the body is parsed once more
    if b"NaN" in sent or b"Infinity" in sent:
        _parsed(sent)


def _has_no_required_field(schema: type[BaseModel]) -> bool:
    return not any(field.is_required() for field in schema.model_fields.values())


def _mentions(annotation: Any, kinds: tuple[type, ...]) -> bool:
    return annotation in kinds or any(_mentions(part, kinds) for part in get_args(annotation))


def _is_list(annotation: Any) -> bool:
    if get_origin(annotation) in (list, set, frozenset, tuple):
        return True
    return any(_is_list(alternative) for alternative in get_args(annotation))
