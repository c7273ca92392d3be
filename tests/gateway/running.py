"""A real nginx in front of services that record what reaches them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from gateway.configuration import HERE, TEMPLATE, render
from gateway.paths import ForwardedPath
from shared.runtime import registry
from shared.runtime.server import Limits, Server, listening_socket
from tests.shared.http.addresses import a_free_port

SERVICES = tuple(registry.names())
NO_LIMITS = {
    "GATEWAY_REQUESTS_PER_SECOND": "100000",
    "GATEWAY_OPEN_REQUESTS_PER_SECOND": "100000",
    "GATEWAY_CONNECTIONS": "10000",
}


@dataclass
class RecordingService:
    """Answers everything with what it was asked, and keeps that."""

    name: str
    port: int
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[tuple[str, str]] = field(default_factory=list)
    """Headers of its answers, beside type and length."""
    status: str = "200 OK"
    may_go_on: threading.Event = field(default_factory=threading.Event)
    size: int = 0
    """Bytes that are added to its answers."""

    def __post_init__(self) -> None:
        self.may_go_on.set()

    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        headers = {name[5:].replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
        asked = {
            "service": self.name,
            "method": environ["REQUEST_METHOD"],
            "path": environ["PATH_INFO"],
            "query": environ["QUERY_STRING"],
            "headers": headers,
            "length": len(environ["wsgi.input"].read()),
            "from": environ["REMOTE_PORT"],
        }
        self.requests.append(asked)
        self.may_go_on.wait(60)
        body = json.dumps(asked).encode() + b" " * self.size
        length = ("Content-Length", str(len(body)))
        start_response(self.status, [("Content-Type", "application/json"), length, *self.headers])
        return [body]

    @contextmanager
    def serving(self, limits: Limits, host: str = "127.0.0.1") -> Iterator[RecordingService]:
        """The service at its port."""
        end = Server(self, listening_socket(host, self.port), threads=4, limits=limits).run_in_thread(self.name)
        try:
            yield self
        finally:
            self.may_go_on.set()
            end()


@dataclass
class Gateway:
    """A gateway, and the services behind it by their names."""

    process: subprocess.Popen[bytes]
    port: int
    services: dict[str, RecordingService]
    state: Path
    scheme: str = "http"
    host: str = "127.0.0.1"

    @property
    def url(self) -> str:
        """Its address."""
        return f"{self.scheme}://{self.host}:{self.port}"

    @property
    def address(self) -> tuple[str, int]:
        """Its address, for sockets."""
        return self.host, self.port

    @property
    def reached(self) -> int:
        """How many requests reached any of the services."""
        return sum(len(each.requests) for each in self.services.values())

    @property
    def log(self) -> str:
        """What it has written."""
        return (self.state / "log").read_text()

    def asked(self, method: str, path: str, **more: Any) -> requests.Response:
        """The answer to a request of an ordinary client."""
        return requests.request(method, f"{self.url}{path}", timeout=30, **more)


@contextmanager
def gateway(
    *,
    paths: Sequence[ForwardedPath] | None = None,
    limits: Limits | None = None,
    services: Sequence[str] = SERVICES,
    user: str | None = None,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Gateway]:
    """A gateway as `make gateway` wrote it, or with these paths and limits; its services all listen."""
    with ExitStack() as stack:
        behind = {name: RecordingService(name, a_free_port()) for name in services}
        for service in behind.values():
            stack.enter_context(service.serving(limits or Limits()))
        state = Path(tempfile.mkdtemp(prefix="gateway-"))
        stack.callback(shutil.rmtree, state, ignore_errors=True)
        state.chmod(0o755)
        text = TEMPLATE.read_text() if paths is None and limits is None else render(paths or [], limits)
        folder = state / "gateway"
        folder.mkdir()
        (folder / "nginx.conf.template").write_text(text)
        shutil.copy(HERE / "start.sh", folder)
        given = {**NO_LIMITS, **_addresses(behind), **(settings or {})}
        yield stack.enter_context(_running(folder, state, behind, given, user))


def _addresses(services: Mapping[str, RecordingService]) -> dict[str, str]:
    return {f"{name.upper()}_PORT": str(each.port) for name, each in services.items()}


@contextmanager
def _running(
    folder: Path, state: Path, services: dict[str, RecordingService], settings: Mapping[str, str], user: str | None
) -> Iterator[Gateway]:
    port = a_free_port()
    own = state / "own"
    own.mkdir()
    (state / "log").touch()
    for path in (own, state / "log") if user else ():
        shutil.chown(path, user)
    environment = {"PATH": os.environ["PATH"], "STATE_DIR": str(own), "GATEWAY_PORT": str(port), **settings}
    with (state / "log").open("ab") as log:
        process = subprocess.Popen(
            ["sh", str(folder / "start.sh")],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            user=user,
        )
    scheme = "https" if settings.get("GATEWAY_TLS_CERTIFICATE_FILE") else "http"
    running = Gateway(process, port, services, state, scheme, settings.get("GATEWAY_BIND", "127.0.0.1"))
    try:
        _wait(running)
        yield running
    finally:
        end(running)


def _wait(running: Gateway) -> None:
    for _ in range(300):
        assert running.process.poll() is None, running.log
        try:
            requests.get(f"{running.url}/health/live", timeout=5, verify=False)  # noqa: S501
            return
        except requests.ConnectionError:
            time.sleep(0.05)
    raise AssertionError(f"the gateway does not answer: {running.log}")


def end(running: Gateway) -> None:
    """Stop the gateway as `make down` does."""
    if running.process.poll() is None:
        running.process.send_signal(signal.SIGQUIT)
        running.process.wait(20)


def members(session: int) -> list[tuple[int, str]]:
    """The living processes of a session: their ids and names."""
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            before, _, after = file.read_text().rpartition(")")
        except OSError:
            continue
        fields = after.split()
        if fields[3] == str(session) and fields[0] not in "ZX":
            found.append((int(file.parent.name), before.partition("(")[2]))
    return found
