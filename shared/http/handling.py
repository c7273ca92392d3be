"""What happens to a request between its route and the endpoint's method, and on the way back.

The headers, the query and the body are read, `before_transaction` is called, the transaction opens, a repeated key is
answered, the lock is taken, the method is called, the transaction ends, the result is shaped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from inspect import signature
from typing import Any
from uuid import UUID

from flask import Response, current_app, request

from shared.database import repeat_if_lost, transaction
from shared.errors import LostUpdate, PlatformError
from shared.http import file_forms, headers, idempotency
from shared.http.context import Context, request_context
from shared.http.cursors import Cursors
from shared.http.declaration import Endpoint, endpoint_of
from shared.http.file_forms import FileForm
from shared.http.headers import RequestHeaders
from shared.http.inputs import JsonBody, QueryString, read_merge_patch, refuse_body, refuse_parameters
from shared.http.lists import ListQuery, ListShape, WantedList
from shared.http.lost_updates import add_current
from shared.http.replay import Replay, ResponseReference
from shared.http.responses import ResponseShape
from shared.http.uploads import UploadReader
from shared.runtime import clock
from shared.security.authentication import caller
from shared.values.lists import Listed, ListOf, ListRequest

Arguments = dict[str, Any]
FETCHED = "fetched"
"""The keyword argument with the result of `before_transaction`."""


@dataclass(frozen=True)
class Call:
    """A request that was read: who makes it, and what the method is called with."""

    resource: Any
    sent: RequestHeaders
    path: Arguments
    arguments: Arguments


class RequestHandler:
    """Answers the requests to one endpoint."""

    def __init__(self, declared: Endpoint) -> None:
        self._declared = declared
        self._readers = _readers(declared)
        self._replay = _replay(declared)
        self._shape = ResponseShape(declared.response, declared.success)
        self._list_shape = ListShape(declared.lists, _cursors(declared.lists)) if declared.lists else None

    def respond(self, resource: Any, path: Arguments) -> Response:
        """The response to the present request, whose path has these variables. Raises its refusal."""
        sent = headers.read(self._declared.name)
        form = self._chosen_form()
        call = Call(resource, sent, path, path | self._read())
        try:
            if form is not None:
                return self._file(form, call)
            if self._list_shape is not None:
                return self._list(self._list_shape, call)
            self._call_before_transaction(call)
            result, is_replayed = repeat_if_lost(lambda: self._result(call))
        except PlatformError as refusal:
            _record(refusal, sent)
            if isinstance(refusal, LostUpdate):
                add_current(refusal, resource, path, sent)
            raise
        if isinstance(result, Response):
            return result
        location = self._declared.location and self._declared.location.format(**call.arguments)
        return self._shape.response(result, reader=caller(), location=location, is_replayed=is_replayed)

    def _chosen_form(self) -> FileForm | None:
        """The further form that the caller prefers; None: JSON, or a list's CSV. Raises `NoSuchForm`."""
        if not self._declared.forms:
            return None
        media_type = file_forms.chosen(file_forms.JSON, *self._declared.media_types)
        return next((form for form in self._declared.forms if form.media_type == media_type), None)

    def _file(self, form: FileForm, call: Call) -> Response:
        """The response in a further form, which is written when the transaction is over."""
        asked = call.arguments.get("wanted")
        if isinstance(asked, WantedList):
            call.arguments["wanted"] = asked.wanted
        found = repeat_if_lost(lambda: self._read_for_a_file(form, call))
        return Response(
            form.write(found),
            content_type=form.media_type,
            headers={"Content-Disposition": f'attachment; filename="{form.file_name(found, request.path)}"'},
        )

    def _read_for_a_file(self, form: FileForm, call: Call) -> Any:
        with transaction() as session:
            return form.read(request_context(session, call.sent), **call.arguments)

    def _list(self, shape: ListShape, call: Call) -> Response:
        """The response to a request for a list."""
        asked: WantedList = call.arguments.pop("wanted")
        context = request_context(None, call.sent)

        def read(wanted: ListRequest[Any]) -> Listed:
            # without a request: the further parts of a file are read when the server sends them
            return repeat_if_lost(lambda: self._part(call, context, wanted))

        return (shape.file if asked.is_csv else shape.page)(asked, read, context.caller)

    def _part(self, call: Call, context: Context[Any], wanted: ListRequest[Any]) -> Listed:
        with transaction() as session:
            listed: Listed = self._declared.method(
                call.resource, replace(context, open_session=session), **call.arguments, wanted=wanted
            )
            return listed

    def _read(self) -> Arguments:
        read = [(name, reader()) for name, reader in self._readers]
        return {name: value for name, value in read if name}

    def _call_before_transaction(self, call: Call) -> None:
        if self._declared.before_transaction is not None:
            context = request_context(None, call.sent)
            call.arguments[FETCHED] = self._declared.before_transaction(context, **call.arguments)

    def _result(self, call: Call) -> tuple[Any, bool]:
        """Returns the result of the method, or the replayed first one, and whether it is replayed."""
        if not self._declared.transaction:
            return self._declared.method(call.resource, request_context(None, call.sent), **call.arguments), False
        with transaction() as session:
            context = request_context(session, call.sent)
            if self._replay is None or call.sent.idempotency_key is None:
                return self._call(context, call), False
            return self._replay_or_call(context, call, self._replay, call.sent.idempotency_key)

    def _replay_or_call(self, context: Context[Any], call: Call, replay: Replay, key: str) -> tuple[Any, bool]:
        keyed = idempotency.keyed_request(context, key)
        reference = idempotency.find_reference(context, keyed)
        if reference is not None:
            return replay.find(context, reference, **call.path), True
        result = self._call(context, call)
        idempotency.keep_reference(context, keyed, replay.reference(result))
        return result, False

    def _call(self, context: Context[Any], call: Call) -> Any:
        if self._declared.lock_before is not None:
            self._declared.lock_before(context.session, *call.path.values())
            context = replace(context, now=clock.now())
        return self._declared.method(call.resource, context, **call.arguments)


def _record(refusal: PlatformError, sent: RequestHeaders) -> None:
    """Let the service record what a refusal reveals, in a transaction of its own: the request's is rolled back."""
    record = current_app.extensions["record_refusal"]
    if record is not None:
        repeat_if_lost(lambda: _record_in_a_transaction(record, refusal, sent))


def _record_in_a_transaction(
    record: Callable[[Context[Any], PlatformError], None], refusal: PlatformError, sent: RequestHeaders
) -> None:
    with transaction() as session:
        record(request_context(session, sent), refusal)


def _readers(declared: Endpoint) -> list[tuple[str | None, Callable[[], Any]]]:
    """Returns the reader of each argument with its name, and readers without a name that refuse undeclared input."""
    if declared.lists is not None:
        return [("wanted", ListQuery(declared.lists, _cursors(declared.lists)).read)]
    query = ("query", QueryString(declared.query).read) if declared.query else (None, refuse_parameters)
    if declared.patch is not None:
        writable, view = declared.patch, declared.response
        return [query, ("patch", lambda: read_merge_patch(writable, view))]
    if declared.body is not None:
        return [query, ("body", JsonBody(declared.body).read)]
    if declared.upload is not None:
        return [query, ("upload", UploadReader(declared.upload).read)]
    takes_none = declared.brings_a_body and not declared.raw
    return [query, (None, refuse_body)] if takes_none else [query]


def _cursors(declared: ListOf[Any]) -> Cursors:
    return Cursors(declared.orders)


def _replay(declared: Endpoint) -> Replay | None:
    """How the response is found again; None where a key changes nothing."""
    if isinstance(declared.replay, Replay):
        return declared.replay
    if not callable(declared.replay):
        return None
    shown = endpoint_of(declared.replay)
    if shown.response is not declared.response:
        raise TypeError(f"{declared.method.__qualname__} is replayed by an endpoint with another response")
    if "id" not in getattr(shown.response, "model_fields", ()):
        raise TypeError(f"{declared.method.__qualname__} returns nothing with an id: its replay is a Replay")
    return _shown_by(shown)


def _shown_by(shown: Endpoint) -> Replay:
    """The replay of a POST whose result this endpoint shows: the result's id is the last variable of its path."""
    *others, last = _variables(shown)

    def find(context: Context[Any], reference: ResponseReference, **path: Any) -> Any:
        variables = {name: path[name] for name in others} | {last: UUID(reference["id"])}
        return shown.method(None, context, **variables)  # no method needs its resource: it decides nothing

    return Replay(reference=lambda result: {"id": str(result.id)}, find=find)


def _variables(shown: Endpoint) -> list[str]:
    """The variables of the path of an endpoint that shows one object, in the order of its method's parameters.

    What it fetches elsewhere is none of them: a replay shows the object without it, as the default of `fetched` does.
    """
    _resource, _context, *parameters = signature(shown.method).parameters
    names = [name for name in parameters if name != FETCHED]
    if shown.name != "get" or shown.query is not None or not names:
        raise TypeError(f"{shown.method.__qualname__} does not show one object by its id")
    return names
