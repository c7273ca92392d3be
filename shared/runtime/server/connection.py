"""One client connection: its requests, the responses that wait for it, and the deadlines for both."""

from __future__ import annotations

import logging
import socket
import struct
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.task import ErrorTask, Task, WSGITask
from waitress.utilities import BadRequest, Error

from shared.runtime import clock
from shared.runtime.logs import logger
from shared.runtime.metrics import connections_ended, requests_refused
from shared.runtime.problem_documents import LANGUAGE_HEADERS, MEDIA_TYPE, problem_document
from shared.runtime.server.parser import TEXTS, Parser, RequestTimeout
from shared.texts import Sentence, TextLanguage, preferred_language

if TYPE_CHECKING:
    from shared.runtime.server.listening import Server

log = logger(__name__)


class _SingleWriteTask(Task):  # type: ignore[misc]
    """Sends head and body in one write: two writes cost a system call and a packet more."""

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


class RequestTask(_SingleWriteTask, WSGITask):  # type: ignore[misc]
    """Runs the application for one request."""

    def get_environment(self) -> dict[str, Any]:
        """Returns the WSGI environment; the path as it was sent, where waitress would merge its first slashes."""
        environ: dict[str, Any] = super().get_environment()
        environ["PATH_INFO"] = self.request.path
        return environ


class RefusalTask(_SingleWriteTask, ErrorTask):  # type: ignore[misc]
    """Answers a request that does not reach the application."""

    def execute(self) -> None:
        """Answer with a problem document."""
        self.version = "1.1"
        status = self.request.error.code
        requests_refused.labels(status).inc()
        otherwise = TextLanguage.DE if self.request.is_of_a_person else TextLanguage.EN
        language = preferred_language(self.request.accept_language, otherwise=otherwise)
        sentence = Sentence.of(getattr(self.request.error, "text", TEXTS[status]))
        body = problem_document(status, sentence, language, code=HTTPStatus(status).name.lower()).encode()
        self.status = f"{status} {HTTPStatus(status).phrase}"
        self.response_headers += [
            ("Content-Type", MEDIA_TYPE),
            ("Cache-Control", "no-store"),
            *LANGUAGE_HEADERS[language].items(),
        ]
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _LogWithoutPaths:
    """Replaces waitress's own log, whose lines quote paths, which may hold names."""

    def exception(self, _text: str, *_: object) -> None:
        log.error("http.failed", exc_info=True)

    def log(self, level: int, _text: str, *_: object) -> None:
        log.log(level, "http.failed", exc_info=level >= logging.ERROR)

    def info(self, *_: object) -> None:
        """A client that disconnected is not logged."""

    warning = info


class Connection(HTTPChannel):  # type: ignore[misc]
    """One client. Everything here runs in the thread that reads and writes, except `service` and what it calls."""

    task_class, error_task_class, parser_class = RequestTask, RefusalTask, Parser
    logger = _LogWithoutPaths()
    request: Any

    def __init__(self, server: Server, sock: socket.socket, addr: Any, adj: Adjustments, map: Any = None) -> None:
        self._since = clock.monotonic()
        self._answered = False
        self._lingers = False
        super().__init__(server, sock, addr, adj, map=map)

    @property
    def is_idle(self) -> bool:
        """Whether no request is being handled and no response waits to be sent."""
        return not self.requests and not self.total_outbufs_len

    @property
    def waiting_bytes(self) -> int:
        """Bytes in memory of an incomplete request and of responses that were not sent."""
        received = 0 if self.request is None else self.request.body_bytes_received
        return int(self.total_outbufs_len + received)

    @property
    def since(self) -> float:
        """Since when the current deadline runs (monotonic clock): single bytes do not extend it."""
        return self._since

    def readable(self) -> bool:
        """Whether to read from the client now."""
        return self._lingers or bool(super().readable())

    def handle_read(self) -> None:
        """Read the bytes that have arrived."""
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
            self._receive(data)
        elif self.request is not None and self.is_idle:
            self.refuse(BadRequest("cut off"))
        else:
            self.handle_close()

    def _receive(self, data: bytes) -> None:
        # empty lines do not begin a request, or they would keep a connection open for ever
        if data.strip(b"\r\n") and self._has_not_begun():
            self._since = clock.monotonic()
        self.received(data)

    def _has_not_begun(self) -> bool:
        request = self.request
        return request is None or not (request.headers_finished or request.header_plus.strip())

    def refuse(self, error: Error) -> None:
        """Answer the incomplete request with this error, and close."""
        with self.requests_lock:
            self.request.error, self.request.completed = error, True
            self.requests.append(self.request)
            self.request = None
            self.server.add_task(self)

    def handle_write(self) -> None:
        """Send waiting bytes; after the last response of a connection, read and discard until the client closes."""
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
        """Handle one request; runs in a worker thread."""
        super().service()
        self._since, self._answered = clock.monotonic(), True

    def _flush_outbufs_below_high_watermark(self) -> None:
        """Never wait for the client: one that sends requests without reading responses is disconnected."""
        if self.total_outbufs_len > self.server.limits.unread_bytes and len(self.requests) > 1:
            self.will_close, self.connected = True, False

    def end_if_late(self, now: float) -> None:
        """Close the connection, or refuse the request, when a deadline has passed."""
        if self.will_close:  # a client that does not read is never writable
            self.abort()
            return
        reason = self._deadline_passed(now - self._since)
        if reason is None:
            return
        connections_ended.labels(reason).inc()
        if reason in ("header", "body"):
            self.refuse(RequestTimeout(reason))
        else:
            self.abort()

    def abort(self) -> None:
        """Close at once, and discard the bytes that the system still holds for the client."""
        if self.total_outbufs_len:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.handle_close()

    def _deadline_passed(self, seconds: float) -> str | None:
        limits = self.server.limits
        if self.requests:
            return None  # the delay is ours
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
