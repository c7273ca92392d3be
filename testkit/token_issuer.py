"""An issuer of access tokens on 127.0.0.1: it publishes its keys over HTTP and signs any claims.

with token_issuer() as issuer:
    settings = {"AUTH": "token", "JWKS_URL": issuer.url}
    token = issuer.token(roles=[Role.COORDINATOR])
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

from joserfc import jws
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry

from shared.runtime import clock
from shared.values.enums import Role

Document = dict[str, Any]
PATH = "/.well-known/jwks.json"
ISSUER = "psychotherapy-platform"
"""The default of TOKEN_ISSUER and TOKEN_AUDIENCE."""


def new_key(key_id: str | None = None) -> OKPKey:
    """Returns a new key pair of our kind."""
    return OKPKey.generate_key("Ed25519", {"kid": key_id or uuid4().hex, "use": "sig", "alg": "Ed25519"})


def published(*keys: Any) -> bytes:
    """Returns the document that publishes the public halves of these keys."""
    return json.dumps({"keys": [key.as_dict(private=False) for key in keys]}).encode()


def signed(claims: Document, key: Any, **header: Any) -> str:
    """Returns a token with these claims and our header, of which `header` replaces parts; None leaves one out."""
    chosen = {"typ": "at+jwt", "alg": "Ed25519", "kid": key.kid} | header
    chosen = {name: value for name, value in chosen.items() if value is not None}
    registry = JWSRegistry(algorithms=[chosen["alg"]], strict_check_header=False)
    registry.max_header_length = 100_000
    return jws.serialize_compact(chosen, json.dumps(claims).encode(), key, registry=registry)


def claims(*, roles: Iterable[str] = (Role.ADMIN,), lifetime: float = 300, **more: Any) -> Document:
    """Returns the claims of a token that counts, of which `more` replaces some; None leaves one out."""
    now = clock.now().timestamp()
    usual = {
        "iss": ISSUER,
        "aud": ISSUER,
        "sub": str(uuid4()),
        "sid": str(uuid4()),
        "roles": [str(role) for role in roles],
        "iat": int(now),
        "nbf": int(now),
        "exp": int(now + lifetime),
        "jti": str(uuid4()),
    }
    return {name: value for name, value in (usual | more).items() if value is not None}


Answer = Callable[[BaseHTTPRequestHandler], None]


class TokenIssuer:
    """Publishes its keys at `url`, until `answer` is set, and signs tokens."""

    def __init__(self) -> None:
        self.keys = [new_key()]
        self.answer: Answer | None = None
        """What is answered instead of the keys."""
        self.asked = 0
        """How often the keys were asked for."""
        self.address = ("127.0.0.1", 0)
        self._end: Callable[[], None] = lambda: None

    @property
    def url(self) -> str:
        """The address of the keys."""
        return f"http://{self.address[0]}:{self.address[1]}{PATH}"

    def token(self, *, key: Any = None, **chosen: Any) -> str:
        """Returns a token that counts, signed with the newest key; `chosen` are arguments of `claims`."""
        return signed(claims(**chosen), key or self.keys[-1])

    def start(self) -> None:
        """Answer, at the address of before where there was one."""
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked += 1
                (issuer.answer or issuer._publish)(self)

            def log_message(self, *_: Any) -> None:
                """Tests say what they saw."""

        server = ThreadingHTTPServer(self.address, Handler)
        server.daemon_threads = True
        self.address = server.server_address[:2]  # type: ignore[assignment]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()

        def end() -> None:
            server.shutdown()
            server.server_close()
            thread.join()

        self._end = end

    def stop(self) -> None:
        """Answer nobody: connections are refused."""
        self._end()
        self._end = lambda: None

    def _publish(self, request: BaseHTTPRequestHandler) -> None:
        send(request, published(*self.keys))


def send(request: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    """Answer with this body."""
    request.send_response(status)
    for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(body)


@contextmanager
def token_issuer() -> Iterator[TokenIssuer]:
    """Yields an issuer that answers; it stops at the end."""
    issuer = TokenIssuer()
    issuer.start()
    try:
        yield issuer
    finally:
        issuer.stop()
