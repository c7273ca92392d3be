"""A service's web application: its own routes, and those that every service has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import flask_restful
from flask import Flask, Response

from shared.database import database_answers
from shared.errors import PlatformError
from shared.events import dead_letters
from shared.events.cluster import KafkaReachable
from shared.http import docs, openapi, problems
from shared.http.context import Context
from shared.http.routes import Route, larger_bodies
from shared.http.service_app import AccessTable, ServiceApp
from shared.http.status import StatusOfService
from shared.runtime import clock
from shared.runtime.health import JSON, ReadinessCheck, liveness, metrics, readiness
from shared.runtime.server import Limits
from shared.runtime.settings import ServiceSettings
from shared.security.authentication import ANYONE
from shared.security.encryption import Digests
from shared.security.sign_in import SIGN_INS, Confirm, ConfirmedSignIn
from shared.texts import catalogue

RecordRefusal = Callable[[Context[Any], PlatformError], None]


class Api(flask_restful.Api):  # type: ignore[misc]  # flask-restful ships no types
    """Flask-RESTful without its own error handling."""

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
    schema_check: Callable[[], bool] | None = None,
    ready_checks: Sequence[ReadinessCheck] = (),
    dependencies: Any = None,
    record_refusal: RecordRefusal | None = None,
    confirm_caller: Confirm | None = None,
) -> Flask:
    """The web application of a service.

    `schema_check` says whether the database's schema is not older than the code; `ready_checks` are shown and, where
    they are decisive, count as well. `dependencies` is what endpoints find in their context. `record_refusal` is called
    with a context and every refusal of an endpoint, in a transaction of its own; `confirm_caller` with everybody who is
    recognised, before their roles are compared with those of the route.
    """
    catalogue()  # read now: half a text stops the process, and no caller waits for it
    app = ServiceApp(name, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = Limits().body_bytes
    app.config["LARGER_BODIES"] = larger_bodies(routes)
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.hosts = settings.hosts
    recognised = SIGN_INS[settings.auth](settings)
    sign_in = ConfirmedSignIn(recognised, confirm_caller) if confirm_caller else recognised
    app.extensions["sign_in"] = sign_in
    app.extensions["digests"] = Digests(settings.digest_key.get_secret_value())
    app.extensions["dependencies"] = dependencies
    app.extensions["record_refusal"] = record_refusal
    problems.register_error_handlers(app)
    app.access = _register_routes(app, routes)
    checks = _checks(settings, schema_check, [*sign_in.checks(), *ready_checks])
    app.extensions["status"] = StatusOfService(name, clock.now(), checks)
    app.access |= _register_platform_routes(app, checks)
    app.access |= docs.register_docs(
        app, title, partial(openapi.document, routes, title=title, description=description)
    )
    return app


def _register_routes(app: Flask, routes: Sequence[Route]) -> AccessTable:
    """Register the routes; returns who may call which method of which path."""
    api = Api(app)
    access: AccessTable = {}
    for route in routes:
        for method, _, roles in route.endpoints():
            if (route.path, method.upper()) in access:
                raise ValueError(f"{route.path} is declared twice")
            access[route.path, method.upper()] = roles
        api.add_resource(route.resource, route.path, endpoint=route.path)
    return access


def _checks(
    settings: ServiceSettings, schema_check: Callable[[], bool] | None, more: Sequence[ReadinessCheck]
) -> list[ReadinessCheck]:
    database = [ReadinessCheck("database", database_answers)]
    schema = [] if schema_check is None else [ReadinessCheck("schema", schema_check)]
    # an outage of Kafka stops no request: the outbox keeps the events
    kafka = [ReadinessCheck("kafka", KafkaReachable(settings.kafka_client()), decisive=False)]
    return [*database, *schema, *kafka, *more]


def _register_platform_routes(app: Flask, checks: Sequence[ReadinessCheck]) -> AccessTable:
    def live() -> Response:
        return Response(liveness(), content_type=JSON)

    def ready() -> Response:
        is_ready, document = readiness(checks, dead_letters.READINESS_FIGURES)
        return Response(document, 200 if is_ready else 503, content_type=JSON)

    def measured() -> Response:
        text, content_type = metrics()
        return Response(text, content_type=content_type)

    views = {"/health/live": live, "/health/ready": ready, "/metrics": measured}
    for path, view in views.items():
        app.add_url_rule(path, path, view)
    return {(path, "GET"): ANYONE for path in views}
