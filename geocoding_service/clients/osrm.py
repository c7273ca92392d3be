"""A server of OSRM, asked for one route (`route`) or for the routes from one place to several (`table`).

The server is never believed: its answer has limits of time, size and depth, no redirect is followed, and what is no
answer as its documentation says ends as `RouterFailed`, in words of ours. Neither places nor answers are logged.
https://project-osrm.org/docs/v5.24.0/api/
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import Field
from pydantic_core import from_json

from geocoding_service.clients.routers import (
    Metres,
    PlaceOffNetwork,
    RouterFailed,
    Seconds,
    ask,
    length_of_line,
    read,
)
from geocoding_service.settings import OsrmSettings
from shared.values.enums import TravelMode
from shared.values.found_routes import FoundRoute
from shared.values.places import Place
from shared.values.schemas import RecordSchema

SOURCE: Final = "OpenStreetMap contributors, ODbL 1.0 (OSRM)"
LARGEST: Final = 512 * 1024
"""Bytes of an answer: a route across Germany with its simplified line has some 10,000, a table to 99 places 20,000."""
PROFILES: Final = {TravelMode.CAR: "driving", TravelMode.BICYCLE: "cycling", TravelMode.FOOT: "walking"}
"""A server has one network and does not read the word; a proxy in front of several may."""
NO_WAY: Final = frozenset({"NoRoute", "NoTable", "NoSegment"})
"""Codes that say that there is no route, or no network at a place. Nothing is wrong with the server."""
NO_NETWORK: Final = "NoSegment"
"""The code that says that no road is near one of the places."""
KNOWN_CODES: Final = frozenset(
    {"InvalidUrl", "InvalidService", "InvalidVersion", "InvalidOptions", "InvalidQuery", "InvalidValue", "TooBig"}
    | {"NotImplemented", "DisabledDataset"}
)
"""Codes that say that the server is not the one that was meant, or takes less than we ask for."""

Coordinates = Annotated[tuple[float, ...], Field(min_length=2, max_length=3)]


class _Waypoint(RecordSchema):
    location: Coordinates

    @property
    def place(self) -> Place:
        return Place(self.location[1], self.location[0])


class _Line(RecordSchema):
    coordinates: list[Coordinates]


class _Route(RecordSchema):
    distance: Metres
    duration: Seconds
    geometry: _Line


class _RouteAnswer(RecordSchema):
    routes: Annotated[list[_Route], Field(min_length=1)]
    waypoints: Annotated[list[_Waypoint], Field(min_length=2, max_length=2)]


class _TableAnswer(RecordSchema):
    durations: Annotated[list[list[Seconds | None]], Field(min_length=1, max_length=1)]
    distances: Annotated[list[list[Metres | None]], Field(min_length=1, max_length=1)]
    sources: Annotated[list[_Waypoint], Field(min_length=1, max_length=1)]
    destinations: list[_Waypoint]


@dataclass(frozen=True)
class Osrm:
    """Asks one server, which knows the routes of one mode. Used by jobs, outside of any transaction."""

    settings: OsrmSettings
    mode: TravelMode

    def route(self, start: Place, end: Place) -> FoundRoute | None:
        """Returns the route from one place to the other, with its line; None where there is none.

        Raises `RouterFailed`.
        """
        document = self._ask("route", [start, end], "overview=simplified&geometries=geojson")
        if document["code"] in NO_WAY:
            return None
        return read(lambda: _route(_RouteAnswer.model_validate(document, strict=False)))

    def table(self, start: Place, ends: Sequence[Place]) -> Sequence[FoundRoute | None]:
        """Returns the route to each of several places; None where there is none.

        Raises `RouterFailed`, and `PlaceOffNetwork` where no road is near one of the places.
        """
        numbers = ";".join(str(number + 1) for number in range(len(ends)))
        query = f"sources=0&destinations={numbers}&annotations=duration,distance"
        document = self._ask("table", [start, *ends], query)
        if document["code"] == NO_NETWORK:
            raise PlaceOffNetwork
        if document["code"] in NO_WAY:
            return [None] * len(ends)
        return read(lambda: _routes(_TableAnswer.model_validate(document, strict=False), len(ends)))

    def _ask(self, service: str, places: Sequence[Place], query: str) -> Any:
        """The document of an answer, which has routes or the code that says that there are none."""
        written = ";".join(f"{each.longitude:.6f},{each.latitude:.6f}" for each in places)
        url = f"{self.settings.url_of(self.mode)}/{service}/v1/{PROFILES[self.mode]}/{written}?{query}"
        body = ask("GET", url, self.settings, largest=LARGEST)
        return read(lambda: _document(from_json(body, allow_inf_nan=False)))


def _document(document: Any) -> Any:
    code = document["code"]
    if code == "Ok" or code in NO_WAY:
        return document
    raise RouterFailed(f"the answer has the code {code}" if code in KNOWN_CODES else "the answer has an unknown code")


def _route(answer: _RouteAnswer) -> FoundRoute:
    best, (start, end) = answer.routes[0], answer.waypoints
    drawn = [Place(each[1], each[0]) for each in best.geometry.coordinates]
    return FoundRoute(
        start=start.place,
        end=end.place,
        kilometres=best.distance / 1000,
        minutes=best.duration / 60,
        drawn_km=length_of_line(drawn),
        source=SOURCE,
    )


def _routes(answer: _TableAnswer, number: int) -> list[FoundRoute | None]:
    (metres,), (seconds,), (start,) = answer.distances, answer.durations, answer.sources
    if not len(metres) == len(seconds) == len(answer.destinations) == number:
        raise ValueError("the table has another size")
    return [
        None
        if length is None or time is None
        else FoundRoute(start.place, end.place, length / 1000, time / 60, None, SOURCE)
        for length, time, end in zip(metres, seconds, answer.destinations, strict=True)
    ]
