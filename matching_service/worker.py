"""The worker process of this service: copies, effects, relay and jobs."""

from __future__ import annotations

from matching_service import listeners
from matching_service.domain import telling
from matching_service.jobs import JOBS
from matching_service.settings import Settings
from matching_service.store.tables import Patient, Therapist
from shared.events.event import TOPICS
from shared.runtime.worker import Worker


def create(settings: Settings) -> Worker:
    """The worker, wired."""
    return Worker(
        settings,
        listeners=listeners.create(settings.ask_again),
        jobs=JOBS,
        copies=(Therapist, Patient),
        states=telling.states,
        topic=TOPICS["matching"],
        unknown_aggregate=telling.unknown,
    )
