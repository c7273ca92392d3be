"""Estimates of distance and travel time from the straight line, for every place where no router is asked.

Short routes are slow (streets, the walk to the car or the stop) and long ones are fast (motorways, trains): so the
table `travel_estimates.csv` says detour and speed by mode and by length (docs/domain.md#distance). All services read
it, so that they give the same estimate; matching's SQL filters by the straight line that `straight_km_within` gives.

Sources of the built-in table. Single routes that it is tested with stand in tests/shared/values/test_travel.py, most of
them not verified (docs/decisions/0043).

- car: detour of roads in Germany 1.32, R. H. Ballou, H. Rahardja, N. Sakai, "Selected country circuity factors for road
  travel distance estimation", Transportation Research Part A 36 (2002) 843-848, table 1; less on long routes, where
  motorways run straight. All car trips, some 15 km long: 33 km/h, "Mobilität in Deutschland 2002" (Ergebnistelegramm).
  Routes between cities: what route planners give without traffic. Looking for a place to park in a city is not in it:
  with that, the Umweltbundesamt counts 20 minutes for 4 km.
- transit: detour in cities 1.5, the Munich transport model MITO (TU München). 15.7 km/h in Berlin, "Mobilität in
  Städten - SrV 2013" (TU Dresden). Between cities: timetables, with ten minutes to the station and ten from it.
- bicycle, foot: detour 1.3, the beeline distance factor of MATSim (A. Horni, K. Nagel, K. W. Axhausen (eds.), "The
  Multi-Agent Transport Simulation MATSim", London 2016). Bicycle: 11.5 km/h in Berlin (SrV 2013), some 15 km/h on long
  routes, which route planners reckon with. Foot: 1.2 m/s, for which German traffic lights are timed (FGSV, RiLSA 2015).
"""

from __future__ import annotations

import csv
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final

from shared.values.enums import TravelMode

TABLE: Final = Path(__file__).with_name("travel_estimates.csv")
MINUTES_AN_HOUR: Final = 60


@dataclass(frozen=True)
class Estimate:
    """What a route is estimated by whose straight line is so long: a row of the table."""

    straight_km: float
    detour: float
    """Length of the route over length of the straight line."""
    speed_kmh: float
    """Kilometres of the route in an hour from door to door: walks to the stop, waiting and parking are in it."""

    @property
    def route_km(self) -> float:
        """The length of the route in kilometres."""
        return self.straight_km * self.detour

    @property
    def minutes(self) -> float:
        """The minutes from door to door."""
        return self.route_km / self.speed_kmh * MINUTES_AN_HOUR


class Line:
    """A function that grows, straight between its points, from zero on; beyond its last point in proportion."""

    def __init__(self, points: Sequence[tuple[float, float]]) -> None:
        """The points, whose two coordinates grow."""
        self._ends = [x for x, _ in points]
        self._pieces = [_piece(*ends) for ends in pairwise([(0.0, 0.0), *points])]
        self._pieces.append(_piece((0.0, 0.0), points[-1]))

    def at(self, x: float) -> float:
        """Returns its value."""
        base, slope = self._pieces[bisect_left(self._ends, x)]
        return base + slope * x


def _piece(start: tuple[float, float], end: tuple[float, float]) -> tuple[float, float]:
    """What is added to, and multiplied with, a number between the two points."""
    slope = (end[1] - start[1]) / (end[0] - start[0])
    return start[1] - slope * start[0], slope


class Estimates:
    """The estimates of one mode by kilometres of the straight line or the route, and the straight line by minutes."""

    def __init__(self, rows: Sequence[Estimate]) -> None:
        """The rows of the mode, the shortest first. Raises `ValueError` where they cannot be."""
        check(rows)
        self.route_km = Line([(each.straight_km, each.route_km) for each in rows])
        self.minutes = Line([(each.straight_km, each.minutes) for each in rows])
        self.straight_km = Line([(each.minutes, each.straight_km) for each in rows])
        self.minutes_of_route = Line([(each.route_km, each.minutes) for each in rows])


def check(rows: Sequence[Estimate]) -> None:
    """Raises `ValueError` unless by these rows of one mode a longer straight line is a longer route in each sense.

    Otherwise a limit in minutes would be no radius.
    """
    if not rows:
        raise ValueError("there is no row")
    for each in rows:
        if not (0 < each.straight_km < 1000 and 1 <= each.detour < 10 and 1 <= each.speed_kmh < 300):
            raise ValueError(f"{each} is no route")
    for shorter, longer in pairwise(rows):
        if not (shorter.straight_km < longer.straight_km and shorter.route_km < longer.route_km):
            raise ValueError(f"{longer} is no longer route than {shorter}")
        if shorter.minutes >= longer.minutes:
            raise ValueError(f"{longer} takes no longer than {shorter}")


def read(lines: Iterable[str]) -> Mapping[TravelMode, Sequence[Estimate]]:
    """Returns the rows of a table by their mode. Raises `ValueError` for what is no such table."""
    rows: dict[TravelMode, list[Estimate]] = defaultdict(list)
    for mode, *numbers in csv.reader(line for line in lines if not line.startswith("#")):
        rows[TravelMode(mode)].append(Estimate(*map(float, numbers)))
    if missing := set(TravelMode) - set(rows):
        raise ValueError(f"{', '.join(sorted(missing))} is missing")
    for each in rows.values():
        check(each)
    return rows


@cache
def table() -> Mapping[TravelMode, Sequence[Estimate]]:
    """The rows that all estimates follow from, by mode, the shortest first."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return read(file)


@cache
def estimates(mode: TravelMode) -> Estimates:
    """The estimates of a mode."""
    return Estimates(table()[mode])


def route_km(straight_km: float, mode: TravelMode) -> float:
    """Returns the estimated length of the route in kilometres for a straight line of so many kilometres."""
    return estimates(mode).route_km.at(straight_km)


def minutes(straight_km: float, mode: TravelMode) -> float:
    """Returns the estimated minutes from door to door for a straight line of so many kilometres, not rounded."""
    return estimates(mode).minutes.at(straight_km)


def speed_kmh(route_km: float, mode: TravelMode) -> float:
    """Returns the estimated kilometres an hour from door to door of a route of so many kilometres, more than none."""
    return route_km / estimates(mode).minutes_of_route.at(route_km) * MINUTES_AN_HOUR


def straight_km_within(travel_minutes: float, mode: TravelMode) -> float:
    """Returns the longest straight line in kilometres for a travel time in minutes: the inverse of `minutes`."""
    return estimates(mode).straight_km.at(travel_minutes)
