"""Asking the Kafka cluster about itself, and hearing why it does not answer."""

from __future__ import annotations

import threading
from collections import deque
from functools import cached_property, partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from shared.errors import Unreachable
from shared.runtime import clock
from shared.runtime.logs import logger

log = logger(__name__)

ANSWER_IS_FRESH = 5.0
"""Seconds."""
ANSWER_SECONDS = 10.0
"""How long a command waits for the cluster."""


class Administrator(AdminClient):
    """A client for questions about the cluster; raises `KafkaException` for settings that librdkafka refuses."""

    def __init__(self, kafka: dict[str, Any]) -> None:
        self._complaints: deque[str] = deque(maxlen=1)
        # no method of its own: it would never be freed at once, and a client that is left over when the process forks
        # (`rebuild`) makes its children hang
        heard = partial(_hear, self._complaints)
        super().__init__({**kafka, "error_cb": heard})  # type: ignore[dict-item]  # its stubs forget callables

    def reason_for(self, problem: KafkaException) -> str:
        """Why a question was not answered: what the connections complained of, such as a wrong password.

        The problem alone, given where they did not complain, mostly says that the time was up.
        """
        self.poll(0)
        return self._complaints.pop() if self._complaints else str(problem.args[0])


def _hear(complaints: deque[str], problem: KafkaError) -> None:
    # "1/1 brokers are down" only repeats what its connection has said
    if problem.code() != KafkaError._ALL_BROKERS_DOWN:
        complaints.append(problem.str())


def command_configuration(kafka: dict[str, Any]) -> dict[str, Any]:
    """The same configuration for somebody at a terminal, who is told once, by us, when the cluster does not answer.

    Otherwise librdkafka tells of each connection and each try. Raises `Unreachable` with the reason.
    """
    quiet = {**kafka, "log_level": 0}
    administrator = Administrator(quiet)
    try:
        administrator.list_topics(timeout=ANSWER_SECONDS)
    except KafkaException as problem:
        raise Unreachable(
            "kafka.unreachable", f"Kafka does not answer: {administrator.reason_for(problem)}"
        ) from problem
    return quiet


class KafkaReachable:
    """Whether the cluster answers; asked at most every few seconds, so that health probes cost nothing."""

    def __init__(self, kafka: dict[str, Any]) -> None:
        self._kafka = kafka
        self._asked = -ANSWER_IS_FRESH
        self._problem: str | None = None
        self._lock = threading.Lock()

    def __call__(self) -> bool:
        """True; raises `Unreachable` with the reason."""
        with self._lock:
            if clock.monotonic() - self._asked > (0.5 if self._problem else ANSWER_IS_FRESH):
                before, self._problem = self._problem, self._ask()
                if self._problem and not before:
                    log.warning("kafka.unreachable", problem=self._problem)
                self._asked = clock.monotonic()
            if self._problem:
                raise Unreachable("kafka.unreachable", self._problem)
            return True

    @cached_property
    def _admin(self) -> Administrator:
        # made when first asked: a client has threads of its own
        return Administrator({**self._kafka, "socket.timeout.ms": 3000})

    def _ask(self) -> str | None:
        try:
            return None if self._admin.list_topics(timeout=2).brokers else "no broker has registered yet"
        except KafkaException as problem:
            return self._admin.reason_for(problem)
