"""Every refusal as RFC 9457 `application/problem+json`. The only place that knows which status an error becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, request
from pydantic import ValidationError
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from werkzeug.exceptions import HTTPException

from shared.database import is_trouble, lost_to_others, sqlstate
from shared.errors import (
    Conflict,
    FieldProblem,
    Forbidden,
    LostUpdate,
    NotFound,
    PlatformError,
    RuleBroken,
    TooManyRequests,
    Unauthenticated,
    Unreachable,
)
from shared.http.responses import location_of
from shared.runtime.hosts import ForeignHost
from shared.runtime.logs import logger
from shared.runtime.problem_documents import MEDIA_TYPE, problem_document
from shared.runtime.tracing import correlation_id
from shared.security.tokens import TokenRefused
from shared.values.errors import NotAcceptable
from shared.values.schemas import InvalidFields, problems_of

log = logger(__name__)

RETRY_AFTER_SECONDS = "5"

STATUS: dict[type[PlatformError], HTTPStatus] = {
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    LostUpdate: HTTPStatus.PRECONDITION_FAILED,
    RuleBroken: HTTPStatus.UNPROCESSABLE_ENTITY,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
    ForeignHost: HTTPStatus.MISDIRECTED_REQUEST,
    Unreachable: HTTPStatus.SERVICE_UNAVAILABLE,
}

CHALLENGE = 'Bearer realm="psychotherapy-platform"'
"""What every 401 must say (RFC 9110, 15.5.2; RFC 6750, 3): how to sign in."""

INVALID = ', error="invalid_token"'

KEPT_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")

SENTENCES = {
    HTTPStatus.NOT_FOUND: "There is nothing at this address; an id is a UUID.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address does not take this method; the header Allow names those it takes.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The request is larger than this service accepts.",
}

# what a unique, exclusion or foreign key constraint says when two requests pass the friendly check at once
RACES = {"23505", "23P01", "23503"}
CONTENDED = "Others are changing the same at this moment. Please try again."
REFUSED_VALUES = {"22", "54"}
"""Classes of SQLSTATE: a value that no column of this kind can hold, or one too long for an index."""


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    errors: Sequence[FieldProblem] = (),
    headers: dict[str, str] | None = None,
    members: Mapping[str, Any] | None = None,
) -> Response:
    """A problem document; `code` is stable and for programs, `detail` is a sentence for a person."""
    document = problem_document(status, code, detail, correlation_id=correlation_id(), errors=errors, members=members)
    answer = Response(document, status, headers, content_type=MEDIA_TYPE)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        answer.headers.setdefault("Retry-After", RETRY_AFTER_SECONDS)
    return answer


def register_error_handlers(app: Flask) -> None:
    """Register the handlers that answer every exception of this application with a problem document."""
    app.register_error_handler(PlatformError, _refused)
    app.register_error_handler(ValidationError, lambda invalid: invalid_input(problems_of(invalid)))
    app.register_error_handler(InvalidFields, lambda invalid: invalid_input(invalid.problems))
    app.register_error_handler(NotAcceptable, _not_acceptable)
    app.register_error_handler(SQLAlchemyError, _database_failed)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def status_of(refusal: PlatformError) -> int:
    """Returns the status of a refusal; 500 where none has been decided."""
    return next((STATUS[kind] for kind in type(refusal).__mro__ if kind in STATUS), HTTPStatus.INTERNAL_SERVER_ERROR)


def _refused(refusal: PlatformError) -> Response:
    status = status_of(refusal)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return _unexpected(refusal)
    return problem(
        status,
        refusal.code,
        refusal.message,
        errors=refusal.errors,
        headers=_headers_of(refusal),
        members=refusal.members,
    )


def _headers_of(refusal: PlatformError) -> dict[str, str]:
    headers = {"Retry-After": str(refusal.retry_after)} if refusal.retry_after is not None else {}
    if isinstance(refusal, Unauthenticated):
        headers["WWW-Authenticate"] = CHALLENGE + (INVALID if isinstance(refusal, TokenRefused) else "")
    return headers | ({"Location": location_of(refusal.existing_id)} if refusal.existing_id is not None else {})


def _not_acceptable(refused: NotAcceptable) -> Response:
    return invalid_input([FieldProblem(field, str(refused)) for field in refused.fields or ("",)])


def invalid_input(errors: Sequence[FieldProblem]) -> Response:
    """422, naming every field that cannot be accepted."""
    return problem(422, "input.invalid", _what_is_invalid(errors), errors=errors)


def _what_is_invalid(errors: Sequence[FieldProblem]) -> str:
    """A sentence with the first field, for who sees no more than the sentence."""
    if not errors:
        return "The input is not valid."
    first, others = errors[0], len(errors) - 1
    return (
        f"The input is not valid ({first.field or 'the body'}: {first.message}{f'; {others} more' if others else ''})."
    )


def _http(refusal: HTTPException) -> Response:
    if refusal.response is not None:
        return refusal.response  # type: ignore[return-value]  # abort(response): it was made on purpose
    status = HTTPStatus(refusal.code or 500)
    kept = {name: value for name, value in refusal.get_headers(request.environ) if name in KEPT_HEADERS}
    detail = SENTENCES.get(status) or refusal.description or status.phrase
    return problem(status, status.name.lower(), detail, headers=kept)


def _database_failed(failure: SQLAlchemyError) -> Response:
    if lost_to_others(failure):
        log.warning("request.lost_to_others", state=sqlstate(failure))
        return problem(409, "state.contended", CONTENDED, headers={"Retry-After": "1"})
    if is_trouble(failure):
        log.warning("request.database_unreachable", problem=type(failure).__name__)
        return problem(503, "database.unreachable", "The database does not answer at the moment. Please try again.")
    state = sqlstate(failure)
    if isinstance(failure, IntegrityError) and state in RACES:
        constraint = getattr(getattr(failure.orig, "diag", None), "constraint_name", None)
        log.warning("request.constraint_refused", constraint=constraint)
        return problem(409, "state.conflict", "This contradicts what is stored already; read it again and retry.")
    if state is not None and state[:2] in REFUSED_VALUES:
        log.warning("request.value_refused_by_database", state=state, exc_info=failure)
        return problem(422, "input.out_of_range", "A value is outside of what can be stored.")
    return _unexpected(failure)


def _unexpected(failure: Exception) -> Response:
    log.error("request.failed", exc_info=failure)
    return problem(500, "internal", "Something went wrong here; the correlation id finds it in the logs.")
