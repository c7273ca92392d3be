"""A port: who may come in, whose time is up, and which thread works for whom."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
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
SPARE: Final = 16
"""Waitress counts its own sockets among the connections."""
HEALTH_THREADS: Final = 2
SECONDS_FOR_KEPT: Final = 1.0
"""How long a kept connection stays open while we stop: its client may be sending at this moment."""


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
            self._end_the_longest_waits()
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


def _threads(count: int) -> ThreadedTaskDispatcher:
    dispatcher = ThreadedTaskDispatcher()
    dispatcher.set_thread_count(count)
    return dispatcher


def listening_socket(bind: str, port: int) -> socket.socket:
    """A socket that listens there."""
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    return socket.create_server((bind, port), family=family, backlog=2048)
