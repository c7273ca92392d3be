"""Every path of every service is found at the gateway, and each lands at its own service."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest

from gateway.configuration import TEMPLATE, render
from gateway.paths import (
    INTERNAL,
    OF_EVERY_SERVICE,
    AmbiguousPath,
    ForwardedPath,
    arranged,
    forwarded_paths,
    is_internal,
)
from shared.http import Resource, Route, endpoint
from shared.runtime.server import Limits
from shared.security.authentication import ADMINS, ANYONE
from tests.architecture.sources import SERVICES
from tests.gateway.running import Gateway, gateway

PATHS = forwarded_paths()
ID = "0199aa00-0000-7000-8000-000000000001"


def example(path: str) -> str:
    """An address of this path."""
    return re.sub("<[^<>]*>", ID, path)


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="Python 3.13 calls 413 by another name than our image's 3.11")
def test_the_configuration_is_not_stale() -> None:
    assert TEMPLATE.read_text() == render(PATHS), "`make gateway` writes it"


@pytest.mark.parametrize("service", SERVICES)
def test_every_rule_of_a_service_is_forwarded_or_internal(service: str, app: Any) -> None:
    """What a web process answers is known to the gateway; a new kind of route that all services have, too."""
    rules = {rule.rule for rule in app.url_map.iter_rules()}
    own = {each.path for each in PATHS if each.service == service}
    internal = {each for each in rules if is_internal(each)}
    assert rules == {path for path in own if not path.startswith(f"/{service}/")} | {*OF_EVERY_SERVICE} | internal
    assert internal >= set(INTERNAL)
    assert {f"/{service}{path}" for path in OF_EVERY_SERVICE} <= own


@pytest.mark.parametrize("path", PATHS, ids=lambda each: each.path)
@pytest.mark.parametrize("end", ["", "/"])
def test_a_path_lands_at_its_own_service(front: Gateway, path: ForwardedPath, end: str) -> None:
    address = example(path.path) + end
    answer = front.asked("GET", f"{address}?q=M%C3%BCller&x=a%2Fb").json()
    assert (answer["service"], answer["query"]) == (path.service, "q=M%C3%BCller&x=a%2Fb")
    assert answer["path"] == address.removeprefix(f"/{path.service}")
    assert front.reached == 1


@pytest.mark.parametrize("path", PATHS, ids=lambda each: each.path)
def test_what_is_longer_or_shorter_lands_nowhere(front: Gateway, path: ForwardedPath) -> None:
    for address in (f"{example(path.path)}/{ID}/x/y/z", f"/x{example(path.path)}", f"{example(path.path)}/{ID}//"):
        assert front.asked("GET", address).status_code in (400, 404)
    assert front.reached == 0


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_every_method_passes(front: Gateway, method: str) -> None:
    assert front.asked(method, "/api/patients", data=b"{}").status_code == 200
    assert [each["method"] for each in front.services["patient_service"].requests] == [method]


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("path", INTERNAL)
def test_what_is_internal_is_not_reached(front: Gateway, service: str, path: str) -> None:
    assert front.asked("GET", f"/{service}{path}").status_code == 404
    answer = front.asked("GET", path)
    assert answer.status_code == (200 if path == "/health/live" else 404), "the gateway says of itself that it is alive"
    assert answer.headers["Content-Type"] == ("application/json" if answer.ok else "application/problem+json")
    assert front.reached == 0


# --- routes of services that do not exist ----------------------------------------------------------------------------


class Invented(Resource):
    """Answers GET."""

    @endpoint(transaction=False, status=204)
    def get(self, context: Any, **path: Any) -> None:
        """Answer."""


def routes(*paths: str) -> list[Route]:
    return [Route(path, Invented, get=ADMINS) for path in paths]


AMBIGUOUS = {
    "the same path": ("/api/a", "/api/a"),
    "other names of variables": ("/api/a/<uuid:id>", "/api/a/<key>"),
    "neither is more specific": ("/api/<uuid:id>/b", "/api/a/<uuid:id>"),
    "variables within a part": ("/api/<name>.csv", "/api/<name>.pdf"),
    "everything below": ("/api/a/<path:rest>", "/api/b"),
}


@pytest.mark.parametrize("paths", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_two_services_with_the_same_path_are_refused(paths: tuple[str, str]) -> None:
    with pytest.raises(AmbiguousPath, match="one_service"):
        arranged({"one_service": routes(paths[0]), "other_service": routes(paths[1])})


def test_a_whole_path_decides_and_not_its_first_word() -> None:
    """Also where the address of one service is an example of another's path, in whatever order they are declared."""
    one = routes("/api/patients", "/api/patients/<uuid:id>", "/reply/<token>", "/api/patients/<uuid:id>/<part>")
    other = routes("/api/patients/labels", "/api/patients/<uuid:id>/contact-log", "/.well-known/jwks.json")
    for first, second in (("one_service", "other_service"), ("other_service", "one_service")):
        paths = arranged({first: one, second: other})
        with gateway(paths=paths, services=("one_service", "other_service")) as front:
            for path in [route.path for route in one]:
                assert front.asked("GET", example(path)).json()["service"] == first, path
            for path in [route.path for route in other]:
                assert front.asked("GET", example(path)).json()["service"] == second, path
            assert front.asked("GET", "/Xwell-known/jwks.json").status_code == 404, "a dot is a dot"


def test_where_secrets_could_be_tried_there_is_a_limit_of_its_own() -> None:
    """Passwords and the tokens of links; but whoever asks for the keys all the time must not stop anybody's refresh."""
    strict = [each.path for each in forwarded_paths() if each.invites_guesses]
    assert {"/api/auth/login", "/api/auth/token", "/api/auth/password-resets/complete"} <= set(strict)
    assert {"/.well-known/jwks.json", "/api/auth/refresh", "/api/auth/logout", "/reset-password"}.isdisjoint(strict)
    paths = arranged({"one_service": [Route("/reply/<token>", Invented, get=ANYONE), *routes("/api/a")]})
    assert [each.path for each in paths if each.invites_guesses] == ["/reply/<token>"]
    low = {"GATEWAY_OPEN_REQUESTS_PER_SECOND": "2"}
    with gateway(paths=paths, services=("one_service",), settings=low) as front:
        statuses = [front.asked("GET", f"/reply/{number}").status_code for number in range(20)]
        assert statuses[:5] == [200] * 5
        assert statuses.count(429) >= 10
        assert {front.asked("GET", "/api/a").status_code for _ in range(20)} == {200}


@pytest.mark.parametrize("service", SERVICES)
def test_the_limit_of_a_body_is_that_of_the_services(service: str, app: Any) -> None:
    """One number: whoever changes it changes it for server, application and gateway."""
    said = re.search(r"client_max_body_size (\d+);", TEMPLATE.read_text())
    assert said
    assert app.config["MAX_CONTENT_LENGTH"] == Limits().body_bytes == int(said[1])
    assert "client_max_body_size 5;" in render([], Limits(body_bytes=5))


@pytest.mark.parametrize("service", SERVICES)
def test_a_path_that_takes_files_has_its_own_limit(service: str, app: Any) -> None:
    larger = {each.path: each.largest_body for each in forwarded_paths() if each.service == service}
    assert {path: most for path, most in larger.items() if most} == app.config["LARGER_BODIES"]
    for path, most in app.config["LARGER_BODIES"].items():
        assert f'location ~ "^{path}/?$" {{\n            client_max_body_size {most};' in TEMPLATE.read_text()
