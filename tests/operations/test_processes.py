import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from operations import processes
from operations.processes import LaunchSpec, ProcessRecord, ProcessRecords

SLEEP = (sys.executable, "-c", "import time; time.sleep(600)")
DEAF = (
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)",
)
PARENT = (
    sys.executable,
    "-c",
    "import subprocess, sys, time;"
    "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid, flush=True); time.sleep(600)",
)


def started(command: tuple[str, ...], folder: Path, *, patience: float = 5, niceness: int = 0) -> ProcessRecord:
    environment = dict(os.environ)
    what = LaunchSpec("part", command, environment, folder, folder / "part.log", mark=str(folder), niceness=niceness)
    pid, start, begin = processes.launch(what)
    return ProcessRecord("part", pid, start, "", 0, str(what.log), begin, time.time(), 15, patience)


def written(folder: Path) -> str:
    deadline = time.monotonic() + 10
    while not (text := (folder / "part.log").read_text().strip()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return text


@pytest.fixture
def stranger() -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen(SLEEP) as process:
        yield process
        process.kill()


def test_a_recycled_pid_is_never_touched(stranger: "subprocess.Popen[bytes]", tmp_path: Path) -> None:
    time.sleep(0.05)  # starts are compared by the clock's ticks of 10 ms
    ours = started(SLEEP, tmp_path)
    recycled = replace(ours, pid=stranger.pid)
    assert not processes.is_alive(recycled)
    processes.stop(recycled, str(tmp_path))
    processes.kill(recycled, str(tmp_path))
    assert stranger.poll() is None
    processes.kill(ours, str(tmp_path))


def test_stopping_waits_until_the_process_is_gone(tmp_path: Path) -> None:
    record = started(SLEEP, tmp_path)
    assert processes.stop(record, str(tmp_path)) is False
    assert not processes.is_alive(record)


def test_a_process_that_will_not_stop_is_killed_after_its_time(tmp_path: Path) -> None:
    record = started(DEAF, tmp_path, patience=0.3)
    written(tmp_path)
    assert processes.stop(record, str(tmp_path)) is True
    assert not processes.is_alive(record)


def test_children_go_with_a_killed_process(tmp_path: Path) -> None:
    record = started(PARENT, tmp_path)
    child = int(written(tmp_path))
    processes.kill(record, str(tmp_path))
    assert processes.start_of(child) is None


def test_children_that_a_dead_process_left_behind_are_ended(tmp_path: Path) -> None:
    record = started(PARENT, tmp_path)
    child = int(written(tmp_path))
    processes.send(record, 9)
    processes.wait_until_gone(record, 5)
    assert processes.start_of(child)
    processes.end_the_rest(record, str(tmp_path), patience=0)
    deadline = time.monotonic() + 5
    while processes.start_of(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert processes.start_of(child) is None


def test_a_record_of_a_dead_process_is_kept_but_not_living(tmp_path: Path) -> None:
    records = ProcessRecords(tmp_path / "run")
    record = started(SLEEP, tmp_path)
    records.write(record)
    assert records.living("part") == record
    processes.kill(record, str(tmp_path))
    assert records.living("part") is None
    assert records.read("part") == record


def test_a_part_lets_others_go_first_also_where_linux_weighs_sessions_instead_of_processes(tmp_path: Path) -> None:
    record = started(SLEEP, tmp_path, niceness=7)
    try:
        assert os.getpriority(os.PRIO_PROCESS, record.pid) == 7
        group = Path(f"/proc/{record.pid}/autogroup")
        if group.exists() and group.read_text().startswith("/autogroup-"):
            assert group.read_text().split()[1:] == ["nice", "7"]
    finally:
        processes.kill(record, str(tmp_path))


def test_a_part_that_is_gone_at_once_is_no_trouble(tmp_path: Path) -> None:
    record = started(("true",), tmp_path, niceness=7)
    processes.stop(record, str(tmp_path))
    assert not processes.is_alive(record)
