"""The Flask application of every service: it authorises, traces, measures and logs requests, and sets headers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask, request
from werkzeug.exceptions import NotFound
from werkzeug.routing import Rule

from shared.runtime import clock
from shared.runtime.hosts import Hosts
from shared.runtime.logs import logger
from shared.runtime.metrics import requests_seconds
from shared.runtime.spans import Span, span
from shared.security.authentication import Access, admit

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

log = logger(__name__)

AccessTable = dict[tuple[str, str], Access]
"""Who may call which method of which route."""

ROUTE = "platform.route"
KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
ASKED_EVERY_FEW_SECONDS = frozenset({"/health/live", "/health/ready", "/metrics"})

SAFE_HEADERS = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
)


class MatchedRule(Rule):
    """A rule that finds the endpoint of a path. Paths are written by format strings, never made from a rule.

    To compile the functions that would make them takes three quarters of the time in which an application is made.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:  # noqa: ARG002
        return _refuse_to_build


def _refuse_to_build(rule: Rule, **values: Any) -> tuple[str, str]:
    raise NotImplementedError(f"no path is made from the rule {rule.rule}")


class ServiceApp(Flask):
    """A Flask application that checks the roles of each caller, and measures, logs and traces each response."""

    url_rule_class = MatchedRule
    access: AccessTable
    hosts: Hosts

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Returns the function itself: no endpoint is a coroutine, and to check each time costs more than the call."""
        return func

    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        began = clock.monotonic()

        def answered(status: str, headers: list[tuple[str, str]], problem: OptExcInfo | None = None) -> Any:
            # on the finished list, since Flask's own headers cost a scan for each
            present = {name for name, _ in headers}
            headers += [header for header in SAFE_HEADERS if header[0] not in present]
            headers.append(("X-Correlation-Id", this.context.correlation_id))
            _record_response(environ, status[:3], clock.monotonic() - began, this)
            return start_response(status, headers, problem)

        asked_by, before = environ.get("HTTP_X_CORRELATION_ID"), environ.get("HTTP_TRACEPARENT")
        with span("HTTP request", "server", correlation_id=asked_by, traceparent=before) as this:
            return super().wsgi_app(environ, answered)

    def preprocess_request(self, *context: Any) -> Any:
        """Let the request pass if its caller has one of the roles; nobody may call a method without declared roles."""
        current = request
        path, rule, method = current.path, current.url_rule, current.method
        self.hosts.admit(current.environ)
        if "\x00" in path:  # PostgreSQL's text cannot contain it, so no such object exists
            raise NotFound
        if rule is not None:
            current.environ[ROUTE] = rule.rule
            if method != "OPTIONS":
                admit(self.access.get((rule.rule, "GET" if method == "HEAD" else method), frozenset()))
        return super().preprocess_request(*context)


def _record_response(environ: WSGIEnvironment, status: str, seconds: float, this: Span) -> None:
    """Measure, log and trace that a request was answered: its route, never its path or query, which may hold names."""
    method = environ["REQUEST_METHOD"] if environ["REQUEST_METHOD"] in KNOWN_METHODS else "OTHER"
    route = environ.get(ROUTE, "unknown")
    requests_seconds.labels(method, route, status).observe(seconds)
    write = log.debug if route in ASKED_EVERY_FEW_SECONDS else log.info
    milliseconds = round(seconds * 1000, 1)
    write("request.answered", method=method, route=route, status=int(status), milliseconds=milliseconds)
    this.name = f"{method} {route}"
    this.attributes = {"http.request.method": method, "http.route": route, "http.response.status_code": int(status)}
    this.failed = status if status.startswith("5") else None
    this.should_export = route not in ASKED_EVERY_FEW_SECONDS
