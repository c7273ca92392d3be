"""The environment of a process: the variables of the machine that every process gets, and of the
settings those that it declares.

The declaration is in one place: the settings class that a process of ours reads, and for PostgreSQL, PgBouncer, Kafka
and the mail catcher the module that describes the process. What declares nothing gets nothing.
"""

import os
from collections.abc import Iterable, Mapping
from typing import Any

from shared.runtime.settings import names

MACHINE = (
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR",
    "JAVA_HOME", "XDG_CACHE_HOME", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "PYTHONPATH",
)  # fmt: skip
"""Variables of our own environment that every process gets: folders, language and time zone, and no secrets."""

OURS = {"PYTHONUNBUFFERED": "1", "ENV_FILE": ""}
"""For our Python processes. `ENV_FILE`: a process that is given its settings does not read more of them from `.env`."""


def of_machine() -> dict[str, str]:
    """Returns the variables of the machine that every process gets."""
    return _chosen(os.environ, MACHINE)


def of_python_process(
    declared: type[Any] | None, settings: Mapping[str, str], *, process: str | None = None
) -> dict[str, str]:
    """Returns the environment of a Python process that reads this settings class; None is one that declares nothing.

    `process` is `web` or `worker` of a service; without it, it is a command, which may do what either does.
    """
    wanted = names(declared, process=process) if declared else []
    return of_machine() | OURS | _chosen(os.environ, wanted) | _chosen(settings, wanted)


def _chosen(given: Mapping[str, str], wanted: Iterable[str]) -> dict[str, str]:
    return {name: given[name] for name in wanted if name in given}
