"""A service's web application: its routes, and around them what every service has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

import flask_restful
from flask import Flask, Response, request
from werkzeug.exceptions import NotFound

from shared.api import docs, openapi, problems
from shared.api.routes import Route
from shared.auth import ANYONE, SIGN_INS, Access, admit
from shared.crypto import Keys
from shared.db import database_answers
from shared.health import JSON, Check, liveness, metrics, readiness
from shared.logs import logger
from shared.metrics import requests_seconds
from shared.settings import ServiceSettings
from shared.tracing import because_of, current_cause, new_cause

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

log = logger(__name__)

MEBIBYTE = 1024 * 1024
KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
ASKED_EVERY_FEW_SECONDS = frozenset({"/health/live", "/health/ready", "/metrics"})
STARTED = "platform.started"

SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


class Service(Flask):
    """A Flask application in which every request has a cause and a measured beginning."""

    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ[STARTED] = perf_counter()
        cause = new_cause(environ.get("HTTP_X_CORRELATION_ID"), environ.get("HTTP_TRACEPARENT"))
        with because_of(cause):
            return super().wsgi_app(environ, start_response)


class Api(flask_restful.Api):  # type: ignore[misc]  # flask-restful ships no types
    """Flask-RESTful, without its own idea of errors."""

    def error_router(self, original_handler: Callable[[Exception], Any], e: Exception) -> Any:
        # flask-restful bypasses the application's error handlers when TESTING is off: a 409 would become a 500
        return original_handler(e)


def service_app(
    name: str,
    settings: ServiceSettings,
    routes: Sequence[Route],
    *,
    title: str,
    description: str,
    keys: Keys,
    schema_check: Callable[[], bool] | None = None,
    ready_checks: Sequence[Check] = (),
    largest_body: int = MEBIBYTE,
) -> Flask:
    """The web application of a service.

    `schema_check` says whether the database's schema is not older than the code; `ready_checks` are shown and, where
    they are decisive, count as well. `keys` key the digests of repeated requests.
    """
    app = Service(name, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = largest_body
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.extensions["sign_in"] = SIGN_INS[settings.auth]
    app.extensions["keys"] = keys
    problems.translate(app)
    access = _open(app, routes)
    access |= _open_platform(app, _checks(schema_check, ready_checks))
    access |= docs.open_on(app, openapi.document(routes, title=title, description=description))
    app.before_request(_guard(access))
    app.after_request(_finish)
    return app


def _open(app: Flask, routes: Sequence[Route]) -> dict[tuple[str, str], Access]:
    """Register the routes; who may call which method of which path."""
    api, access = Api(app), {}
    for route in routes:
        for method, _door, roles in route.doors():
            if (route.path, method.upper()) in access:
                raise ValueError(f"{route.path} is declared twice")
            access[route.path, method.upper()] = roles
        api.add_resource(route.resource, route.path, endpoint=route.path)
    return access


def _checks(schema_check: Callable[[], bool] | None, more: Sequence[Check]) -> list[Check]:
    database = [Check("database", database_answers)]
    schema = [] if schema_check is None else [Check("schema", schema_check)]
    return [*database, *schema, *more]


def _open_platform(app: Flask, checks: Sequence[Check]) -> dict[tuple[str, str], Access]:
    def live() -> Response:
        return Response(liveness(), content_type=JSON)

    def ready() -> Response:
        is_ready, document = readiness(checks)
        return Response(document, 200 if is_ready else 503, content_type=JSON)

    def measured() -> Response:
        text, content_type = metrics()
        return Response(text, content_type=content_type)

    views = {"/health/live": live, "/health/ready": ready, "/metrics": measured}
    for path, view in views.items():
        app.add_url_rule(path, path, view)
    return {(path, "GET"): ANYONE for path in views}


def _guard(access: dict[tuple[str, str], Access]) -> Callable[[], None]:
    """Lets a request pass whose caller has one of the roles; what nobody declared, nobody may call."""

    def admitted() -> None:
        if "\x00" in request.path:  # PostgreSQL's text cannot hold it: there can be no such thing
            raise NotFound
        rule = request.url_rule
        if rule is not None and request.method != "OPTIONS":
            method = "GET" if request.method == "HEAD" else request.method
            admit(access.get((rule.rule, method), frozenset()))

    return admitted


def _finish(response: Response) -> Response:
    """Put on every answer what it needs, and write down that it was given: the route, never the path or the query."""
    cause = current_cause()
    response.headers["X-Correlation-Id"] = cause.correlation_id
    for header, value in SAFE_HEADERS.items():
        response.headers.setdefault(header, value)
    seconds = perf_counter() - request.environ[STARTED]
    method = request.method if request.method in KNOWN_METHODS else "OTHER"
    route = request.url_rule.rule if request.url_rule is not None else "unknown"
    requests_seconds.labels(method, route, str(response.status_code)).observe(seconds)
    write = log.debug if route in ASKED_EVERY_FEW_SECONDS else log.info
    write(
        "request.answered",
        method=method,
        route=route,
        status=response.status_code,
        milliseconds=round(seconds * 1000, 1),
    )
    return response
