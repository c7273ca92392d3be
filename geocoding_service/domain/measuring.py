"""Estimates from a router's answers: detour and speed by the length of the straight line, for one mode.

The routes are between the places of postal codes, where people live, chosen by chance, and each time the same. How many
there must be, and how alike, is chosen and not measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from statistics import median
from typing import Final

from geocoding_service.domain.route_judging import MOST_USUAL_DETOUR, MOST_USUAL_FACTOR, is_usual, judge
from shared.values import travel
from shared.values.enums import TravelMode
from shared.values.found_routes import FoundRoute
from shared.values.places import Place, distance_km
from shared.values.postal_codes import areas
from shared.values.travel import Estimate

LENGTHS_KM: Final = {
    TravelMode.CAR: (1, 5, 10, 25, 50, 100, 150),
    TravelMode.TRANSIT: (1, 5, 10, 25, 50, 100, 150),
    TravelMode.BICYCLE: (1, 5, 10, 25, 50),
    TravelMode.FOOT: (1, 5, 10),
}
LIKE: Final = 0.2
"""By what share a straight line may be longer or shorter than the length that it is measured for."""
TO_ONE: Final = 20
"""Routes from one place at most, so that no city outweighs the others."""
FEWEST: Final = 30
"""Routes without which a length is not measured."""
SEED: Final = 14
KM_A_DEGREE: Final = 111.0
"""Of latitude, rounded down."""

Ask = Callable[[Place, Sequence[Place]], Sequence[FoundRoute | None]]


@dataclass
class Measured:
    """What was measured for one length."""

    straight_km: float
    detours: list[float] = field(default_factory=list)
    minutes_a_km: list[float] = field(default_factory=list)
    """Of the straight line."""
    asked: int = 0

    @property
    def is_enough(self) -> bool:
        """Whether there are routes enough, and half of them as long as routes are."""
        return len(self.detours) >= FEWEST and median(self.detours) <= MOST_USUAL_DETOUR

    def estimate(self) -> Estimate:
        """The row of the table that follows: the detour and the time that half of the routes exceed."""
        detour = round(median(self.detours), 2)
        speed = detour / median(self.minutes_a_km) * travel.MINUTES_AN_HOUR
        return Estimate(self.straight_km, detour, round(speed, 1))


def measure(mode: TravelMode, ask: Ask, *, routes: int) -> Iterator[Measured]:
    """Yields what is measured for each length, by asking for about so many ways."""
    for length in LENGTHS_KM[mode]:
        measured = Measured(float(length))
        for start, ends in samples(length, routes=routes):
            _add(measured, mode, start, ends, ask(start, ends))
        yield measured


def samples(length: float, *, routes: int) -> Iterator[tuple[Place, Sequence[Place]]]:
    """Yields places and others whose straight line is about so long: about as many ways, and always the same."""
    chance, everywhere = Random(f"{SEED} {length}"), list(areas().values())
    for start in chance.sample(everywhere, len(everywhere)):
        if routes <= 0:
            return
        around = _around(start, length, everywhere)
        if around:
            ends = chance.sample(around, min(len(around), TO_ONE))
            routes -= len(ends)
            yield start, ends


def _around(start: Place, length: float, everywhere: Sequence[Place]) -> list[Place]:
    degrees = (1 + LIKE) * length / KM_A_DEGREE
    near = (end for end in everywhere if abs(end.latitude - start.latitude) <= degrees)
    return [end for end in near if abs(distance_km(start, end) - length) <= LIKE * length]


def _add(
    measured: Measured, mode: TravelMode, start: Place, ends: Sequence[Place], routes: Sequence[FoundRoute | None]
) -> None:
    measured.asked += len(ends)
    for outcome, end, route in zip(judge(mode, start, ends, routes), ends, routes, strict=True):
        if outcome == "found" and route is not None:
            straight = distance_km(start, end)
            measured.detours.append(max(route.kilometres / straight, 1.0))
            measured.minutes_a_km.append(route.minutes / straight)


def _is_usual(mode: TravelMode, row: Estimate) -> bool:
    return is_usual(mode, row.route_km, row.minutes, factor=MOST_USUAL_FACTOR)


def table_with(mode: TravelMode, measured: Sequence[Measured]) -> str:
    """Returns the table of estimates with the rows of this mode measured anew, and those of all others as they are.

    Raises `ValueError` where the measured rows cannot be: too few routes, longer ones that take less time, or speeds
    far from those of the table, which are another mode's.
    """
    if few := [f"{each.straight_km:g} km" for each in measured if not each.is_enough]:
        raise ValueError(f"too few routes can be believed of {', '.join(few)}")
    rows = [each.estimate() for each in measured]
    travel.check(rows)
    if other := [f"{each.straight_km:g} km" for each in rows if not _is_usual(mode, each)]:
        speeds = ", ".join(f"{each.speed_kmh:g}" for each in rows)
        raise ValueError(f"{speeds} km/h are not usual by {mode} for {', '.join(other)}")
    lines = travel.TABLE.read_text(encoding="utf-8").splitlines(keepends=True)
    head = [line for line in lines if line.startswith("#")]
    all_rows = {**travel.table(), mode: rows}
    written = [
        f"{each},{row.straight_km:g},{row.detour:g},{row.speed_kmh:g}\n"
        for each, of_mode in all_rows.items()
        for row in of_mode
    ]
    return "".join([*head, *written])
