"""The state of a worker's duties: one that fails repeatedly, or retries for long, shows in readiness and metrics."""

from __future__ import annotations

from collections.abc import Iterable

from confluent_kafka import KafkaException

from shared.database import sqlstate
from shared.errors import Outage, PlatformError
from shared.runtime import clock, metrics

FAILURES_IN_A_ROW = 3
LASTING_SECONDS = 60.0


class Duty:
    """One duty of a worker (the consumer, the relay, each job): its failures in a row, and since when it has trouble.

    Its own thread writes, others read: every attribute is set in one assignment.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.failures = 0
        self._problem = ""
        self._troubled_since: float | None = None

    def record_failure(self, problem: BaseException) -> None:
        """An attempt ended with this problem; the duty is started again."""
        self.failures += 1
        metrics.duty_failures.labels(self.name).inc()
        self.record_wait(problem)

    def record_wait(self, problem: BaseException) -> None:
        """The duty retries its present work because of this problem."""
        now = clock.monotonic()
        self._problem = kind_of(problem)
        if self._troubled_since is None:
            self._troubled_since = now
        metrics.duty_trouble_seconds.labels(self.name).set(now - self._troubled_since)

    def record_success(self) -> None:
        """An attempt succeeded, or there was nothing to do."""
        if self._troubled_since is None:
            return
        self.failures, self._troubled_since = 0, None
        metrics.duty_trouble_seconds.labels(self.name).set(0)

    def problem(self) -> str | None:
        """Returns the problem of a duty that failed three times in a row or has had trouble for a minute; else None."""
        since = self._troubled_since
        if since is None:
            return None
        seconds = clock.monotonic() - since
        if self.failures < FAILURES_IN_A_ROW and seconds < LASTING_SECONDS:
            return None
        return f"{self.name}: {self._problem}, without success for {seconds:.0f} s ({self.failures} failures)"


def check_duties(duties: Iterable[Duty]) -> bool:
    """Returns True; raises `Unreachable` that names the failing duties and their problems, without personal data."""
    if problems := [problem for duty in duties if (problem := duty.problem())]:
        raise Outage("duty.fails", "; ".join(problems))
    return True


def kind_of(problem: BaseException) -> str:
    """Returns the class of a problem with its SQLSTATE or code; never its text, which may quote a value."""
    code = sqlstate(problem)
    if isinstance(problem, KafkaException):
        code = problem.args[0].name()
    elif isinstance(problem, PlatformError):
        code = problem.code
    return f"{type(problem).__name__} ({code})" if code else type(problem).__name__
