"""A server that answers as Nominatim's documentation says (https://nominatim.org/release-docs/latest/api/Search/).

`/search` takes a structured query and returns a list, also an empty one, with status 200; `/reverse` returns one place,
or `{"error": "Unable to geocode"}`. Without a query both are 400 with an error as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from geocoding_service.settings import NominatimSettings
from tests.fakes.other_service import OtherService, with_json

STRUCTURED = {"amenity", "street", "city", "county", "state", "country", "postalcode"}


def a_place(latitude: float = 50.7767, longitude: float = 6.0839, **address: str | None) -> dict[str, Any]:
    """A house in Aachen as the documentation shows one with `addressdetails=1`; None leaves a part away."""
    parts = {
        "house_number": "1",
        "road": "Musterweg",
        "suburb": "Aachen-Mitte",
        "city": "Aachen",
        "state": "Nordrhein-Westfalen",
        "ISO3166-2-lvl4": "DE-NW",
        "postcode": "52062",
        "country": "Deutschland",
        "country_code": "de",
        **{name.replace("ISO", "ISO3166-2-lvl4"): value for name, value in address.items()},
    }
    return {
        "place_id": 128497332,
        "licence": "Data © OpenStreetMap contributors, ODbL 1.0. http://osm.org/copyright",
        "osm_type": "way",
        "osm_id": 90394480,
        "lat": f"{latitude:.7f}",
        "lon": f"{longitude:.7f}",
        "class": "building",
        "type": "yes",
        "place_rank": 30,
        "importance": 0.0000765,
        "addresstype": "building",
        "name": "",
        "display_name": ", ".join(value for value in parts.values() if value),
        "address": {name: value for name, value in parts.items() if value is not None},
        "boundingbox": [f"{latitude - 0.001:.7f}", f"{latitude + 0.001:.7f}", "6.0829000", "6.0849000"],
    }


class Nominatim(OtherService):
    """Knows the places it is given, whatever it is asked."""

    def __init__(self, *places: Mapping[str, Any]) -> None:
        super().__init__()
        self.places: Sequence[Mapping[str, Any]] = list(places)
        self.answers = {"/search": self._search, "/reverse": self._reverse}

    def rules(self, **settings: Any) -> NominatimSettings:
        """Settings that name it, with no pause between two requests that a test would notice."""
        return NominatimSettings(url=self.url, **{"interval_seconds": 0.001, "timeout_seconds": 30, **settings})

    def queries(self) -> list[dict[str, str]]:
        """The parameters of all requests."""
        return [
            {name: values[0] for name, values in parse_qs(urlsplit(each.path).query).items()} for each in self.asked
        ]

    def _search(self, handler: BaseHTTPRequestHandler) -> None:
        query = parse_qs(urlsplit(handler.path).query)
        if query.get("format") not in (["json"], ["jsonv2"]) or not (STRUCTURED | {"q"}) & set(query):
            return with_json({"error": {"code": 400, "message": "Nothing to search for."}}, 400)(handler)
        if "q" in query and STRUCTURED & set(query):
            return with_json({"error": {"code": 400, "message": "Structured query parameters"}}, 400)(handler)
        return self._write(handler, self.places[: int(query.get("limit", ["10"])[0])])

    def _reverse(self, handler: BaseHTTPRequestHandler) -> None:
        query = parse_qs(urlsplit(handler.path).query)
        if not {"lat", "lon"} <= set(query):
            return with_json({"error": {"code": 400, "message": "Need coordinates"}}, 400)(handler)
        return self._write(handler, self.places[0] if self.places else {"error": "Unable to geocode"})

    def _write(self, handler: BaseHTTPRequestHandler, document: Any) -> None:
        body = json.dumps(document, ensure_ascii=False).encode()
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json; charset=utf-8")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)


@contextmanager
def nominatim(*places: Mapping[str, Any]) -> Iterator[Nominatim]:
    """A server that runs."""
    running = Nominatim(*places)
    try:
        yield running
    finally:
        if not running.is_over.is_set():
            running.stop()
