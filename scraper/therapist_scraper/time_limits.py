"""A limit to the time that one answer takes as a whole, however steadily its bytes come."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection


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
        self.poolmanager.pool_classes_by_scheme = _pools(self._limit)


def _pools(limit: TimeLimit) -> dict[str, type[HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            connected = super()._new_conn()
            limit.watch(connected)
            return connected

    class Encrypted(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            connected = super()._new_conn()
            limit.watch(connected)
            return connected

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class EncryptedPool(HTTPSConnectionPool):
        ConnectionCls = Encrypted

    return {"http": PlainPool, "https": EncryptedPool}
