"""The HTTP server under every port that listens: slow clients cost a timeout, never a thread.

One thread speaks with all clients and hands a request to the threads that work only when it has been read whole; an
answer waits in a buffer until it is taken. waitress does that. Ours is what it leaves open: deadlines for the whole of
a request and of an answer (a client that sends a byte every second is active, and never done), the bound on
connections, threads for health that no other request can hold, and refusals as problem documents. See
docs/decisions/0017.
"""

from __future__ import annotations

import logging
import re
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError, TransferEncodingNotImplemented
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask, Task, ThreadedTaskDispatcher, WSGITask
from waitress.utilities import BadRequest, Error

from shared import clock
from shared.logs import logger
from shared.metrics import connections_ended, requests_refused
from shared.problem_documents import MEDIA_TYPE, problem_document

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

log = logger(__name__)

KIBIBYTE = 1024
HEALTH = ("/health/", "/metrics")

_FRAMING = re.compile(rb"\r\n(content-length|transfer-encoding|host)[ \t]*:", re.IGNORECASE)
_TRANSFER_ENCODING = re.compile(rb"\r\ntransfer-encoding[ \t]*:[ \t]*([^\r]*?)[ \t]*\r\n", re.IGNORECASE)


@dataclass(frozen=True)
class Limits:
    """What one client may take: seconds, bytes, and a place among the connections of one process."""

    header_seconds: float = 10
    """From the first byte of a request, or from the beginning of a connection, to the end of the headers."""
    request_seconds: float = 60
    """From the first byte of a request to its last; a mebibyte at 140 kbit/s."""
    answer_seconds: float = 60
    """From the end of the work to the last byte that the client has taken."""
    idle_seconds: float = 75
    """Between two requests of one connection."""
    linger_seconds: float = 2
    """What a client may still send after a refusal is thrown away for so long, or it would not read the refusal."""
    header_bytes: int = 16 * KIBIBYTE
    body_bytes: int = KIBIBYTE * KIBIBYTE
    unread_bytes: int = 16 * KIBIBYTE * KIBIBYTE
    """Answers that a client asks for one after the other without taking them."""
    all_unread_bytes: int = 64 * KIBIBYTE * KIBIBYTE
    """Answers that wait in this process for clients that do not take them; beyond it the longest wait ends."""
    connections: int = 512
    """Beyond them the connection that has been idle for longest is closed for a new one."""


class RequestTimeout(Error):  # type: ignore[misc]  # waitress ships no types
    """The client took too long to send its request."""

    code, reason = 408, "Request Timeout"


class VersionNotSupported(Error):  # type: ignore[misc]
    """Neither HTTP/1.0 nor HTTP/1.1."""

    code, reason = 505, "HTTP Version Not Supported"


SENTENCES: Final = {
    400: "This is not a request that can be understood: it is malformed or cut off.",
    408: "The request was not sent in time.",
    413: "The request is larger than this service accepts.",
    431: "The headers of the request are larger than this service accepts.",
    500: "Something went wrong here; the logs tell what.",
    501: "This transfer encoding is not known here; send the body as it is, or chunked.",
    505: "This service speaks HTTP/1.1.",
}


class Parser(HTTPRequestParser):  # type: ignore[misc]
    """Reads one request; refuses what two servers in a row could understand differently."""

    expect_continue: bool
    path = ""  # waitress speaks of it even where the first line was never understood

    def parse_header(self, header_plus: bytes) -> None:
        """The first line and the headers."""
        if b"\r\n " in header_plus or b"\r\n\t" in header_plus:
            raise ParsingError("a header goes on in the next line")
        framing = sorted(name.lower() for name in _FRAMING.findall(header_plus))
        if len(set(framing)) < len(framing) or {b"content-length", b"transfer-encoding"} <= set(framing):
            raise ParsingError("two headers say how long the body is, or where it goes")
        encoding = _TRANSFER_ENCODING.search(header_plus)
        if encoding is not None and encoding[1].lower() != b"chunked":
            raise TransferEncodingNotImplemented(encoding[1].decode("latin-1"))
        super().parse_header(header_plus)
        self._judge(chunked=encoding is not None)

    def _judge(self, *, chunked: bool) -> None:
        if self.version not in ("1.0", "1.1"):
            self.error, self.completed = VersionNotSupported(self.version), True
        if chunked and self.version == "1.0":
            raise ParsingError("HTTP/1.0 knows no chunks")
        if self.version == "1.1" and not self.headers.get("HOST"):
            raise ParsingError("HTTP/1.1 names its host")
        if self.proxy_netloc:
            # RFC 9112, 3.2.2: the address in the first line counts, whatever Host says
            self.headers["HOST"] = self.proxy_netloc
        # without a body there is nothing to wait for
        self.expect_continue = self.expect_continue and self.body_rcv is not None

    def received(self, data: bytes) -> int:
        """Take what belongs to this request; returns how many bytes that was."""
        try:
            taken: int = super().received(data)
        except Exception:  # such as a length of 5,000 digits
            self.error, taken = BadRequest("not understood"), len(data)
        if self.error is not None:
            self.completed, self.expect_continue = True, False
        elif self.chunked and self.body_rcv is not None and self._is_endless(self.body_rcv):
            self.error, self.completed = BadRequest("endless line between chunks"), True
        return taken

    def _is_endless(self, chunks: Any) -> bool:
        return len(chunks.control_line) > KIBIBYTE or len(chunks.trailer) > self.adj.max_request_header_size


class _OneWrite(Task):  # type: ignore[misc]
    """Sends head and body in one piece: two cost a system call and a packet more."""

    wrote_header: bool

    def write(self, data: bytes) -> None:
        if self.wrote_header or not data or not self.has_body or self.content_length != len(data):
            super().write(data)
            return
        head = self.build_response_header()
        self.wrote_header = True
        self.content_bytes_written = len(data)
        self.channel.write_soon(head + data)

    def build_response_header(self) -> bytes:
        if self.channel.server.stopping:
            self.set_close_on_finish()
        head: bytes = super().build_response_header()
        return head


class Work(_OneWrite, WSGITask):  # type: ignore[misc]
    """One request in the hands of the application."""


class Refuse(_OneWrite, ErrorTask):  # type: ignore[misc]
    """One request that does not reach the application."""

    def execute(self) -> None:
        """Answer with a problem document."""
        self.version = "1.1"
        status = self.request.error.code
        requests_refused.labels(status).inc()
        body = problem_document(status, HTTPStatus(status).name.lower(), SENTENCES[status]).encode()
        self.status = f"{status} {HTTPStatus(status).phrase}"
        self.response_headers += [("Content-Type", MEDIA_TYPE), ("Cache-Control", "no-store")]
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _WithoutPaths:
    """Stands in for waitress's own log, whose lines quote paths, which may hold names."""

    def exception(self, _text: str, *_: object) -> None:
        log.error("http.failed", exc_info=True)

    def log(self, level: int, _text: str, *_: object) -> None:
        log.log(level, "http.failed", exc_info=level >= logging.ERROR)

    def info(self, *_: object) -> None:
        """A client that has gone is not worth a line."""

    warning = info


class Connection(HTTPChannel):  # type: ignore[misc]
    """One client. Everything here runs in the thread that speaks with clients, except `service` and what it calls."""

    task_class, error_task_class, parser_class = Work, Refuse, Parser
    logger = _WithoutPaths()
    request: Any

    def __init__(self, server: Server, sock: socket.socket, addr: Any, adj: Adjustments, map: Any = None) -> None:
        self._since = self._idle_since = clock.monotonic()
        self._answered = False
        self._lingers = False
        super().__init__(server, sock, addr, adj, map=map)

    @property
    def is_idle(self) -> bool:
        """Whether nobody works for this client and nothing waits for it."""
        return not self.requests and not self.total_outbufs_len

    @property
    def since(self) -> float:
        """Since when nothing has happened that counts: a byte more of a request or of an answer does not."""
        return self._since

    def readable(self) -> bool:
        """Whether what the client sends is wanted now."""
        return self._lingers or bool(super().readable())

    def handle_read(self) -> None:
        """Take what has come."""
        try:
            data = self.socket.recv(self.adj.recv_bytes)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if self._lingers:
            if not data:
                self.handle_close()
        elif data:
            self._take(data)
        elif self.request is not None and self.is_idle:
            self.refuse(BadRequest("cut off"))
        else:
            self.handle_close()

    def _take(self, data: bytes) -> None:
        if self.request is None:
            self._idle_since, self._since = self._since, clock.monotonic()
        self.received(data)
        if self.request is None and not self.requests:
            self._since = self._idle_since  # empty lines are no beginning of a request

    def refuse(self, error: Error) -> None:
        """Answer the request that is not whole yet with this refusal, and close."""
        with self.requests_lock:
            self.request.error, self.request.completed = error, True
            self.requests.append(self.request)
            self.request = None
            self.server.add_task(self)

    def handle_write(self) -> None:
        """Send what waits; having sent the last answer of a connection, hear the client out."""
        if self.will_close or not self.close_when_flushed or self.requests:
            super().handle_write()
            return
        self._flush_exception(self._flush_some)
        if not self.total_outbufs_len and self.connected:
            self._linger()

    def _linger(self) -> None:
        self.close_when_flushed = False
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.handle_close()
            return
        self._lingers, self._since = True, clock.monotonic()

    def service(self) -> None:
        """Work on one request; runs in one of the threads for it."""
        super().service()
        self._since, self._answered = clock.monotonic(), True

    def _flush_outbufs_below_high_watermark(self) -> None:
        """Never wait for the client: one that asks on and on without reading is let go."""
        if self.total_outbufs_len > self.server.limits.unread_bytes and len(self.requests) > 1:
            self.will_close, self.connected = True, False

    def end_if_late(self, now: float) -> None:
        """Close, or refuse, where one of the deadlines has passed."""
        reason = self._deadline_passed(now - self._since)
        if reason is None:
            return
        connections_ended.labels(reason).inc()
        if reason in ("header", "body"):
            self.refuse(RequestTimeout(reason))
        else:
            self.abort()

    def abort(self) -> None:
        """Close at once, and let the system forget what it holds for the client."""
        if self.total_outbufs_len:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.handle_close()

    def _deadline_passed(self, seconds: float) -> str | None:
        limits = self.server.limits
        if self.requests or self.will_close:
            return None  # we are the ones who are slow
        if self._lingers:
            return "lingering" if seconds > limits.linger_seconds else None
        if self.total_outbufs_len:
            return "answer" if seconds > limits.answer_seconds else None
        if self.request is None:
            most = limits.idle_seconds if self._answered else limits.header_seconds
            return "idle" if seconds > most else None
        if not self.request.headers_finished:
            return "header" if seconds > limits.header_seconds else None
        return "body" if seconds > limits.request_seconds else None


class Server(TcpWSGIServer):  # type: ignore[misc]
    """Listens on one socket. `step` until told to stop, then `stop`; or `run_in_thread`."""

    channel_class = Connection

    def __init__(self, app: WSGIApplication, listener: socket.socket, *, threads: int, limits: Limits) -> None:
        # waitress warns of requests that wait for a thread, one line each
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        self.limits = limits
        self.stopping = False
        self._looked_at = 0.0
        self._health = _threads(HEALTH_THREADS)
        adjustments = Adjustments(
            sockets=[listener],
            threads=threads,
            ident=None,
            clear_untrusted_proxy_headers=False,
            connection_limit=limits.connections + SPARE,
            max_request_header_size=limits.header_bytes,
            max_request_body_size=limits.body_bytes + 1,  # waitress refuses what is as large
            outbuf_high_watermark=limits.unread_bytes,
            backlog=2048,
            log_socket_errors=False,
        )
        family = (listener.family, listener.type, listener.proto, listener.getsockname())
        super().__init__(
            app,
            {},
            _sock=listener,
            dispatcher=_threads(threads),
            adj=adjustments,
            bind_socket=False,
            sockinfo=family,
        )

    def add_task(self, task: Connection) -> None:
        """Let a thread work on the connection's first request; health has threads of its own."""
        asked = getattr(task.requests[0], "path", "")
        (self._health if asked.startswith(HEALTH) else self.task_dispatcher).add_task(task)

    def step(self, seconds: float = 1.0) -> None:
        """Wait for something to happen, at most so long, and do what follows from it."""
        # between two rounds: within one, the number of a socket that was closed may be that of a new client
        self._make_room()
        now = clock.monotonic()
        if now - self._looked_at >= 1:
            self._looked_at = now
            for connection in list(self.active_channels.values()):
                connection.end_if_late(now)
            self._end_the_longest_unread()
        wasyncore.poll2(seconds, self._map)

    def maintenance(self, now: float) -> None:
        """Waitress's own, which closes nobody who does not read: `step` does it."""

    def _make_room(self) -> None:
        if len(self.active_channels) < self.limits.connections:
            return
        idle = [each for each in self.active_channels.values() if each.is_idle]
        if idle:
            min(idle, key=lambda each: each.since).abort()
            connections_ended.labels("crowded").inc()

    def _end_the_longest_unread(self) -> None:
        waiting = [each for each in self.active_channels.values() if each.total_outbufs_len and not each.requests]
        unread = sum(each.total_outbufs_len for each in waiting)
        for connection in sorted(waiting, key=lambda each: each.since):
            if unread <= self.limits.all_unread_bytes:
                return
            unread -= connection.total_outbufs_len
            connection.abort()
            connections_ended.labels("unread").inc()

    def stop(self, seconds: float) -> None:
        """Take no more clients, finish the requests that there are, and close everything, within that time."""
        self.stopping = True
        self.accepting = False
        began = clock.monotonic()
        wasyncore.dispatcher.del_channel(self, self._map)
        self.socket.close()
        while self._is_needed(clock.monotonic() - began, seconds):
            self.step(0.05)
        for connection in list(self.active_channels.values()):
            connection.handle_close()
        self.task_dispatcher.shutdown(timeout=0.5)
        self._health.shutdown(timeout=0.5)
        # the trigger stays open: a thread that ends late would write to whoever has its number then

    def _is_needed(self, passed: float, seconds: float) -> bool:
        """Whether somebody waits for an answer, or may just be sending a request on a connection that was kept."""
        if passed > seconds:
            return False
        clients = list(self.active_channels.values())
        return any(not each.is_idle for each in clients) or (bool(clients) and passed < SECONDS_FOR_KEPT)

    def run_in_thread(self, name: str) -> Callable[[], None]:
        """Serve beside the process's real work; the function that is returned ends it."""
        ended = False

        def serve() -> None:
            while not ended:
                self.step()
            self.stop(SECONDS_FOR_KEPT)

        def end() -> None:
            nonlocal ended
            ended = True
            self.pull_trigger()
            thread.join(2 * SECONDS_FOR_KEPT)

        thread = Thread(target=serve, name=name, daemon=True)
        thread.start()
        return end


SPARE: Final = 16
"""Waitress counts its own sockets among the connections."""
HEALTH_THREADS: Final = 2
SECONDS_FOR_KEPT: Final = 1.0
"""How long a kept connection stays open while we stop: its client may be sending at this moment."""


def _threads(count: int) -> ThreadedTaskDispatcher:
    dispatcher = ThreadedTaskDispatcher()
    dispatcher.set_thread_count(count)
    return dispatcher


def listener(bind: str, port: int) -> socket.socket:
    """A socket that listens there."""
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    return socket.create_server((bind, port), family=family, backlog=2048)
