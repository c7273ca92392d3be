"""Work on a schedule: blocks that end by themselves, files that arrive and are applied."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from shared.database import is_trouble, transaction
from shared.runtime.jobs import Job
from shared.runtime.logs import logger
from shared.values.datetimes import berlin_day
from therapist_service.domain import (
    blocks,
    capacity,
    import_arrivals,
    import_files,
    import_records,
    imports,
)
from therapist_service.domain.import_files import Blocks, ImportFile, NotImportable
from therapist_service.domain.import_records import Entry, RawRecord
from therapist_service.domain.imports import ClaimLost, ImportClaim
from therapist_service.domain.review_rules import Passes
from therapist_service.jobs import judging, parsing, renaming
from therapist_service.jobs.heartbeats import ClaimHeartbeat, passing_from
from therapist_service.jobs.undoing import undo_imports
from therapist_service.jobs.upkeep import remove_old_import_records, remove_old_reviews, show_import_figures
from therapist_service.settings import HoldRule

if TYPE_CHECKING:
    from therapist_service.dependencies import Dependencies

log = logger(__name__)

PORTION = 500
"""Records per transaction: large enough for few round trips, small enough that staff never wait for their locks."""
LEASE = timedelta(seconds=20)
"""How long after a worker's death another one goes on; while the worker lives, it renews its claim."""


def lift_blocks(now: datetime) -> int:
    """Unblock therapists whose block has run out."""
    with transaction() as session:
        return blocks.lift_blocks_that_ran_out(session, today=berlin_day(now), now=now)


def update_capacities(now: datetime) -> int:
    """Let statements about places run out, and places be free whose day has come."""
    with transaction() as session:
        return capacity.let_days_pass(session, today=berlin_day(now), now=now)


def forget_left_content(now: datetime) -> int:
    """Forget what workers that died had read of files."""
    with transaction() as session:
        return import_arrivals.forget_left_content(session, now=now)


class Applying:
    """The job that applies files, and the import that it is working on."""

    def __init__(self, passes: Passes, lease: timedelta = LEASE, hold: HoldRule = HoldRule()) -> None:  # noqa: B008
        self._passes = passes
        self._lease = lease
        self._hold = hold
        self._claimed: ImportClaim | None = None

    def next(self, now: datetime) -> int:
        """Apply one file that was taken in, from where it was left; 0 where none waits or another worker is at it."""
        with transaction() as session:
            self._claimed = imports.claim(session, now=now, lease=self._lease)
        if self._claimed is None:
            return 0
        try:
            _Application(self._claimed, self._passes, passing_from(now), self._lease, self._hold).run()
        except ClaimLost:
            log.warning("imports.claim_lost", import_id=str(self._claimed.import_id))
        except Exception as problem:
            if is_trouble(problem):  # no fault of the file's
                with suppress(Exception):
                    self.release(now)
            raise
        return 1

    def release(self, now: datetime) -> None:
        """Let another worker go on from the end of the portion that is being written."""
        if self._claimed is not None:
            with transaction() as session, suppress(ClaimLost):
                imports.release(session, self._claimed, now=now)


def _renew(claimed: ImportClaim, lease: timedelta, now: datetime) -> None:
    with transaction() as session:
        imports.renew(session, claimed, now=now, lease=lease)


class _Application:
    """One worker's work on one import."""

    def __init__(
        self,
        claimed: ImportClaim,
        passes: Passes,
        moment: Callable[[], datetime],
        lease: timedelta,
        hold: HoldRule = HoldRule(),  # noqa: B008 - it is frozen
    ) -> None:
        self.claimed = claimed
        self.passes = passes
        self.moment = moment
        self.lease = lease
        self.hold = hold
        self.unchanged: set[int] = set()
        """The first positions of portions whose records were applied before as they are."""
        self.renamed: frozenset[UUID] = frozenset()
        """Whom the file deletes and finds again under another id."""
        self.id: UUID = claimed.import_id
        self.heartbeat = ClaimHeartbeat(moment, lease, partial(_renew, claimed, lease), import_id=str(self.id))

    def run(self) -> None:
        """Look the whole file through, then apply its records in portions."""
        with self.heartbeat:
            try:
                file = self._read()
            except NotImportable as problem:
                with transaction() as session:
                    imports.give_up(session, self.claimed, problem, now=self.moment())
                log.warning("imports.not_applied", import_id=str(self.id), reason=problem.reason)
                return
            if not self.claimed.is_judged and self._hold_if_too_much(file):
                return
            start = self._carefully(file) if self.claimed.is_careful else self.claimed.done
            self._apply_from(file, start)
            with transaction() as session:
                imports.finish(session, self.claimed, now=self.moment())
        log.info("imports.completed", import_id=str(self.id))

    def _hold_if_too_much(self, file: ImportFile) -> bool:
        return judging.hold_if_too_much(file, self.claimed, self.hold, self.heartbeat, self.unchanged)

    def _read(self) -> ImportFile:
        with transaction() as session:
            imports.look_through(session, self.claimed)
        file = import_files.read(Blocks(self.claimed.size, self._block))
        with transaction() as session:
            imports.begin(session, self.claimed, file, now=self.moment(), lease=self.lease)
        self.renamed = renaming.renamed(file, self.claimed, self.heartbeat)
        return file

    def _block(self, number: int) -> bytes:
        with transaction() as session:
            return imports.block(session, self.claimed, number)

    def _carefully(self, file: ImportFile) -> int:
        """Apply the next records one by one, after a worker has ended somewhere among them; returns where to go on."""
        start = self.claimed.done
        end = min(start + PORTION, file.total)
        for position in range(start, end):
            with transaction() as session:
                may_try = imports.try_alone(session, self.claimed, position)
            if may_try:
                alone = [import_records.record(file, position)]
                self._apply(file.metadata, alone, parsing.parse(file.metadata.source, alone))
            else:
                reason = f"set aside: {imports.TRIES} workers ended while they looked at it"
                self._refuse(RawRecord(position, file.action(position), None), reason)
        self.claimed = replace(self.claimed, is_careful=False)
        return end

    def _apply_from(self, file: ImportFile, start: int) -> None:
        """Apply the records from this one on in portions; not parsed are those that were as they are when judged."""
        portions = import_records.portions(file, start=start, records=PORTION)
        with closing(parsing.parsed_ahead(file.metadata.source, portions, unchanged=self.unchanged)) as parsed_ahead:
            for portion, parsed in parsed_ahead:
                self._apply(file.metadata, portion, parsed)

    def _apply(
        self, metadata: import_files.Metadata, portion: Sequence[RawRecord], parsed: Mapping[int, Entry]
    ) -> None:
        """Apply these records; where the database refuses, halve until the one that it refuses is alone."""
        try:
            with transaction() as session:
                apply = partial(imports.apply, session, self.claimed, metadata, portion, parsed=parsed)
                apply(passes=self.passes, now=self.moment(), lease=self.lease, renamed=self.renamed)
            self.heartbeat.progress()
        except ClaimLost:
            raise
        except Exception as problem:
            if is_trouble(problem):
                raise
            if len(portion) > 1:
                middle = len(portion) // 2
                self._apply(metadata, portion[:middle], parsed)
                self._apply(metadata, portion[middle:], parsed)
                return
            self._refuse(portion[0], f"cannot be stored ({type(problem).__name__})")

    def _refuse(self, sent: RawRecord, reason: str) -> None:
        log.error("imports.record_refused", import_id=str(self.id), position=sent.position, reason=reason)
        with transaction() as session:
            imports.refuse(session, self.claimed, sent, reason, now=self.moment())
        self.heartbeat.progress()


def jobs(dependencies: Dependencies) -> Sequence[Job]:
    """The jobs of this service."""
    applying = Applying(dependencies.import_passes, hold=dependencies.hold)
    return [
        Job("lift-blocks", timedelta(minutes=10), lift_blocks),
        Job("update-capacities", timedelta(minutes=10), update_capacities),
        Job("forget-left-import-content", timedelta(hours=1), forget_left_content),
        Job("watch-imports", timedelta(seconds=2), dependencies.import_folder.watch),
        Job("apply-imports", timedelta(seconds=1), applying.next, release=applying.release),
        Job("undo-imports", timedelta(seconds=1), undo_imports),
        Job("import-records", timedelta(hours=1), partial(remove_old_import_records, dependencies.imports_kept_days)),
        Job("import-reviews", timedelta(hours=1), partial(remove_old_reviews, dependencies.imports_kept_days)),
        Job("import-figures", timedelta(minutes=1), show_import_figures),
    ]
