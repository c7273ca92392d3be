"""Work on a schedule: blocks that end by themselves, files that arrive and are applied."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

from shared import clock
from shared.db import is_trouble, transaction
from shared.errors import Conflict, Unreachable
from shared.jobs import Job
from shared.logs import logger
from shared.values.moments import berlin_day
from therapist_service.clients.inbox import Arrival, Content, Inbox, InboxUnreachable
from therapist_service.domain import import_files, import_records, imports, therapists
from therapist_service.domain.import_files import ImportFile, NotImportable
from therapist_service.domain.import_records import Entry
from therapist_service.domain.imports import ArrivedFile, Claim, ClaimLost
from therapist_service.settings import Settings

log = logger(__name__)

PORTION = 500
"""Records per transaction: large enough for few round trips, small enough that staff never wait for their locks."""
LEASE = timedelta(seconds=20)
"""How long after a worker's death another one goes on; far longer than a portion takes."""


def lift_blocks(now: datetime) -> int:
    """Unblock therapists whose block has run out."""
    with transaction() as session:
        return therapists.lift_blocks_that_ran_out(session, today=berlin_day(now), now=now)


class ImportFolder:
    """The folder where files arrive, and what this process remembers of it."""

    def __init__(self, settings: Settings) -> None:
        self._inbox = Inbox(settings.import_url) if settings.import_url else None
        self._patience = timedelta(seconds=settings.import_patience_seconds)
        self._copies: set[Arrival] = set()
        self._unfinished: tuple[Arrival, datetime] | None = None
        self._unreachable = False

    def watch(self, now: datetime) -> int:
        """Take in the next file that waits, if any; how many that were."""
        if self._inbox is None:
            return 0
        try:
            file = self._next(self._inbox, now)
        except InboxUnreachable as problem:
            if not self._unreachable:  # once, not every few seconds for as long as it lasts
                log.warning("imports.folder_unreachable", problem=str(problem))
            self._unreachable = True
            return 0
        self._unreachable = False
        if file is None:
            return 0
        try:
            with transaction() as session:
                taken = imports.take(session, file, now=now)
        except imports.ImportedBefore:
            return 1  # another worker was quicker; there may be more
        log.info("imports.file_taken", import_id=str(taken.id), file=taken.file)
        return 1

    def file(self, name: str | None, now: datetime) -> ArrivedFile | None:
        """The file of that name, or the next one that waits; None where there is none.

        Raises `Conflict` where no folder is watched, and `Unreachable` where it cannot be read.
        """
        if self._inbox is None:
            raise Conflict("import.no_folder", "No folder for imports is set (IMPORT_URL).")
        try:
            if name is None:
                return self._next(self._inbox, now)
            arrival = self._inbox.find(name)
            content = self._inbox.read(arrival) if arrival else None
        except InboxUnreachable:
            raise Unreachable("import.folder", "The folder for imports cannot be read at the moment.") from None
        return _arrived(arrival, content) if arrival and content else None

    def _next(self, inbox: Inbox, now: datetime) -> ArrivedFile | None:
        """The first file that was not taken before and is complete; one that is being written holds up later ones."""
        arrivals = inbox.arrivals()
        with transaction() as session:
            familiar = imports.look_familiar(session, [arrival.name for arrival in arrivals])
        for arrival in arrivals:
            if (arrival.name, arrival.size, arrival.modified_at) in familiar or arrival in self._copies:
                continue
            if self._is_unfinished(arrival) and self._is_young(arrival, now):
                return None
            content = inbox.read(arrival)
            if content is None:
                continue
            with transaction() as session:
                if imports.is_known(session, content.checksum):
                    self._copies.add(arrival)
                    continue
            is_whole = content.size == arrival.size and import_files.is_whole(content.packed)
            if not is_whole and self._is_young(arrival, now):
                if not self._is_unfinished(arrival):
                    self._unfinished = (arrival, now)
                return None
            return _arrived(arrival, content)
        return None

    def _is_unfinished(self, arrival: Arrival) -> bool:
        return self._unfinished is not None and self._unfinished[0] == arrival

    def _is_young(self, arrival: Arrival, now: datetime) -> bool:
        """Whether somebody may still be writing: it changed a moment ago, by its own time and as we saw it."""
        since = [arrival.modified_at] if arrival.modified_at is not None else []
        if self._unfinished is not None and self._unfinished[0] == arrival:
            since.append(self._unfinished[1])
        return not since or now - min(since) < self._patience


def _arrived(arrival: Arrival, content: Content) -> ArrivedFile:
    return ArrivedFile(arrival.name, arrival.size, arrival.modified_at, content.checksum, content.packed)


class Applying:
    """The job that applies files, and the import that it is working on."""

    def __init__(self) -> None:
        self._claimed: Claim | None = None

    def next(self, now: datetime) -> int:
        """Apply one file that was taken in, from where it was left; 0 where none waits or another worker is at it."""
        with transaction() as session:
            self._claimed = imports.claim(session, now=now, lease=LEASE)
        if self._claimed is None:
            return 0
        try:
            _Application(self._claimed, _passing_from(now)).run()
        except ClaimLost:
            log.warning("imports.claim_lost", import_id=str(self._claimed.import_id))
        return 1

    def give_back(self, now: datetime) -> None:
        """Let another worker go on from the end of the portion that is being written."""
        if self._claimed is not None:
            with transaction() as session, suppress(ClaimLost):
                imports.release(session, self._claimed, now=now)


def _passing_from(now: datetime) -> Callable[[], datetime]:
    """Time that passes from this moment on: an import takes longer than a lease may."""
    started = clock.monotonic()
    return lambda: now + timedelta(seconds=clock.monotonic() - started)


class _Application:
    """One worker's work on one import."""

    def __init__(self, claimed: Claim, moment: Callable[[], datetime]) -> None:
        self.claimed = claimed
        self.moment = moment
        self.id: UUID = claimed.import_id

    def run(self) -> None:
        """Read the whole file, then apply its records in portions."""
        try:
            file = self._read()
        except NotImportable as problem:
            with transaction() as session:
                imports.give_up(session, self.claimed, problem, now=self.moment())
            log.warning("imports.not_applied", import_id=str(self.id), reason=problem.reason)
            return
        for start in range(self.claimed.done, len(file.records), PORTION):
            self._apply(file.metadata, import_records.entries(file, start=start, end=start + PORTION))
        with transaction() as session:
            imports.finish(session, self.claimed, now=self.moment())
        log.info("imports.completed", import_id=str(self.id))

    def _read(self) -> ImportFile:
        with transaction() as session:
            packed = imports.content(session, self.claimed)
        file = import_files.read(packed)
        with transaction() as session:
            imports.begin(session, self.claimed, file, now=self.moment(), lease=LEASE)
        return file

    def _apply(self, metadata: import_files.Metadata, portion: Sequence[Entry]) -> None:
        """Apply these records; where the database refuses, halve until the one that it refuses is alone."""
        try:
            with transaction() as session:
                imports.apply(session, self.claimed, metadata, portion, now=self.moment(), lease=LEASE)
        except ClaimLost:
            raise
        except Exception as problem:
            if is_trouble(problem):
                raise
            if len(portion) > 1:
                middle = len(portion) // 2
                self._apply(metadata, portion[:middle])
                self._apply(metadata, portion[middle:])
                return
            kind = type(problem).__name__
            log.error("imports.record_refused", import_id=str(self.id), position=portion[0].position, problem=kind)
            with transaction() as session:
                imports.refuse(session, self.claimed, portion[0], f"cannot be stored ({kind})", now=self.moment())


def jobs(folder: ImportFolder) -> tuple[Job, ...]:
    """Every job of this service."""
    applying = Applying()
    return (
        Job("lift-blocks", timedelta(minutes=10), lift_blocks),
        Job("watch-imports", timedelta(seconds=2), folder.watch),
        Job("apply-imports", timedelta(seconds=1), applying.next, give_back=applying.give_back),
    )
