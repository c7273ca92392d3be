"""What goes back: the result shaped by its schema, with `ETag`, `Location` and status."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from flask import Response, g, request
from pydantic import TypeAdapter, ValidationError


@dataclass(frozen=True)
class Answer:
    """An endpoint's result where its defaults do not fit: another status, another place, more headers."""

    result: Any
    status: int | None = None
    location: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


class Shape:
    """Turns results into answers of one kind."""

    def __init__(self, kind: Any, status: int) -> None:
        self._adapter: TypeAdapter[Any] | None = None if kind is None else TypeAdapter(kind)
        self._status = status

    def answer(self, outcome: Any) -> Response:
        """The response for what the endpoint's method returned."""
        given = outcome if isinstance(outcome, Answer) else Answer(outcome)
        status = given.status or self._status
        if self._adapter is None or status == HTTPStatus.NO_CONTENT:
            response = Response(status=status)
            del response.headers["Content-Type"]
            shaped = None
        else:
            shaped = self._shaped(given.result)
            response = Response(self._adapter.dump_json(shaped), status, content_type="application/json")
        self._describe(response, shaped, given, status)
        return response

    def _shaped(self, result: Any) -> Any:
        assert self._adapter is not None
        try:
            return self._adapter.validate_python(result, strict=False, from_attributes=True)
        except ValidationError as mistake:
            # ours, not the caller's: without this it would pass for a 422
            raise RuntimeError("the result does not fit the schema of the answer") from mistake

    @staticmethod
    def _describe(response: Response, shaped: Any, given: Answer, status: int) -> None:
        version = getattr(shaped, "version", None)
        if isinstance(version, int):
            response.headers["ETag"] = f'"{version}"'
        location = given.location or (_place_of(shaped) if status == HTTPStatus.CREATED else None)
        if location:
            response.headers["Location"] = location
        if "replayed" in g:
            response.headers["Idempotency-Replayed"] = "true"
        for name, value in given.headers.items():
            response.headers[name] = value


def _place_of(created: Any) -> str | None:
    identity = getattr(created, "id", None)
    return None if identity is None else f"{quote(request.path.rstrip('/'))}/{identity}"
