"""How old events of therapists are when matching has their copies, while they are published."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from typing import Any

from migrations.connections import administrator
from migrations.settings import MigrationSettings

EVERY = 0.1
"""Seconds between two counts, by which a lag is measured too long at most; a count takes a few milliseconds, which
the copies need too."""

_COUNT = "SELECT count(*), clock_timestamp() FROM matching_service.therapists WHERE status IS NOT NULL"


class CopyLag:
    """Counts the copies again and again: the first count that includes as many as there were events is its arrival.

    What is counted is committed, so that this is the time from an event to what a question of matching finds.
    """

    def __init__(self) -> None:
        self._numbers: list[int] = []
        self._times: list[datetime] = []
        self._ended = threading.Event()

    def count(self) -> None:
        """Count until `end`."""
        with closing(administrator(MigrationSettings())) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            while not self._ended.wait(EVERY):
                cursor.execute(_COUNT)
                number, time = cursor.fetchall()[0]
                self._numbers.append(number)
                self._times.append(time)

    def end(self) -> None:
        """Count no more."""
        self._ended.set()

    def seconds(self) -> list[float]:
        """The age of each event when its copy was there, of copies that were made while counting.

        Raises `RuntimeError` where not every copy was there at the last count.
        """
        before = self._numbers[0]
        with closing(administrator(MigrationSettings())) as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT event_time FROM matching_service.therapists WHERE event_time >= %s ORDER BY event_time",
                (self._times[0],),
            )
            events: list[Any] = [time for (time,) in cursor.fetchall()]
        if before + len(events) > self._numbers[-1]:
            raise RuntimeError("the counting ended before the last copy was there")
        arrivals = (self._times[bisect_left(self._numbers, before + place)] for place in range(1, len(events) + 1))
        return [(arrival - time).total_seconds() for arrival, time in zip(arrivals, events, strict=True)]


@contextmanager
def measured_lag() -> Iterator[CopyLag]:
    """Yields what measures the lag of copies that are new in the block."""
    lag = CopyLag()
    thread = threading.Thread(target=lag.count)
    thread.start()
    try:
        yield lag
    finally:
        lag.end()
        thread.join()
