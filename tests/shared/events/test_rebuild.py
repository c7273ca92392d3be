"""What a rebuild makes of readers that cannot do their share; the end-to-end tests rebuild for real."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import psutil
import pytest

from shared.errors import Outage, Unreachable
from shared.events.consumer import Consumer
from shared.events.listeners import Listeners
from shared.events.rebuild import READERS, _ReaderProcesses

Work = Callable[["Reading", int], None]


class Reading(_ReaderProcesses):
    """Readers whose work is what a test says."""

    def __init__(self, work: Work) -> None:
        super().__init__("nobody", Consumer("nobody", {}, Listeners()), {})
        self.work = work

    def _read(self, partitions: range) -> None:
        self.work(self, partitions.start)


def outcome(work: Work) -> tuple[int, int]:
    *_, last = Reading(work).run()
    return last


def test_the_readers_shares_are_added_up() -> None:
    assert outcome(lambda reading, number: reading._count(number, 10)) == (
        sum(range(READERS)),
        READERS * 10,
    )


@pytest.mark.parametrize("number", range(READERS))
def test_a_reader_that_is_killed_ends_the_rebuild_before_anything_is_removed(number: int) -> None:
    def die(_: Reading, mine: int) -> None:
        if mine == number:
            os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(RuntimeError, match="exit code -9"):
        outcome(die)


def test_a_reader_that_fails_ends_the_rebuild(capfd: pytest.CaptureFixture[str]) -> None:
    def fail(_: Reading, mine: int) -> None:
        if mine == READERS - 1:
            raise LookupError("a word nobody knows")

    with pytest.raises(RuntimeError, match="exit code 1"):
        outcome(fail)
    assert "a word nobody knows" in capfd.readouterr().err


def test_silence_reaches_whoever_asked_for_the_rebuild() -> None:
    def handle_nothing(_: Reading, mine: int) -> None:
        raise Outage("kafka.silent", "Kafka stopped answering.")

    with pytest.raises(Unreachable) as refusal:
        outcome(handle_nothing)
    assert (refusal.value.code, refusal.value.message) == ("kafka.silent", "Kafka stopped answering.")


def children() -> list[psutil.Process]:
    return psutil.Process().children()


def test_whoever_stops_waiting_leaves_no_reader_behind() -> None:
    def wait_for_ever(_: Reading, mine: int) -> None:
        signal.pause()

    progress = Reading(wait_for_ever).run()
    next(progress)
    before = children()
    assert len(before) >= READERS
    progress.close()  # type: ignore[attr-defined]
    assert len(before) - len(children()) == READERS
