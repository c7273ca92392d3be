"""`endpoint`: declares what a method of a resource takes and gives (docs/endpoints.md says how to use it)."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import flask_restful
from flask import Response
from pydantic import BaseModel

from shared.http.csv_files import CSV
from shared.http.declaration import Cookie, Endpoint
from shared.http.file_forms import FileForm
from shared.http.handling import RequestHandler
from shared.http.replay import Replay
from shared.http.uploads import Upload
from shared.values.lists import ListOf

Method = TypeVar("Method", bound=Callable[..., Any])


class Resource(flask_restful.Resource):  # type: ignore[misc]  # flask-restful ships no types
    """The endpoints of one address: a method per HTTP method, each decorated with `endpoint`."""

    init_every_request = False


def endpoint(
    *,
    body: Any = None,
    patch: type[BaseModel] | None = None,
    upload: Upload | None = None,
    query: type[BaseModel] | None = None,
    response: Any = None,
    status: int | None = None,
    location: str | None = None,
    replay: Callable[..., Any] | Replay | str | None = None,
    transaction: bool = True,
    before_transaction: Callable[..., Any] | None = None,
    lock_before: Callable[..., None] | None = None,
    raw: bool = False,
    media_types: tuple[str, ...] = (),
    statuses: tuple[int, ...] = (),
    cookie: Cookie | None = None,
    lists: ListOf[Any] | None = None,
    forms: tuple[FileForm, ...] = (),
) -> Callable[[Method], Method]:
    """Decorate a resource's method: it is given a `Context`, makes one domain call and decides nothing.

    - `body`, `patch` (the writable fields) and `query` are schemas and arrive as keyword arguments of these names, a
      patch as a `MergePatch`; the variables of the path arrive by their names.
    - `upload` takes a file instead (`Upload`), which arrives as the keyword argument `upload`, a `SentFile`; its path
      has no variables, since the server knows by the path alone how large the body may be.
    - `response` is the schema of what is returned: an instance, or anything with its attributes. A Flask `Response`
      passes untouched.
    - `lists` declares a list (`ListOf`), instead of `query` and `response`: what is wanted of it arrives as the keyword
      argument `wanted`, and a `Listed` is returned.
    - `forms` are files as which the same is shown where `Accept` prefers one (`FileForm`).
    - `location` writes the header `Location` from the arguments (`"/api/visits?patient_id={body.patient_id}"`) where
      it is not the address of the object that was made.
    - `replay` says of every POST how a repeated `Idempotency-Key` finds the first response again: the GET endpoint that
      shows the result, a `Replay`, `READ_ONLY` where nothing changes, or `NOT_REPLAYED` where somebody signs in.
    - `transaction=False` is for what needs no database, or opens its own transactions around something that takes long
      (a sign-in hashes a password between them): the context has no session then.
    - `before_transaction(context, …)` is called with all arguments before the transaction opens, to call an external
      system; its result arrives as the keyword argument `fetched`.
    - `lock_before(session, …)` is given the path's variables in order and waits for a lock; the request's instant is
      read after it.
    - `raw`: the method reads the body itself. `media_types` beside JSON, further `statuses`, and a `cookie` that the
      method reads are for the OpenAPI document.

    A request whose transaction lost against others (a deadlock) is done again from the opening of the transaction on.
    Raises `UndeclaredReplay` and `TypeError` where a declaration is not complete.
    """

    def decorate(method: Method) -> Method:
        declared = Endpoint(
            method=method,
            body=body,
            patch=patch,
            upload=upload,
            query=lists.query if lists else query,
            response=lists.response if lists else response,
            status=status,
            location=location,
            replay=replay,
            transaction=transaction,
            before_transaction=before_transaction,
            lock_before=lock_before,
            raw=raw,
            media_types=(*media_types, *((CSV,) if lists else ()), *(form.media_type for form in forms)),
            statuses=statuses,
            cookie=cookie,
            lists=lists,
            forms=forms,
        )
        handler = RequestHandler(declared)

        @wraps(method)
        def respond(self: Resource, **path: Any) -> Response:
            return handler.respond(self, path)

        respond.endpoint = declared  # type: ignore[attr-defined]
        return respond  # type: ignore[return-value]

    return decorate
