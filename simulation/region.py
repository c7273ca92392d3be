"""The invented region: who practises there, who waits already, and who arrives week by week.

The same size and seed give the same people under every policy; a draw about somebody depends on nothing but them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from random import Random
from typing import Any, Final

from shared.values.places import Place
from shared.values.postal_codes import areas
from testkit.synthetic_region import therapists

FIRST_MONDAY: Final = date(2025, 1, 6)
"""The first day that is played. It lies in the past, so that no day of a simulation is in the future."""
LONGEST_WAIT_BEFORE: Final = 400
"""Nobody has searched for more days when the first week begins."""
DAYS_WAITED_BEFORE: Final = 100
"""So many days those have searched on average who wait when the first week begins."""
FIELDS_OF_IMPORTS: Final = frozenset({"external_id"})
"""What a record of the scraper has and a therapist entered by staff has not."""


@dataclass(frozen=True)
class Size:
    """How much is played."""

    seed: int = 1
    weeks: int = 52
    therapists: int = 150
    waiting: int = 15
    """Patients who search when the first week begins."""
    arrivals_a_week: float = 1
    """Patients whose search begins in a week, on average."""
    calls_a_week: int = 30
    """Calls that callers have the time to make, whether somebody is reached or not."""


@dataclass(frozen=True)
class Newcomer:
    """A patient whose search begins."""

    number: int
    begins_on: date
    fields: dict[str, Any]
    """As staff enter them."""


def chance_of(seed: int, *about: object) -> Random:
    """Random numbers for one question about somebody, which are the same whatever was asked before."""
    return Random(" ".join(map(str, (seed, *about))))


def practices(size: Size) -> list[dict[str, Any]]:
    """The therapists as staff would enter them, around Aachen and Köln."""
    records = therapists(size.therapists, seed=size.seed, region="rhineland")
    return [{name: value for name, value in each.items() if name not in FIELDS_OF_IMPORTS} for each in records]


def newcomers(size: Size) -> list[Newcomer]:
    """Everybody whose search begins before or in the weeks that are played, in the order of its first day."""
    found = sorted(_first_days(size))
    return [Newcomer(number, day, _fields(size.seed, number)) for number, day in enumerate(found, start=1)]


def _first_days(size: Size) -> Iterator[date]:
    chance = chance_of(size.seed, "first days")
    for _ in range(size.waiting):
        waited = min(LONGEST_WAIT_BEFORE, 1 + int(chance.expovariate(1 / DAYS_WAITED_BEFORE)))
        yield FIRST_MONDAY - timedelta(days=waited)
    # arrivals are independent of each other: the times between them are exponential
    day = chance.expovariate(size.arrivals_a_week / 7) if size.arrivals_a_week else float("inf")
    while day < 7 * size.weeks:
        yield FIRST_MONDAY + timedelta(days=int(day))
        day += chance.expovariate(size.arrivals_a_week / 7)


def _fields(seed: int, number: int) -> dict[str, Any]:
    chance = chance_of(seed, "patient", number)
    is_child = chance.random() < 0.15
    born = date(2013 if is_child else chance.randint(1955, 2003), chance.randint(1, 12), chance.randint(1, 28))
    return {
        "first_name": "Erika",
        "last_name": "Erfunden",
        "date_of_birth": born.isoformat(),
        "gender": chance.choice(["female", "female", "male"]),
        "street": "Musterweg",
        "house_number": str(number),
        "postal_code": chance.choice(_postal_codes()),
        "insurance_type": "statutory" if chance.random() < 0.9 else "private",
        "diagnoses": [chance.choice(["F32.1G", "F41.1G", "F43.2G", "F33.1G"])],
        "contracts_signed": True,
        "contact_persons": [_GUARDIAN] if is_child else [],
        "max_distance_km": chance.choice([5, 10, 15, 15, 25, 25, 40]),
        "open_to_group_therapy": chance.random() < 0.3,
        "preferred_therapist_gender": chance.choice(["any", "any", "any", "female", "male"]),
        "preferred_procedures": chance.choice([[], [], ["VT"], ["TP", "AP"]]),
        "languages": ["de"] if chance.random() < 0.95 else ["tr"],
    }


_GUARDIAN = {"name": "Erich Erfunden", "relation": "guardian"}


@cache
def _postal_codes() -> list[str]:
    """The postal codes within reach of the practices, in order."""
    return [code for code, place in sorted(areas().items()) if _is_near(place)]


def _is_near(place: Place) -> bool:
    return 50.6 < place.latitude < 51.1 and 6.0 < place.longitude < 7.2
