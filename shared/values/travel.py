"""Estimates of distance and travel time from the straight line, while there is no router.

matching's SQL uses the same two tables of constants (docs/domain.md#distance), so that all services give the same
estimate.
"""

from collections.abc import Mapping
from types import MappingProxyType

from shared.values.enums import TravelMode

DETOUR_FACTORS: Mapping[TravelMode, float] = MappingProxyType(
    {
        TravelMode.CAR: 1.32,
        TravelMode.TRANSIT: 1.5,
        TravelMode.BICYCLE: 1.3,
        TravelMode.FOOT: 1.3,
    }
)
"""Length of the way over length of the straight line.

- car: roads in Germany. R. H. Ballou, H. Rahardja, N. Sakai, "Selected country circuity factors for road travel
  distance estimation", Transportation Research Part A 36 (2002) 843-848, table 1.
- bicycle, foot: the beeline distance factor of MATSim. A. Horni, K. Nagel, K. W. Axhausen (eds.), "The Multi-Agent
  Transport Simulation MATSim", London 2016.
- transit: lines run less directly than roads (J. Huang, D. Levinson, "Circuity in urban transit networks", Journal of
  Transport Geography 48 (2015) 145-153, for cities of the USA). No figure for Germany is published that we know of;
  1.5 is what the Munich transport model MITO (TU München) gives MATSim.
"""

SPEEDS_KMH: Mapping[TravelMode, float] = MappingProxyType(
    {
        TravelMode.CAR: 33.0,
        TravelMode.TRANSIT: 15.7,
        TravelMode.BICYCLE: 11.5,
        TravelMode.FOOT: 4.3,
    }
)
"""Kilometres of the way in an hour from door to door, so walks to the stop, waiting and parking are in it.

- car: mean of all car trips in Germany, "Mobilität in Deutschland 2002" (Ergebnistelegramm). They are about 15 km
  long: a way of 50 km and more, over motorways, is estimated too slow.
- transit, bicycle: means of Berlin, "Mobilität in Städten - SrV 2013" (TU Dresden). Regional trains are faster: a long
  way by transit is estimated too slow rather than too fast.
- foot: 1.2 m/s, the walking speed that German traffic lights are timed for (FGSV, RiLSA 2015).
"""


def detour_km(straight_km: float, mode: TravelMode) -> float:
    """Returns the estimated length of the way in kilometres for a straight line of so many kilometres."""
    return straight_km * DETOUR_FACTORS[mode]


def minutes(straight_km: float, mode: TravelMode) -> float:
    """Returns the estimated minutes from door to door for a straight line of so many kilometres, not rounded."""
    return detour_km(straight_km, mode) / SPEEDS_KMH[mode] * 60


def straight_km_within(travel_minutes: float, mode: TravelMode) -> float:
    """Returns the longest straight line in kilometres for a travel time in minutes: the inverse of `minutes`."""
    return travel_minutes / 60 * SPEEDS_KMH[mode] / DETOUR_FACTORS[mode]
