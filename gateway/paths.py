"""Which path belongs to which service, from the services' own routes: a new route needs no line here.

A service's own paths are passed on as they are. Every service has `/docs`, `/openapi.json`, `/api/dead-letters` and
`/api/status`: these are found under `/<service>/…`. What is only for operators on this machine (health, metrics) is not
passed on, nor what services ask each other for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from shared.events.listeners import Listeners
from shared.http import Route
from shared.http.openapi import OPERATIONS
from shared.http.routes import larger_bodies
from shared.http.status import routes_of_every_service
from shared.runtime import registry
from shared.security.authentication import ANYONE

OF_EVERY_SERVICE = (
    "/docs",
    "/docs/<name>",
    "/openapi.json",
    *(each.path for each in routes_of_every_service(Listeners())),
)
"""Paths that every service has, by its name in front."""
INTERNAL = tuple(OPERATIONS)
"""Paths that every service has and that the gateway does not pass on."""

BETWEEN_SERVICES = "/internal/"
"""How paths begin that services ask each other for; the gateway does not pass them on."""

_VARIABLE = re.compile(r"<[^<>]*>")


class AmbiguousPath(ValueError):
    """A path of which nobody knows which service is meant."""


@dataclass(frozen=True)
class ForwardedPath:
    """A path at the gateway, in Werkzeug's form, and the service that answers it."""

    path: str
    service: str
    invites_guesses: bool = False
    """Whether anybody could try secrets here without signing in: passwords, tokens of links."""
    largest_body: int | None = None
    """In bytes, where the path takes files, which may be larger than other bodies."""

    @property
    def pattern(self) -> str:
        """The regular expression of this path, with or without a slash at its end, as the services read it."""
        return "^" + "[^/]+".join(map(_escaped, _VARIABLE.split(self.path))) + "/?$"

    @property
    def variables(self) -> tuple[bool, ...]:
        """Whether each part has a variable; sorts `/api/patients/labels` before `/api/patients/<id>`."""
        return tuple(bool(_VARIABLE.search(part)) for part in self.path.split("/"))

    def is_ambiguous_with(self, other: ForwardedPath) -> bool:
        """Whether an address is both paths, and neither of them is the more specific one."""
        if len(self.variables) != len(other.variables):
            return False
        parts = list(zip(self.path.split("/"), other.path.split("/"), self.variables, other.variables, strict=True))
        if not all(mine or theirs or part == part_of_other for part, part_of_other, mine, theirs in parts):
            return False
        wider = {(mine, theirs) for _, _, mine, theirs in parts if mine != theirs}
        return len(wider) != 1


def forwarded_paths() -> list[ForwardedPath]:
    """Returns the paths of all services of this checkout. Raises `AmbiguousPath`."""
    return arranged({name: registry.load(name).routes() for name in registry.names()})


def arranged(routes: Mapping[str, Sequence[Route]]) -> list[ForwardedPath]:
    """Returns the paths of these routes by service, the more specific ones first. Raises `AmbiguousPath`."""
    paths = [path for service, own in routes.items() for path in _of(service, own)]
    _refuse_ambiguous(paths)
    return sorted(paths, key=lambda each: (each.variables, each.path))


def _escaped(text: str) -> str:
    return re.sub(r"[^\w/-]", r"\\\g<0>", text)


def _of(service: str, routes: Sequence[Route]) -> Iterator[ForwardedPath]:
    larger = larger_bodies(routes)
    for route in filter(lambda each: not is_internal(each.path), routes):
        yield ForwardedPath(route.path, service, _invites_guesses(route), larger.get(route.path))
    for path in OF_EVERY_SERVICE:
        yield ForwardedPath(f"/{service}{path}", service)


def is_internal(path: str) -> bool:
    """Whether the gateway does not pass this path on."""
    return path in INTERNAL or path.startswith(BETWEEN_SERVICES)


def _invites_guesses(route: Route) -> bool:
    """A session's cookie has 256 bits, which nobody guesses; what is only shown to anybody is no secret."""
    is_open = [(method, endpoint) for method, endpoint, access in route.endpoints() if access == ANYONE]
    return any(endpoint.cookie is None and (method != "get" or "<" in route.path) for method, endpoint in is_open)


def _refuse_ambiguous(paths: Sequence[ForwardedPath]) -> None:
    for each in paths:
        if "<path:" in each.path:
            raise AmbiguousPath(f"{each.path} of {each.service} could be any path below")
    for one, other in combinations(paths, 2):
        if one.service != other.service and one.is_ambiguous_with(other):
            raise AmbiguousPath(f"{one.path} of {one.service} and {other.path} of {other.service} are one address")
