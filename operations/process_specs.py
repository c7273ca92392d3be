"""What is known of a process before it is started."""

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

LOOPBACK: Final = "127.0.0.1"
"""Where the infrastructure of `make up` listens, wherever the services do (BIND): PostgreSQL and Kafka have no TLS
here, and the mail catcher shows everybody's e-mails. Whoever wants it on other machines runs it there (LOCAL_PARTS)."""


def _nothing() -> None:
    return None


def _nothing_to_say(_output: str) -> None:
    return None


@dataclass(frozen=True)
class ProcessSpec:
    """One long-running process: how to start it, how to know that it works, how to stop it."""

    name: str
    command: tuple[str, ...]
    address: str
    ready: Callable[[], None]
    """Returns when the process works; raises NotReady while that may still come, PermanentFailure when it cannot."""
    rank: int
    """Processes start in the order of their ranks and stop in the opposite one; those of one rank together."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """The whole environment: a process is given nothing that is not named here."""
    ports: Mapping[str, int] = field(default_factory=dict)
    """The ports it opens, by the setting that moves each."""
    bind: str = LOOPBACK
    """The address that it listens on."""
    sources: tuple[Path, ...] = ()
    """The files and folders whose code it runs; where they change, it runs with older code until it is restarted."""
    prepare: Callable[[], None] = _nothing
    user: str | None = None
    folder: Path | None = None
    """Where it runs; the checkout, where nothing else is said."""
    niceness: int = 0
    """From 0 to 19; where processors are short, processes with a lower number go first."""
    stop_signal: signal.Signals = signal.SIGTERM
    start_seconds: float = 60
    stop_seconds: float = 20


@dataclass(frozen=True)
class ExternalService:
    """A server that exists already: it is only asked whether it answers."""

    name: str
    address: str
    ready: Callable[[], None]
    settings: str
    """The settings that point at it, for the message when it does not answer."""


@dataclass(frozen=True)
class StartupTask:
    """One command that runs to its end while the platform starts, such as the migrations."""

    name: str
    command: tuple[str, ...]
    rank: int
    environment: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 300
    announce: Callable[[str], str | None] = _nothing_to_say
    """Given its output, a line for the person who starts the platform; it is in no log."""
