"""The turns in which all processes together ask one server outside, and what becomes of its answers and failures."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

from geocoding_service.clients.failures import ServerFailed
from geocoding_service.domain import outside_servers
from geocoding_service.domain.outside_servers import Turn
from shared.database import Session, transaction
from shared.runtime.logs import logger

log = logger(__name__)

LONGEST_WAIT: Final = 2.0
"""Seconds that a job, or a person, waits for a turn: more would hold up the end of a process, or the person."""
LONGEST_WAIT_OF_A_COMMAND: Final = 3600.0
"""Seconds that a command waits, which somebody started and can end: longer than any interval."""
LEASE_BESIDE_THE_ANSWER: Final = timedelta(minutes=1)

Answer = TypeVar("Answer")
Clock = Callable[[], datetime]


def lease(timeout_seconds: float) -> timedelta:
    """Returns for how long what is asked for is asked for by nobody else."""
    return timedelta(seconds=timeout_seconds) + LEASE_BESIDE_THE_ANSWER


@dataclass(frozen=True)
class ServerTurns:
    """The requests of all processes to one server."""

    server: str
    interval_seconds: float
    wait: Callable[[float], None] = time.sleep

    def take(self, now: datetime, *, longest: float = LONGEST_WAIT) -> Turn | None:
        """Wait for the turn of this process; None where there is none within `longest` seconds."""
        with transaction() as session:
            turn = outside_servers.take_turn(
                session, self.server, interval=self.interval_seconds, longest=longest, now=now
            )
        if turn is not None:
            self.wait(turn.seconds)
        return turn

    def ask(
        self,
        turn: Turn,
        ask: Callable[[], Answer],
        current: Clock,
        *,
        if_failed: Callable[[Session], None] | None = None,
    ) -> Answer | None:
        """Returns the answer; None where there is none, which is recorded, together with what `if_failed` does."""
        try:
            answer = ask()
        except ServerFailed as failed:
            self._record_failure(turn, failed, if_failed, now=current())
            return None
        with transaction() as session:
            ends = outside_servers.record_answer(session, self.server)
        if ends:
            log.info("outside_server.answers_again", server=self.server)
        return answer

    def _record_failure(
        self, turn: Turn, failed: ServerFailed, if_failed: Callable[[Session], None] | None, *, now: datetime
    ) -> None:
        with transaction() as session:
            if if_failed is not None:
                if_failed(session)
            begins = outside_servers.record_failure(
                session, self.server, str(failed), turn=turn, at_once=failed.refuses_us, now=now
            )
        log.warning("outside_server.not_answering", server=self.server, why=str(failed))
        if begins:
            log.error("outside_server.in_trouble", server=self.server, why=str(failed))
