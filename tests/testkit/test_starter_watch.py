"""What a killed test run has started ends."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil

from operations.processes import ProcessRecords
from testkit.private_platform import ROOT, private_platform

STARTER = """
import time
from testkit.private_platform import private_platform
with private_platform() as platform:
    platform.up(["postgresql", "pgbouncer", "mail"])
    print(platform.paths.state, flush=True)
    time.sleep(600)
"""


def family(pid: int) -> list[psutil.Process]:
    """A process and what it has started."""
    return [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]


def test_a_platform_ends_with_the_process_that_started_it() -> None:
    with subprocess.Popen([sys.executable, "-c", STARTER], cwd=ROOT, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        state = Path(starter.stdout.readline().strip())
        started = [each for record in ProcessRecords(state / "run").all() for each in family(record.pid)]
        assert len(started) > 5
        starter.kill()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and (state.exists() or any(each.is_running() for each in started)):
        time.sleep(0.1)
    assert [each for each in started if each.is_running()] == []
    assert not state.exists()


def test_a_platform_that_was_stopped_leaves_nobody_who_watches() -> None:
    before = set(psutil.Process().children())
    with private_platform():
        (watch,) = set(psutil.Process().children()) - before
        assert "testkit.starter_watch" in watch.cmdline()
    assert not watch.is_running()
