"""Turns at work of which a process may do only so much at once: those who wait are served in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock


class NoTurn(Exception):
    """It did not become this thread's turn in time."""


class Turns:
    """Lets a number of threads work at once, first come, first served; some go before all others.

    A turn that ends is passed on to the next thread that waits. (A semaphore of Python's only wakes that thread up:
    others who come at this moment are quicker, and while many come it may wait for ever.)
    """

    def __init__(self, at_once: int) -> None:
        self._lock = Lock()
        self._free = at_once
        self._first: deque[Event] = deque()
        self._others: deque[Event] = deque()

    @contextmanager
    def turn(self, *, goes_first: bool, seconds: float) -> Iterator[None]:
        """Run the block when it is this thread's turn. Raises `NoTurn` where that takes longer."""
        self._take(self._first if goes_first else self._others, seconds)
        try:
            yield
        finally:
            self._pass_on()

    def _take(self, queue: deque[Event], seconds: float) -> None:
        is_mine = Event()
        with self._lock:
            if self._free:  # then nobody waits
                self._free -= 1
                return
            queue.append(is_mine)
        if not is_mine.wait(seconds):
            self._leave(queue, is_mine)

    def _leave(self, queue: deque[Event], is_mine: Event) -> None:
        with self._lock:
            if is_mine.is_set():  # passed on at the last moment
                return
            queue.remove(is_mine)
        raise NoTurn

    def _pass_on(self) -> None:
        with self._lock:
            queue = self._first or self._others
            if queue:
                queue.popleft().set()
            else:
                self._free += 1
