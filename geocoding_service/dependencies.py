"""What this service's endpoints and jobs need beside the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import BoundedSemaphore
from typing import Final

from geocoding_service.clients.nominatim import Nominatim
from geocoding_service.clients.router_protocols import routers_of
from geocoding_service.clients.routers import Router
from geocoding_service.settings import NominatimSettings, OsrmSettings, RouterSettings, Settings
from shared.values.enums import TravelMode

THREADS_FOR_ONE_THAT_WAITS: Final = 4
"""Of four threads that answer requests one may wait for a server outside. Chosen, not measured."""


@dataclass(frozen=True)
class Dependencies:
    """Made once for each process."""

    rules: NominatimSettings
    geocoder: Nominatim | None
    """None where no server is configured."""
    route_rules: RouterSettings = field(default_factory=OsrmSettings)
    routers: Mapping[TravelMode, Router] = field(default_factory=dict)
    """The router of each mode that has one, whichever protocol it speaks."""
    waiting: BoundedSemaphore = field(default_factory=BoundedSemaphore)
    """How many threads of this process may wait for a server outside at once."""

    @classmethod
    def of(cls, settings: Settings) -> Dependencies:
        """With the geocoder and the routers that the settings name."""
        rules = settings.nominatim
        route_rules, routers = routers_of(settings)
        waiting = BoundedSemaphore(max(1, settings.web_threads // THREADS_FOR_ONE_THAT_WAITS))
        return cls(rules, Nominatim(rules) if rules.url else None, route_rules, routers, waiting)
