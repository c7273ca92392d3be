"""Work on a schedule: searches that resume by themselves, ages that change, indexes of an older key. Every worker may
run each. And what an operator has done: keys that are wrapped anew."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from datetime import datetime, timedelta
from functools import partial

from patient_service.dependencies import Dependencies
from patient_service.domain import birthdays, key_rings, searches
from patient_service.domain.key_rings import Rewrapped
from patient_service.settings import Settings
from shared.database import transaction
from shared.runtime.health import ReadinessCheck
from shared.runtime.jobs import Job
from shared.security.encryption import Keys


def publish_ages(keys: Keys, now: datetime) -> int:
    """Publish the new age of patients who had their birthday."""
    with transaction() as session:
        return birthdays.publish_changed_ages(session, keys, now=now)


def end_pauses(keys: Keys, now: datetime) -> int:
    """Resume searches whose pause has passed."""
    with transaction() as session:
        return searches.end_pauses_that_passed(session, keys, now=now)


def reindex(keys: Keys, now: datetime) -> int:  # noqa: ARG001 - every job has it
    """Write the blind indexes anew that were made with another key than the first of INDEX_KEY."""
    with transaction() as session:
        return key_rings.reindex(session, keys)


def rewrap(keys: Keys, *, portion: int = 1000) -> Generator[Rewrapped, None, None]:
    """Wrap every data key with the first key of MASTER_KEY, a transaction for each portion; yields them as they end.

    Whatever ends it, what is done is done, and another run goes on with the rest.
    """
    after = key_rings.FIRST
    while True:
        with transaction() as session:
            done = key_rings.rewrap(session, keys, after=after, at_most=portion)
        if done is None:
            return
        after = done.last
        yield done


def needs(settings: Settings) -> Sequence[ReadinessCheck]:
    """That every key is there with which something was written."""
    keys = Dependencies.of(settings).keys

    def are_there() -> bool:
        with transaction() as session:
            key_rings.check(session, keys)
        return True

    return [ReadinessCheck("keys", are_there)]


def jobs(dependencies: Dependencies) -> Sequence[Job]:
    """The jobs of this service."""
    keys = dependencies.keys
    return [
        # hourly, so that a new age is known soon after midnight in Berlin; a second run on the same day finds nothing
        Job("birthdays", timedelta(hours=1), partial(publish_ages, keys)),
        Job("reindex", timedelta(minutes=1), partial(reindex, keys)),
        Job("pauses", timedelta(minutes=10), partial(end_pauses, keys)),
    ]
