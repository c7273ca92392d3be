"""The processes that this tool started, and only those: each is identified by its pid and the time of its start."""

import fcntl
import json
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from operations.errors import OperationsError

_MARK = "PLATFORM_PART"
_OLD_LOG_BYTES = 20_000_000


@dataclass(frozen=True)
class ProcessRecord:
    """What is kept of a started process, so that another run of the tool can find and stop it."""

    name: str
    pid: int
    start: str
    """Boot of the machine and clock tick of the start: a later process with the same pid has another one."""
    address: str
    rank: int
    log: str
    log_start: int
    """Where in the log the output since this start begins."""
    started_at: float
    stop_signal: int
    stop_seconds: float
    fingerprint: str = ""
    """With which settings and code it was started: see `operations/fingerprints.py`."""


def start_of(pid: int) -> str | None:
    """Returns the start of a living process, which no later process with its pid shares; None when it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    if fields[0] in "ZX":
        _reap(pid)
        return None
    return f"{_boot()}:{fields[19]}"


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _reap(pid: int) -> None:
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def is_alive(record: ProcessRecord) -> bool:
    """Whether the very process that was started still lives."""
    return start_of(record.pid) == record.start


class ProcessRecords:
    """The started processes of one platform, one small file each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, record: ProcessRecord) -> None:
        """Keep a record, whole or not at all."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        unfinished = self._folder / f"{record.name}.{os.getpid()}.new"
        unfinished.write_text(json.dumps(asdict(record)))
        unfinished.replace(self._file(record.name))

    def read(self, name: str) -> ProcessRecord | None:
        """The record of that name, whether its process lives or not."""
        try:
            return ProcessRecord(**json.loads(self._file(name).read_text()))
        except FileNotFoundError:
            return None

    def living(self, name: str) -> ProcessRecord | None:
        """The record of that name, if its process lives."""
        record = self.read(name)
        return record if record and is_alive(record) else None

    def all(self) -> list[ProcessRecord]:
        """Every record, in the order in which the processes were started."""
        names = [file.stem for file in self._folder.glob("*.json")]
        found = [record for name in names if (record := self.read(name))]
        return sorted(found, key=lambda record: (record.rank, record.started_at))

    def forget(self, record: ProcessRecord) -> None:
        """Remove the record of a process that is gone."""
        self._file(record.name).unlink(missing_ok=True)

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.json"


@dataclass(frozen=True)
class LaunchSpec:
    """Everything the start of one process needs."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    log: Path
    mark: str
    user: str | None = None
    niceness: int = 0


def launch(what: LaunchSpec) -> tuple[int, str, int]:
    """Returns the pid and the start of a new process that outlives this one, and where in the log its output begins."""
    what.log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _rotate(what.log)
    with what.log.open("ab") as log:
        begin = log.tell()
        process = _spawn(what, log.fileno())
    if what.niceness:
        _set_niceness(process.pid, what.niceness)
    process.returncode = 0  # It is meant to outlive us: no warning when this object goes.
    start = start_of(process.pid)
    return process.pid, start or "ended at once", begin


def _spawn(what: LaunchSpec, log: int) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            what.command,
            env={**what.environment, _MARK: what.mark},
            cwd=what.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **as_user(what.user),
        )
    except FileNotFoundError as error:
        raise OperationsError(f"{what.name} cannot start: {error.filename} is not there; run `make setup`") from error


def _set_niceness(pid: int, niceness: int) -> None:
    """Lower the priority of a process that has a session of its own."""
    os.setpriority(os.PRIO_PROCESS, pid, niceness)
    # where Linux groups processes by session, a process is nice within its session only, and sessions to each other
    for _ in range(10):
        try:
            Path(f"/proc/{pid}/autogroup").write_text(str(niceness))
            return
        except BlockingIOError:
            time.sleep(0.05)  # without privileges, once in a tenth of a second
        except OSError:
            return  # not grouped here, or gone already


def as_user(user: str | None) -> dict[str, Any]:
    """The arguments that make `subprocess` run something as that user."""
    if user is None:
        return {}
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": os.getgrouplist(user, entry.pw_gid)}


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > _OLD_LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))


def send(record: ProcessRecord, number: int) -> bool:
    """Send a signal to exactly the process of a record; False when it has ended, also if another one has its pid."""
    try:
        # The handle refers to this process, even if it ends after the check below and its pid is used again.
        handle = os.pidfd_open(record.pid)
    except ProcessLookupError:
        return False
    try:
        if not is_alive(record):
            return False
        signal.pidfd_send_signal(handle, number)
        return True
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)


def stop(record: ProcessRecord, mark: str) -> bool:
    """End a process and its children, first by its stop signal; True if it had to be killed."""
    send(record, record.stop_signal)
    send(record, signal.SIGCONT)  # A paused process would not handle it.
    was_killed = not wait_until_gone(record, record.stop_seconds)
    if was_killed:
        kill(record, mark)
    end_the_rest(record, mark, patience=2)
    return was_killed


def kill(record: ProcessRecord, mark: str) -> None:
    """End a process at once (SIGKILL), and its children with it."""
    children = list(_session(record, mark))
    send(record, signal.SIGKILL)
    for child in children:
        send(child, signal.SIGKILL)
    wait_until_gone(record, 10)
    for child in children:
        wait_until_gone(child, 10)


def wait_until_gone(record: ProcessRecord, seconds: float) -> bool:
    """Whether the process ended within that time."""
    deadline = time.monotonic() + seconds
    while is_alive(record):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@contextmanager
def only_one(lock: Path, say: Callable[[str], None] = print) -> Iterator[None]:
    """Only one process at a time is inside; the others wait, and say so."""
    with lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another command that is at work in this folder")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def end_the_rest(record: ProcessRecord, mark: str, *, patience: float) -> None:
    """Wait for the children of a process that ended, and end those that stay."""
    for child in list(_session(record, mark)):
        if not wait_until_gone(child, patience):
            send(child, signal.SIGKILL)


def _session(record: ProcessRecord, mark: str) -> Iterator[ProcessRecord]:
    """The processes that a recorded one started: in its session, and either below it or carrying its mark."""
    leader_lives = is_alive(record)
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == record.pid:
            continue
        child = _member(int(entry.name), record)
        if child and (leader_lives or _carries(child.pid, mark)):
            yield child


def _member(pid: int, record: ProcessRecord) -> ProcessRecord | None:
    try:
        session = os.getsid(pid)
    except (ProcessLookupError, PermissionError):
        return None
    start = start_of(pid) if session == record.pid else None
    return ProcessRecord(**{**asdict(record), "pid": pid, "start": start}) if start else None


def _carries(pid: int, mark: str) -> bool:
    try:
        return f"{_MARK}={mark}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
