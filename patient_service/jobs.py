"""Work on a schedule: searches that resume by themselves, and what changes as days pass. Every worker may run all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from patient_service.dependencies import Dependencies
from patient_service.domain import birthdays, crisis, searches
from shared.database import transaction
from shared.runtime import metrics
from shared.runtime.jobs import Job
from shared.security.encryption import Keys


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


def jobs(dependencies: Dependencies) -> Sequence[Job]:
    """The jobs of this service."""
    keys = dependencies.keys
    return [
        # hourly, so that a new age is known soon after midnight in Berlin; a second run on the same day finds nothing
        Job("birthdays", timedelta(hours=1), partial(publish_ages, keys)),
        Job("prior_therapies", timedelta(hours=1), partial(publish_passed_therapies, keys)),
        Job("crises", timedelta(minutes=1), partial(count_crises, keys)),
        Job("pauses", timedelta(minutes=10), partial(end_pauses, keys)),
    ]
