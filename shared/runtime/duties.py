"""How a worker's duties fare: what fails again and again, or waits for long, is shown in readiness and in metrics."""

from __future__ import annotations

from collections.abc import Iterable

from confluent_kafka import KafkaException

from shared.database import sqlstate
from shared.errors import PlatformError, Unreachable
from shared.runtime import clock, metrics

FAILURES_IN_A_ROW = 3
LASTING_SECONDS = 60.0


class Duty:
    """One duty of a worker (the consumer, the relay, each job): its failures in a row, and since when it waits.

    Its own thread writes, others read: every attribute is set whole.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.failures = 0
        self._problem = ""
        self._troubled_since: float | None = None

    def record_failure(self, problem: BaseException) -> None:
        """An attempt ended with this; there will be another one."""
        self.failures += 1
        metrics.duty_failures.labels(self.name).inc()
        self.record_wait(problem)

    def record_wait(self, problem: BaseException) -> None:
        """What is in hand is tried again, since trying again can help."""
        now = clock.monotonic()
        self._problem = kind_of(problem)
        if self._troubled_since is None:
            self._troubled_since = now
        metrics.duty_trouble_seconds.labels(self.name).set(now - self._troubled_since)

    def record_success(self) -> None:
        """Something was done, or there was nothing to do."""
        if self._troubled_since is None:
            return
        self.failures, self._troubled_since = 0, None
        metrics.duty_trouble_seconds.labels(self.name).set(0)

    def problem(self) -> str | None:
        """Why this duty is not done, where it failed three times in a row or has waited for a minute; else None."""
        since = self._troubled_since
        if since is None:
            return None
        seconds = clock.monotonic() - since
        if self.failures < FAILURES_IN_A_ROW and seconds < LASTING_SECONDS:
            return None
        return f"{self.name}: {self._problem}, without success for {seconds:.0f} s ({self.failures} failures)"


def check_duties(duties: Iterable[Duty]) -> bool:
    """True; raises `Unreachable` that says which duties fail, and why, in words without anybody's data."""
    if found := [trouble for duty in duties if (trouble := duty.problem())]:
        raise Unreachable("duty.fails", "; ".join(found))
    return True


def kind_of(problem: BaseException) -> str:
    """What kind of problem it is, with the database's, Kafka's or our code; never its text, which may quote a value."""
    code = sqlstate(problem)
    if isinstance(problem, KafkaException):
        code = problem.args[0].name()
    elif isinstance(problem, PlatformError):
        code = problem.code
    return f"{type(problem).__name__} ({code})" if code else type(problem).__name__
