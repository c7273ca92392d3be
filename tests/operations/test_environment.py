import os
import shutil
import subprocess
import sys
from pathlib import Path

from operations import env_file
from operations.paths import Paths
from operations.processes import ProcessRecord, ProcessRecords, start_of
from testkit.private_platform import ROOT


def make_env(checkout: Path, offset: str) -> subprocess.CompletedProcess[str]:
    """`make env` as somebody without a `.venv` has it: -S leaves the installed packages out."""
    return subprocess.run(
        [sys.executable, "-S", "-m", "operations.environment"],
        cwd=checkout,
        env={"PATH": os.environ["PATH"], "PORT_OFFSET": offset},
        capture_output=True,
        text=True,
        check=False,
    )


def test_make_env_needs_no_packages_and_keeps_what_is_there(tmp_path: Path) -> None:
    for package in ("operations", "shared"):
        shutil.copytree(ROOT / package, tmp_path / package)
    shutil.copy(ROOT / ".env.example", tmp_path)
    assert make_env(tmp_path, "3").returncode == 0
    first = (tmp_path / ".env").read_text()
    assert make_env(tmp_path, "3").returncode == 0
    assert (tmp_path / ".env").read_text() == first
    assert env_file.load(tmp_path, {})["THERAPIST_SERVICE_PORT"] == "8005"
    assert (tmp_path / ".state/imports").is_dir()


def test_an_offset_that_is_no_number_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    for package in ("operations", "shared"):
        shutil.copytree(ROOT / package, tmp_path / package)
    shutil.copy(ROOT / ".env.example", tmp_path)
    refused = make_env(tmp_path, "many")
    assert refused.returncode == 1
    assert refused.stderr == "PORT_OFFSET=many is not a number\n"
    assert not (tmp_path / ".env").exists()


def test_another_offset_is_said_and_moves_the_ports_unless_something_runs(tmp_path: Path) -> None:
    for package in ("operations", "shared"):
        shutil.copytree(ROOT / package, tmp_path / package)
    shutil.copy(ROOT / ".env.example", tmp_path)
    assert make_env(tmp_path, "3").returncode == 0
    moved = make_env(tmp_path, "9")
    assert "written to .env: PORT_OFFSET, " in moved.stdout
    assert env_file.load(tmp_path, {})["THERAPIST_SERVICE_PORT"] == "8011"
    state = Paths(tmp_path, tmp_path / ".state")
    state.make()
    with subprocess.Popen(["sleep", "60"]) as running:
        ProcessRecords(state.run).write(
            ProcessRecord("part", running.pid, start_of(running.pid) or "", "", 0, "", 0, 0, 15, 5)
        )
        refused = make_env(tmp_path, "3")
        running.terminate()
    assert refused.returncode == 1
    assert "was started with PORT_OFFSET=9: `make down` first" in refused.stderr
    assert env_file.load(tmp_path, {})["THERAPIST_SERVICE_PORT"] == "8011"
