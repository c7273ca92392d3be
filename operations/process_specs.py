"""A part: one process of the platform, described before it is started."""

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


def _nothing() -> None:
    return None


@dataclass(frozen=True)
class Part:
    """One long-running process: how to start it, how to know that it works, how to stop it."""

    name: str
    command: tuple[str, ...]
    address: str
    ready: Callable[[], None]
    """Returns when the part works; raises NotReady while it may still come, Hopeless when it will not."""
    rank: int
    """Parts start in the order of their ranks and stop in the opposite one; those of one rank go together."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """All of it: a part is given nothing that is not named here."""
    ports: Mapping[str, int] = field(default_factory=dict)
    """The ports it opens, by the setting that moves each."""
    prepare: Callable[[], None] = _nothing
    user: str | None = None
    folder: Path | None = None
    """Where it runs; the checkout, where nothing else is said."""
    niceness: int = 0
    """Where processors are short, parts of a lower one go first; from 0 to 19."""
    stop_signal: signal.Signals = signal.SIGTERM
    start_seconds: float = 60
    stop_seconds: float = 20


@dataclass(frozen=True)
class Elsewhere:
    """A part that exists already: it is only asked whether it answers."""

    name: str
    address: str
    ready: Callable[[], None]
    settings: str
    """The settings that point at it, for the message when it does not answer."""


@dataclass(frozen=True)
class Step:
    """One command that runs to its end while the platform starts, such as the migrations."""

    name: str
    command: tuple[str, ...]
    rank: int
    environment: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 300
