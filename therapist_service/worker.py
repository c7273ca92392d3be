"""The worker process of this service: relay and jobs."""

from __future__ import annotations

from shared.worker import Worker
from therapist_service.jobs import JOBS
from therapist_service.settings import Settings


def create(settings: Settings) -> Worker:
    """The worker, wired."""
    return Worker(settings, jobs=JOBS)
