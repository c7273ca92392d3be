"""A service's addresses: each names its resource and, per method, who may call it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from shared.http.endpoint import Endpoint, Resource
from shared.security.authentication import Access

METHODS = ("get", "post", "put", "patch", "delete")


class UndeclaredAccess(TypeError):
    """A route or one of its methods does not say who may call it, or admits somebody to nothing."""


@dataclass(frozen=True, init=False)
class Route:
    """One address. `Route("/api/patients/<uuid:id>", Patient, get=READERS, patch=COORDINATORS)`."""

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
                yield method, endpoint_of(self.resource, method), self.access[method]


def endpoint_of(resource: type[Resource], method: str) -> Endpoint:
    """What the resource's method takes and gives."""
    found: Any = getattr(getattr(resource, method), "endpoint", None)
    if not isinstance(found, Endpoint):
        raise TypeError(f"{resource.__name__}.{method} is not decorated with @endpoint")
    return found
