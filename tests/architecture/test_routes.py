"""Rules about HTTP in every service."""

from __future__ import annotations

import importlib
import inspect
import re
from typing import Any

import pytest
from openapi_spec_validator import validate

from shared.security.authentication import ANYONE
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
}
"""Operations that are open to anyone, each with its reason."""

each_service = pytest.mark.parametrize("service", SERVICES)


@pytest.fixture
def endpoints(service: str, infrastructure: Infrastructure) -> Any:
    """The service's routes."""
    return importlib.import_module(f"{service}.api.routes").ROUTES


@each_service
def test_every_route_says_who_may_call_it(service: str, endpoints: Any) -> None:
    """`AUTH=none` is for now; a route without roles would be open on the day accounts exist."""
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
def test_no_answer_shows_a_stack_trace(service: str, app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack trace tells an attacker more than a user; TESTING is off, as in production."""
    assert not app.testing
    answer = app.test_client().get("/api/nothing-of-the-kind")
    assert answer.status_code == 404
    assert answer.content_type == "application/problem+json"


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
