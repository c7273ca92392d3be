"""`/health/live`, `/health/ready` and `/metrics`, for web processes and, on a small server of its own, for workers."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.errors import Outage, Unreachable
from shared.runtime.logs import logger
from shared.runtime.metrics import exposition
from shared.runtime.server import Limits, Server, listening_socket

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logger(__name__)

JSON = "application/json"
MAX_CONNECTIONS = 64
"""Connections to a port where only health and metrics are answered."""


@dataclass(frozen=True)
class ReadinessCheck:
    """One condition of readiness. One that is not decisive is shown but does not make the process unready."""

    name: str
    holds: Callable[[], bool]
    decisive: bool = True

    def ask(self) -> tuple[bool, Unreachable | None]:
        """Returns whether the condition holds and, if it raised `Unreachable`, why not; another error counts as no."""
        try:
            return bool(self.holds()), None
        except Unreachable as known:
            return False, known
        except Exception as problem:
            log.warning("health.check_failed", check=self.name, problem=type(problem).__name__)
            return False, None

    def run(self) -> tuple[bool, dict[str, str]]:
        """The same with the reason as JSON, as operators read it."""
        holds, why = self.ask()
        return holds, {} if why is None else {"problem": why.message}


def check_before_start(checks: Iterable[ReadinessCheck]) -> None:
    """Raise `Outage` where one of the conditions is known not to hold.

    While the database does not answer nobody knows: then readiness finds out.
    """
    for check in checks:
        _, why = check.run()
        if why:
            raise Outage("start.refused", why["problem"])


Figures = Mapping[str, Callable[[], int]]
"""Numbers for operators, by name; none of them makes a process unready."""


def readiness(checks: Sequence[ReadinessCheck], figures: Figures) -> tuple[bool, bytes]:
    """Returns whether all decisive checks hold, and the response as JSON; a figure that cannot be read is null."""
    found = [(check, *check.run()) for check in checks]
    ready = all(holds for check, holds, _ in found if check.decisive)
    document = {
        "status": "ready" if ready else "not ready",
        "checks": {check.name: {"ok": holds, "decisive": check.decisive, **why} for check, holds, why in found},
        "figures": {name: count_of_figure(name, count) for name, count in figures.items()},
    }
    return ready, json.dumps(document).encode()


def count_of_figure(name: str, count: Callable[[], int]) -> int | None:
    """Returns the figure; None where it cannot be read."""
    try:
        return count()
    except Exception as problem:
        log.warning("health.figure_unknown", figure=name, problem=type(problem).__name__)
        return None


def liveness() -> bytes:
    """Returns the response that any running process gives."""
    return b'{"status": "alive"}'


def metrics() -> tuple[bytes, str]:
    """Returns the metrics of all processes that share this one's metrics directory, and their content type."""
    return exposition(os.environ.get("PROMETHEUS_MULTIPROC_DIR"))


def health_app(checks: Sequence[ReadinessCheck], figures: Figures) -> WSGIApplication:
    """Returns a WSGI application that answers only health and metrics, for processes that serve nothing else."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        status, body, content_type = _respond(environ["PATH_INFO"], checks, figures)
        start_response(status, [("Content-Type", content_type), ("Content-Length", str(len(body)))])
        return [body]

    return app


def _respond(path: str, checks: Sequence[ReadinessCheck], figures: Figures) -> tuple[str, bytes, str]:
    if path == "/health/live":
        return "200 OK", liveness(), JSON
    if path == "/health/ready":
        ready, document = readiness(checks, figures)
        return ("200 OK" if ready else "503 Service Unavailable"), document, JSON
    if path == "/metrics":
        return "200 OK", *metrics()
    return "404 Not Found", b'{"title": "Not Found", "status": 404}', "application/problem+json"


def serve_in_thread(app: WSGIApplication, bind: str, port: int) -> Callable[[], None]:
    """Serve the application in a thread; returns a function that stops the server."""
    limits = Limits(connections=MAX_CONNECTIONS, body_bytes=0)
    return Server(app, listening_socket(bind, port), threads=1, limits=limits).run_in_thread("health")
