"""The machine accounts of the services that call others: which there are, with which scopes and secrets.

They follow from the settings of each service: a new one is on no list here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import SecretStr

from shared.runtime import registry
from shared.runtime.service_calls import CallingService
from shared.runtime.settings import EnvironmentSettings, Password
from shared.values.account_enums import Scope


def calling_services() -> dict[str, type[CallingService]]:
    """Returns the settings of every service that calls others, by its name."""
    found = {name: registry.settings_of(name) for name in registry.names()}
    return {name: each for name, each in found.items() if issubclass(each, CallingService)}


@dataclass(frozen=True)
class ServiceAccount:
    """The account that a service must have."""

    name: str
    scopes: frozenset[Scope]
    secret: SecretStr


class ServiceAccountSettings(EnvironmentSettings):
    """What makes the accounts of the services: the secrets that they get."""

    __annotations__ = {f"{name}_client_secret": Password for name in calling_services()}

    def accounts(self) -> Iterator[ServiceAccount]:
        """Every account that there must be."""
        for name, settings in calling_services().items():
            yield ServiceAccount(name, settings.scopes, getattr(self, f"{name}_client_secret"))
