"""The worker process of this service: consumer, relay and jobs."""

from __future__ import annotations

from communication_service import jobs
from communication_service.listeners import listeners
from communication_service.settings import Settings
from communication_service.store.tables import PatientPseudonym, PracticeCopy, PracticePlace
from shared.runtime.worker import Worker


def create(settings: Settings) -> Worker:
    """The worker, wired."""
    return Worker(
        settings,
        listeners=listeners,
        jobs=jobs.jobs(settings),
        ready_checks=[jobs.MAIL_SERVER],
        copies=(PracticeCopy, PatientPseudonym, PracticePlace),
    )
