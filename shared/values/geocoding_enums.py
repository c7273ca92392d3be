"""The vocabularies of distances and holidays."""

from __future__ import annotations

from enum import StrEnum


class NotRouted(StrEnum):
    """Why no router is asked for routes."""

    NOT_WANTED = "not_wanted"
    """It was not asked for."""
    NO_ROUTER = "no_router"
    """None is set up for this mode."""
    COORDINATES = "coordinates"
    """Coordinates may be where a patient lives, and a setting lets none leave the platform."""


class PartOfState(StrEnum):
    """Where in a federal state a day is a public holiday that is none in all of it."""

    CATHOLIC = "catholic"
    """In municipalities with many Catholics, which the state names."""
    AUGSBURG = "augsburg"


class RouterProtocol(StrEnum):
    """How the routers are asked that know routes by road."""

    OSRM = "osrm"
    """OSRM's HTTP API, version 1."""
    VALHALLA = "valhalla"
    """The HTTP API of Valhalla."""
