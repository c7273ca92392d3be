"""Where a platform keeps what it writes, and as which user its servers run."""

import hashlib
import os
import pwd
import shutil
import subprocess
from functools import cached_property
from pathlib import Path

from operations.errors import OperationsError
from operations.processes import as_user

SERVER_USER = "postgres"
"""PostgreSQL and PgBouncer refuse to run as root; started by root, they run as this user."""
_SYSTEM_STATE = Path("/var/lib/psychotherapy-platform")


class Paths:
    """The folders of one platform."""

    def __init__(self, root: Path, state: Path) -> None:
        self.root = root
        self.state = state
        self.logs = state / "logs"
        self.run = state / "run"
        self.mails = state / "mails"

    def make(self) -> None:
        """Make the state folder, which the server's user may pass through and nobody else may read."""
        self.state.mkdir(parents=True, exist_ok=True)
        self.state.chmod(0o711)
        for folder in (self.logs, self.run, self.mails):
            folder.mkdir(exist_ok=True, mode=0o700)

    @cached_property
    def user(self) -> str | None:
        """The user that PostgreSQL and PgBouncer run as; None where that is the user of this tool."""
        if os.getuid() != 0:
            return None
        try:
            return pwd.getpwnam(SERVER_USER).pw_name
        except KeyError:
            raise OperationsError(f"there is no user {SERVER_USER} on this machine; run `make setup`") from None

    @cached_property
    def servers(self) -> Path:
        """Where PostgreSQL and PgBouncer keep their data: with the rest, or where their user can reach it."""
        if self.user is None or _may(self.user, "-x", self.state):
            return self.state
        name = f"{self.state.parent.name}-{hashlib.sha256(str(self.state).encode()).hexdigest()[:8]}"
        folder = _SYSTEM_STATE / name
        folder.mkdir(parents=True, exist_ok=True, mode=0o711)
        return folder

    def make_server_folder(self, name: str) -> None:
        """Make a folder of a server's own, which its user may write."""
        folder = self.servers / name
        folder.mkdir(exist_ok=True, mode=0o700)
        self.give(folder)

    def give(self, path: Path) -> None:
        """Hand a file or folder over to the user that the servers run as."""
        if self.user:
            entry = pwd.getpwnam(self.user)
            os.chown(path, entry.pw_uid, entry.pw_gid)

    def log(self, name: str) -> Path:
        """The log file of a process or task."""
        return self.logs / f"{name}.log"

    def script(self, folder: str) -> Path:
        """The `start.sh` of a top-level folder, as a copy where the server's user cannot read the checkout."""
        original = self.root / folder / "start.sh"
        if self.user is None or _may(self.user, "-r", original):
            return original
        copy = self.servers / f"{folder}-script"
        shutil.copytree(self.root / folder, copy, dirs_exist_ok=True)
        for path in [copy, *copy.rglob("*")]:
            path.chmod(0o755)
        return copy / "start.sh"

    def remove(self) -> None:
        """Delete everything that the platform wrote; it must have been stopped."""
        for folder in {self.servers, self.state}:
            shutil.rmtree(folder, ignore_errors=True)


def _may(user: str, test: str, path: Path) -> bool:
    """Whether a user may enter (`-x`) or read (`-r`) a path, as the system itself sees it."""
    answer = subprocess.run(["/usr/bin/test", test, str(path)], cwd="/", check=False, **as_user(user))
    return bool(answer.returncode == 0)
