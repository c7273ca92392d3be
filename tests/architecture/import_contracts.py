"""The contract types of `.importlinter`: import-linter's own, where `SERVICES` stands for every service.

Services are listed once there, as root packages; without this they would be listed again in each contract about them.
"""

from __future__ import annotations

from typing import Any

from importlinter import Contract
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.layers import LayersContract

WORD = "SERVICES"


class _OfServices(Contract):
    def __init__(self, name: str, session_options: dict[str, Any], contract_options: dict[str, Any]) -> None:
        services = [each for each in session_options["root_packages"] if each.endswith("_service")]
        options = {key: _with(services, value, key) for key, value in contract_options.items()}
        super().__init__(name, session_options, options)


def _with(services: list[str], value: str | list[str], option: str) -> str | list[str]:
    """The value of an option with all services for the word; as a layer they are siblings, and independent."""
    if option == "name" or WORD not in value:
        return value
    written = [" | ".join(services)] if option == "layers" else services
    lines = [value] if isinstance(value, str) else value
    return [each for line in lines for each in (written if line == WORD else [line])]


class Layers(_OfServices, LayersContract):
    """Layers of each service, or services as a layer."""


class Forbidden(_OfServices, ForbiddenContract):
    """Imports that services may not make, or nobody of them."""
