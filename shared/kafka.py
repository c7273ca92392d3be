"""Asking the Kafka cluster about itself, and hearing why it does not answer."""

from __future__ import annotations

from collections import deque
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient


class Administrator(AdminClient):
    """A client for questions about the cluster; raises `KafkaException` for settings that librdkafka refuses."""

    def __init__(self, kafka: dict[str, Any]) -> None:
        self._complaints: deque[str] = deque(maxlen=1)
        super().__init__({**kafka, "error_cb": self._hear})  # type: ignore[dict-item]  # its stubs forget callables

    def _hear(self, problem: KafkaError) -> None:
        # "1/1 brokers are down" only repeats what its connection has said
        if problem.code() != KafkaError._ALL_BROKERS_DOWN:
            self._complaints.append(problem.str())

    def why(self, problem: KafkaException) -> str:
        """Why a question was not answered: what the connections complained of, such as a wrong password.

        The problem alone, given where they did not complain, mostly says that the time was up.
        """
        self.poll(0)
        return self._complaints.pop() if self._complaints else str(problem.args[0])
