"""Work on a schedule: every worker runs every job; what a job works on are rows that it claims with a lease.

No process is "the scheduler": two workers that wake at once find different rows (`SKIP LOCKED`) or none.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared import clock, metrics
from shared.logs import logger
from shared.tracing import because_of, new_cause

log = logger(__name__)


@dataclass(frozen=True)
class Job:
    """`run(now)` does one portion of work and returns how much that was; 0 means there is nothing more to do now."""

    name: str
    every: timedelta
    run: Callable[[datetime], int]


def run_once(job: Job, *, now: datetime) -> int:
    """One portion of a job's work, measured, as a cause of its own."""
    started = clock.monotonic()
    outcome = "failed"
    try:
        with because_of(new_cause()):
            done = job.run(now)
        outcome = "done" if done else "idle"
        return done
    finally:
        metrics.jobs_seconds.labels(job.name, outcome).observe(clock.monotonic() - started)


def run_until(job: Job, stop: threading.Event) -> None:
    """Run a job at once again while it finds work, else every `job.every`; a failure waits for the next turn."""
    while not stop.is_set():
        done = 0
        try:
            done = run_once(job, now=clock.now())
        except Exception:
            log.exception("job.failed", job=job.name)
        if not done:
            stop.wait(job.every.total_seconds())
