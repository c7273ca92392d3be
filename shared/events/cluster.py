"""Requests about the Kafka cluster itself, with the reason where it does not answer."""

from __future__ import annotations

import threading
from collections import deque
from functools import cached_property, partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from shared.errors import Outage
from shared.runtime import clock
from shared.runtime.logs import logger

log = logger(__name__)

CACHED_SECONDS = 5.0
"""For how long the last result is used again."""
ANSWER_SECONDS = 10.0
"""How long a command waits for the cluster."""


class Administrator(AdminClient):
    """A client for requests about the cluster; raises `KafkaException` for settings that librdkafka refuses."""

    def __init__(self, kafka: dict[str, Any]) -> None:
        self._errors: deque[str] = deque(maxlen=1)
        # no method of its own: it would never be freed at once, and a client that is left over when the process forks
        # (`rebuild`) makes its children hang
        remember = partial(_remember, self._errors)
        super().__init__({**kafka, "error_cb": remember})  # type: ignore[dict-item]  # its stubs forget callables

    def reason_for(self, problem: KafkaException) -> str:
        """Returns why a request was not answered: the last error of a connection, such as a wrong password.

        Where no connection had an error it is the text of the problem itself, mostly a timeout.
        """
        self.poll(0)
        return self._errors.pop() if self._errors else str(problem.args[0])


def _remember(errors: deque[str], problem: KafkaError) -> None:
    # "1/1 brokers are down" only repeats the error of the connection
    if problem.code() != KafkaError._ALL_BROKERS_DOWN:
        errors.append(problem.str())


def command_configuration(kafka: dict[str, Any]) -> dict[str, Any]:
    """Returns the configuration without librdkafka's own log, for a command that reports errors itself.

    Otherwise librdkafka prints a line for each connection and each try. Raises `Unreachable` with the reason when the
    cluster does not answer.
    """
    quiet = {**kafka, "log_level": 0}
    admin = Administrator(quiet)
    try:
        admin.list_topics(timeout=ANSWER_SECONDS)
    except KafkaException as problem:
        raise Outage("kafka.unreachable", f"Kafka does not answer: {admin.reason_for(problem)}") from problem
    return quiet


class KafkaReachable:
    """The check that the cluster answers; it asks at most every few seconds, so that health probes cost nothing."""

    def __init__(self, kafka: dict[str, Any]) -> None:
        self._kafka = kafka
        self._asked_at = -CACHED_SECONDS
        self._problem: str | None = None
        self._lock = threading.Lock()

    def __call__(self) -> bool:
        """Returns True; raises `Unreachable` with the reason."""
        with self._lock:
            if clock.monotonic() - self._asked_at > (0.5 if self._problem else CACHED_SECONDS):
                before, self._problem = self._problem, self._find_problem()
                if self._problem and not before:
                    log.warning("kafka.not_ready", problem=self._problem)
                self._asked_at = clock.monotonic()
            if self._problem:
                raise Outage("kafka.unreachable", self._problem)
            return True

    @cached_property
    def _admin(self) -> Administrator:
        # made when first asked: a client has threads of its own
        return Administrator({**self._kafka, "socket.timeout.ms": 3000})

    def _find_problem(self) -> str | None:
        """Returns why the cluster is of no use now."""
        try:
            return None if self._admin.list_topics(timeout=2).brokers else "no broker has registered yet"
        except KafkaException as problem:
            reason = self._admin.reason_for(problem)
            self._forget_client()
            return reason

    def _forget_client(self) -> None:
        """Ask with another client next time: one that saw an outage may wait in vain for every answer after it."""
        self.__dict__.pop("_admin", None)
