"""The services: a web process and a worker process each."""

import sys
from collections.abc import Mapping
from typing import Any

from migrations.settings import MigrationSettings
from operations import probes, surroundings
from operations.env_file import WORKER_PORT_DISTANCE, service_ports
from operations.parts import Part, Step
from operations.places import Places
from shared.runtime import registry
from shared.runtime.settings import KafkaSettings

BRINGS_NEWS = "therapist_service"
"""The service whose worker imports: what it has to tell, all others wait for."""
FOLLOWING = 10
"""The niceness of workers that follow what others tell: their copies may come a moment later, an answer may not."""


def parts(settings: Mapping[str, str], places: Places, *, rank: int) -> list[Part]:
    """Web and worker of every service that is declared in this checkout and whose port is set."""
    found, declared = [], registry.names(places.root)
    for name, port in service_ports(settings).items():
        service = name.removesuffix("_PORT").lower()
        if service in declared:
            found.append(_process(service, "web", name, port, settings, places, rank))
            found.append(_process(service, "worker", name, port + WORKER_PORT_DISTANCE, settings, places, rank))
    return found


def _process(
    service: str, role: str, setting: str, port: int, settings: Mapping[str, str], places: Places, rank: int
) -> Part:
    host = "127.0.0.1" if settings["BIND"] == "0.0.0.0" else settings["BIND"]
    own_folder = places.state / f"{service}.{role}"
    return Part(
        name=f"{service}.{role}",
        command=(sys.executable, "-m", service, role),
        address=f"http://{host}:{port}",
        ready=lambda: probes.answers_http(f"http://{host}:{port}/health/ready"),
        rank=rank,
        environment=environment(service, settings, process=role) | {"STATE_DIR": str(own_folder)},
        ports={setting if role == "web" else f"{setting} + {WORKER_PORT_DISTANCE}": port},
        prepare=lambda: own_folder.mkdir(exist_ok=True, mode=0o700),
        start_seconds=120,
        stop_seconds=20,
        niceness=FOLLOWING if role == "worker" and service != BRINGS_NEWS else 0,
    )


def environment(service: str, settings: Mapping[str, str], *, process: str | None = None) -> dict[str, str]:
    """What a service's `web` or `worker` is given, or a command of it at the terminal: what its `settings.py` names."""
    return surroundings.of_ours(_declared_by(service), settings, process=process)


def _declared_by(service: str) -> type[Any] | None:
    try:
        return registry.settings_of(service)
    except ModuleNotFoundError as missing:
        if missing.name in (service, f"{service}.settings"):
            return None
        raise


def steps(settings: Mapping[str, str], *, migrations: int, topics: int) -> list[Step]:
    """What has to be done once between the starts: the tables, and the topics of the events."""
    python = sys.executable
    tables, kafka = (surroundings.of_ours(declared, settings) for declared in (MigrationSettings, KafkaSettings))
    return [
        Step("migrations", (python, "-m", "migrations", "up"), rank=migrations, environment=tables),
        Step("topics", (python, "-m", "shared.events.topics", "create"), rank=topics, environment=kafka),
    ]
