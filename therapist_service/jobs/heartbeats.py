"""A claim that is kept while its holder works."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Self

from shared.runtime import clock
from shared.runtime.logs import logger
from therapist_service.domain.imports import ClaimLost

log = logger(__name__)

STUCK = timedelta(minutes=10)
"""A worker that gets no further for this long renews its claim no more, so that another one can go on."""


def passing_from(now: datetime) -> Callable[[], datetime]:
    """Time that passes from this moment on: an import takes longer than a lease may."""
    started = clock.monotonic()
    return lambda: now + timedelta(seconds=clock.monotonic() - started)


class ClaimHeartbeat:
    """Renews a claim, in transactions of its own, for as long as its holder gets on with the work."""

    def __init__(
        self, moment: Callable[[], datetime], lease: timedelta, renew: Callable[[datetime], None], *, import_id: str
    ) -> None:
        """`renew` is given the moment and raises `ClaimLost` where the claim is over."""
        self.moment = moment
        self._lease, self._renew, self._import_id = lease, renew, import_id
        self._renewed = self._progressed = moment()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="import heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(1)

    def progress(self) -> None:
        """Something was written, and the claim renewed with it."""
        self._renewed = self._progressed = self.moment()

    def record_progress(self) -> None:
        """The holder gets on, without having written anything."""
        self._progressed = self.moment()

    def _beat(self) -> None:
        while not self._ended.wait(self._lease.total_seconds() / 8):
            now = self.moment()
            if now - self._progressed > STUCK:
                log.error("imports.stuck", import_id=self._import_id)
                return
            if now - self._renewed < self._lease / 2:
                continue
            try:
                self._renew(now)
                self._renewed = now
            except ClaimLost:
                return  # the holder notices it when it writes
            except Exception as problem:
                log.warning("imports.claim_not_renewed", problem=type(problem).__name__)
