"""A service's routes: each names its path, its resource and, per method, who may call it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from shared.http.declaration import Endpoint, endpoint_of
from shared.http.endpoint import Resource
from shared.security.authentication import Access

METHODS = ("get", "post", "put", "patch", "delete")


class UndeclaredAccess(TypeError):
    """A route does not say who may call one of its methods, or names a method that its resource does not have."""


@dataclass(frozen=True, init=False)
class Route:
    """One path. `Route("/api/patients/<uuid:id>", PatientItem, get=READERS, patch=COORDINATORS)`."""

    path: str
    resource: type[Resource]
    access: dict[str, Access]

    def __init__(self, path: str, resource: type[Resource], **access: Access) -> None:
        object.__setattr__(self, "path", path)
        object.__setattr__(self, "resource", resource)
        object.__setattr__(self, "access", access)
        self._refuse_gaps()

    def _refuse_gaps(self) -> None:
        offered = {method for method in METHODS if hasattr(self.resource, method)}
        declared = {method for method, roles in self.access.items() if roles}
        for method in sorted(offered ^ declared):
            why = "says nobody who may call it" if method in offered else "is not offered by the resource"
            raise UndeclaredAccess(f"{method.upper()} {self.path} {why}")
        if not offered:
            raise UndeclaredAccess(f"{self.path} offers no method")

    def endpoints(self) -> Iterable[tuple[str, Endpoint, Access]]:
        """Each method with its endpoint and who may call it."""
        for method in METHODS:
            if method in self.access:
                yield method, endpoint_of(getattr(self.resource, method)), self.access[method]


def larger_bodies(routes: Iterable[Route]) -> dict[str, int]:
    """How many bytes a body may have at each path that takes files."""
    found = [(route, endpoint.upload) for route in routes for _, endpoint, _ in route.endpoints()]
    return {_without_variables(route): upload.largest for route, upload in found if upload is not None}


def _without_variables(route: Route) -> str:
    if "<" in route.path:
        raise TypeError(f"{route.path} takes files, so it has no variables: the server knows its limit by the path")
    return route.path
