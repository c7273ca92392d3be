"""Another service at 127.0.0.1, which answers as it is told: well, badly, late or not at all."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from pydantic import SecretStr

from shared.runtime.service_client import ServiceClient
from shared.runtime.service_tokens import ServiceSignIn, ServiceTokens

Answer = Callable[[BaseHTTPRequestHandler], None]


class Asked(NamedTuple):
    """A request that arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: str


def with_json(document: Any, status: int = 200, **headers: str) -> Answer:
    """Answers with this document."""
    return with_body(json.dumps(document).encode(), status, **headers)


def with_body(body: bytes, status: int = 200, **headers: str) -> Answer:
    """Answers with these bytes, as JSON unless told otherwise."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    all_headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **named}

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in all_headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def raw(*pieces: bytes, until: threading.Event | None = None, pause: float = 0.05) -> Answer:
    """Writes these bytes, whatever they are; with `until`, again and again with pauses until then, or hangs."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        for piece in pieces:
            handler.wfile.write(piece)
        while until is not None and not until.wait(pause):
            if pieces:
                handler.wfile.write(pieces[-1])

    return answer


class OtherService:
    """Listens, and keeps what it was asked; `answers` are by path without the query, `otherwise` is for all others."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.otherwise: Answer = with_json({"code": "not_found"}, 404)
        self.asked: list[Asked] = []
        self.is_over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def client(self, service: str = "other_service", *, token: str | None = None, **more: Any) -> ServiceClient:
        """A client of it; with a token it signs in here too, at `/token`."""
        if token is None:
            return ServiceClient(service, self.url, ServiceTokens(None), **more)
        self.answers.setdefault("/token", with_json({"access_token": token, "expires_in": 300}))
        sign_in = ServiceSignIn(f"{self.url}/token", "some_service", SecretStr("s" * 32))
        return ServiceClient(service, self.url, ServiceTokens(sign_in), **more)

    def paths(self) -> list[str]:
        """What it was asked for, without sign-ins."""
        return [each.path for each in self.asked if each.path != "/token"]

    def stop(self) -> None:
        """Listen no more."""
        self.is_over.set()
        self._server.shutdown()
        self._server.server_close()


def _handler(service: OtherService) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            service.asked.append(Asked(self.command, self.path, dict(self.headers), body))
            answer = service.answers.get(self.path.partition("?")[0], service.otherwise)
            try:
                answer(self)
            except OSError:
                return  # the caller has gone

        do_POST = do_GET

        def log_message(self, *_: Any) -> None: ...

    return Handler


@contextmanager
def other_service() -> Iterator[OtherService]:
    """Another service that runs."""
    running = OtherService()
    try:
        yield running
    finally:
        if not running.is_over.is_set():
            running.stop()
