"""The worker process of this service: consumer, relay and jobs."""

from __future__ import annotations

from shared.events.event import TOPICS
from shared.runtime.worker import Worker
from therapist_service.domain import therapists
from therapist_service.jobs import ImportFolder, jobs
from therapist_service.listeners import listeners
from therapist_service.settings import Settings


def create(settings: Settings) -> Worker:
    """The worker, wired."""
    return Worker(
        settings,
        listeners=listeners,
        jobs=jobs(ImportFolder(settings)),
        states=therapists.snapshots,
        topic=TOPICS["therapist"],
    )
