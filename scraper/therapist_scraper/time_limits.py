"""A limit to the time that one answer takes as a whole, however steadily its bytes come."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import requests
from requests.adapters import HTTPAdapter


class TimeLimit:
    """Cuts the connection of a session when a request takes too long; for one request at a time.

    The limits of `requests` count the time between two bytes alone.
    """

    def __init__(self, session: requests.Session) -> None:
        self.has_passed = False
        """Whether the last request was cut: what came of its answer is not whole then."""
        self._socket: socket.socket | None = None
        for scheme in ("http://", "https://"):
            session.mount(scheme, _WatchedAdapter(self))

    @contextmanager
    def of(self, seconds: float) -> Iterator[None]:
        """Cut the connection if what is done here takes longer."""
        self.has_passed = False
        timer = threading.Timer(seconds, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        except BaseException:
            self._close()
            raise
        finally:
            timer.cancel()
            timer.join()  # else it could cut the next request

    def watch(self, connected: socket.socket) -> None:
        """Remember the newest connection; of one in TLS the descriptor is taken over, so this keeps one of its own."""
        self._close()
        self._socket = connected.dup()
        if self.has_passed:
            self._cut()

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _cut(self) -> None:
        self.has_passed = True
        if self._socket is not None:
            with suppress(OSError):  # it is closed already
                self._socket.shutdown(socket.SHUT_RDWR)


class _WatchedAdapter(HTTPAdapter):
    """Makes connections that a limit knows."""

    def __init__(self, limit: TimeLimit) -> None:
        self._limit = limit
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        _watch(self.poolmanager, self._limit)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        is_new = proxy not in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **options)
        if is_new:
            _watch(manager, self._limit)
        return manager


def _watch(manager: Any, limit: TimeLimit) -> None:
    """Let a limit know of each connection that is made for a manager of urllib3."""
    manager.pool_classes_by_scheme = {
        scheme: type(pool.__name__, (pool,), {"ConnectionCls": _watched(pool.ConnectionCls, limit)})
        for scheme, pool in manager.pool_classes_by_scheme.items()
    }


def _watched(connection: Any, limit: TimeLimit) -> type:
    def connect(self: Any) -> socket.socket:
        connected: socket.socket = connection._new_conn(self)
        limit.watch(connected)
        return connected

    return type(connection.__name__, (connection,), {"_new_conn": connect})
