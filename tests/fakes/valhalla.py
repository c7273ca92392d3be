"""A server that answers as Valhalla's documentation says (https://valhalla.github.io/valhalla/api/).

`POST /route` and `POST /sources_to_targets`: 200, or 400 with an `error_code`. Its roads are 1.3 times as long as the
straight line, and everybody goes 60 km/h by car, 15 by bicycle, 5 on foot.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from geocoding_service.settings import ValhallaSettings
from shared.values.places import Place, distance_km
from tests.fakes.other_service import OtherService, with_json

DETOUR = 1.3
SPEEDS_KMH = {"auto": 60.0, "bicycle": 15.0, "pedestrian": 5.0}
Point = tuple[float, float]
"""North, then east."""


class NoAnswer(Exception):
    """An `error_code`."""


class ValhallaServer(OtherService):
    """Knows the roads of Germany."""

    def __init__(self) -> None:
        super().__init__()
        self.unreachable: set[Point] = set()
        """Places to which no way leads."""
        self.otherwise = self._answer

    def rules(self, **settings: Any) -> ValhallaSettings:
        """Settings that name it, with no pause between two requests that a test would notice."""
        return ValhallaSettings(**{"url": self.url, "interval_seconds": 0.001, "timeout_seconds": 30, **settings})

    def questions(self) -> list[Any]:
        """The documents that it was sent."""
        return [json.loads(each.body) for each in self.asked]

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        try:
            document = self._document(handler.path, json.loads(self.asked[-1].body))
        except NoAnswer as none:
            said = {"error_code": none.args[0], "error": "as documented", "status_code": 400, "status": "Bad Request"}
            return with_json(said, 400)(handler)
        return with_json(document)(handler)

    def _document(self, path: str, question: dict[str, Any]) -> dict[str, Any]:
        if question["costing"] not in SPEEDS_KMH:
            raise NoAnswer(125)
        assert question["units"] == "kilometers"
        if path == "/route":
            return self._route([_on_network(each) for each in question["locations"]], question["costing"])
        assert path == "/sources_to_targets"
        (start,), ends = ([_on_network(each) for each in question[name]] for name in ("sources", "targets"))
        cells = [
            {**self._cell(start, end, question["costing"]), "from_index": 0, "to_index": number}
            for number, end in enumerate(ends)
        ]
        return {"sources_to_targets": [cells], "units": "kilometers"}

    def _route(self, places: Sequence[Point], costing: str) -> dict[str, Any]:
        start, end = places
        cell = self._cell(start, end, costing)
        if cell["distance"] is None:
            raise NoAnswer(442)
        summary = {"length": cell["distance"], "time": cell["time"]}
        leg = {"summary": summary, "shape": encoded(_line(start, end))}
        return {"trip": {"legs": [leg], "summary": summary, "status": 0, "units": "kilometers", "language": "en-US"}}

    def _cell(self, start: Point, end: Point, costing: str) -> dict[str, Any]:
        if end in self.unreachable:
            return {"distance": None, "time": None}
        kilometres = round(distance_km(Place(*start), Place(*end)) * DETOUR, 3)
        return {"distance": kilometres, "time": round(kilometres / SPEEDS_KMH[costing] * 3600)}


def _on_network(location: dict[str, Any]) -> Point:
    """The place; none but in Germany has a road within the cutoff that was sent."""
    north, east = location["lat"], location["lon"]
    if not (5 < east < 16 and 47 < north < 56):
        assert location["search_cutoff"] == 2000
        raise NoAnswer(171)
    return north, east


def _line(start: Point, end: Point) -> list[Point]:
    """There and back on the straight line, as often as the length needs."""
    share = (DETOUR - 1) / 2
    middle = (start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share)
    return [start, middle, start, end]


def encoded(line: Sequence[Point]) -> str:
    """A line in the Encoded Polyline Algorithm Format with six digits, as Valhalla draws ways."""
    written, before = [], (0, 0)
    for north, east in line:
        point = (round(north * 1e6), round(east * 1e6))
        for difference in (point[0] - before[0], point[1] - before[1]):
            number = ~(difference << 1) if difference < 0 else difference << 1
            while number >= 0x20:
                written.append(chr((0x20 | (number & 0x1F)) + 63))
                number >>= 5
            written.append(chr(number + 63))
        before = point
    return "".join(written)


@contextmanager
def valhalla() -> Iterator[ValhallaServer]:
    """A server that runs."""
    running = ValhallaServer()
    try:
        yield running
    finally:
        if not running.is_over.is_set():
            running.stop()
