"""Every refusal as RFC 9457 `application/problem+json`. The only place that knows which status an error becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, request
from pydantic import ValidationError
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from werkzeug.exceptions import HTTPException

from shared.database import is_trouble, lost_to_others, sqlstate, waited_too_long
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
from shared.http.file_forms import NoSuchForm
from shared.http.inputs import MalformedRequest, WrongMediaType
from shared.http.languages import language_of_caller, say_language
from shared.http.responses import location_of
from shared.runtime.hosts import ForeignHost
from shared.runtime.logs import logger
from shared.runtime.problem_documents import MEDIA_TYPE, problem_document
from shared.runtime.tracing import correlation_id
from shared.security.tokens import TokenRefused
from shared.texts import Sentence
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
    MalformedRequest: HTTPStatus.BAD_REQUEST,
    WrongMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    NoSuchForm: HTTPStatus.NOT_ACCEPTABLE,
}

CHALLENGE = 'Bearer realm="psychotherapy-platform"'
"""What every 401 must say (RFC 9110, 15.5.2; RFC 6750, 3): how to sign in."""

INVALID = ', error="invalid_token"'

KEPT_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")

TEXTS = {
    HTTPStatus.BAD_REQUEST: "http.bad_request",
    HTTPStatus.NOT_FOUND: "http.not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "http.method_not_allowed",
    HTTPStatus.NOT_ACCEPTABLE: "http.not_acceptable",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "http.request_entity_too_large",
}
"""What is said of refusals by Flask and Werkzeug."""

# what a unique, exclusion or foreign key constraint says when two requests pass the friendly check at once
RACES = {"23505", "23P01", "23503"}
REFUSED_VALUES = {"22", "54"}
"""Classes of SQLSTATE: a value that no column of this kind can hold, or one too long for an index."""


def problem(
    status: int,
    sentence: Sentence,
    *,
    code: str | None = None,
    errors: Sequence[FieldProblem] = (),
    headers: dict[str, str] | None = None,
    members: Mapping[str, Any] | None = None,
) -> Response:
    """A problem document in the caller's language; its `code`, that of the sentence unless given, is for programs."""
    language, found_by = language_of_caller(), correlation_id()
    document = problem_document(
        status, sentence, language, code=code, correlation_id=found_by, errors=errors, members=members
    )
    answer = Response(document, status, headers, content_type=MEDIA_TYPE)
    say_language(answer)
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
    headers = _headers_of(refusal)
    return problem(status, refusal.sentence, errors=refusal.errors, headers=headers, members=refusal.members)


def _headers_of(refusal: PlatformError) -> dict[str, str]:
    headers = {"Retry-After": str(refusal.retry_after)} if refusal.retry_after is not None else {}
    if isinstance(refusal, Unauthenticated):
        headers["WWW-Authenticate"] = CHALLENGE + (INVALID if isinstance(refusal, TokenRefused) else "")
    return headers | ({"Location": location_of(refusal.existing_id)} if refusal.existing_id is not None else {})


def _not_acceptable(refused: NotAcceptable) -> Response:
    return invalid_input([FieldProblem(field, refused.sentence) for field in refused.fields or ("",)])


def invalid_input(errors: Sequence[FieldProblem]) -> Response:
    """422, naming every field that cannot be accepted."""
    return problem(422, _what_is_invalid(errors), errors=errors)


def _what_is_invalid(errors: Sequence[FieldProblem]) -> Sentence:
    """A sentence with the first field, for who sees no more than the sentence."""
    if not errors:
        return Sentence.of("input.invalid")
    first, others = errors[0], len(errors) - 1
    field = first.field or Sentence.of("word.body")
    if not others:
        return Sentence.of("input.invalid.one", field=field, problem=first.sentence)
    if others == 1:
        return Sentence.of("input.invalid.two", field=field, problem=first.sentence)
    return Sentence.of("input.invalid.several", field=field, problem=first.sentence, others=others)


def _http(refusal: HTTPException) -> Response:
    if refusal.response is not None:
        return refusal.response  # type: ignore[return-value]  # abort(response): it was made on purpose
    status = HTTPStatus(refusal.code or 500)
    kept = {name: value for name, value in refusal.get_headers(request.environ) if name in KEPT_HEADERS}
    key = TEXTS.get(status)
    sentence = Sentence.of("http.refused", status=status.phrase) if key is None else Sentence.of(key)
    return problem(status, sentence, code=status.name.lower(), headers=kept)


def _database_failed(failure: SQLAlchemyError) -> Response:
    if lost_to_others(failure):
        log.warning("request.lost_to_others", state=sqlstate(failure))
        return problem(409, Sentence.of("state.contended"), headers={"Retry-After": "1"})
    if waited_too_long(failure):
        log.warning("request.waited_for_a_lock")
        return problem(503, Sentence.of("database.locked"))
    if is_trouble(failure):
        log.warning("request.database_unreachable", problem=type(failure).__name__)
        return problem(503, Sentence.of("database.unreachable"))
    state = sqlstate(failure)
    if isinstance(failure, IntegrityError) and state in RACES:
        constraint = getattr(getattr(failure.orig, "diag", None), "constraint_name", None)
        log.warning("request.constraint_refused", constraint=constraint)
        return problem(409, Sentence.of("state.conflict"))
    if state is not None and state[:2] in REFUSED_VALUES:
        log.warning("request.value_refused_by_database", state=state, exc_info=failure)
        return problem(422, Sentence.of("input.out_of_range"))
    return _unexpected(failure)


def _unexpected(failure: Exception) -> Response:
    log.error("request.failed", exc_info=failure)
    return problem(500, Sentence.of("internal"))
