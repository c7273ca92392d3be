"""Settings that point at a PostgreSQL, PgBouncer, Kafka and SMTP server that exist: `up` starts only the rest."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest

from operations.env_file import private
from operations.errors import Failure
from operations.orchestrator import Platform
from testkit.api_client import Agency
from tests.operations.conftest import ROOT

ADDRESSES = ("DATABASE_", "POSTGRES_", "KAFKA_", "SMTP_", "MAIL_", "MASTER_KEY")


def of_another(platform: Platform, state: Path, **changes: str) -> Platform:
    """A platform of its own that uses this one's infrastructure."""
    theirs = {name: value for name, value in platform.settings.items() if name.startswith(ADDRESSES)}
    passwords = {name: value for name, value in platform.settings.items() if name.endswith("_DATABASE_PASSWORD")}
    settings = private(state, ROOT) | theirs | passwords | {"LOCAL_PARTS": ""} | changes
    return Platform(ROOT, settings, state)


def test_services_start_on_parts_that_exist_already(platform: Platform) -> None:
    platform.up(["postgresql", "pgbouncer", "kafka", "mail"])
    state = Path(tempfile.mkdtemp(prefix="platform-"))
    other = of_another(platform, state)
    try:
        other.up(["migrations", "topics", "therapist_service"])
        assert {part.name.partition(".")[0] for part in other.parts if part.name in _running(other)} == {
            "therapist_service"
        }
        made = Agency(other.settings).post("therapist", "/api/therapists", {"last_name": "Erfunden"})
        assert made["status"] == "active"
        other.down()
        assert platform.part("postgresql").is_ready()
        assert platform.part("kafka").is_ready()
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
    platform: Platform, tmp_path: Path, part: str, setting: dict[str, str], named: str
) -> None:
    other = of_another(platform, tmp_path, **setting)
    with pytest.raises(Failure, match=named):
        other._check_elsewhere({part}, seconds=0)


def _running(platform: Platform) -> set[str]:
    return {record.name for record in platform.records.all()}
