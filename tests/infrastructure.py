"""The real parts that tests stand on, started by the platform's own tool in a folder of their own, on free ports."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from operations.env_file import private
from operations.orchestrator import Platform

ROOT = Path(__file__).parent.parent


class Infrastructure:
    """PostgreSQL behind PgBouncer, every schema migrated; Kafka when a test asks for it."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.settings = platform.settings
        self._has_kafka = False

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
        with private_platform() as platform:
            platform.up(only=["postgresql", "pgbouncer", "migrations"])
            os.environ.update(platform.settings)
            yield cls(platform)


@contextmanager
def private_platform(*, brokers: int = 1, **settings: str) -> Iterator[Platform]:
    """A platform that nobody else uses and of which nothing remains; nothing is started yet."""
    # PostgreSQL's user must be able to enter: the folders of pytest are closed to it
    state = Path(tempfile.mkdtemp(prefix="platform-tests-"))
    platform = Platform(ROOT, private(state, ROOT, brokers=brokers, **settings), state, durable=False)
    try:
        yield platform
    finally:
        platform.down()
        platform.remove()
        shutil.rmtree(state, ignore_errors=True)
