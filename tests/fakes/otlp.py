"""A real HTTP server on 127.0.0.1 that takes OpenTelemetry spans as a collector does, or refuses to."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass
class FakeCollector:
    """Keeps the spans it was sent, as (service name, span)."""

    endpoint: str = ""
    hangs: bool = False
    spans: list[tuple[str, Any]] = field(default_factory=list)

    def named(self, name: str, *, within: float = 5.0) -> Any:
        """The span of that name, once it has arrived."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            for _, span in list(self.spans):
                if span.name == name:
                    return span
            time.sleep(0.02)
        raise AssertionError(f"no span {name!r} arrived, but {[span.name for _, span in self.spans]}")


@contextmanager
def collector(*, hangs: bool = False) -> Iterator[FakeCollector]:
    """A running collector; one that hangs never answers."""
    fake = FakeCollector(hangs=hangs)
    done = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            if fake.hangs:
                done.wait(30)
                return
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            assert self.path == "/v1/traces"
            for group in ExportTraceServiceRequest.FromString(body).resource_spans:
                (name,) = [a.value.string_value for a in group.resource.attributes if a.key == "service.name"]
                fake.spans += [(name, span) for scope in group.scope_spans for span in scope.spans]
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Tests say what they saw."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        done.set()
        server.shutdown()
        server.server_close()
