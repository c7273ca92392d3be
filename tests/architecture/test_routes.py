"""Rules about HTTP in every service."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import validate

from shared.security.authentication import ANYONE, Access
from shared.values.account_enums import Scope
from shared.values.enums import Role
from tests.accounts import operations
from tests.architecture.sources import SERVICES
from tests.infrastructure import Infrastructure

OPEN = {
    "get /.well-known/jwks.json": "public keys, which every service fetches before it can check a token",
    "post /api/auth/login": "here people prove who they are",
    "post /api/auth/refresh": "the cookie proves it",
    "post /api/auth/logout": "whoever holds the cookie may end its session, also after the access token ran out",
    "post /api/auth/token": "here machines prove who they are",
    "post /api/auth/invitations/accept": "the token of the link that was sent proves it",
    "post /api/auth/password-resets": "whoever forgot the password cannot sign in; the response says nothing",
    "post /api/auth/password-resets/complete": "the token of the link that was sent proves it",
    "get /accept-invitation": "the page behind such a link; the same for everybody, without any data",
    "get /reset-password": "the page behind such a link; the same for everybody, without any data",
    "get /reply/<token>": "the token of the link in an e-mail to a practice; shows a page",
    "post /reply/<token>": "the same token: the practice's answer, which may be about that e-mail alone",
    "get /unsubscribe/<token>": "the token of the link in an e-mail to a practice; shows a page",
    "post /unsubscribe/<token>": "the same token, and the practice's mail program or its button (RFC 8058)",
    "get /account-pages/<name>": "the style sheet and the scripts of these pages",
}
"""Operations that are open to anyone, each with its reason."""

each_service = pytest.mark.parametrize("service", SERVICES)


@pytest.fixture
def endpoints(service: str, infrastructure: Infrastructure) -> Any:
    """The service's routes."""
    return importlib.import_module(f"{service}.api.routes").ROUTES


@each_service
def test_every_route_says_who_may_call_it(service: str, endpoints: Any) -> None:
    """A route that is open to anyone needs its reason in `OPEN`."""
    for route in endpoints:
        for method, _, access in route.endpoints():
            assert access, f"{method} {route.path}"
            assert access != ANYONE or f"{method} {route.path}" in OPEN, f"{method} {route.path} is open to anyone"


@each_service
def test_the_openapi_document_is_valid_and_complete(service: str, app: Any, endpoints: Any) -> None:
    """Clients are generated from it."""
    document = app.test_client().get("/openapi.json").json
    validate(document)
    described = {path.replace("{", "<").replace("}", ">") for path in document["paths"]}
    assert {route.path.replace("uuid:", "").replace("string:", "") for route in endpoints} <= described


@each_service
def test_no_answer_shows_a_stack_trace(service: str, app: Any, endpoints: Any) -> None:
    """A stack trace tells an attacker more than a user; TESTING is off, as in production."""
    assert not app.testing
    path = next(route.path for route in endpoints if "get" in route.access and "<" not in route.path)
    app.view_functions[path] = _fail
    answer = app.test_client().get(path)
    correlation_id = answer.headers["X-Correlation-Id"]
    assert (answer.status_code, answer.content_type) == (500, "application/problem+json")
    assert answer.json == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "detail": "Something went wrong here; the correlation id finds it in the logs.",
        "code": "internal",
        "correlation_id": correlation_id,
        "errors": [],
    }


def _fail(**_path: Any) -> None:
    raise RuntimeError("Erika Musterfrau, at line 5 of a file")


@each_service
def test_what_was_created_can_be_looked_at_where_its_location_says(service: str, endpoints: Any) -> None:
    """A `Location` that answers 404 or 405 sends every client astray."""
    shown = {re.sub("<uuid:[a-z_]+>$", "<uuid>", route.path) for route in endpoints if "get" in route.access}
    for route in endpoints:
        for method, endpoint, _ in route.endpoints():
            if endpoint.success == 201 and "id" in getattr(endpoint.response, "model_fields", {}):
                assert f"{route.path}/<uuid>" in shown, f"{method} {route.path}"


@each_service
def test_every_change_and_deletion_accepts_the_version_that_the_caller_saw(service: str, endpoints: Any) -> None:
    """The document names `If-Match` at each of them; an endpoint that ignores it loses somebody's update."""
    for route in endpoints:
        for method in {"put", "patch", "delete"} & set(route.access):
            written = inspect.getsource(getattr(route.resource, method))
            assert "context.if_match" in written, f"{method} {route.path}"


REFUSALS = {"401": "WWW-Authenticate", "429": "Retry-After", "503": "Retry-After"}
COOKIES: dict[str, list[Any]] = {
    "POST /api/auth/refresh": [{"refresh_token": []}],
    "POST /api/auth/logout": [{"refresh_token": []}, {}],
}
"""Operations that read the cookie of a session; without one nobody can be signed out, and nothing happens."""


def described(app: Any, endpoints: Any) -> Iterator[tuple[str, Any, Access, Any]]:
    """Each operation by its method and path, with what the document says of it, who may call it, and the document."""
    document = app.test_client().get("/openapi.json").json
    for route in endpoints:
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route.path)
        for method, _, access in route.endpoints():
            yield f"{method.upper()} {path}", document["paths"][path][method], access, document


@each_service
def test_the_document_says_who_may_call_and_with_what(service: str, app: Any, endpoints: Any) -> None:
    for name, operation, access, document in described(app, endpoints):
        needed = COOKIES.get(name, []) if access == ANYONE else [{"bearer": []}]
        assert operation["security"] == needed, name
        assert {scheme for each in needed for scheme in each} <= document["components"]["securitySchemes"].keys()
        roles = ["anyone"] if access == ANYONE else sorted({*access} & {*Role})
        assert operation["x-roles"] == roles, name
        assert operation.get("x-scopes", []) == ([] if access == ANYONE else sorted({*access} & {*Scope})), name


@each_service
def test_the_document_says_how_a_caller_is_refused_and_with_which_headers(
    service: str, app: Any, endpoints: Any
) -> None:
    """429: so the gateway answers whoever sends too much, whatever it is."""
    for name, operation, access, document in described(app, endpoints):
        responses = operation["responses"]
        assert {"403", "429", "503"} <= responses.keys(), name
        assert access == ANYONE or "401" in responses, name
        for status in REFUSALS.keys() & responses.keys():
            refusal = document["components"]["responses"][responses[status]["$ref"].rsplit("/", 1)[-1]]
            assert refusal["headers"][REFUSALS[status]]["required"], f"{name} {status}"


def test_what_is_said_of_cookies_is_said_of_operations_that_there_are() -> None:
    assert COOKIES.keys() <= {name for service in SERVICES for name, _, _ in operations(service)}
