"""Responses: the result shaped by its schema, with `ETag`, `Location` and status."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import quote
from uuid import UUID

from flask import Response, request
from pydantic import TypeAdapter, ValidationError

from shared.http.languages import language_of_caller, say_language
from shared.security.authentication import Caller
from shared.values.readable import left_out, restricted_fields

HAS_LOCATION = frozenset({HTTPStatus.CREATED, HTTPStatus.ACCEPTED})
"""Statuses whose response has a `Location`: the address of the new object, or of work that continues."""


class ResponseShape:
    """Turns results into responses of one schema and status, without what their reader may not read."""

    def __init__(self, schema: Any, status: int) -> None:
        self._restricted = [] if schema is None else restricted_fields(schema)
        self._adapter: TypeAdapter[Any] | None = None if schema is None else TypeAdapter(schema)
        self._status = status

    def response(
        self, result: Any, *, reader: Caller, location: str | None = None, is_replayed: bool = False
    ) -> Response:
        """The response for what the endpoint's method returned, with the fields that this reader may read.

        None is nothing to show: 204, which the endpoint declares among its `statuses`.
        """
        if result is None or self._adapter is None or self._status == HTTPStatus.NO_CONTENT:
            response = Response(status=self._status if self._adapter is None else HTTPStatus.NO_CONTENT)
            del response.headers["Content-Type"]
            shaped = None
        else:
            shaped = self._shaped(result)
            leaving_out = left_out(self._restricted, reader.may)
            shown = self._adapter.dump_json(shaped, exclude=leaving_out, context=language_of_caller)
            response = Response(shown, self._status, content_type="application/json")
        self._describe(response, shaped, location)
        say_language(response)
        if is_replayed:
            response.headers["Idempotency-Replayed"] = "true"
        return response

    def document(self, result: Any, *, reader: Caller) -> Any:
        """The same as JSON has it, to stand in another document."""
        assert self._adapter is not None
        leaving_out = left_out(self._restricted, reader.may)
        shaped = self._shaped(result)
        return self._adapter.dump_python(shaped, mode="json", exclude=leaving_out, context=language_of_caller)

    def _shaped(self, result: Any) -> Any:
        assert self._adapter is not None
        try:
            return self._adapter.validate_python(result, strict=False, from_attributes=True)
        except ValidationError as mistake:
            # our mistake: a ValidationError would be answered with 422, as if it were the caller's
            raise RuntimeError("the result does not fit the schema of the response") from mistake

    def _describe(self, response: Response, shaped: Any, location: str | None) -> None:
        version = getattr(shaped, "version", None)
        if isinstance(version, int):
            response.headers["ETag"] = f'"{version}"'
        identity = getattr(shaped, "id", None)
        if location is None and identity is not None and self._status in HAS_LOCATION:
            location = location_of(identity)
        if location is not None:
            response.headers["Location"] = location


def location_of(id: UUID) -> str:
    """Returns the address of an object in the collection to which the request was sent."""
    return f"{quote(request.path.rstrip('/'))}/{id}"
