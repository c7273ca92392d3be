"""Ports of this machine: which process uses one, and which are free for a private platform."""

import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import psutil

from operations.errors import OperationsError

# Below 32768, where Linux begins to give out ports to outgoing connections.
_FIRST, _LAST, _BLOCK = 10_000, 32_000, 250
_reservations: list[int] = []
"""Open lock files: a block of ports belongs to this process until it ends."""


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def holder(port: int) -> str:
    """Describes the process that listens on a port, or else has a connection from it."""
    using = [connection for connection in _connections() if connection.laddr and connection.laddr.port == port]
    using.sort(key=lambda connection: connection.status != psutil.CONN_LISTEN)
    pids = [connection.pid for connection in using if connection.pid]
    if not pids:
        return f"a process of another user (`sudo ss -ltnp 'sport = :{port}'` names it)"
    return _described(pids[0])


def _connections() -> Iterable["psutil._ntuples.sconn"]:
    try:
        return psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return []


def _described(pid: int) -> str:
    try:
        process = psutil.Process(pid)
        command = " ".join(process.cmdline()) or process.name()
        return f"process {pid} of user {process.username()} ({_short(command)}{_folder(process)})"
    except psutil.Error:
        return f"process {pid}"


def _short(text: str) -> str:
    return text if len(text) <= 100 else f"{text[:97]}..."


def _folder(process: psutil.Process) -> str:
    try:
        return f", in {process.cwd()}"
    except psutil.Error:
        return ""


def reserve_block(size: int, *, also_at: int = 0) -> int:
    """The first of `size` free ports in a row (and as many `also_at` higher), kept from other callers of this."""
    starts = list(range(_FIRST, _LAST, _BLOCK))
    random.shuffle(starts)
    for start in starts:
        lock = _lock(start)
        if lock is None:
            continue
        wanted = [*range(start, start + size), *range(start + also_at, start + also_at + size)]
        if all(is_free(port) for port in wanted):
            _reservations.append(lock)
            return start
        os.close(lock)
    raise OperationsError(f"no {size} free ports in a row between {_FIRST} and {_LAST}")


def _lock(start: int) -> int | None:
    folder = Path(tempfile.gettempdir()) / f"platform-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    file = os.open(folder / str(start), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file
