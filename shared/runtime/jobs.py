"""Work on a schedule: every worker runs every job, and a job claims the rows that it works on with a lease.

No process is "the scheduler": two workers that wake at once claim different rows (`SKIP LOCKED`) or none.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from shared.database import repeat_if_lost
from shared.errors import Unreachable
from shared.runtime import clock, metrics
from shared.runtime.duties import Duty
from shared.runtime.logs import logger
from shared.runtime.spans import span

log = logger(__name__)

SOON = timedelta(seconds=30)


@dataclass(frozen=True)
class Job:
    """`run(now)` does one portion of work and returns its size; 0 means there is nothing more to do now.

    `release(now)` is called once, in another thread, when the worker stops: it releases claims that `run` cannot finish
    within seconds, so that other workers need not wait for the end of the lease.
    """

    name: str
    every: timedelta
    run: Callable[[datetime], int]
    release: Callable[[datetime], None] | None = None
    needs_current_events: bool = False
    """It acts on what other services said: it waits while their events are not handled (`shared.events.freshness`)."""

    @property
    def does(self) -> str:
        """What the job does, in a sentence: the first line of the docstring of `run`."""
        function = self.run.func if isinstance(self.run, partial) else self.run
        return (inspect.getdoc(function) or "").partition("\n")[0]


def run_once(job: Job, *, now: datetime) -> int:
    """Run one portion of a job's work, with metrics, in a trace of its own; a failure is logged and raised.

    `Unreachable` is not logged here: it can last for hours, so the job logs it once.

    The rows that a job works on often continue an earlier trace:
    `with span("send an e-mail", correlation_id=row.correlation_id)`.
    """
    started = clock.monotonic()
    outcome = "failed"
    try:
        with span(f"job {job.name}") as this:
            try:
                done = repeat_if_lost(lambda: job.run(now), resumes=True)
            except Unreachable:
                raise
            except Exception:
                log.exception("job.failed", job=job.name)
                raise
            # most jobs look every second and find nothing
            this.should_export = done > 0
        outcome = "done" if done else "idle"
        return done
    finally:
        metrics.jobs_seconds.labels(job.name, outcome).observe(clock.monotonic() - started)


def run_until(job: Job, stop: threading.Event, duty: Duty | None = None) -> None:
    """Run a job again at once while it finds work, else every `job.every`, until `stop` is set.

    After a failure the next run comes within `SOON`, also for a rare job, so that readiness soon shows a recovery.
    """
    duty = duty or Duty(f"job {job.name}")
    while not stop.is_set():
        pause = job.every
        try:
            if run_once(job, now=clock.now()):
                pause = timedelta()
            duty.record_success()
        except Exception as problem:  # it was logged where its cause is known
            duty.record_failure(problem)
            pause = min(job.every, SOON)
        stop.wait(pause.total_seconds())
