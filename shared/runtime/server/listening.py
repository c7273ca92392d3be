"""The server of one port: it accepts connections, enforces the limits, and assigns requests to threads."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from copy import copy
from threading import Thread
from typing import TYPE_CHECKING, Final

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from shared.runtime import clock
from shared.runtime.metrics import connections_ended
from shared.runtime.server.connection import Connection
from shared.runtime.server.limits import Limits

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

HEALTH = ("/health/", "/metrics")
OWN_SOCKETS: Final = 16
"""Waitress counts its own sockets among the connections."""
HEALTH_THREADS: Final = 2
UNBOUNDED: Final = 1 << 62
SECONDS_FOR_KEPT: Final = 1.0
"""For how long idle connections stay open while we stop: a client may be sending a request at this moment."""


class Server(TcpWSGIServer):  # type: ignore[misc]
    """Listens on one socket. Call `step` repeatedly, then `stop`; or use `run_in_thread`."""

    channel_class = Connection

    def __init__(self, app: WSGIApplication, listener: socket.socket, *, threads: int, limits: Limits) -> None:
        # waitress warns of requests that wait for a thread, one line each
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        self.limits = limits
        self.stopping = False
        self._limits_checked_at = 0.0
        self._health = _threads(HEALTH_THREADS)
        adjustments = _adjustments(listener, threads, limits)
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
        """Give the connection's first request to a worker thread; health requests have threads of their own."""
        asked = getattr(task.requests[0], "path", "")
        (self._health if asked.startswith(HEALTH) else self.task_dispatcher).add_task(task)

    def step(self, seconds: float = 1.0) -> None:
        """Wait for network events, at most so long, and handle them."""
        # between two rounds: within one, the number of a socket that was closed may be that of a new client
        self._close_idle_if_full()
        now = clock.monotonic()
        if now - self._limits_checked_at >= 1:
            self._limits_checked_at = now
            for connection in list(self.active_channels.values()):
                connection.end_if_late(now)
            self._end_the_longest_waits()
        wasyncore.poll2(seconds, self._map)

    def maintenance(self, now: float) -> None:
        """Disabled: waitress's own check does not close clients that do not read; `step` does."""

    def _close_idle_if_full(self) -> None:
        if len(self.active_channels) < self.limits.connections:
            return
        idle = [each for each in self.active_channels.values() if each.is_idle]
        if idle:
            min(idle, key=lambda each: each.since).abort()
            connections_ended.labels("crowded").inc()

    def _end_the_longest_waits(self) -> None:
        waiting = [each for each in self.active_channels.values() if each.waiting_bytes and not each.requests]
        held = sum(each.waiting_bytes for each in waiting)
        for connection in sorted(waiting, key=lambda each: each.since):
            if held <= self.limits.all_waiting_bytes:
                return
            held -= connection.waiting_bytes
            connection.abort()
            connections_ended.labels("memory").inc()

    def stop(self, seconds: float) -> None:
        """Accept no more clients, finish the current requests, and close everything, within that time."""
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
        # the trigger stays open: a thread that ends late would write to another socket with its number

    def _is_needed(self, passed: float, seconds: float) -> bool:
        """Whether a client waits for a response, or may be sending a request on an idle connection."""
        if passed > seconds:
            return False
        clients = list(self.active_channels.values())
        return any(not each.is_idle for each in clients) or (bool(clients) and passed < SECONDS_FOR_KEPT)

    def run_in_thread(self, name: str) -> Callable[[], None]:
        """Serve in a thread; returns a function that stops the server."""
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


def _adjustments(listener: socket.socket, threads: int, limits: Limits) -> Adjustments:
    adjustments = Adjustments(
        sockets=[listener],
        threads=threads,
        ident=None,
        clear_untrusted_proxy_headers=False,
        connection_limit=limits.connections + OWN_SOCKETS,
        max_request_header_size=limits.header_bytes,
        max_request_body_size=limits.body_bytes + 1,  # waitress refuses what is as large
        # waitress puts what is larger than this into a file: nothing of a request or a response goes to a disk
        inbuf_overflow=limits.largest_body + 1,
        outbuf_overflow=UNBOUNDED,
        outbuf_high_watermark=limits.unread_bytes,
        backlog=2048,
        log_socket_errors=False,
    )
    adjustments.of_paths = {path: _with_body(adjustments, largest) for path, largest in limits.larger_bodies.items()}
    return adjustments


def _with_body(adjustments: Adjustments, largest: int) -> Adjustments:
    """The same for a path whose bodies may be larger; the parser takes it once it knows the path."""
    copied = copy(adjustments)
    copied.max_request_body_size = largest + 1
    return copied


def _threads(count: int) -> ThreadedTaskDispatcher:
    dispatcher = ThreadedTaskDispatcher()
    dispatcher.set_thread_count(count)
    return dispatcher


def listening_socket(bind: str, port: int) -> socket.socket:
    """Returns a socket that listens on this address and port."""
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    return socket.create_server((bind, port), family=family, backlog=2048)
