"""Rebuilds a service's copies from Kafka alone, while it serves and while new events arrive.

New readers read the projections' topics from their beginning to the ends that were there at the start. Each copy that
has an event is written again (`keep_newest` writes an equal sequence again), by the rebuild or, if newer, by the
running consumer; a copy that was not written since the rebuild began has no event and is deleted. The tombstone of
somebody who was erased stays, also where Kafka has lost the event that made it.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from multiprocessing.process import BaseProcess
from typing import Any

from confluent_kafka import Message
from sqlalchemy import Table, delete, select
from tenacity import RetryCallState

from shared.database import database_answers, database_clock, is_trouble, transaction
from shared.errors import Outage, Unreachable
from shared.events.consumer import Consumer
from shared.events.event import PARTITIONS
from shared.events.listeners import Listeners
from shared.events.topic_reader import read_to_ends
from shared.runtime.duties import kind_of
from shared.runtime.logs import logger
from shared.runtime.retries import retrying

log = logger(__name__)

PROGRESS_SECONDS = 0.2
"""How often the progress is reported."""

PORTION = 5000
READERS = 3
"""Processes, since decoding uses all of Python's time; while PostgreSQL writes one's events, the others decode."""
FORK = multiprocessing.get_context("fork")
"""Listeners hold objects that cannot be sent to another process, such as keys: a forked process has them."""


@dataclass(frozen=True)
class RebuildResult:
    """The numbers of events read and of copies removed because no event is about them."""

    read: int
    removed: int


def rebuild(
    service: str,
    kafka: dict[str, Any],
    listeners: Listeners,
    copies: Sequence[type[Any]],
    *,
    batch_size: int = 1000,
    progress: Callable[[int, int], None] | None = None,
) -> RebuildResult:
    """Write every copy again and remove those that no event is about; effects do not happen again.

    `copies` are table classes with the columns of `shared.database.Copy`. Raises `Unreachable` when Kafka sends nothing
    more.
    """
    began = database_clock()
    reader = Consumer(service, kafka, listeners.only_projections(), batch_size=batch_size)
    readers = _ReaderProcesses(service, reader, kafka)
    for read, total in readers.run():
        if progress is not None:
            progress(read, total)
    return RebuildResult(read, sum(_remove_stale_copies(copy.__table__, began) for copy in copies))


class _ReaderProcesses:
    """Processes that read all topics to their ends, by partition number: an aggregate's events all have the same."""

    def __init__(self, service: str, reader: Consumer, kafka: dict[str, Any]) -> None:
        self._service, self._reader, self._kafka = service, reader, kafka
        self._counts: Any = FORK.Array("q", 2)  # events read and to read, of all readers
        self._errors = FORK.SimpleQueue()

    def run(self) -> Iterator[tuple[int, int]]:
        """Run the processes; yields several times the number of events read and the largest number there may be."""
        readers = [FORK.Process(target=self._run_reader, args=(number,), daemon=True) for number in range(READERS)]
        try:
            for reader in readers:
                reader.start()
            for reader in readers:
                while reader.is_alive():
                    reader.join(PROGRESS_SECONDS)
                    self._raise_error_of_a_reader(readers)
                    yield self._progress()
            self._raise_error_of_a_reader(readers)
            yield self._progress()
        finally:
            for reader in readers:
                if reader.pid is not None:
                    reader.terminate()
                    reader.join()

    def _raise_error_of_a_reader(self, readers: Sequence[BaseProcess]) -> None:
        if not self._errors.empty():
            raise Outage(*self._errors.get())
        if failed := [reader.exitcode for reader in readers if reader.exitcode]:
            raise RuntimeError(f"a reader ended early, with exit code {failed[0]}")

    def _progress(self) -> tuple[int, int]:
        read, to_read = self._counts.get_obj()  # without the lock, which a reader that was killed may still hold
        return read, to_read

    def _run_reader(self, number: int) -> None:
        """Read every READERS-th partition of each topic, beginning with this one."""
        try:
            self._read(range(number, PARTITIONS, READERS))
        except Unreachable as problem:
            self._errors.put((problem.code, problem.message))

    def _read(self, partitions: range) -> None:
        topics, at_most = self._reader.listeners.topics(), self._reader.batch_size
        announce = partial(self._count, 0)
        for messages in read_to_ends(
            self._kafka, topics, partitions, service=self._service, at_most=at_most, announce=announce
        ):
            self._handle(messages)
            self._count(len(messages), 0)

    def _handle(self, messages: list[Message]) -> None:
        try:
            retrying(is_trouble, stop=self._is_refused, on_retry=_log_trouble)(self._reader.handle, messages)
        except Exception as problem:
            if not is_trouble(problem):
                raise
            message = f"The database answers, but refuses the events: {kind_of(problem)}."
            raise Outage("database.refuses", message) from problem

    def _is_refused(self, state: RetryCallState) -> bool:
        """Whether the messages themselves are the trouble: the database answers, and has not taken them for long."""
        return (state.seconds_since_start or 0) > self._reader.retry_seconds and database_answers()

    def _count(self, read: int, to_read: int) -> None:
        with self._counts.get_lock():
            self._counts[0] += read
            self._counts[1] += to_read


def _log_trouble(problem: BaseException) -> None:
    log.warning("rebuild.database_trouble", error=kind_of(problem))


def _remove_stale_copies(table: Table, began: datetime) -> int:
    removed, is_no_tombstone = 0, (~table.c.erased,) if "erased" in table.c else ()
    while True:
        with transaction() as session:
            stale = (
                select(table.c.id)
                .where(table.c.written_at < began, *is_no_tombstone)
                .limit(PORTION)
                .with_for_update(skip_locked=True)
            )
            result = session.execute(delete(table).where(table.c.id.in_(stale)))
            portion: int = result.rowcount  # type: ignore[attr-defined]
        removed += portion
        if portion < PORTION:
            return removed
