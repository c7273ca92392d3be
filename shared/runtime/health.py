"""`/health/live`, `/health/ready` and `/metrics`, for web processes and, on a small server of its own, for workers."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.errors import Unreachable
from shared.runtime.logs import logger
from shared.runtime.metrics import exposition
from shared.runtime.server import Limits, Server, listening_socket

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logger(__name__)

JSON = "application/json"
MOST_WATCHERS = 64
"""Connections to a port where only health and metrics are answered."""


@dataclass(frozen=True)
class ReadinessCheck:
    """One thing a process needs. One that is not decisive is shown and does not make the process unready."""

    name: str
    holds: Callable[[], bool]
    decisive: bool = True

    def asked(self) -> tuple[bool, dict[str, str]]:
        """Whether it holds now, and why not where it says so (`Unreachable`); a check that fails itself does not."""
        try:
            return bool(self.holds()), {}
        except Unreachable as known:
            return False, {"problem": known.message}
        except Exception as problem:
            log.warning("health.check_failed", check=self.name, problem=type(problem).__name__)
            return False, {}


Figures = Mapping[str, Callable[[], int]]
"""Numbers that people who watch a process want to see, by name; none of them makes it unready."""


def readiness(checks: Sequence[ReadinessCheck], figures: Figures) -> tuple[bool, bytes]:
    """Whether all decisive checks hold, and the answer as JSON that names each one; a figure may be unknown (null)."""
    found = [(check, *check.asked()) for check in checks]
    ready = all(holds for check, holds, _ in found if check.decisive)
    document = {
        "status": "ready" if ready else "not ready",
        "checks": {check.name: {"ok": holds, "decisive": check.decisive, **why} for check, holds, why in found},
        "figures": {name: _counted(name, count) for name, count in figures.items()},
    }
    return ready, json.dumps(document).encode()


def _counted(name: str, count: Callable[[], int]) -> int | None:
    try:
        return count()
    except Exception as problem:
        log.warning("health.figure_unknown", figure=name, problem=type(problem).__name__)
        return None


def liveness() -> bytes:
    """The answer of a process that can answer at all."""
    return b'{"status": "alive"}'


def metrics() -> tuple[bytes, str]:
    """The metrics as text, of all processes that share this one's metrics directory; and their content type."""
    return exposition(os.environ.get("PROMETHEUS_MULTIPROC_DIR"))


def health_app(checks: Sequence[ReadinessCheck], figures: Figures) -> WSGIApplication:
    """A WSGI application that answers only health and metrics: for processes that serve nothing else."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        status, body, content_type = _answered(environ["PATH_INFO"], checks, figures)
        start_response(status, [("Content-Type", content_type), ("Content-Length", str(len(body)))])
        return [body]

    return app


def _answered(path: str, checks: Sequence[ReadinessCheck], figures: Figures) -> tuple[str, bytes, str]:
    if path == "/health/live":
        return "200 OK", liveness(), JSON
    if path == "/health/ready":
        ready, document = readiness(checks, figures)
        return ("200 OK" if ready else "503 Service Unavailable"), document, JSON
    if path == "/metrics":
        return "200 OK", *metrics()
    return "404 Not Found", b'{"title": "Not Found", "status": 404}', "application/problem+json"


def serve_in_thread(app: WSGIApplication, bind: str, port: int) -> Callable[[], None]:
    """Serve the application beside the process's real work; the function that is returned ends it."""
    limits = Limits(connections=MOST_WATCHERS, body_bytes=0)
    return Server(app, listening_socket(bind, port), threads=1, limits=limits).run_in_thread("health")
