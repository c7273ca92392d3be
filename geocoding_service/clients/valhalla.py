"""A server of Valhalla, asked for one route (`/route`) or for those from one place to several (`/sources_to_targets`).

As with OSRM nothing of an answer is believed: it has limits of time, size and depth, no redirect is followed, and what
is no answer as its documentation says ends as `RouterFailed`, in words of ours. Neither places nor answers are logged.
https://valhalla.github.io/valhalla/api/turn-by-turn/api-reference/ and /api/matrix/api-reference/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import Field
from pydantic_core import from_json, to_json

from geocoding_service.clients.routers import PlaceOffNetwork, RouterFailed, Seconds, ask, length_of_line, read
from geocoding_service.settings import ValhallaSettings
from shared.values.enums import TravelMode
from shared.values.found_routes import FoundRoute
from shared.values.places import Place
from shared.values.schemas import RecordSchema

SOURCE: Final = "OpenStreetMap contributors, ODbL 1.0 (Valhalla)"
LARGEST: Final = 4 * 1024 * 1024
"""Bytes of an answer: it has the whole line of a route, some 100,000 points across Germany at the most."""
COSTINGS: Final = {TravelMode.CAR: "auto", TravelMode.BICYCLE: "bicycle", TravelMode.FOOT: "pedestrian"}
FARTHEST_ROAD_METRES: Final = 2000
"""A road farther from a place is another place. Answers do not say where on the network a route begins."""
NO_NETWORK: Final = 171
"""The code that says that no road is near one of the places."""
NO_WAY: Final = frozenset({NO_NETWORK, 170, 441, 442})
"""Codes that say that there is no route, or no network at a place. Nothing is wrong with the server."""
LINE_SCALE: Final = 1e6
BITS_OF_A_CHARACTER: Final = 5
MOST_BITS: Final = 40
"""A number of a line has fewer: more would be a number of any size."""

Kilometres = Annotated[float, Field(ge=0, le=1e5)]


class _Summary(RecordSchema):
    length: Kilometres
    time: Seconds


class _Leg(RecordSchema):
    summary: _Summary
    shape: Annotated[str, Field(min_length=1, max_length=LARGEST)]


class _Trip(RecordSchema):
    legs: Annotated[list[_Leg], Field(min_length=1, max_length=1)]
    units: Literal["kilometers"]


class _TripAnswer(RecordSchema):
    trip: _Trip


class _Cell(RecordSchema):
    distance: Kilometres | None
    time: Seconds | None


class _MatrixAnswer(RecordSchema):
    sources_to_targets: Annotated[list[list[_Cell]], Field(min_length=1, max_length=1)]
    units: Literal["kilometers"]


@dataclass(frozen=True)
class Valhalla:
    """Asks one server for the routes of one mode. Used by jobs, outside of any transaction."""

    settings: ValhallaSettings
    mode: TravelMode

    def route(self, start: Place, end: Place) -> FoundRoute | None:
        """Returns the route from one place to the other, with its line; None where there is none.

        Raises `RouterFailed`.
        """
        question = {"locations": [_location(start), _location(end)], "directions_type": "none"}
        document = self._ask("route", question)
        if document.get("error_code") in NO_WAY:
            return None
        return read(lambda: _route(_TripAnswer.model_validate(document, strict=False)))

    def table(self, start: Place, ends: Sequence[Place]) -> Sequence[FoundRoute | None]:
        """Returns the route to each of several places; None where there is none.

        Raises `RouterFailed`, and `PlaceOffNetwork` where no road is near one of the places.
        """
        question = {"sources": [_location(start)], "targets": [_location(each) for each in ends]}
        document = self._ask("sources_to_targets", question)
        if document.get("error_code") == NO_NETWORK:
            raise PlaceOffNetwork
        if document.get("error_code") in NO_WAY:
            return [None] * len(ends)
        return read(lambda: _routes(_MatrixAnswer.model_validate(document, strict=False), start, ends))

    def _ask(self, service: str, question: dict[str, Any]) -> Any:
        """The document of an answer, which has routes or the code that says that there are none."""
        url = f"{self.settings.url_of(self.mode)}/{service}"
        body = to_json(question | {"costing": COSTINGS[self.mode], "units": "kilometers"})
        answer = ask("POST", url, self.settings, largest=LARGEST, body=body)
        return read(lambda: _document(from_json(answer, allow_inf_nan=False)))


def _location(place: Place) -> dict[str, Any]:
    written = {"lat": round(place.latitude, 6), "lon": round(place.longitude, 6)}
    return {**written, "search_cutoff": FARTHEST_ROAD_METRES}


def _document(document: Any) -> Any:
    code = document.get("error_code") if isinstance(document, dict) else None
    if not isinstance(document, dict):
        raise TypeError("no object")
    if code is None or code in NO_WAY:
        return document
    raise RouterFailed(f"the answer has the code {code}" if type(code) is int else "the answer has an unknown code")


def _route(answer: _TripAnswer) -> FoundRoute:
    (leg,) = answer.trip.legs
    line = [Place(*each) for each in _points(leg.shape)]
    return FoundRoute(
        start=line[0],
        end=line[-1],
        kilometres=leg.summary.length,
        minutes=leg.summary.time / 60,
        drawn_km=length_of_line(line),
        source=SOURCE,
    )


def _routes(answer: _MatrixAnswer, start: Place, ends: Sequence[Place]) -> list[FoundRoute | None]:
    """The routes between the places as they were asked for: no road farther than the limit was to be taken."""
    (cells,) = answer.sources_to_targets
    return [
        None
        if cell.distance is None or cell.time is None
        else FoundRoute(start, end, cell.distance, cell.time / 60, None, SOURCE)
        for cell, end in zip(cells, ends, strict=True)
    ]


def _points(shape: str) -> Iterator[tuple[float, float]]:
    """The points of a line in the Encoded Polyline Algorithm Format, with six digits. Raises `ValueError`."""
    latitude = longitude = 0
    numbers = _numbers(shape)
    for north, east in zip(numbers, numbers, strict=True):
        latitude, longitude = latitude + north, longitude + east
        yield latitude / LINE_SCALE, longitude / LINE_SCALE


def _numbers(shape: str) -> Iterator[int]:
    number = shift = 0
    for character in shape.encode("ascii"):
        bits = character - 63
        if not 0 <= bits < 1 << (BITS_OF_A_CHARACTER + 1) or shift > MOST_BITS:
            raise ValueError("no line")
        number |= (bits & 0x1F) << shift
        shift += BITS_OF_A_CHARACTER
        if not bits & 0x20:
            yield ~(number >> 1) if number & 1 else number >> 1
            number = shift = 0
    if shift:
        raise ValueError("half a line")
