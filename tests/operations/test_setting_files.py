"""A setting is said once: everything that repeats it is written from its model, and complete."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from operations import env_file, services, setting_files
from operations.declared_settings import DeclaredSettings
from operations.orchestrator import Orchestrator
from operations.settings import ContainerSettings, StartSettings
from shared.runtime.settings import fields
from testkit.private_platform import private_settings
from tests.architecture.sources import ROOT

DECLARED = DeclaredSettings(ROOT)
SETTINGS = DECLARED.settings()
RENDERED = setting_files.render(ROOT)


@pytest.mark.parametrize("name", RENDERED)
def test_files_written_from_the_settings_are_not_stale(name: str) -> None:
    """Who has changed a setting, or one of these files by hand, is told what to do."""
    assert (ROOT / name).read_text() == RENDERED[name], "`make env-example` writes it"


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_says_what_it_means_and_in_which_unit(name: str) -> None:
    """A number without a unit is guessed at."""
    found = SETTINGS[name]
    assert found.meaning.endswith("."), "a docstring below the field, in full sentences"
    is_number = re.fullmatch(r"\d+(\.\d+)?", found.default) is not None
    assert bool(found.unit) == (is_number and not found.name.endswith("_PORT")), "Annotated[…, Unit(…)]"


def test_a_default_stands_in_one_place() -> None:
    """Each name is declared once; a service only gives its own names to port and password."""
    rows = re.findall(r"^\| `(\w+)`", (ROOT / "docs/settings.md").read_text(), re.MULTILINE)
    lines = [name for name, _ in env_file.parse((ROOT / ".env.example").read_text())]
    assert rows == lines == list(SETTINGS)
    assert len(set(rows)) == len(rows)


def test_the_defaults_work() -> None:
    StartSettings(_env_file=None)
    ContainerSettings(_env_file=None)
    assert {*fields(StartSettings), *fields(ContainerSettings)} <= SETTINGS.keys()


def test_who_reads_a_setting_is_who_is_given_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page is a promise: nobody else learns what is a secret (docs/faults.md, 23)."""
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    chosen = private_settings(tmp_path, ROOT, KAFKA_SECURITY_PROTOCOL="SASL_PLAINTEXT")
    platform = Orchestrator(ROOT, chosen, tmp_path)
    tasks = services.startup_tasks(platform.settings, migrations=4, topics=5)
    given = {part.name: part.environment.keys() & SETTINGS.keys() for part in chain[Any](platform.process_specs, tasks)}
    published = {part: {name for name, setting in SETTINGS.items() if part in setting.readers} for part in given}
    assert given == published
    tools = {"make up", "docker compose"}
    assert {reader for setting in SETTINGS.values() for reader in setting.readers} - tools <= given.keys()


def test_a_setting_beside_its_default_is_refreshed_wherever_it_stands() -> None:
    """Also in what is written by hand: ports of containers, start scripts, base images."""
    stale = "${DATABASE_PORT:-1} ${UNKNOWN:-2}\nARG KAFKA_IMAGE=old\nARG OTHER=3\n"
    fresh = setting_files.with_defaults(stale, SETTINGS)
    assert fresh == "${DATABASE_PORT:-6432} ${UNKNOWN:-2}\nARG KAFKA_IMAGE=apache/kafka:4.3.1\nARG OTHER=3\n"
