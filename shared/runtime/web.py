"""Runs a service's web processes: gunicorn starts and monitors them, `shared.runtime.server` serves HTTP in each."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.errors import AppImportError  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]
from gunicorn.workers.base import Worker  # type: ignore[import-untyped]

from shared.errors import PlatformError
from shared.runtime import clock, logs, memory, spans
from shared.runtime.hosts import in_url
from shared.runtime.server import Limits, Server
from shared.runtime.settings import ServiceSettings

if TYPE_CHECKING:
    from flask import Flask

MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"


def serve(create_app: Callable[[], Flask], settings: ServiceSettings) -> None:
    """Serve until a signal to stop. `create_app` runs in each process after the fork; nothing is created before."""
    _set_metrics_folder(settings)
    logs.configure(settings.service, "web", settings.log_level)
    _Server(create_app, settings).run()


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    def __init__(self, create_app: Callable[[], Flask], settings: ServiceSettings) -> None:
        self._create_app, self._settings = create_app, settings
        super().__init__()

    def load_config(self) -> None:
        for name, value in _configuration(self._settings).items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        # in each process, after the fork
        spans.start(self._settings.service, self._settings.otel_exporter_otlp_endpoint)
        try:
            application = self._create_app()
        except PlatformError as refused:  # gunicorn prints the sentence and ends, instead of trying again for ever
            raise AppImportError(refused.message) from None
        memory.freeze()
        return application


class _Worker(Worker):  # type: ignore[misc]
    """One web process."""

    _server: Server
    _notified_at = 0.0

    def run(self) -> None:
        """Answer requests until a signal to stop, or until gunicorn's own process has ended."""
        limits = Limits(
            body_bytes=self.wsgi.config["MAX_CONTENT_LENGTH"], larger_bodies=self.wsgi.config["LARGER_BODIES"]
        )
        self._server = Server(self.wsgi, self.sockets[0].sock, threads=self.cfg.threads, limits=limits)
        while self.alive and self.ppid == os.getppid():
            self._notify_gunicorn()
            self._server.step()
        self._server.stop(self.cfg.graceful_timeout - 1)

    def _notify_gunicorn(self) -> None:
        """Notify gunicorn that the process is alive: a system call, so not for each request."""
        now = clock.monotonic()
        if now - self._notified_at >= 1:
            self._notified_at = now
            self.notify()

    def handle_exit(self, sig: int, frame: object) -> None:
        """SIGTERM: wake up and stop."""
        super().handle_exit(sig, frame)
        if hasattr(self, "_server"):
            self._server.pull_trigger()


def _configuration(settings: ServiceSettings) -> dict[str, Any]:
    in_memory = Path("/dev/shm")  # noqa: S108  # gunicorn's heartbeat file; on a disk it can stall a process
    return {
        "bind": f"{in_url(settings.bind)}:{settings.port}",
        "workers": settings.web_processes,
        "worker_class": _Worker,
        "threads": settings.web_threads,
        "timeout": 60,
        "graceful_timeout": 8,
        "max_requests": 0,
        "worker_tmp_dir": str(in_memory) if in_memory.is_dir() else None,
        "control_socket_disable": True,  # all services would open the same one
        "accesslog": None,  # the application logs the route; the path and the query may hold names
        "logger_class": _JsonLines,
        "proc_name": f"{settings.service} web",
        "child_exit": _forget_process,
        "worker_exit": lambda _server, _worker: spans.stop(),
    }


class _JsonLines(Logger):  # type: ignore[misc]
    """Writes gunicorn's messages to the process's own log."""

    def setup(self, cfg: Any) -> None:  # noqa: ARG002
        self.error_log.propagate = True
        self.access_log.disabled = True


def _set_metrics_folder(settings: ServiceSettings) -> None:
    """Set an empty folder in which several processes share their metrics; a single process needs none."""
    folder = Path(tempfile.gettempdir()) / f"platform-metrics-{os.getuid()}-{settings.service}-{settings.port}"
    wanted = {MULTIPROCESS: str(folder)} if settings.web_processes > 1 else {}
    if os.environ.get(MULTIPROCESS) == wanted.get(MULTIPROCESS):
        return
    if wanted:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
    # prometheus-client reads the variable when it is imported, which has happened already: start again
    others = {name: value for name, value in os.environ.items() if name != MULTIPROCESS}
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], others | wanted)  # noqa: S606


def _forget_process(_server: Any, worker: Any) -> None:
    if MULTIPROCESS in os.environ:
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
