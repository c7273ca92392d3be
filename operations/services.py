"""The services: a web process and a worker process each."""

import sys
from collections.abc import Mapping
from typing import Any

from migrations.settings import MigrationSettings
from operations import probes, process_environment
from operations.declared_settings import SIGN_IN_SERVICE
from operations.env_file import service_ports
from operations.paths import Paths
from operations.process_specs import ProcessSpec, StartupTask
from operations.settings import AdministratorSettings
from shared.runtime import registry
from shared.runtime.hosts import own_url
from shared.runtime.kafka_accounts import KafkaAccountSettings
from shared.runtime.settings import KafkaAdministratorSettings
from shared.runtime.worker_port import WORKER_PORT_DISTANCE

KAFKA_ACCOUNTS = "kafka.accounts"
"""The task that makes the services' accounts at Kafka; it is run wherever `kafka` is started."""
WORKER_NICENESS = 10
"""The niceness of all workers: a person waits for a response. Among each other they are equal, so that an import takes
no processor from those who copy its events (docs/decisions/0016)."""


def process_specs(settings: Mapping[str, str], paths: Paths, *, rank: int) -> list[ProcessSpec]:
    """Web and worker of every service that is declared in this checkout and whose port is set."""
    found, declared = [], registry.names(paths.root)
    for name, port in service_ports(settings).items():
        service = name.removesuffix("_PORT").lower()
        if service in declared:
            found.append(_process(service, "web", name, port, settings, paths, rank))
            found.append(_process(service, "worker", name, port + WORKER_PORT_DISTANCE, settings, paths, rank))
    return found


def _process(
    service: str, role: str, setting: str, port: int, settings: Mapping[str, str], paths: Paths, rank: int
) -> ProcessSpec:
    address = own_url(settings["BIND"], port)
    own_folder = paths.state / f"{service}.{role}"
    return ProcessSpec(
        name=f"{service}.{role}",
        command=(sys.executable, "-m", service, role),
        address=address,
        ready=lambda: probes.answers_http(f"{address}/health/ready"),
        rank=rank,
        bind=settings["BIND"],
        environment=environment(service, settings, process=role) | {"STATE_DIR": str(own_folder)},
        ports={setting if role == "web" else f"{setting} + {WORKER_PORT_DISTANCE}": port},
        sources=(paths.root / service, paths.root / "shared"),
        prepare=lambda: own_folder.mkdir(exist_ok=True, mode=0o700),
        start_seconds=120,
        stop_seconds=20,
        niceness=WORKER_NICENESS if role == "worker" else 0,
    )


def environment(service: str, settings: Mapping[str, str], *, process: str | None = None) -> dict[str, str]:
    """What a service's `web` or `worker` is given, or a command of it at the terminal: what its `settings.py` names."""
    return process_environment.of_python_process(_declared_by(service), settings, process=process)


def _declared_by(service: str) -> type[Any] | None:
    try:
        return registry.settings_of(service)
    except ModuleNotFoundError as missing:
        if missing.name in (service, f"{service}.settings"):
            return None
        raise


def startup_tasks(settings: Mapping[str, str], *, migrations: int, topics: int) -> list[StartupTask]:
    """What has to be done once between the starts: tables, topics, accounts at Kafka, the first administrator."""
    tables = _task("migrations", "migrations", "up", MigrationSettings, settings, rank=migrations)
    of_kafka = [
        _task("topics", "shared.events.topics", "create", KafkaAdministratorSettings, settings, rank=topics),
        _task(KAFKA_ACCOUNTS, "shared.runtime.kafka_accounts", "prepare", KafkaAccountSettings, settings, rank=topics),
    ]
    sign_in = [_administrator(settings, rank=topics)] if SIGN_IN_SERVICE in registry.names() else []
    return [tables, *of_kafka[: 2 if has_kafka_accounts(settings) else 1], *sign_in]


def has_kafka_accounts(settings: Mapping[str, str]) -> bool:
    """Whether each service has an account of its own at Kafka."""
    return settings["KAFKA_SECURITY_PROTOCOL"].startswith("SASL") and not settings["KAFKA_SASL_USERNAME"]


def _task(
    name: str, module: str, command: str, declared: type[Any], settings: Mapping[str, str], *, rank: int
) -> StartupTask:
    environment = process_environment.of_python_process(declared, settings)
    return StartupTask(name, (sys.executable, "-m", module, command), rank=rank, environment=environment)


def _administrator(settings: Mapping[str, str], *, rank: int) -> StartupTask:
    """Makes the first administrator, once, and the accounts of the services that call others; all passwords are in the
    environment, which nobody else can read.
    """
    own = process_environment.of_python_process(AdministratorSettings, settings)

    def announce(output: str) -> str | None:
        if "made the administrator" not in output:
            return None
        return f"first administrator: {settings['ADMIN_EMAIL']}, with ADMIN_PASSWORD of .env"

    return StartupTask(
        "administrator",
        (sys.executable, "-m", SIGN_IN_SERVICE, "prepare-accounts"),
        rank=rank,
        environment=environment(SIGN_IN_SERVICE, settings, process="administrator") | own,
        announce=announce,
    )
