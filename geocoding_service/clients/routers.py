"""What all routers outside have in common, whichever protocol they speak: what jobs ask of them, and how they fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from itertools import pairwise
from typing import Annotated, Protocol, TypeVar

from pydantic import Field, ValidationError

from geocoding_service.clients.failures import REFUSES_US, ServerFailed
from geocoding_service.settings import RouterSettings
from shared.runtime import http_client
from shared.runtime.http_client import BadAnswer
from shared.values.found_routes import FoundRoute
from shared.values.places import Place, distance_km

Result = TypeVar("Result")
Metres = Annotated[float, Field(ge=0, le=1e8)]
Seconds = Annotated[float, Field(ge=0, le=1e8)]


class RouterFailed(ServerFailed):
    """A router gave no answer that can be read."""


class PlaceOffNetwork(Exception):
    """One of several places is not on the network, and nothing says which: so no route is known to any of them."""


class Router(Protocol):
    """What a router is for jobs: one more is a class with these two methods, and an entry in `router_protocols`."""

    def route(self, start: Place, end: Place) -> FoundRoute | None:
        """Returns the route from one place to the other, None where there is none. Raises `RouterFailed`."""

    def table(self, start: Place, ends: Sequence[Place]) -> Sequence[FoundRoute | None]:
        """Returns the route to each of several places, None where there is none.

        Raises `RouterFailed`, and `PlaceOffNetwork` where one place keeps all others from an answer.
        """


def ask(method: str, url: str, settings: RouterSettings, *, largest: int, body: bytes | None = None) -> bytes:
    """Returns the body of an answer that is one, or a refusal in the router's words (400). Raises `RouterFailed`."""
    headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": settings.user_agent}
    if body is not None:
        headers["Content-Type"] = "application/json"
    try:
        answer = http_client.send(
            method, url, headers=headers, largest=largest, seconds=settings.timeout_seconds, body=body
        )
    except OSError as problem:
        raise RouterFailed(f"no answer: {type(problem).__name__}") from None
    except BadAnswer as problem:
        raise RouterFailed(str(problem)) from None
    if answer.status not in (HTTPStatus.OK, HTTPStatus.BAD_REQUEST):
        raise RouterFailed(f"the answer has the status {answer.status}", refuses_us=answer.status in REFUSES_US)
    return answer.body


def read(reading: Callable[[], Result]) -> Result:
    """Returns what is read of an answer. Raises `RouterFailed`, which quotes nothing of it, where that is not there."""
    try:
        return reading()
    except (ValidationError, ValueError, TypeError, LookupError, RecursionError):
        raise RouterFailed("the answer is not as the router's documentation says") from None


def length_of_line(places: Sequence[Place]) -> float:
    """Returns the length of a line through these places in kilometres, by our measure."""
    return sum(distance_km(*ends) for ends in pairwise(places))
