"""The worker process of this service: consumer, relay and jobs."""

from __future__ import annotations

from functools import partial

from patient_service import jobs, listeners
from patient_service.domain import files
from patient_service.settings import Settings
from patient_service.store.tables import LocatedPostalCode
from shared.events.event import TOPICS
from shared.runtime.worker import Worker
from shared.security.encryption import Keys


def create(settings: Settings) -> Worker:
    """The worker, wired."""
    keys = Keys(settings.master_key.get_secret_value())
    return Worker(
        settings,
        listeners=listeners.create(keys),
        jobs=jobs.create(keys),
        copies=(LocatedPostalCode,),
        states=partial(files.snapshots, keys=keys),
        topic=TOPICS["patient"],
    )
