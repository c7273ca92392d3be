"""Work on a schedule, which every worker may run, and a wait that holds no transaction."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from threading import BoundedSemaphore
from uuid import UUID

from patient_service.dependencies import Dependencies
from patient_service.domain import birthdays, crisis, erasures, key_rings, retention, searches
from patient_service.domain.schemas import NewStatus
from patient_service.settings import Settings
from shared.database import transaction
from shared.runtime import clock, metrics
from shared.runtime.health import ReadinessCheck
from shared.runtime.jobs import Job
from shared.security.encryption import Keys

BETWEEN_LOOKS = 0.1
"""Seconds between two looks for an answer."""
_WAITERS = BoundedSemaphore(4)
"""Half of the threads of a web process (`WEB_THREADS`) at most wait for an answer."""


def wait_for_location(patient_id: UUID, new: NewStatus, dependencies: Dependencies) -> None:
    """Wait until the postal code of a patient whose search is to start was looked up, for two seconds at most.

    Each look is a transaction of its own, so that no connection is held while nothing happens. Only a few wait at once:
    each holds a thread of the web server.
    """
    deadline = clock.monotonic() + searches.SECONDS_OF_A_LOOK_UP
    if _WAITERS.acquire(blocking=False):
        try:
            while _waits_for_location(patient_id, new, dependencies) and clock.monotonic() < deadline:
                time.sleep(BETWEEN_LOOKS)
        finally:
            _WAITERS.release()


def _waits_for_location(patient_id: UUID, new: NewStatus, dependencies: Dependencies) -> bool:
    with transaction() as session:
        return searches.waits_for_location(session, dependencies.keys, patient_id, new, now=clock.now())


def publish_ages(keys: Keys, now: datetime) -> int:
    """Publish the new age of patients who had their birthday."""
    with transaction() as session:
        return birthdays.publish_changed_ages(session, keys, now=now)


def publish_passed_therapies(keys: Keys, now: datetime) -> int:
    """Publish of patients that their prior therapy is older than two years now."""
    with transaction() as session:
        return birthdays.publish_passed_therapies(session, keys, now=now)


def count_crises(keys: Keys, now: datetime) -> int:  # noqa: ARG001 - every job is given the time
    """Show how many patients are in a crisis that nobody has acknowledged."""
    with transaction() as session:
        metrics.crises_unacknowledged.set(crisis.count_unacknowledged(session, keys))
    return 0


def end_pauses(keys: Keys, now: datetime) -> int:
    """Resume searches whose pause has passed."""
    with transaction() as session:
        return searches.end_pauses_that_passed(session, keys, now=now)


def reindex(keys: Keys, now: datetime) -> int:  # noqa: ARG001 - every job has it
    """Write the blind indexes anew that were made with another key than the first of INDEX_KEY."""
    with transaction() as session:
        return key_rings.reindex(session, keys)


def publish_erasures_again(compaction_lag: timedelta, now: datetime) -> int:
    """Publish erasures once more after Kafka's compaction lag, so that its log forgets what came before."""
    with transaction() as session:
        return erasures.publish_again(session, compaction_lag=compaction_lag, now=now)


def propose_erasures(years: int, now: datetime) -> int:
    """Propose to erase patients whose closed case was kept for long enough."""
    with transaction() as session:
        return retention.propose(session, years=years, now=now)


def needs(settings: Settings) -> Sequence[ReadinessCheck]:
    """That every key is there with which something was written."""
    return [key_rings.rings(Dependencies.of(settings).keys).needed()]


def jobs(dependencies: Dependencies) -> Sequence[Job]:
    """The jobs of this service."""
    keys = dependencies.keys
    return [
        # hourly, so that a new age is known soon after midnight in Berlin; a second run on the same day finds nothing
        Job("birthdays", timedelta(hours=1), partial(publish_ages, keys)),
        Job("prior_therapies", timedelta(hours=1), partial(publish_passed_therapies, keys)),
        Job("crises", timedelta(minutes=1), partial(count_crises, keys)),
        Job("reindex", timedelta(minutes=1), partial(reindex, keys)),
        Job("erasures", timedelta(minutes=10), partial(publish_erasures_again, dependencies.compaction_lag)),
        Job("retention", timedelta(hours=1), partial(propose_erasures, dependencies.closed_cases_kept_years)),
        Job("pauses", timedelta(minutes=10), partial(end_pauses, keys)),
    ]
