"""Work on a schedule: blocks that end by themselves, files that arrive and are applied."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from shared.database import is_trouble, new_id, transaction
from shared.errors import Conflict, NotFound, Unreachable
from shared.runtime.jobs import Job
from shared.runtime.logs import logger
from shared.values.datetimes import berlin_day
from therapist_service.clients.inbox import Arrival, FileUnreadable, Inbox, InboxUnreachable
from therapist_service.domain import (
    blocks,
    capacity,
    import_arrivals,
    import_files,
    import_records,
    imports,
)
from therapist_service.domain.import_arrivals import Content, FileLook, FileSearch
from therapist_service.domain.import_files import Blocks, ImportFile, NotImportable
from therapist_service.domain.import_records import Entry, RawRecord
from therapist_service.domain.import_schemas import A_FILE_NAME
from therapist_service.domain.imports import ClaimLost, ImportClaim
from therapist_service.domain.review_rules import Passes
from therapist_service.jobs import judging, parsing
from therapist_service.jobs.heartbeats import ClaimHeartbeat, passing_from
from therapist_service.jobs.undoing import undo_imports
from therapist_service.jobs.upkeep import remove_old_import_records, remove_old_reviews, show_import_figures
from therapist_service.settings import HoldRule, Settings

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


class ImportFolder:
    """The folder where files arrive, and what this process remembers of it."""

    def __init__(self, settings: Settings) -> None:
        self._inbox = Inbox.of(settings) if settings.import_url else None
        self._patience = timedelta(seconds=settings.import_patience_seconds)
        self._waited_for: tuple[FileLook, datetime] | None = None
        self._unreachable = False
        self._ignored: frozenset[str] = frozenset()

    def search(self, name: str | None) -> FileSearch:
        """Look for the file of that name, or the next one that nobody imported or asked for; no file is read.

        Raises `Conflict` where no folder is watched, and `Unreachable` where it cannot be read.
        """
        if self._inbox is None:
            raise Conflict("import.no_folder")
        try:
            looks = [_look(arrival) for arrival in self._inbox.arrivals()]
        except InboxUnreachable:
            raise _unreachable() from None
        return FileSearch(_chosen(looks, name), _why_nothing(self._inbox.place, looks, name))

    def watch(self, now: datetime) -> int:
        """Take in the next file that waits, if any; returns how many files were dealt with.

        Raises `Unreachable` where the folder cannot be read, so that readiness shows it.
        """
        if self._inbox is None:
            return 0
        try:
            done = self._watch(self._inbox, now)
        except InboxUnreachable as problem:
            if not self._unreachable:  # once, not every few seconds for as long as it lasts
                log.warning("imports.folder_unreachable", problem=str(problem))
            self._unreachable = True
            raise _unreachable() from None
        self._unreachable = False
        return done

    def _watch(self, inbox: Inbox, now: datetime) -> int:
        looks = [_look(arrival) for arrival in inbox.arrivals()]
        self._say_what_is_ignored(inbox.ignored)
        with transaction() as session:
            missing = import_arrivals.fail_missing(session, [look.name for look in looks], now=now)
            waiting = import_arrivals.unread(session, looks)
        # one that is being written holds up later ones
        return self._take(inbox, waiting[0], now) if waiting else missing

    def _say_what_is_ignored(self, names: Iterable[str]) -> None:
        """Log each file in the folder whose name is not that of an import, once for as long as it lies there."""
        for name in sorted({*names} - self._ignored):
            log.warning("imports.file_ignored", file=name, expected="therapists_YYYYMMDD_HHMMSS.json")
        self._ignored = frozenset(names)

    def _take(self, inbox: Inbox, look: FileLook, now: datetime) -> int:
        if look.problem is not None:
            return self._fail(look, look.problem, now)
        if look.size > import_files.LARGEST_FILE:
            return self._fail(look, f"The file is larger than {import_files.LARGEST_FILE} bytes.", now)
        if self._is_waited_for(look) and self._is_young(look, now):
            return 0
        reading = _Reading(inbox, look)
        try:
            is_whole = reading.run() and reading.size == look.size
        except FileNotFoundError:
            return self._find_again(look, now)
        except FileUnreadable as problem:
            if self._waits(look, now):
                return 0
            return self._fail(look, f"The file cannot be read ({problem}).", now)
        if not is_whole and self._waits(look, now):
            reading.drop()
            with transaction() as session:
                import_arrivals.wait_for_the_rest(session, look, now=now)
            return 0
        with transaction() as session:
            taken = import_arrivals.take(session, look, reading.content, now=now)
        log.info("imports.file_taken", import_id=str(taken.id), file=look.name)
        return 1

    def _find_again(self, look: FileLook, now: datetime) -> int:
        """Wait for a file that is gone to leave the list; one that the folder goes on to list holds up no others."""
        if not self._is_waited_for(look):
            self._waited_for = (look, now)
        if self._waited_for is not None and now - self._waited_for[1] < self._patience:
            return 0
        return self._fail(look, "The folder lists the file, and it is not there.", now)

    def _fail(self, look: FileLook, reason: str, now: datetime) -> int:
        with transaction() as session:
            import_arrivals.fail(session, look, reason, now=now)
        log.warning("imports.file_unreadable", file=look.name, reason=reason)
        return 1

    def _waits(self, look: FileLook, now: datetime) -> bool:
        """Whether to look again later at a file that is not whole."""
        if not self._is_young(look, now):
            return False
        if not self._is_waited_for(look):
            self._waited_for = (look, now)
        return True

    def _is_waited_for(self, look: FileLook) -> bool:
        return self._waited_for is not None and self._waited_for[0] == look

    def _is_young(self, look: FileLook, now: datetime) -> bool:
        """Whether somebody may still be writing: it changed a moment ago, by its own time and as we saw it."""
        since = [look.modified_at] if look.modified_at is not None else []
        if self._waited_for is not None and self._waited_for[0] == look:
            since.append(self._waited_for[1])
        return not since or now - min(since) < self._patience


def _unreachable() -> Unreachable:
    return Unreachable("import.folder")


def _chosen(looks: Sequence[FileLook], name: str | None) -> FileLook | None:
    if name is not None:
        return next((look for look in looks if look.name == name), None)
    with transaction() as session:
        return next(iter(import_arrivals.unfamiliar(session, looks)), None)


def _why_nothing(place: str, looks: Sequence[FileLook], name: str | None) -> NotFound:
    """The refusal where a file is not there: where files are looked for, and which lie there."""
    names = [look.name for look in looks]
    if names and name is None:
        return NotFound("import_file", wording="none_waits", place=place, number=len(names))
    if names:
        return NotFound("import_file", wording="others", place=place, example=A_FILE_NAME, last=names[-3:])
    return NotFound("import_file", wording="no_files", place=place, example=A_FILE_NAME)


def _look(arrival: Arrival) -> FileLook:
    return FileLook(arrival.name, arrival.size, arrival.modified_at, arrival.problem)


class _Reading:
    """A file on its way from the folder into the database, block by block, each in a transaction of its own."""

    def __init__(self, inbox: Inbox, look: FileLook) -> None:
        self._blocks = inbox.blocks(look.name, import_files.BLOCK)
        self._checksum = hashlib.sha256()
        self._id = new_id()
        self.size = 0

    def run(self) -> bool:
        """Read and store all of it; whether its JSON goes to its end."""
        try:
            stored = self._stored()
            is_whole = import_files.is_whole(stored)
            for _ in stored:  # what follows the place where it turned out not to be JSON
                pass
        except BaseException:
            with suppress(Exception):  # an hourly job forgets what is left
                self.drop()
            raise
        return is_whole

    @property
    def content(self) -> Content:
        """What was read."""
        return Content(self._id, self._checksum.hexdigest(), self.size)

    def drop(self) -> None:
        """Forget what was read."""
        with transaction() as session:
            import_arrivals.drop(session, self.content)

    def _stored(self) -> Iterator[bytes]:
        for number, block in enumerate(self._blocks):
            self.size += len(block)
            if self.size > import_files.LARGEST_FILE:
                raise FileUnreadable("it grew too large while it was read")
            self._checksum.update(block)
            with transaction() as session:
                import_arrivals.keep_block(session, self._id, number, block)
            yield block


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
            if not self.claimed.is_judged and judging.is_held(file, self.claimed, self.hold, self.heartbeat):
                return
            start = self._carefully(file) if self.claimed.is_careful else self.claimed.done
            for portion in import_records.portions(file, start=start, records=PORTION):
                self._apply(file.metadata, portion)
            with transaction() as session:
                imports.finish(session, self.claimed, now=self.moment())
        log.info("imports.completed", import_id=str(self.id))

    def _read(self) -> ImportFile:
        with transaction() as session:
            imports.look_through(session, self.claimed)
        file = import_files.read(Blocks(self.claimed.size, self._block))
        with transaction() as session:
            imports.begin(session, self.claimed, file, now=self.moment(), lease=self.lease)
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
                self._apply(file.metadata, [import_records.record(file, position)])
            else:
                reason = f"set aside: {imports.TRIES} workers ended while they looked at it"
                self._refuse(RawRecord(position, file.action(position), None), reason)
        self.claimed = replace(self.claimed, is_careful=False)
        return end

    def _apply(self, metadata: import_files.Metadata, portion: Sequence[RawRecord]) -> None:
        """Parse these records and apply them."""
        self._apply_all(metadata, portion, parsing.parse(metadata.source, portion))

    def _apply_all(
        self, metadata: import_files.Metadata, portion: Sequence[RawRecord], parsed: Mapping[int, Entry]
    ) -> None:
        """Apply these records; where the database refuses, halve until the one that it refuses is alone."""
        try:
            with transaction() as session:
                apply = partial(imports.apply, session, self.claimed, metadata, portion, parsed=parsed)
                apply(passes=self.passes, now=self.moment(), lease=self.lease)
            self.heartbeat.progress()
        except ClaimLost:
            raise
        except Exception as problem:
            if is_trouble(problem):
                raise
            if len(portion) > 1:
                middle = len(portion) // 2
                self._apply_all(metadata, portion[:middle], parsed)
                self._apply_all(metadata, portion[middle:], parsed)
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
