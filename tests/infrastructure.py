"""Starts the PostgreSQL that tests use, as the platform's own `make up` would, in a folder of its own."""

from __future__ import annotations

import base64
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

SERVICES = ("patient", "therapist", "matching", "communication", "geocoding")
ROOT = Path(__file__).parent.parent


@dataclass
class Infrastructure:
    """A running database server and the settings that lead to it."""

    settings: dict[str, str]

    def kafka(self) -> str:
        """Where a broker with all topics answers."""
        return os.environ["TEST_KAFKA"]

    def migrate(self) -> None:
        """Bring every schema to its newest revision."""
        subprocess.run(
            [sys.executable, "-m", "migrations", "up"], cwd=ROOT, env={**os.environ, **self.settings}, check=True
        )

    @classmethod
    @contextmanager
    def started(cls, _: pytest.TempPathFactory) -> Iterator[Infrastructure]:
        folder = Path(tempfile.mkdtemp(prefix="platform-tests-"))
        port = _free_port()
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        bin_folder = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        as_postgres = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        data = folder / "data"
        (folder / "password").write_text("admin")
        os.chmod(folder / "password", 0o644)
        subprocess.run(
            [*as_postgres, bin_folder / "initdb", "-D", data, "-U", "postgres", "--auth=scram-sha-256",
             f"--pwfile={folder / 'password'}", "--no-sync"],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        options = f"-p {port} -c unix_socket_directories={folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        subprocess.run(
            [*as_postgres, bin_folder / "pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w", "start"],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield cls(_settings(port))
        finally:
            subprocess.run(
                [*as_postgres, bin_folder / "pg_ctl", "-D", data, "-m", "immediate", "stop"],
                check=False, stdout=subprocess.DEVNULL,
            )  # fmt: skip
            shutil.rmtree(folder, ignore_errors=True)


def _settings(port: int) -> dict[str, str]:
    settings = {
        "DATABASE_HOST": "127.0.0.1",
        "DATABASE_PORT": str(port),
        "DATABASE_NAME": "psychotherapy",
        "POSTGRES_HOST": "127.0.0.1",
        "POSTGRES_PORT": str(port),
        "POSTGRES_ADMIN_USER": "postgres",
        "POSTGRES_ADMIN_PASSWORD": "admin",
        "DATABASE_OWNER_PASSWORD": "owner",
        "MASTER_KEY": base64.b64encode(bytes(range(32))).decode(),
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    }
    return settings | {f"{service.upper()}_SERVICE_DATABASE_PASSWORD": "service" for service in SERVICES}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
