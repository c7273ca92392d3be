"""PostgreSQL with PostGIS: a cluster of this platform alone, never that of the machine."""

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from operations import probes
from operations.errors import OperationsError
from operations.paths import Paths
from operations.process_environment import of_machine
from operations.process_specs import LOOPBACK, ExternalService, ProcessSpec
from operations.processes import as_user

_INSTALLED = Path("/usr/lib/postgresql")
_SHARED = Path("/usr/share/postgresql")
_MISSING = "PostgreSQL 15 or newer with PostGIS is not installed; run `make setup`"


def process_spec(settings: Mapping[str, str], paths: Paths, *, rank: int, durable: bool) -> ProcessSpec:
    """The server process; with `durable=False` it is faster and may lose data in a power cut, for tests."""
    data = paths.servers / "postgresql"
    return ProcessSpec(
        name="postgresql",
        command=_command(settings, data, durable=durable),
        address=f"{settings['POSTGRES_HOST']}:{settings['POSTGRES_PORT']}",
        ready=lambda: probes.accepts_login(settings),
        rank=rank,
        environment=of_machine(),
        ports={"POSTGRES_PORT": int(settings["POSTGRES_PORT"])},
        prepare=lambda: _make_cluster(data, settings, paths),
        user=paths.user,
        folder=paths.servers,
        stop_signal=signal.SIGINT,  # "fast": SIGTERM would wait until every client has gone.
        stop_seconds=60,
    )


NO_VALUES_IN_THE_LOG = {
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "track_activity_query_size": "100",
}
"""Statements contain their values, among them what practices say about patients: no statement (`panic`), no row
(DETAIL, left out by `terse`) and no long piece of a crashed process's statement in the log of the server."""


def external_service(settings: Mapping[str, str]) -> ExternalService:
    """A PostgreSQL that exists already."""
    host, port = settings["POSTGRES_HOST"], int(settings["POSTGRES_PORT"])
    return ExternalService(
        name="postgresql",
        address=f"{host}:{port}",
        ready=lambda: probes.speaks_postgres(host, port),
        settings="POSTGRES_HOST, POSTGRES_PORT",
    )


def _command(settings: Mapping[str, str], data: Path, *, durable: bool) -> tuple[str, ...]:
    options = {
        "listen_addresses": LOOPBACK,
        "port": settings["POSTGRES_PORT"],
        "unix_socket_directories": "",
        "max_connections": "100",
        "shared_buffers": "128MB",
        "password_encryption": "scram-sha-256",
        "timezone": "UTC",
        "log_timezone": "UTC",
        **NO_VALUES_IN_THE_LOG,
        "fsync": "on" if durable else "off",
        "full_page_writes": "on" if durable else "off",
    }
    given = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    return (str(_programs(data) / "postgres"), "-D", str(data), *given)


def _programs(data: Path) -> Path:
    """The folder of PostgreSQL's programs: those the data was made with, else the newest that have PostGIS."""
    marker = data / "PG_VERSION"
    installed = {
        int(folder.name): folder / "bin" for folder in _INSTALLED.glob("[0-9]*") if (folder / "bin/postgres").exists()
    }
    if _exists(marker):
        version = int(marker.read_text())
        if version not in installed:
            raise OperationsError(
                f"the data in {data} was made by PostgreSQL {version}, which is not installed any more"
            )
        return installed[version]
    usable = [version for version in installed if version >= 15 and _has_postgis(version)]
    if not usable:
        raise OperationsError(_MISSING)
    return installed[max(usable)]


def _exists(file: Path) -> bool:
    try:
        return file.exists()
    except PermissionError:
        return False


def _has_postgis(version: int) -> bool:
    return (_SHARED / str(version) / "extension/postgis.control").exists()


def _make_cluster(data: Path, settings: Mapping[str, str], paths: Paths) -> None:
    """Make the data folder where there is none; it appears by a rename, so that half of one is never used."""
    if _exists(data / "PG_VERSION"):
        return
    unfinished = paths.servers / "postgresql.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    paths.make_server_folder(unfinished.name)
    with tempfile.NamedTemporaryFile("w", dir="/tmp") as password:
        password.write(settings["POSTGRES_ADMIN_PASSWORD"])
        password.flush()
        paths.give(Path(password.name))
        _initdb(unfinished, Path(password.name), settings, paths)
    unfinished.rename(data)


def _initdb(data: Path, password: Path, settings: Mapping[str, str], paths: Paths) -> None:
    # C.UTF-8 is everywhere and never changes with the C library; sorting for people asks for COLLATE "de-x-icu".
    options = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"]
    command = [
        str(_programs(data) / "initdb"),
        "-D",
        str(data),
        "-U",
        settings["POSTGRES_ADMIN_USER"],
        f"--pwfile={password}",
        *options,
    ]
    made = subprocess.run(
        command,
        cwd=paths.servers,
        env=of_machine(),
        check=False,
        capture_output=True,
        text=True,
        **as_user(paths.user),
    )
    if made.returncode:
        raise OperationsError(f"postgresql: initdb could not make {data}:\n{made.stdout}{made.stderr}")
