"""Retries of calls, with pauses that double, for failures that may pass by themselves.

Three things are tried again elsewhere, for a reason: a transaction that lost against others, at once and never after it
committed something (`shared.database.repeat_if_lost`); the loops of relay and consumer, which never end, keep their
membership meanwhile and stop when asked to (`Backoff`); and an e-mail, whose next time lies in its row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tenacity import RetryCallState, Retrying, retry_if_exception, wait_exponential

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
"""Seconds."""
DOUBLING = wait_exponential(multiplier=FIRST_PAUSE, max=LONGEST_PAUSE)


def retrying(
    when: Callable[[BaseException], bool],
    *,
    stop: Callable[[RetryCallState], bool],
    wait: Callable[[RetryCallState], float] = DOUBLING,
    on_retry: Callable[[BaseException], None] = lambda _: None,
) -> Retrying:
    """Returns a caller that tries again while `when` accepts the exception, until `stop`; then the exception is raised.

    `retrying(…)(function, *arguments)` calls the function, and `on_retry` gets each exception that is followed by
    another attempt. `wait` returns the seconds before it, for who is told how long; else the pauses double.
    """
    return Retrying(
        retry=retry_if_exception(when),
        wait=wait,
        stop=stop,
        before_sleep=lambda state: on_retry(_exception_of(state)),
        reraise=True,
    )


def _exception_of(state: RetryCallState) -> BaseException:
    assert state.outcome is not None
    problem = state.outcome.exception()
    assert problem is not None
    return problem


@dataclass
class Backoff:
    """Pauses that double from a tenth of a second up to `longest` seconds."""

    longest: float = LONGEST_PAUSE
    seconds: float = FIRST_PAUSE / 2

    def next(self) -> float:
        """How long to wait this time."""
        self.seconds = min(self.seconds * 2, self.longest)
        return self.seconds

    def reset(self) -> None:
        """Start again with the shortest pause."""
        self.seconds = FIRST_PAUSE / 2
