"""PgBouncer in transaction mode, between every service and PostgreSQL."""

from collections.abc import Mapping

from operations import probes
from operations.paths import Paths
from operations.process_environment import of_machine
from operations.process_specs import ExternalService, ProcessSpec


def process_spec(settings: Mapping[str, str], paths: Paths, *, rank: int) -> ProcessSpec:
    """The process that `pgbouncer/start.sh` becomes, here as in a container."""
    host, port = settings["DATABASE_HOST"], int(settings["DATABASE_PORT"])
    return ProcessSpec(
        name="pgbouncer",
        command=("sh", str(paths.script("pgbouncer"))),
        address=f"{host}:{port}",
        ready=lambda: probes.speaks_postgres(host, port),
        rank=rank,
        environment=of_machine() | _environment(settings) | {"STATE_DIR": str(paths.servers / "pgbouncer")},
        ports={"DATABASE_PORT": port},
        sources=(paths.script("pgbouncer"),),
        prepare=lambda: paths.make_server_folder("pgbouncer"),
        user=paths.user,
        folder=paths.servers,
        stop_seconds=5,
    )


def reads(name: str) -> bool:
    """Whether `pgbouncer/start.sh` reads this setting; without BIND it listens on 127.0.0.1."""
    known = ("DATABASE_PORT", "DATABASE_NAME", "POSTGRES_HOST", "POSTGRES_PORT", "POSTGRES_SSLMODE")
    return name in known or name.endswith("_DATABASE_PASSWORD")


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in settings.items() if reads(name)}


def external_service(settings: Mapping[str, str]) -> ExternalService:
    """A PgBouncer that exists already."""
    host, port = settings["DATABASE_HOST"], int(settings["DATABASE_PORT"])
    return ExternalService(
        name="pgbouncer",
        address=f"{host}:{port}",
        ready=lambda: probes.speaks_postgres(host, port),
        settings="DATABASE_HOST, DATABASE_PORT",
    )
