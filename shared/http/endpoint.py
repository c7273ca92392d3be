"""`endpoint`: reads a request into schemas, calls the method, shapes what it returns. It decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from typing import Any, TypeVar

import flask_restful
from flask import Response
from pydantic import BaseModel

from shared.database import repeat_if_lost
from shared.http import headers
from shared.http.answers import Shape
from shared.http.inputs import JsonBody, QueryString, read_merge_patch, refuse_body, refuse_parameters

Method = TypeVar("Method", bound=Callable[..., Any])

BRINGS_A_BODY = frozenset({"post", "put", "patch"})


class Resource(flask_restful.Resource):  # type: ignore[misc]  # flask-restful ships no types
    """The endpoints of one address: a method per HTTP method, each decorated with `endpoint`."""

    init_every_request = False


@dataclass(frozen=True)
class Endpoint:
    """What a method takes and gives; the OpenAPI document is written from it."""

    name: str
    summary: str
    description: str
    body: Any
    patch: type[BaseModel] | None
    query: type[BaseModel] | None
    answer: Any
    status: int
    raw: bool
    media_types: tuple[str, ...]
    statuses: tuple[int, ...]


def endpoint(
    *,
    body: Any = None,
    patch: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    answer: Any = None,
    status: int | None = None,
    raw: bool = False,
    media_types: tuple[str, ...] = (),
    statuses: tuple[int, ...] = (),
) -> Callable[[Method], Method]:
    """Decorate a resource's method.

    `body`, `patch` (the writable fields; needs `answer`, the fields that are shown) and `query` are schemas and
    arrive as keyword arguments of these names; a patch arrives as a `MergePatch`. `answer` shapes what is returned: an
    instance, anything with its attributes, or an `Answer`; a flask `Response` passes untouched. `raw`: the method
    reads the body itself. `media_types` beside JSON and further `statuses` are for the OpenAPI document.

    A method whose transaction lost against others (a deadlock) is called again: what it does beside the database, such
    as asking the outside, comes after a commit, and then nothing is repeated.
    """

    def decorate(method: Method) -> Method:
        name = method.__name__
        summary, _, description = (method.__doc__ or "").strip().partition("\n")
        usual = HTTPStatus.NO_CONTENT if answer is None and not raw else HTTPStatus.OK
        described = Endpoint(
            name=name,
            summary=summary.rstrip("."),
            description=description.strip(),
            body=body,
            patch=patch,
            query=query,
            answer=answer,
            status=status or usual,
            raw=raw,
            media_types=media_types,
            statuses=statuses,
        )
        readers = _readers(described)
        shape = Shape(answer, described.status)

        @wraps(method)
        def opened(self: Resource, **arguments: Any) -> Response:
            for argument, read in readers:
                value = read()
                if argument is not None:
                    arguments[argument] = value
            outcome = repeat_if_lost(lambda: method(self, **arguments))
            return outcome if isinstance(outcome, Response) else shape.answer(outcome)

        opened.endpoint = described  # type: ignore[attr-defined]
        return opened  # type: ignore[return-value]

    return decorate


def _readers(described: Endpoint) -> list[tuple[str | None, Callable[[], Any]]]:
    readers: list[tuple[str | None, Callable[[], Any]]] = [(None, lambda: headers.check(described.name))]
    if described.query is not None:
        readers.append(("query", QueryString(described.query).read))
    else:
        readers.append((None, refuse_parameters))
    if described.patch is not None:
        writable, view = described.patch, described.answer
        if view is None:
            raise TypeError("an endpoint with a patch names its answer: the fields that are shown")
        readers.append(("patch", lambda: read_merge_patch(writable, view)))
    elif described.body is not None:
        readers.append(("body", JsonBody(described.body).read))
    elif described.name in BRINGS_A_BODY and not described.raw:
        readers.append((None, refuse_body))
    return readers
