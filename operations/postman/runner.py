"""Sends every request of the collection to the running platform with newman, Postman's own runner."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from operations.errors import OperationsError
from operations.sign_in import AccessTokens, PersonalSignIn

LOCKED = Path(__file__).parent / "newman"
"""The version of newman and of everything that it needs, with checksums."""
PAUSE_MILLISECONDS = "50"
"""Between two requests, so that the gateway's limits (GATEWAY_OPEN_REQUESTS_PER_SECOND) let all of them pass."""


def refuse_without_sign_in(settings: Mapping[str, str]) -> None:
    """Raises `NoSignIn` where the collection's first request would be refused, and every other one after it.

    It signs in with e-mail address and password only, so an account with one-time passwords cannot run it.
    """
    if settings["AUTH"] == "token":
        account = PersonalSignIn(settings["ADMIN_EMAIL"], settings["ADMIN_PASSWORD"])
        with AccessTokens(settings, account, is_attended=False) as tokens:
            tokens.current()


def run(root: Path, files: Sequence[Path], more: Sequence[str]) -> int:
    """Returns 0 where all tests of the collection passed. Raises `OperationsError` without Node."""
    command = [str(_newman(root)), "run", str(files[0]), "--environment", str(files[1])]
    return subprocess.run([*command, "--delay-request", PAUSE_MILLISECONDS, *more], cwd=root, check=False).returncode


def _newman(root: Path) -> Path:
    """Installs newman below `build/` where the locked version is not there yet; returns its command."""
    folder = root / "build" / "newman"
    command, lock = folder / "node_modules" / ".bin" / "newman", folder / "package-lock.json"
    if command.exists() and lock.read_bytes() == (LOCKED / "package-lock.json").read_bytes():
        return command
    npm = shutil.which("npm")
    if npm is None:
        raise OperationsError("this needs Node 18 or newer with npm; Postman itself opens the files without it")
    shutil.copytree(LOCKED, folder, dirs_exist_ok=True)
    subprocess.run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, check=True)
    return command
