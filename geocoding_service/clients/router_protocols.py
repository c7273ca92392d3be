"""The protocols that routers may speak, by the word of the setting `ROUTER`: one more is one more entry here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from geocoding_service.clients.osrm import Osrm
from geocoding_service.clients.routers import Router
from geocoding_service.clients.valhalla import Valhalla
from geocoding_service.settings import RouterSettings, Settings
from shared.values.enums import TravelMode
from shared.values.geocoding_enums import RouterProtocol


class RouterAdapter(NamedTuple):
    """How the routers of one protocol are set up."""

    settings: Callable[[Settings], RouterSettings]
    """What is set for them."""
    router: Callable[[Any, TravelMode], Router]
    """Makes the one of a mode from these settings."""


ADAPTERS: Final[Mapping[RouterProtocol, RouterAdapter]] = MappingProxyType(
    {
        RouterProtocol.OSRM: RouterAdapter(lambda settings: settings.osrm, Osrm),
        RouterProtocol.VALHALLA: RouterAdapter(lambda settings: settings.valhalla, Valhalla),
    }
)


def routers_of(settings: Settings) -> tuple[RouterSettings, Mapping[TravelMode, Router]]:
    """Returns what is set for routers, and the router of each mode that has one."""
    adapter = ADAPTERS[settings.router]
    rules = adapter.settings(settings)
    return rules, {mode: adapter.router(rules, mode) for mode in TravelMode if rules.url_of(mode)}
