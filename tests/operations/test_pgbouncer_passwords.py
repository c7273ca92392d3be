"""The passwords that `pgbouncer/start.sh` lets come in, from the environment or from files."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from operations import env_file
from testkit.private_platform import ROOT

NAME = "PATIENT_SERVICE_DATABASE_PASSWORD"


def start(folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Start it with these variables; in place of PgBouncer a program that ends at once."""
    program = folder / "bin" / "pgbouncer"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    machine = {"PATH": f"{program.parent}:{os.environ['PATH']}", "STATE_DIR": str(folder / "state")}
    command = ["sh", str(ROOT / "pgbouncer" / "start.sh")]
    return subprocess.run(command, env=machine | environment, capture_output=True, text=True, check=False, timeout=30)


@pytest.mark.parametrize("text", ["pass word", 'qu"ote', "$HOME `id` \\n %s", "ä"])
def test_a_password_stands_in_the_environment_or_in_a_file(tmp_path: Path, text: str) -> None:
    env_file.write_private(tmp_path / "password", f"{text}\n")
    in_file = {NAME: "", f"{NAME}_FILE": str(tmp_path / "password")}
    ended = start(tmp_path, in_file | {"USER_SERVICE_DATABASE_PASSWORD": text})
    assert (ended.returncode, ended.stderr) == (0, "")
    quoted = text.replace('"', '""')
    listed = (tmp_path / "state" / "userlist.txt").read_text().splitlines()
    assert listed == [f'"patient_service" "{quoted}"', f'"user_service" "{quoted}"']


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({NAME: ""}, f"{NAME} is empty"),
        ({f"{NAME}_FILE": "/dev/null"}, f"the file that {NAME}_FILE names cannot be read"),
        ({f"{NAME}_FILE": "/no/file"}, f"the file that {NAME}_FILE names cannot be read"),
        ({NAME: "secret", f"{NAME}_FILE": "/etc/hostname"}, f"set {NAME} or {NAME}_FILE, not both"),
    ],
)
def test_a_password_that_nobody_can_use_is_refused(tmp_path: Path, environment: dict[str, str], said: str) -> None:
    ended = start(tmp_path, environment)
    assert ended.returncode != 0
    assert said in ended.stderr
    assert "secret" not in ended.stderr


def test_a_file_that_everybody_reads_is_refused(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret")
    (tmp_path / "password").chmod(0o644)
    ended = start(tmp_path, {f"{NAME}_FILE": str(tmp_path / "password")})
    assert ended.returncode != 0
    assert f"the file that {NAME}_FILE names can be read by every user of the machine" in ended.stderr
    assert "secret" not in ended.stderr


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    """Its other end may never come."""
    os.mkfifo(tmp_path / "pipe")
    ended = start(tmp_path, {f"{NAME}_FILE": str(tmp_path / "pipe")})
    assert ended.returncode != 0
    assert "cannot be read" in ended.stderr
