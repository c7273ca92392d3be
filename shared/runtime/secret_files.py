"""A secret may stand in a file: `<NAME>_FILE` names it, in place of `<NAME>`. Needs nothing but Python."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field

LAST_WORDS = ("PASSWORD", "KEY", "SECRET")
"""How the names of settings end that are secrets, and of no others (`tests/architecture/test_secrets.py`)."""
LONGEST_FILE = 10_000


def is_secret(name: str) -> bool:
    """Returns whether the setting of this name is a secret."""
    return name.endswith(LAST_WORDS)


def file_setting(name: str) -> str:
    """Returns the variable that names the file with a secret."""
    return f"{name}_FILE"


@dataclass(frozen=True)
class SecretFile:
    """The file that `<NAME>_FILE` names, in place of a value."""

    name: str
    path: str
    value: str = field(repr=False)
    """What `<NAME>` says, which must be nothing."""

    def read(self) -> str:
        """Returns the text of the file without the end of its line.

        Raises `ValueError`, without anything of the file, when it cannot be read, is empty, can be read by everybody,
        or is not the only place.
        """
        variable = file_setting(self.name)
        if self.value:
            raise ValueError(f"set {self.name} or {variable}, not both")
        try:
            text = _beginning(self.path).decode()
        except _OpenToEverybody:
            problem = "can be read by every user of the machine: `chmod o=` it"
            raise self._refusal(f"the file that {variable} names {problem}") from None
        except OSError as problem:
            raise self._refusal(f"the file that {variable} names cannot be read: {problem.strerror}") from None
        except ValueError:  # the path has a NUL or names no file, or the content is no UTF-8
            raise self._refusal(f"{variable} names no file with a line of text") from None
        secret = text.removesuffix("\n").removesuffix("\r")
        if not secret:
            raise self._refusal(f"the file that {variable} names is empty")
        return secret

    def _refusal(self, problem: str) -> ValueError:
        """The problem with the path, unless that may be a secret that stands here by mistake."""
        folder = os.path.dirname(self.path).rstrip("/")
        is_path = folder and "\x00" not in folder and os.path.isdir(folder)
        return ValueError(f"{problem} ({self.path})" if is_path else problem)


class _OpenToEverybody(Exception):
    """Others than the owner and the group of a file may read or write it."""


def _beginning(path: str) -> bytes:
    """The first bytes of a file that not everybody may read or write.

    Raises `OSError`, `ValueError` for what is no file: of a pipe the end never comes.
    """
    with open(path, "rb", opener=_open_at_once) as file:
        mode = os.fstat(file.fileno()).st_mode
        if not stat.S_ISREG(mode):
            raise ValueError
        if mode & (stat.S_IROTH | stat.S_IWOTH):
            raise _OpenToEverybody
        return file.read(LONGEST_FILE)


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def secret_file(name: str, variables: Mapping[str, str]) -> SecretFile | None:
    """Returns the file that these variables name for a secret; None where they name none."""
    path = variables.get(file_setting(name))
    return SecretFile(name, path, variables.get(name, "")) if path else None
