"""When a running process counts as one with older settings or code."""

from dataclasses import replace
from pathlib import Path

import pytest

from operations import services
from operations.env_file import declared
from operations.fingerprints import fingerprint
from operations.paths import Paths
from operations.process_specs import ProcessSpec
from testkit.private_platform import ROOT


@pytest.fixture
def spec(tmp_path: Path) -> ProcessSpec:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "module.py").write_text("ANSWER = 41")
    environment = {"PATH": "/usr/bin", "CONTACT_CALL_MINUTES": "10"}
    return ProcessSpec("one", ("one",), "", lambda: None, 0, environment, sources=(tmp_path / "package",))


def test_changed_code_changes_it(spec: ProcessSpec, tmp_path: Path) -> None:
    before = fingerprint(spec)
    assert fingerprint(spec) == before
    (tmp_path / "package" / "module.py").write_text("ANSWER = 42")
    assert fingerprint(spec) != before


def test_what_the_interpreter_writes_beside_the_code_does_not(spec: ProcessSpec, tmp_path: Path) -> None:
    before = fingerprint(spec)
    (tmp_path / "package" / "__pycache__").mkdir()
    (tmp_path / "package" / "__pycache__" / "module.pyc").write_bytes(b"compiled")
    assert fingerprint(spec) == before


@pytest.mark.parametrize(
    ("name", "value", "counts"), [("CONTACT_CALL_MINUTES", "15", True), ("PATH", "/opt/bin:/usr/bin", False)]
)
def test_a_setting_counts_and_a_variable_of_the_terminal_does_not(
    spec: ProcessSpec, name: str, value: str, counts: bool
) -> None:
    other = replace(spec, environment={**spec.environment, name: value})
    assert (fingerprint(other) != fingerprint(spec)) is counts


def test_every_process_of_a_service_names_the_code_it_runs(tmp_path: Path) -> None:
    settings = {name: setting.value(checkout=ROOT, offset=0) for name, setting in declared(ROOT).items()}
    for spec in services.process_specs(settings, Paths(ROOT, tmp_path), rank=0):
        service = spec.name.partition(".")[0]
        assert set(spec.sources) == {ROOT / service, ROOT / "shared"}
