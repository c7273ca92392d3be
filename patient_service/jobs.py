"""Work on a schedule, which every worker may run; a wait that holds no transaction; and what an operator has done: the
access log that is verified."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from threading import BoundedSemaphore
from uuid import UUID

from patient_service.dependencies import Dependencies
from patient_service.domain import (
    access_verification,
    birthdays,
    crisis,
    erasures,
    exports,
    imports,
    key_rings,
    retention,
    searches,
)
from patient_service.domain.exports import Collected
from patient_service.domain.schemas import NewStatus
from patient_service.settings import Settings
from shared.database import transaction
from shared.errors import TooManyRequests
from shared.runtime import clock, metrics
from shared.runtime.health import ReadinessCheck
from shared.runtime.jobs import Job
from shared.runtime.logs import logger
from shared.security.encryption import Keys

log = logger(__name__)

BETWEEN_LOOKS = 0.1
"""Seconds between two looks for an answer."""
MOST_EXPORTS = 2
"""So many exports are collected at once by each process."""
EXPORTS = BoundedSemaphore(MOST_EXPORTS)
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


def collect_from_others(patient_id: UUID, dependencies: Dependencies) -> Collected:
    """What the other services hold about a patient, asked for with no transaction open.

    Raises `NotFound` before anybody is asked; `ServiceUnreachable`; `TooManyRequests` while others are made: what is
    collected lies in memory.
    """
    with transaction() as session:
        merged_ids = exports.merged_ids(session, patient_id)
    if not EXPORTS.acquire(blocking=False):
        raise TooManyRequests("export.busy", retry_after=5)
    try:
        return Collected(merged_ids, dependencies.others.collect(patient_id, merged_ids))
    finally:
        EXPORTS.release()


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


def anchor_access_log(now: datetime) -> int:
    """Anchor the chains of the access log once a day, and write the newest anchor to the log.

    The log has it in each run: one that was made just before a crash must leave the database, too.
    """
    with transaction() as session:
        done = access_verification.anchor(session, now=now)
    with transaction() as session:
        anchor = access_verification.newest_anchor(session)
    if anchor is not None:
        log.info("access_log.anchor", number=anchor.number, day=anchor.day.isoformat(), hash=anchor.hash.hex())
    return int(done)


def verify_access_log(
    expected: Mapping[int, bytes], *, portion: int = 5000
) -> Generator[access_verification.Verified, None, None]:
    """Verify the access log, a transaction for each portion; yields what each found.

    `expected` are hashes of anchors by their numbers, as the log has them.
    """
    for part in access_verification.parts(expected):
        while True:
            with transaction() as session:
                found = part.next(session, at_most=portion)
            if found is None:
                break
            yield found


def import_patients(keys: Keys, now: datetime) -> int:
    """Check and enter the patients of files that wait."""
    running = clock.running_from(now)
    with transaction() as session:
        return imports.work(session, keys, progress=partial(_note_progress, running), clock=running)


def _note_progress(running: imports.Clock, import_id: UUID, counts: Mapping[str, int]) -> None:
    """In a transaction of its own: that of the work may take a while."""
    with transaction() as session:
        imports.record_progress(session, import_id, counts, now=running())


def remove_old_import_rows(days: int, now: datetime) -> int:
    """Remove what became of each row of a file with patients, long after the import."""
    with transaction() as session:
        return imports.remove_old_rows(session, days=days, now=now)


def publish_erasures_again(compaction_lag: timedelta, now: datetime) -> int:
    """Publish erasures once more after Kafka's compaction lag, so that its log forgets what came before."""
    with transaction() as session:
        return erasures.publish_again(session, compaction_lag=compaction_lag, now=now)


def propose_erasures(years: int, now: datetime) -> int:
    """Propose to erase patients whose closed case was kept for long enough."""
    with transaction() as session:
        return retention.propose(session, years=years, now=now)


def needs(settings: Settings) -> Sequence[ReadinessCheck]:
    """That every key is there with which something was written, and that nobody is here who was erased."""
    return [key_rings.rings(Dependencies.of(settings).keys).needed(), ReadinessCheck("erasures", _nobody_came_back)]


def _nobody_came_back() -> bool:
    with transaction() as session:
        erasures.refuse_restored(session)
    return True


def jobs(dependencies: Dependencies) -> Sequence[Job]:
    """The jobs of this service."""
    keys = dependencies.keys
    return [
        # hourly, so that a new age is known soon after midnight in Berlin; a second run on the same day finds nothing
        Job("birthdays", timedelta(hours=1), partial(publish_ages, keys)),
        Job("prior_therapies", timedelta(hours=1), partial(publish_passed_therapies, keys)),
        Job("crises", timedelta(minutes=1), partial(count_crises, keys)),
        Job("reindex", timedelta(minutes=1), partial(reindex, keys)),
        # hourly like the birthdays: a new day is anchored soon after it begins
        Job("access-anchors", timedelta(hours=1), anchor_access_log),
        Job("patient-imports", timedelta(seconds=1), partial(import_patients, keys)),
        Job(
            "patient-import-rows",
            timedelta(hours=1),
            partial(remove_old_import_rows, dependencies.import_rows_kept_days),
        ),
        Job("erasures", timedelta(minutes=10), partial(publish_erasures_again, dependencies.compaction_lag)),
        Job("retention", timedelta(hours=1), partial(propose_erasures, dependencies.closed_cases_kept_years)),
        Job("pauses", timedelta(minutes=10), partial(end_pauses, keys)),
    ]
