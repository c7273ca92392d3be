"""Where an address lies, by the tables of this service: to the postal code's area, or to the city."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from statistics import median

from geocoding_service.domain.schemas import AreaView, GeocodeQuery, Location
from geocoding_service.store import postal_codes
from geocoding_service.store.postal_codes import Municipality
from shared.errors import NotFound
from shared.values.enums import FederalState, GeocodePrecision
from shared.values.places import Place, distance_km
from shared.values.postal_codes import SOURCE, area, areas

CITY_RADIUS_KM = 30.0
"""No German city reaches further from its middle, but for islands that belong to it (Hamburg's Neuwerk)."""
SHARE_OF_A_CITY = 0.9
FARTHEST_AREA_KM = 20.0
"""A place farther than this from the middle of every postal code's area lies outside Germany."""
NEIGHBOURS = 12

_POSTAL_CODE = re.compile(r"(?<!\d)\d{5}(?!\d)", re.ASCII)


@dataclass(frozen=True)
class Address:
    """An address as far as it is known; nothing in it needs to be right."""

    street: str | None = None
    house_number: str | None = None
    postal_code: str | None = None
    city: str | None = None


@dataclass(frozen=True)
class FoundAddress:
    """Where an address lies, how exactly that is known, from where, and in which federal state (None: unknown)."""

    place: Place
    precision: GeocodePrecision
    source: str
    federal_state: FederalState | None


def locate(query: GeocodeQuery) -> Location:
    """Where the address asked for lies; raises `NotFound`."""
    address = (
        read_free_text(query.q) if query.q else Address(query.street, query.house_number, query.postal_code, query.city)
    )
    found = find(address)
    if found is None:
        raise NotFound("address")
    return Location(
        latitude=found.place.latitude,
        longitude=found.place.longitude,
        precision=found.precision,
        source=found.source,
        federal_state=found.federal_state,
    )


def find(address: Address) -> FoundAddress | None:
    """Where the address lies: the middle of its postal code's area, else of its city; None where neither is known.

    The postal code outweighs the city. Streets are not known to the tables.
    """
    return _find(address.postal_code, address.city)


@lru_cache(maxsize=20_000)
def _find(postal_code: str | None, city: str | None) -> FoundAddress | None:
    place = area(postal_code) if postal_code else None
    if place is not None:
        state = federal_state(postal_codes.municipalities(postal_code or ""), city=city)
        return FoundAddress(place, GeocodePrecision.POSTAL_CODE, SOURCE, state)
    return _middle_of_city(city) if city else None


def federal_state(parts: Collection[Municipality], *, city: str | None = None) -> FederalState | None:
    """The one federal state of these parts of a postal code's area; across a border, that of the city's part.

    None where that leaves none or several: it is never guessed (docs/domain.md#postal-code-federal-state).
    """
    states = {part.federal_state for part in parts}
    if len(states) > 1 and city:
        states = {part.federal_state for part in parts if postal_codes.is_named(part, city)}
    return states.pop() if len(states) == 1 else None


def _middle_of_city(city: str) -> FoundAddress | None:
    """The middle of a city's postal code areas; None for a name that several places bear."""
    places = {part: place for part in postal_codes.municipalities_named(city) if (place := area(part.postal_code))}
    if not places:
        return None
    middle = Place(median(p.latitude for p in places.values()), median(p.longitude for p in places.values()))
    together = [part for part, place in places.items() if distance_km(place, middle) <= CITY_RADIUS_KM]
    if len(together) < SHARE_OF_A_CITY * len(places):
        return None
    return FoundAddress(middle, GeocodePrecision.CITY, SOURCE, federal_state(together))


def read_free_text(text: str) -> Address:
    """The postal code and the city in an address written as one line.

    The city is what follows the postal code, or, without one, what follows the last comma. Of several numbers of five
    digits the first that is a postal code counts.
    """
    numbers = list(_POSTAL_CODE.finditer(text))
    known = [number for number in numbers if area(number.group())]
    if not numbers:
        return Address(city=text.rpartition(",")[2].strip() or None)
    code = (known or numbers)[0]
    return Address(postal_code=code.group(), city=text[code.end() :].partition(",")[0].strip() or None)


def find_area(place: Place) -> AreaView:
    """The postal code area whose middle is nearest; raises `NotFound` outside Germany.

    The place may lie in the area next to it. So the federal state is given only where all areas around agree.
    """
    by_distance = sorted((distance_km(place, middle), code) for code, middle in areas().items())
    distance, code = by_distance[0]
    if distance > FARTHEST_AREA_KM:
        raise NotFound("postal_code", wording="nearby")
    middle = areas()[code]
    around = [part for _, near in by_distance[:NEIGHBOURS] for part in postal_codes.municipalities(near)]
    return AreaView(
        latitude=middle.latitude,
        longitude=middle.longitude,
        precision=GeocodePrecision.POSTAL_CODE,
        source=SOURCE,
        federal_state=federal_state(around),
        postal_code=code,
        cities=sorted({part.city for part in postal_codes.municipalities(code)}),
        distance_km=round(distance, 2),
    )
