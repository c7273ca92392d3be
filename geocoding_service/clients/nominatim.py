"""A server of Nominatim, asked by geopy through our own HTTP client: for where an address is, and what is at a place.

The server is never believed: its answer has limits of time, size and depth, no redirect is followed, and what is no
answer as its documentation says ends as `GeocoderFailed`, in words of ours. Neither the address nor the answer is
logged. https://nominatim.org/release-docs/latest/api/Search/
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import geopy.geocoders
from geopy.adapters import BaseSyncAdapter
from geopy.exc import GeocoderServiceError, GeopyError
from pydantic import Field, ValidationError
from pydantic_core import from_json

from geocoding_service.clients.failures import REFUSES_US, ServerFailed
from geocoding_service.settings import NominatimSettings
from shared.runtime import http_client
from shared.runtime.http_client import BadAnswer
from shared.values.geocoder_places import GeocoderPlace
from shared.values.places import Place
from shared.values.schemas import RecordSchema

SOURCE: Final = "OpenStreetMap contributors, ODbL 1.0 (Nominatim)"
LARGEST: Final = 256 * 1024
"""Bytes of an answer: five places have some 5,000."""
MOST_PLACES: Final = 5
STREETS: Final = ("road", "pedestrian", "footway", "path", "square", "residential", "place")
CITIES: Final = ("city", "town", "village", "municipality", "hamlet")

# it would log addresses (DEBUG) and what a server answers (INFO)
logging.getLogger("geopy").setLevel(logging.WARNING)

Query = Mapping[str, str]


class GeocoderFailed(ServerFailed):
    """The geocoder gave no answer that can be read."""


class _NotUnderstood(GeocoderServiceError):  # type: ignore[misc]  # geopy ships no types
    """The server cannot understand this address (400): there is nothing wrong with the server."""


class _Adapter(BaseSyncAdapter):  # type: ignore[misc]  # geopy ships no types
    """Sends geopy's requests with our client: the limit of time holds for the whole answer."""

    def __init__(self, *, proxies: Any, ssl_context: Any) -> None: ...

    def get_text(self, url: str, *, timeout: float, headers: Mapping[str, str]) -> str:
        raise NotImplementedError("geopy asks Nominatim for JSON alone")

    def get_json(self, url: str, *, timeout: float, headers: Mapping[str, str]) -> Any:
        asked = {"Accept": "application/json", "Accept-Encoding": "identity", **headers}
        answer = http_client.send("GET", url, headers=asked, largest=LARGEST, seconds=timeout)
        if answer.status == HTTPStatus.BAD_REQUEST:
            raise _NotUnderstood
        if answer.status != HTTPStatus.OK:
            raise GeocoderFailed(f"the answer has the status {answer.status}", refuses_us=answer.status in REFUSES_US)
        return from_json(answer.body, allow_inf_nan=False)


class _Answered(RecordSchema):
    """One place of an answer with `addressdetails=1`."""

    lat: Annotated[float, Field(ge=-90, le=90)]
    lon: Annotated[float, Field(ge=-180, le=180)]
    address: dict[str, Any] = {}


@dataclass(frozen=True)
class Nominatim:
    """Asks one server. Used by jobs, outside of any transaction."""

    settings: NominatimSettings

    def search(
        self, *, street: str, house_number: str | None, postal_code: str | None, city: str | None
    ) -> Sequence[GeocoderPlace]:
        """Returns the places that the server knows for this address, the best first; none where it knows none.

        Raises `GeocoderFailed`.
        """
        parts = {"street": f"{house_number} {street}" if house_number else street, "country": "Deutschland"}
        parts |= {name: value for name, value in (("postalcode", postal_code), ("city", city)) if value}
        return self._ask(
            lambda server: server.geocode(
                parts, exactly_one=False, limit=MOST_PLACES, addressdetails=True, country_codes="de", language="de"
            )
        )

    def reverse(self, place: Place) -> Sequence[GeocoderPlace]:
        """Returns the address nearest to a place; none where the server knows none. Raises `GeocoderFailed`."""
        at = (place.latitude, place.longitude)
        return self._ask(lambda server: server.reverse(at, exactly_one=False, addressdetails=True, language="de"))

    def _ask(self, ask: Callable[[Any], Any]) -> Sequence[GeocoderPlace]:
        try:
            return [_known(each.raw) for each in ask(self._server()) or ()][:MOST_PLACES]
        except _NotUnderstood:
            return []
        except OSError as problem:
            raise GeocoderFailed(f"no answer: {type(problem).__name__}") from None
        except BadAnswer as problem:
            raise GeocoderFailed(str(problem)) from None
        except (GeopyError, ValidationError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
            # geopy's words are left out: they may quote the answer
            raise GeocoderFailed("the answer is not as Nominatim's documentation says") from None

    def _server(self) -> Any:
        url = urlsplit(self.settings.url)
        return geopy.geocoders.Nominatim(
            scheme=url.scheme,
            domain=f"{url.netloc}{url.path}",
            user_agent=self.settings.user_agent,
            timeout=self.settings.timeout_seconds,
            adapter_factory=_Adapter,
        )


def _known(raw: Any) -> GeocoderPlace:
    answered = _Answered.model_validate(raw, strict=False)
    address = answered.address
    region = _text(address, "ISO3166-2-lvl4") or ""
    return GeocoderPlace(
        place=Place(answered.lat, answered.lon),
        country=_text(address, "country_code"),
        federal_state=region.removeprefix("DE-") or None,
        postal_code=_text(address, "postcode"),
        city=_text(address, *CITIES),
        street=_text(address, *STREETS),
        house_number=_text(address, "house_number"),
        source=SOURCE,
    )


def _text(address: Mapping[str, Any], *names: str) -> str | None:
    """The first of these that is a text of a usual length."""
    found = (address.get(name) for name in names)
    return next((each for each in found if isinstance(each, str) and 0 < len(each) <= 200), None)
