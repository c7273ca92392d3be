"""The real parts that tests stand on, started by the platform's own tool in a folder of their own, on free ports."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, event

from testkit.private_platform import PrivatePlatform, private_platform
from tests.builders.keys import LINK_RING, TEXT_RINGS

ROOT = Path(__file__).parent.parent
STATE_OF_THE_PLATFORM = "state of the platform"
"""The heading of what a failed end-to-end test adds to its report."""
CHEAP_HASHES = {"HASHING_MEMORY_MIB": "8", "HASHING_PASSES": "1"}
"""A hash of a password takes 40 ms as in production, and thousands of hostile requests hash one."""


def direct(settings: Any) -> URL:
    """A service's database without PgBouncer, for tests in one transaction, which has a connection to itself anyway.

    They cost a seventh less. Tests that commit, and whole processes, go through PgBouncer.
    """
    port = int(os.environ["POSTGRES_PORT"])
    url: URL = settings.database_url
    return url.set(host=os.environ["POSTGRES_HOST"], port=port)


@contextmanager
def taken_back(connection: Connection) -> Iterator[None]:
    """Takes back what the block changes in the test's transaction, so that many cases can begin with the same state."""
    connection.exec_driver_sql("SAVEPOINT before_the_block")
    yield
    # released, else PostgreSQL keeps the savepoint and its lock, thousands of them inside each other
    connection.exec_driver_sql("ROLLBACK TO SAVEPOINT before_the_block; RELEASE SAVEPOINT before_the_block")


class CasesTakenBack:
    """Many cases that begin with the same state of the test's transaction: one savepoint serves all of them.

    It is set before the first case. A case that sends nothing to the database, as a request that is refused before,
    costs it nothing.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._is_set = self._is_used = False
        event.listen(connection, "before_cursor_execute", self._note)

    @contextmanager
    def case(self) -> Iterator[None]:
        """Takes back what the block changes."""
        if not self._is_set:
            self._connection.exec_driver_sql("SAVEPOINT before_the_cases")
            self._is_set = True
        self._is_used = False
        yield
        if self._is_used:
            self._connection.exec_driver_sql("ROLLBACK TO SAVEPOINT before_the_cases")

    def _note(self, *_: Any) -> None:
        self._is_used = True


class Infrastructure:
    """PostgreSQL behind PgBouncer, every schema migrated; Kafka when a test asks for it."""

    def __init__(self, platform: PrivatePlatform) -> None:
        self.platform = platform
        self.settings = platform.settings
        self._has_kafka = False

    def kafka_client(self) -> dict[str, Any]:
        """The configuration of a client of a broker with all topics, who may do everything there."""
        self.kafka()
        return self.platform.kafka_client()

    def kafka(self) -> str:
        """Where a broker with all topics answers."""
        if not self._has_kafka:
            self.platform.up(only=["kafka", "topics"])
            self._has_kafka = True
        return self.settings["KAFKA_BOOTSTRAP_SERVERS"]

    @classmethod
    @contextmanager
    def started(cls) -> Iterator[Infrastructure]:
        """Started, with its settings in the environment; stopped and removed at the end of the block."""
        # applications in a test know their callers without a token; with tokens tests/shared/http and end_to_end run
        with private_platform(
            AUTH="none", **CHEAP_HASHES, **TEXT_RINGS, COMMUNICATION_SERVICE_LINK_KEY=LINK_RING
        ) as platform:
            platform.up(only=["postgresql", "pgbouncer", "migrations"])
            os.environ.update(platform.settings)
            yield cls(platform)
