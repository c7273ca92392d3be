"""Where an address lies, by the tables of this service: to the postal code's area, or to the city.

What a geocoder knows better is in `geocoding_service.domain.lookups`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import median

from geocoding_service.domain.cleaning import Address, street_and_number
from geocoding_service.domain.schemas import AreaView, GeocodeQuery, PlaceOfPostalCode, PostalCodeView
from geocoding_service.store import postal_codes
from geocoding_service.store.postal_codes import Municipality
from shared.errors import NotFound
from shared.values.enums import FederalState, GeocodePrecision
from shared.values.places import Place, distance_km
from shared.values.postal_codes import SOURCE, area, areas

CITY_RADIUS_KM = 30.0
"""No German city reaches further from its middle, but for islands that belong to it (Hamburg's Neuwerk).

Chosen, not measured, as are the numbers below.
"""
SHARE_OF_A_CITY = 0.9
FARTHEST_AREA_KM = 20.0
"""A place farther than this from the middle of every postal code's area lies outside Germany."""
NEIGHBOURS = 12

_POSTAL_CODE = re.compile(r"(?<!\d)\d{5}(?!\d)", re.ASCII)


@dataclass(frozen=True)
class FoundAddress:
    """Where an address lies, how exactly that is known, from where, and in which federal states it may be."""

    place: Place
    precision: GeocodePrecision
    source: str
    federal_states: tuple[FederalState, ...]
    """In the order of their codes; none where nothing is known."""

    @property
    def federal_state(self) -> FederalState | None:
        """The one federal state; None where it is not certain."""
        return self.federal_states[0] if len(self.federal_states) == 1 else None


def address_of(query: GeocodeQuery) -> Address:
    """Returns the address that is asked for, as it was written."""
    if query.q:
        return read_free_text(query.q)
    return Address(query.street, query.house_number, query.postal_code, query.city)


def find(address: Address) -> FoundAddress | None:
    """Where the address lies: the middle of its postal code's area, else of its city; None where neither is known.

    The postal code outweighs the city. Streets are not known to the tables.
    """
    return _find(address.postal_code, address.city)


@lru_cache(maxsize=20_000)
def _find(postal_code: str | None, city: str | None) -> FoundAddress | None:
    place = area(postal_code) if postal_code else None
    if place is not None:
        states = federal_states(postal_codes.municipalities(postal_code or ""), city=city)
        return FoundAddress(place, GeocodePrecision.POSTAL_CODE, SOURCE, states)
    return _middle_of_city(city) if city else None


def federal_states(parts: Collection[Municipality], *, city: str | None = None) -> tuple[FederalState, ...]:
    """The federal states of these parts of a postal code's area; across a border, that of the city's part.

    Several where that does not decide, none where nothing is known: none is ever guessed
    (docs/domain.md#postal-code-federal-state).
    """
    states = {part.federal_state for part in parts}
    if len(states) > 1 and city:
        states = {part.federal_state for part in parts if postal_codes.is_named(part, city)} or states
    return tuple(sorted(states))


def _middle_of_city(city: str) -> FoundAddress | None:
    """The middle of a city's postal code areas; None for a name that several places bear."""
    places = {part: place for part in postal_codes.municipalities_named(city) if (place := area(part.postal_code))}
    if not places:
        return None
    middle = Place(median(p.latitude for p in places.values()), median(p.longitude for p in places.values()))
    together = [part for part, place in places.items() if distance_km(place, middle) <= CITY_RADIUS_KM]
    if len(together) < SHARE_OF_A_CITY * len(places):
        return None
    return FoundAddress(middle, GeocodePrecision.CITY, SOURCE, federal_states(together))


def read_free_text(text: str) -> Address:
    """The street, the postal code and the city in an address written as one line.

    The street is what the last comma before the postal code leaves, the city what follows the code or, without one,
    the last comma. Of several numbers of five digits the first that is a postal code counts.
    """
    numbers = list(_POSTAL_CODE.finditer(text))
    known = [number for number in numbers if area(number.group())]
    if not numbers:
        before, _, city = text.rpartition(",")
        return _read(before, None, city)
    code = (known or numbers)[0]
    return _read(text[: code.start()], code.group(), text[code.end() :].partition(",")[0])


def _read(before: str, postal_code: str | None, city: str) -> Address:
    """With the street in what stands before: the last part with a house number, or the only part."""
    parts = [part for part in before.removesuffix("D-").split(",") if part.strip()]
    read = [found for part in reversed(parts) if (found := street_and_number(part))[0]]
    only = read[0] if len(parts) == 1 and read else (None, None)
    street, number = next((found for found in read if found[1]), only)
    return Address(street, number, postal_code, city.strip() or None)


def find_area(place: Place) -> AreaView:
    """The postal code area whose middle is nearest; raises `NotFound` outside Germany.

    The place may lie in the area next to it. So the federal state is given only where all areas around agree.
    """
    by_distance = _by_distance(place)
    distance, code = by_distance[0]
    if distance > FARTHEST_AREA_KM:
        raise NotFound("postal_code", wording="nearby")
    around = [part for _, near in by_distance[:NEIGHBOURS] for part in postal_codes.municipalities(near)]
    return _area_view(code, distance, federal_states(around))


def area_of(code: str, place: Place) -> AreaView:
    """The area of a known postal code, in which a place is said to be."""
    states = federal_states(postal_codes.municipalities(code))
    return _area_view(code, distance_km(place, areas()[code]), states)


def _area_view(code: str, distance: float, states: Sequence[FederalState]) -> AreaView:
    middle = areas()[code]
    return AreaView(
        latitude=middle.latitude,
        longitude=middle.longitude,
        precision=GeocodePrecision.POSTAL_CODE,
        source=SOURCE,
        federal_state=states[0] if len(states) == 1 else None,
        federal_states=list(states),
        postal_code=code,
        cities=sorted({part.city for part in postal_codes.municipalities(code)}),
        distance_km=round(distance, 2),
    )


def is_in_germany(place: Place) -> bool:
    """Whether the place is near a postal code's area: not in the sea, and not far beyond the border."""
    return _by_distance(place)[0][0] <= FARTHEST_AREA_KM


def _by_distance(place: Place) -> list[tuple[float, str]]:
    return sorted((distance_km(place, middle), code) for code, middle in areas().items())


def show_postal_code(code: str) -> PostalCodeView:
    """What the tables know of a postal code; raises `NotFound` where they know nothing."""
    parts = postal_codes.municipalities(code)
    place = area(code)
    if not parts and place is None:
        raise NotFound("postal_code", wording="unknown")
    states = federal_states(parts)
    return PostalCodeView(
        postal_code=code,
        latitude=place.latitude if place else None,
        longitude=place.longitude if place else None,
        source=SOURCE,
        places=[PlaceOfPostalCode(city=each.city, federal_state=each.federal_state) for each in parts],
        federal_state=states[0] if len(states) == 1 else None,
        federal_states=list(states),
    )
