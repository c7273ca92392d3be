"""A server that answers as OSRM's documentation says (https://project-osrm.org/docs/v5.24.0/api/), version 1.

`/route/v1/{profile}/{lon},{lat};{lon},{lat}` and `/table/v1/…`: `Ok` with 200, every other `code` with 400. Its roads
are 1.3 times as long as the straight line, and all cars drive 60 km/h.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from geocoding_service.settings import OsrmSettings
from shared.values.places import Place, distance_km
from tests.fakes.other_service import OtherService, with_json

DETOUR, SPEED_KMH = 1.3, 60.0
OPTIONS = {
    "route": {"alternatives", "steps", "annotations", "geometries", "overview", "continue_straight", "generate_hints"},
    "table": {"sources", "destinations", "annotations", "fallback_speed", "scale_factor", "generate_hints"},
}
COORDINATE = re.compile(r"-?\d+(\.\d+)?,-?\d+(\.\d+)?")

Change = Callable[[dict[str, Any]], Any]


class Refusal(Exception):
    """A code that is no `Ok`."""


class OsrmServer(OtherService):
    """Knows the roads of Germany; `change` is done to every answer that is `Ok`."""

    def __init__(self, *, most_places: int = 100) -> None:
        super().__init__()
        self.most_places = most_places
        self.detour, self.speed_kmh = DETOUR, SPEED_KMH
        self.unreachable: set[tuple[float, float]] = set()
        """Places, east first, to which no way leads."""
        self.change: Change = lambda document: document
        self.otherwise = self._answer

    def rules(self, **settings: Any) -> OsrmSettings:
        """Settings that name it for cars, with no pause between two requests that a test would notice."""
        given = {"car_url": self.url, "interval_seconds": 0.001, "timeout_seconds": 30}
        return OsrmSettings(**{**given, **settings})

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        try:
            document = self._document(handler.path)
        except Refusal as refused:
            return with_json({"code": str(refused), "message": "as documented"}, 400)(handler)
        return with_json(self.change(document))(handler)

    def _document(self, path: str) -> dict[str, Any]:
        url = urlsplit(path)
        service, version, _profile, written = _parts(url.path)
        if service not in OPTIONS:
            raise Refusal("InvalidService")
        if version != "v1":
            raise Refusal("InvalidVersion")
        query = {name: values[-1] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        if set(query) - OPTIONS[service]:
            raise Refusal("InvalidQuery")
        places = [self._snapped(*map(float, each.split(","))) for each in written]
        return self._route(places, query) if service == "route" else self._table(places, query)

    def _snapped(self, east: float, north: float) -> tuple[float, float]:
        """The nearest road, half a metre away; none but in Germany."""
        if not (5 < east < 16 and 47 < north < 56):
            raise Refusal("NoSegment")
        return round(east + 0.000005, 6), round(north, 6)

    def _route(self, places: Sequence[tuple[float, float]], query: dict[str, str]) -> dict[str, Any]:
        if len(places) < 2:
            raise Refusal("InvalidOptions")
        start, end = places[0], places[-1]
        length = self._metres(start, end)
        if length is None:
            raise Refusal("NoRoute")
        route = {"distance": length, "duration": self._seconds(length), "weight_name": "routability", "legs": []}
        if query.get("overview") != "false":
            assert query.get("geometries") == "geojson"
            route["geometry"] = {"type": "LineString", "coordinates": _line(start, end, length)}
        return {"code": "Ok", "routes": [route], "waypoints": [_waypoint(each) for each in places]}

    def _table(self, places: Sequence[tuple[float, float]], query: dict[str, str]) -> dict[str, Any]:
        if len(places) > self.most_places:
            raise Refusal("TooBig")
        sources, ends = (_chosen(query.get(name, "all"), places) for name in ("sources", "destinations"))
        lengths = [[self._metres(start, end) for end in ends] for start in sources]
        document: dict[str, Any] = {"code": "Ok"}
        document["sources"] = [_waypoint(each) for each in sources]
        document["destinations"] = [_waypoint(each) for each in ends]
        wanted = query.get("annotations", "duration").split(",")
        if "duration" in wanted:
            document["durations"] = [[None if m is None else self._seconds(m) for m in row] for row in lengths]
        if "distance" in wanted:
            document["distances"] = lengths
        return document

    def _metres(self, start: tuple[float, float], end: tuple[float, float]) -> float | None:
        if end in self.unreachable:
            return None
        return round(_straight_km(start, end) * self.detour * 1000, 1)

    def _seconds(self, metres: float) -> float:
        return round(metres / 1000 / self.speed_kmh * 3600, 1)


def _parts(path: str) -> tuple[str, str, str, list[str]]:
    parts = unquote(path).strip("/").split("/")
    if len(parts) < 4:
        raise Refusal("InvalidUrl")
    service, version, profile, written = parts[-4:]
    coordinates = written.removesuffix(".json").split(";")
    if not all(COORDINATE.fullmatch(each) for each in coordinates):
        raise Refusal("InvalidQuery")
    return service, version, profile, coordinates


def _chosen(written: str, places: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    numbers = range(len(places)) if written == "all" else [int(each) for each in written.split(";")]
    if any(number >= len(places) for number in numbers):
        raise Refusal("InvalidOptions")
    return [places[number] for number in numbers]


def _straight_km(start: tuple[float, float], end: tuple[float, float]) -> float:
    return distance_km(Place(start[1], start[0]), Place(end[1], end[0]))


def _line(start: tuple[float, float], end: tuple[float, float], metres: float) -> list[list[float]]:
    """There and back on the straight line, as often as the length needs."""
    straight = _straight_km(start, end) * 1000
    share = (metres / straight - 1) / 2 if straight else 0.0
    middle = [start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share]
    return [list(start), middle, list(start), list(end)]


def _waypoint(place: tuple[float, float]) -> dict[str, Any]:
    return {"hint": "KSoKADRY", "distance": 0.4, "name": "Musterweg", "location": list(place)}


@contextmanager
def osrm(**options: Any) -> Iterator[OsrmServer]:
    """A server that runs."""
    running = OsrmServer(**options)
    try:
        yield running
    finally:
        if not running.is_over.is_set():
            running.stop()
