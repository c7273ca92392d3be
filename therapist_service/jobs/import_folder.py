"""The folder where files arrive: looked into, and read into the database."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from shared.database import new_id, transaction
from shared.errors import Conflict, NotFound, Unreachable
from shared.runtime.logs import logger
from therapist_service.clients.inbox import Arrival, FileUnreadable, Inbox, InboxUnreachable
from therapist_service.domain import import_arrivals, import_files
from therapist_service.domain.import_arrivals import Content, FileLook, FileSearch
from therapist_service.domain.import_schemas import A_FILE_NAME
from therapist_service.settings import Settings

log = logger(__name__)


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
            if self._wait_if_young(look, now):
                return 0
            return self._fail(look, f"The file cannot be read ({problem}).", now)
        if not is_whole and self._wait_if_young(look, now):
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

    def _wait_if_young(self, look: FileLook, now: datetime) -> bool:
        """Look again later at a file that is not whole; returns whether it is young enough for that."""
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
