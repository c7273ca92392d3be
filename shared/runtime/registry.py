"""The services of this checkout: every folder that contains a `service.py`, where it is declared.

Nobody lists services by hand: command line, tools and tests ask here. `shared` knows none of them by name, and this
module needs nothing but Python; a service's own code is loaded only by a caller that asks for it.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import click

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


def commands_of(name: str) -> click.Group | None:
    """The commands that a service adds to those of every service, in its `cli.py`; None where it has none."""
    if find_spec(f"{name}.cli") is None:
        return None
    found: click.Group = import_module(f"{name}.cli").commands
    return found


def handled_topics(name: str) -> list[str]:
    """The topics of the events that a service handles, from its `listeners.py`: without its routes, which load much."""
    if find_spec(f"{name}.listeners") is None:
        return []
    found: list[str] = import_module(f"{name}.listeners").listeners.topics()
    return found


def load(name: str) -> Service[Any, Any]:
    """The service itself, with everything that it declares."""
    found: Service[Any, Any] = import_module(f"{name}.service").SERVICE
    return found
