"""The services in one process: each on its own tables with its own role, and their events handed over without Kafka.

What a service records in its outbox is given to the listeners of the others, as its consumer would give it, in the
order of the outbox. Time is an argument: nothing here waits.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select

from shared import database
from shared.database import Session, engine_for
from shared.database.tables import outbox
from shared.events.event import Event, read_event
from shared.runtime import registry

NAMES: Final = (
    "patient_service",
    "therapist_service",
    "geocoding_service",
    "matching_service",
    "communication_service",
)
"""Those whose rules are played; accounts are no part of it."""


class Services:
    """The services, what they need, and how far their events have been handed over."""

    def __init__(self, connections: Mapping[str, Connection]) -> None:
        self._connections = connections
        loaded = {name: registry.load(name) for name in NAMES}
        self.needs: dict[str, Any] = {
            name: each.dependencies(registry.settings_of(name)()) for name, each in loaded.items()
        }
        """By service: its dependencies, as its processes make them from the settings."""
        self._listeners = {name: each.listeners.given(self.needs[name]) for name, each in loaded.items()}
        self._handled = {name: each.handled_types() for name, each in self._listeners.items()}
        self._read_up_to: dict[str, int] = defaultdict(int)
        self._may_have_recorded: set[str] = set(NAMES)

    def turn_to(self, name: str) -> None:
        """Let every `transaction()` from now on be one of this service's, also those of its jobs."""
        self._may_have_recorded.add(name)
        database.use(self._connections[name])

    @contextmanager
    def transaction(self, name: str) -> Iterator[Session]:
        """A transaction of this service."""
        self.turn_to(name)
        with database.transaction() as session:
            yield session

    def deliver(self, now: datetime) -> None:
        """Hand over every event, and what is recorded because of it, until nothing is left."""
        while events := self._fetched():
            for name, theirs in events.items():
                with self.transaction(name) as session:
                    self._listeners[name].apply(session, theirs, now=now)

    def _fetched(self) -> dict[str, list[Event]]:
        """What was recorded since, by the service that handles it."""
        found: dict[str, list[Event]] = defaultdict(list)
        for source in [name for name in NAMES if name in self._may_have_recorded]:
            for value in self._recorded(source):
                for name, handled in self._handled.items():
                    event = read_event(value.encode(), handled)
                    if event is not None:
                        found[name].append(event)
        self._may_have_recorded.clear()
        return found

    def _recorded(self, source: str) -> list[str]:
        with self.transaction(source) as session:
            rows = session.execute(
                select(outbox.c.position, outbox.c.value)
                .where(outbox.c.position > self._read_up_to[source])
                .order_by(outbox.c.position)
            ).all()
        if rows:
            self._read_up_to[source] = rows[-1].position
        return [row.value for row in rows]


@contextmanager
def connections() -> Iterator[dict[str, Connection]]:
    """A connection for each service as its own role, at the database that the environment names.

    PgBouncer is left out: there is one client, which has its connections to itself.
    """
    with ExitStack() as stack:
        opened = {}
        for name in NAMES:
            url = registry.settings_of(name)().database_url
            url = url.set(host=os.environ["POSTGRES_HOST"], port=int(os.environ["POSTGRES_PORT"]))
            engine = engine_for(url, pool_size=1)
            stack.callback(engine.dispose)
            opened[name] = stack.enter_context(engine.connect())
        yield opened
