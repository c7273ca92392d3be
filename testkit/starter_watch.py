"""Ends a private platform whose starter was killed: `python -m testkit.starter_watch FOLDER`, while its input is open.

A test run that is killed (SIGKILL, out of memory) stops nothing itself, and its servers would hold memory and ports
until the machine restarts. The input of this process ends with the starter, however that ends. (Linux can send a signal
at the death of a parent, too, but takes the thread that started a process for its parent, and forgets it where the user
changes.)
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def ended_with_its_starter(state: Path) -> Iterator[None]:
    """Within this block the platform in that folder ends when this process does."""
    root = Path(__file__).resolve().parent.parent
    watch = subprocess.Popen(
        [sys.executable, "-m", "testkit.starter_watch", str(state)],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # it outlives a signal to the starter's group
    )
    try:
        yield
    finally:
        watch.communicate()


def main(state: Path) -> None:
    """Wait for the end of the starter; what it has left behind is stopped and deleted."""
    sys.stdin.buffer.read()
    if state.exists():
        # loaded now only: nearly every time the starter has tidied up, and this needs little memory
        from operations.orchestrator import Orchestrator

        platform = Orchestrator(state, {}, state)
        platform.down()
        platform.remove()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
