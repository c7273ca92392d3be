"""Where a practice is: street, house number, postal code, town and coordinates."""

from __future__ import annotations

import csv
import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources

from therapist_scraper.areas import distance_km
from therapist_scraper.text import Unreadable, one_line, stated

FARTHEST_KM = 29.9
"""The import takes coordinates up to 30 km from their postal code; the table of places here is rounded to 10 m."""
SOUTH, NORTH, WEST, EAST = 47.2, 55.1, 5.8, 15.1
"""The borders of Germany in degrees."""

Place = tuple[float, float]

_NUMBER = r"[0-9]{1,4} ?[a-zA-Z]?(?: ?[-–/+] ?[0-9]{0,4} ?[a-zA-Z]?)?(?![0-9a-zA-Z])"
_STREET_AND_NUMBER = re.compile(rf"(?P<street>.*[^\W\d_]{{3,}}\.?)\s*,?\s+(?P<number>{_NUMBER})(?:\s*[,(;/].*)?")
_GLUED_NUMBER = re.compile(
    rf"(?P<street>.*[^\W\d_]{{3,}}(?:str\.|straße|strasse|weg|platz|allee))(?P<number>{_NUMBER})", re.I
)
_ABBREVIATED = (
    (re.compile(r"(?<=[a-zäöüß])str(?:\.|(?=$| ))"), "straße"),
    (re.compile(r"\bStr(?:\.|(?=$| ))"), "Straße"),
)
_POSTAL_CODE = re.compile(r"(?:DE?-)?([0-9]{5})", re.IGNORECASE)
_POSTAL_CODE_AND_TOWN = re.compile(r"(?:DE?-)?([0-9]{5}) +(.+)", re.IGNORECASE)


def street_and_number(street: object, number: object) -> tuple[str | None, str | None]:
    """Returns the street with "straße" spelled out, and the house number without blanks inside, as `12a`.

    A number at the end of the street counts where no other is given. Raises Unreadable.
    """
    name, house_number = stated(street), stated(number)
    if name is not None and house_number is None:
        found = _STREET_AND_NUMBER.fullmatch(name) or _GLUED_NUMBER.fullmatch(name)
        if found:
            name, house_number = found["street"].strip(" ,"), found["number"]
    if name is not None:
        for pattern, spelled in _ABBREVIATED:
            name = pattern.sub(spelled, name)
        one_line(name)  # spelled out it may be too long
    return name, None if house_number is None else _compact(house_number)


def _compact(house_number: str) -> str:
    """Returns `12a` for "12 A" and `12-14` for "12 – 14"; what else stands there stays."""
    if not re.fullmatch(_NUMBER, house_number):
        return house_number
    return house_number.replace(" ", "").replace("–", "-").lower().rstrip("-/+")


def postal_code_and_town(code: object, town: object) -> tuple[str | None, str | None]:
    """Returns both; "04109 Leipzig" in the field of the town counts where the code is missing.

    A code that is a number has lost its zero in front: 4109 is 04109. Raises Unreadable for what is no German code.
    """
    name = stated(town)
    if name is not None and (both := _POSTAL_CODE_AND_TOWN.fullmatch(name)):
        code, name = code or both[1], both[2]
    return postal_code(code), name


def postal_code(value: object) -> str | None:
    """Returns five digits, or None where there are none. Raises Unreadable."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 100_000:
        value = f"{value:05}"
    text = stated(value)
    if text is None:
        return None
    found = _POSTAL_CODE.fullmatch(text.replace(" ", ""))
    if found is None or not found[1].isascii() or not "01001" <= found[1] <= "99998":
        raise Unreadable("is no German postal code")
    return found[1]


def coordinates(latitude: object, longitude: object, code: str | None) -> Place | None:
    """Returns both in degrees, to a decimetre; None where there are none.

    Raises Unreadable where only one is there, where both are zero, and where they lie more than 30 km from the postal
    code, or from its region where the code has no area of its own, or without one outside Germany.
    """
    north, east = _degrees(latitude), _degrees(longitude)
    if north is None and east is None:
        return None
    if north is None or east is None:
        raise Unreadable("stands without the other coordinate")
    place = (round(north, 6), round(east, 6))
    if place == (0.0, 0.0):
        raise Unreadable("is zero, as programs write what they do not know")
    if not _is_plausible(place, code):
        raise Unreadable("is too far from the postal code, or abroad")
    return place


def _degrees(value: object) -> float | None:
    if isinstance(value, str):
        value = (stated(value) or "").replace(",", ".") or None
    if value is None:
        return None
    try:
        number = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not abs(number) <= 180:
        raise Unreadable("is no number of degrees")
    return number


def _is_plausible(place: Place, code: str | None) -> bool:
    known = places()
    if code is not None and code in known:
        return distance_km(*known[code], *place) <= FARTHEST_KM
    if region := _regions().get((code or "")[:2]):
        return any(distance_km(*each, *place) <= FARTHEST_KM for each in region)
    return SOUTH <= place[0] <= NORTH and WEST <= place[1] <= EAST


@cache
def places() -> Mapping[str, Place]:
    """Returns the place of each postal code by which the import judges coordinates.

    The table is written by `make import-schema`, together with the schema of the import's files.
    """
    text = resources.files("therapist_scraper").joinpath("postal_codes.csv").read_text(encoding="utf-8")
    rows = csv.reader(line for line in text.splitlines() if not line.startswith("#"))
    return {code: (float(north), float(east)) for code, north, east in rows}


@cache
def _regions() -> Mapping[str, Sequence[Place]]:
    regions: dict[str, list[Place]] = defaultdict(list)
    for code, place in places().items():
        regions[code[:2]].append(place)
    return dict(regions)
