"""Settings that point at a PostgreSQL, PgBouncer, Kafka and SMTP server that exist: `up` starts only the rest."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from operations.errors import OperationsError
from operations.orchestrator import Orchestrator
from testkit.api_client import ApiClient
from testkit.private_platform import ROOT, PrivatePlatform, private_platform, private_settings

ADDRESSES = ("DATABASE_", "POSTGRES_", "KAFKA_", "SMTP_", "MAIL_", "MASTER_KEY")

INFRASTRUCTURE = ("postgresql", "pgbouncer", "kafka", "mail")


@pytest.fixture(scope="module")
def platform() -> Iterator[PrivatePlatform]:
    """Infrastructure that runs, of a platform whose services would listen on every address."""
    with private_platform(BIND="0.0.0.0") as platform:
        platform.up(INFRASTRUCTURE)
        yield platform


def of_another(platform: Orchestrator, state: Path, **changes: str) -> Orchestrator:
    """A platform of its own that uses this one's infrastructure."""
    theirs = {name: value for name, value in platform.settings.items() if name.startswith(ADDRESSES)}
    ours = ("_DATABASE_PASSWORD", "_KAFKA_PASSWORD")
    passwords = {name: value for name, value in platform.settings.items() if name.endswith(ours)}
    settings = private_settings(state) | theirs | passwords | {"LOCAL_PARTS": ""} | changes
    return Orchestrator(ROOT, settings, state)


def test_services_start_on_parts_that_exist_already(platform: Orchestrator) -> None:
    state = Path(tempfile.mkdtemp(prefix="platform-"))
    other = of_another(platform, state, AUTH="none")  # without the user service nobody could sign in
    try:
        other.up(["migrations", "topics", "therapist_service"])
        assert {part.name.partition(".")[0] for part in other.process_specs if part.name in _running(other)} == {
            "therapist_service"
        }
        made = ApiClient(other.settings).post("therapist", "/api/therapists", {"last_name": "Erfunden"})
        assert made["status"] == "active"
        other.down()
        assert platform.process("postgresql").is_ready()
        assert platform.process("kafka").is_ready()
    finally:
        other.down()
        other.remove()
        shutil.rmtree(state, ignore_errors=True)


@pytest.mark.parametrize(
    ("part", "setting", "named"),
    [
        ("kafka", {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}, "KAFKA_BOOTSTRAP_SERVERS"),
        ("pgbouncer", {"DATABASE_PORT": "1"}, "DATABASE_PORT"),
        ("mail", {"SMTP_PORT": "1"}, "SMTP_PORT"),
    ],
)
def test_an_existing_part_that_does_not_answer_is_named_with_its_settings(
    platform: Orchestrator, tmp_path: Path, part: str, setting: dict[str, str], named: str
) -> None:
    other = of_another(platform, tmp_path, **setting)
    with pytest.raises(OperationsError, match=named):
        other._check_external_services({part}, seconds=0)


def _running(platform: Orchestrator) -> set[str]:
    return {record.name for record in platform.records.all()}


def test_infrastructure_is_on_this_machine_only_wherever_the_services_are(platform: PrivatePlatform) -> None:
    """It has no TLS, and the mail catcher has everybody's e-mails; 127.0.0.2 stands for others of the machine."""
    for name in INFRASTRUCTURE:
        for port in platform.process(name).spec.ports.values():
            socket.create_connection(("127.0.0.1", port), timeout=2).close()
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.2", port), timeout=2)
