"""The services of this checkout: every folder that contains a `service.py`, where it is declared.

Nobody lists services by hand: command line, tools and tests ask here. `shared` knows none of them by name, and this
module needs nothing but Python; a service's own code is loaded only by a caller that asks for it.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shared.runtime.service import Service
    from shared.runtime.settings import ServiceSettings

ROOT = Path(__file__).parents[2]


def names(root: Path = ROOT) -> list[str]:
    """The names of all services, in alphabetical order."""
    return sorted(file.parent.name for file in root.glob("*_service/service.py"))


def settings_of(name: str) -> type[ServiceSettings]:
    """The settings class of a service, by the place that it has in all of them: its file loads little."""
    found: type[ServiceSettings] = import_module(f"{name}.settings").Settings
    return found


def load(name: str) -> Service[Any, Any]:
    """The service itself, with everything that it declares."""
    found: Service[Any, Any] = import_module(f"{name}.service").SERVICE
    return found
