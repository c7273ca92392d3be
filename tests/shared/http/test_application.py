"""What every service has around its routes."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from openapi_spec_validator import validate

from shared.http import Context, Resource, Route, endpoint
from shared.http.routes import UndeclaredAccess
from shared.runtime.health import ReadinessCheck
from shared.security.authentication import ADMINS, ANYONE, COORDINATORS, IMPORTERS, READERS, Access, Caller
from shared.values.account_enums import Scope
from shared.values.enums import Role
from tests.fakes.callers import called_by
from tests.shared.http.sample import ROUTES, PlainResource, create_app


def test_a_route_whose_method_admits_nobody_is_refused() -> None:
    for roles in ({}, {"get": READERS}, dict.fromkeys(["get", "post", "put", "delete", "patch"], READERS)):
        with pytest.raises(UndeclaredAccess):
            Route("/api/plain", PlainResource, **roles)
    with pytest.raises(UndeclaredAccess):
        Route("/api/plain", PlainResource, get=frozenset(), post=READERS, put=READERS, delete=READERS)


def test_a_method_without_the_decorator_is_refused() -> Any:
    class Bare(Resource):
        def get(self) -> str:
            return ""

    with pytest.raises(TypeError):
        create_app([Route("/api/bare", Bare, get=READERS)])


def test_an_address_is_declared_once() -> None:
    with pytest.raises(ValueError):
        create_app([*ROUTES, Route("/api/paper", ROUTES[-1].resource, get=READERS)])


COORDINATOR = Caller(id=None, roles=frozenset({Role.COORDINATOR}))
IMPORTER = Caller(id=None, roles=frozenset({Role.IMPORTER}))


def test_a_role_that_is_not_admitted_is_forbidden() -> None:
    routes = [*ROUTES, Route("/api/readable", PlainResource, get=IMPORTERS, post=ADMINS, put=ADMINS, delete=ADMINS)]
    client = called_by(create_app(routes), IMPORTER).test_client()
    assert client.get("/api/readable").status_code == 200
    refused = client.post("/api/plain", json={"name": "x"})
    assert (refused.status_code, refused.json["code"]) == (403, "role.missing")
    assert refused.json["detail"] == "Your role or scope does not allow this; needed is admin or coordinator."
    assert client.head("/api/readable").status_code == 200
    assert client.get("/api/paper").status_code == 200
    assert client.get("/health/live").status_code == 200


@pytest.mark.parametrize(
    ("roles", "scopes", "access", "may"),
    [
        ({Role.COORDINATOR}, set(), COORDINATORS, True),
        ({Role.COORDINATOR}, set(), ADMINS, False),
        ({Role.ADMIN}, set(), IMPORTERS, True),
        ({Role.ADMIN}, set(), frozenset({Role.CALLER}), True),
        ({Role.ADMIN}, set(), frozenset({Scope.IMPORTS_START}), False),
        ({Role.ADMIN}, set(), frozenset(), False),
        (set(), set(), COORDINATORS, False),
        ({Role.SERVICE}, set(), frozenset(Role), False),
        ({Role.SERVICE}, {Scope.IMPORTS_START}, IMPORTERS, False),
        ({Role.SERVICE}, {Scope.IMPORTS_START}, IMPORTERS | {Scope.IMPORTS_START}, True),
        (set(), {Scope.IMPORTS_START}, IMPORTERS | {Scope.IMPORTS_START}, False),
        ({Role.CALLER}, {Scope.IMPORTS_START}, IMPORTERS | {Scope.IMPORTS_START}, False),
        (set(), set(), ANYONE, True),
    ],
)
def test_who_may_call(roles: set[Role], scopes: set[Scope], access: Access, *, may: bool) -> None:
    assert Caller(None, frozenset(roles), frozenset(scopes)).may(access) is may


def test_no_scope_is_spelled_like_a_role() -> None:
    assert not {str(role) for role in Role} & {str(scope) for scope in Scope}


def test_no_path_is_made_from_a_rule() -> None:
    with pytest.raises(NotImplementedError, match="/api/plain"):
        create_app().url_map.bind("localhost").build("/api/plain")


def test_one_resource_may_live_at_two_addresses_with_roles_of_their_own() -> None:
    class Thing(Resource):
        @endpoint(transaction=False)
        def get(self, context: Context[None]) -> None:
            """Nothing."""

    app = create_app([Route("/api/a", Thing, get=READERS), Route("/api/b", Thing, get=ADMINS)])
    client = called_by(app, COORDINATOR).test_client()
    assert [client.get(path).status_code for path in ("/api/a", "/api/b")] == [204, 403]


def test_a_purpose_that_is_too_long_is_refused(client: FlaskClient) -> None:
    assert client.get("/api/paper", headers={"X-Purpose": "x" * 501}).status_code == 422


def test_live_answers_without_a_database(without_database: FlaskClient) -> None:
    assert without_database.get("/health/live").status_code == 200


def test_ready_names_every_check(stored: FlaskClient) -> None:
    assert stored.get("/health/ready").json["checks"]["database"] == {"ok": True, "decisive": True}
    assert stored.get("/health/ready").status_code == 200


def test_an_outage_that_is_not_decisive_is_shown_only(stored: FlaskClient) -> None:
    client = create_app(ready_checks=[ReadinessCheck("folder", lambda: False, decisive=False)]).test_client()
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json["status"]) == (200, "ready")
    assert answer.json["checks"]["folder"] == {"ok": False, "decisive": False}
    assert answer.json["checks"]["kafka"]["decisive"] is False


def test_a_figure_that_is_not_known_makes_nothing_unready(stored: FlaskClient) -> None:
    answer = stored.get("/health/ready")  # this service has no table of dead letters
    assert (answer.status_code, answer.json["figures"]) == (200, {"dead_letters": None, "copies_ahead": None})


def test_an_old_schema_or_no_database_is_not_ready(stored: FlaskClient) -> None:
    def fails() -> bool:
        raise OSError

    for check in (lambda: False, fails):
        answer = create_app(schema_check=check).test_client().get("/health/ready")
        assert (answer.status_code, answer.json["checks"]["schema"]["ok"]) == (503, False)


def test_without_a_database_it_is_not_ready(without_database: FlaskClient) -> None:
    answer = without_database.get("/health/ready")
    assert (answer.status_code, answer.json["checks"]["database"]["ok"]) == (503, False)


def test_metrics_and_log_know_the_route_and_never_the_path(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        client.get("/api/failing/Mustermann?name=Erika")
        client.get("/api/Mustermann")
    text = client.get("/metrics").text
    assert re.search(
        r'platform_http_request_seconds_count\{method="GET",route="/api/failing/<how>",status="\d+"\}', text
    )
    assert 'route="unknown",status="404"' in text
    assert "Mustermann" not in text
    assert "Erika" not in caplog.text


def test_a_correlation_id_is_kept_and_a_bad_one_replaced(client: FlaskClient) -> None:
    assert client.get("/api/plain", headers={"X-Correlation-Id": "abc"}).headers["X-Correlation-Id"] == "abc"
    replaced = client.get("/api/plain", headers={"X-Correlation-Id": "a b<script>"}).headers["X-Correlation-Id"]
    assert re.fullmatch("[0-9a-f]{32}", replaced)


def test_answers_are_not_stored_or_sniffed(client: FlaskClient) -> None:
    for path in ("/api/plain", "/api/nothing", "/api/failing/bug", "/docs", "/openapi.json"):
        headers = client.get(path).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_openapi_document_is_valid_and_complete(client: FlaskClient) -> None:
    document = client.get("/openapi.json").json
    validate(document)
    assert document["openapi"].startswith("3.1")
    assert {"/api/benches", "/api/benches/{id}", "/health/ready"} <= set(document["paths"])
    post = document["paths"]["/api/benches"]["post"]
    assert post["x-roles"] == ["admin", "coordinator"]
    assert {"201", "400", "403", "409", "413", "415", "422", "503"} <= set(post["responses"])
    assert {"$ref": "#/components/parameters/IdempotencyKey"} in post["parameters"]
    assert "force" in {parameter.get("name") for parameter in post["parameters"]}
    patch = document["paths"]["/api/benches/{id}"]["patch"]
    assert set(patch["requestBody"]["content"]) == {"application/json", "application/merge-patch+json"}
    assert set(document["paths"]["/api/paper"]["get"]["responses"]["200"]["content"]) == {
        "application/json",
        "text/csv",
    }


def test_operation_ids_are_unique(client: FlaskClient) -> None:
    paths = client.get("/openapi.json").json["paths"].values()
    ids = [operation["operationId"] for path in paths for operation in path.values() if "operationId" in operation]
    assert len(ids) == len(set(ids))
