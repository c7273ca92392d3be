"""Each process is given what it declares, and nobody else's secret."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from operations import services
from operations.orchestrator import Orchestrator
from operations.paths import Paths
from operations.process_environment import MACHINE, OURS
from testkit.private_platform import private_settings
from tests.architecture.sources import ROOT, SERVICES
from tests.declared_secrets import WHO_NEEDS
from tests.selection import mostly_slow


@pytest.fixture
def secrets(tmp_path: Path) -> dict[str, str]:
    """The settings of a platform, every secret with a value that is nobody else's."""
    found = private_settings(tmp_path, ROOT, KAFKA_SECURITY_PROTOCOL="SASL_PLAINTEXT")
    names = [name for name in found if "PASSWORD" in name or name.endswith(("_KEY", "_SECRET"))]
    return found | {name: f"secret-{name}" for name in names}


def environments(platform: Orchestrator) -> dict[str, dict[str, str]]:
    tasks = services.startup_tasks(platform.settings, migrations=4, topics=5)
    return {each.name: dict(each.environment) for each in chain[Any](platform.process_specs, tasks)}


def test_a_secret_reaches_those_who_need_it_and_nobody_else(
    secrets: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in secrets.items():  # as in the shell of somebody who exported all of them
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CLOUD_TOKEN", "secret-of somebody else")
    given = defaultdict(set)
    for part, environment in environments(Orchestrator(ROOT, secrets, tmp_path)).items():
        for value in environment.values():
            if value.startswith("secret-"):
                given[value.removeprefix("secret-")].add(part)
    assert given == WHO_NEEDS


def test_a_part_that_declares_nothing_gets_nothing(secrets: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "future_service").mkdir()
    (tmp_path / "future_service" / "service.py").touch()
    known = secrets | {"FUTURE_SERVICE_PORT": "9999", "FUTURE_SERVICE_DATABASE_PASSWORD": "secret"}
    parts = [part for part in services.process_specs(known, Paths(tmp_path, tmp_path), rank=6) if "future" in part.name]
    assert [part.name for part in parts] == ["future_service.web", "future_service.worker"]
    assert all(part.environment.keys() <= {*MACHINE, *OURS, "STATE_DIR"} for part in parts)


@pytest.mark.parametrize("service", mostly_slow(SERVICES, every=6))
def test_what_is_not_given_is_not_found_in_the_checkout_either(
    service: str, secrets: dict[str, str], tmp_path: Path
) -> None:
    """The services run in the checkout, where `.env` holds everything."""
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in secrets.items()))
    given = services.environment(service, secrets, process="web") | {"PYTHONPATH": str(ROOT)}
    del given["DIGEST_KEY"]
    reading = f"from shared.runtime.settings import read; from {service}.settings import Settings; read(Settings)"
    done = subprocess.run(
        [sys.executable, "-c", reading], cwd=tmp_path, env=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "DIGEST_KEY: Field required" in done.stderr
    assert "secret-" not in done.stderr, "a refusal names settings and shows none"


def test_a_person_in_the_checkout_needs_no_more_than_its_file(tmp_path: Path) -> None:
    known = private_settings(tmp_path, ROOT)
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in known.items()))
    reading = "from matching_service.settings import Settings; print(*Settings().model_dump())"
    given = {"PATH": "/usr/bin", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", reading], cwd=tmp_path, env=given, capture_output=True, text=True, check=True
    )
    assert "digest_key" in done.stdout
    assert "master_key" not in done.stdout
