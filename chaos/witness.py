"""The witness, a test service that only counts, so that a lost or doubled event shows at once.

The campaign increases counters; each increase records an event in the same transaction. The witness's workers relay
the events and, as consumers, write each into a ledger without any unique constraint: an effect that happens twice has
two rows. `BROKEN=marking` marks events as published before Kafka has answered, `BROKEN=processed` does not check
`processed_events`: the auditor must find both. The pauses only make a crash at the wrong time more likely.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from pydantic import Field, SecretStr
from sqlalchemy import Column, DateTime, Index, MetaData, Table, Text, Uuid, func, insert
from sqlalchemy.orm import DeclarativeBase, Session

from shared import database
from shared.database import NAMES, Aggregate, column_types
from shared.database.tables import add_shared_tables
from shared.events.event import Event
from shared.events.listeners import Listeners
from shared.events.outbox import record
from shared.events.relay import Relay, Row
from shared.runtime import logs
from shared.runtime.settings import KafkaAdministratorSettings, ServiceSettings, read
from shared.runtime.worker import Worker

SERVICE = "witness"


class Settings(KafkaAdministratorSettings, ServiceSettings):
    """The witness's settings; each of its workers has a port of its own.

    It has no account at Kafka, which knows the services alone: it signs in as the administrator.
    """

    service: ClassVar[str] = SERVICE

    database_password: SecretStr = Field(validation_alias="WITNESS_DATABASE_PASSWORD")
    kafka_password: SecretStr = SecretStr("")
    port: int = Field(validation_alias="WITNESS_PORT")
    broken: str = ""


class Tables(DeclarativeBase):
    """All tables of the witness."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = column_types


class Counter(Aggregate, Tables):
    """A counter: its `sequence` is the count."""

    __tablename__ = "counters"


ledger = Table(
    "ledger",
    Tables.metadata,
    Column("event_id", Uuid, nullable=False),
    Column("subject", Uuid, nullable=False),
    Column("by", Text, nullable=False),
    Column("written_at", DateTime(timezone=True), server_default=func.clock_timestamp(), nullable=False),
    Index("ix_ledger_event_id", "event_id"),
)
"""Without a unique constraint, on purpose: a second effect of the same event is a second row."""

add_shared_tables(Tables.metadata)


class Counted(Event, name="import.counted"):
    """A counter was increased."""

    counter_id: UUID


def increase(session: Session, counter_id: UUID, *, now: datetime) -> None:
    """Increase a counter by one; raises when it does not exist."""
    counter = session.get_one(Counter, counter_id, with_for_update=True)
    record(session, counter, Counted(counter_id=counter_id), now=now)


def write_down(session: Session, event: Counted, *, now: datetime) -> None:  # noqa: ARG001 - a listener's signature
    """The effect: one row in the ledger."""
    session.execute(
        insert(ledger).values(event_id=event.envelope.id, subject=event.envelope.subject, by=str(os.getpid()))
    )


class UnfilteredListeners(Listeners):
    """Broken on purpose: does not check which events were processed."""

    def _apply_effects(self, session: Session, events: Sequence[Event], now: datetime) -> None:
        for event in events:
            for effect in self.effects[type(event)]:
                effect(session, event, now=now)


PAUSE = 2.0


class EarlyMarkingRelay(Relay):
    """Broken on purpose: marks events as published before Kafka has answered, and never publishes one again."""

    def _resend(self, trouble_began: datetime) -> None:
        """Publishes nothing again."""

    def _publish(self, rows: list[Row]) -> None:
        super()._mark([row.position for row in rows])
        time.sleep(PAUSE)
        super()._publish(rows)


class SlowMarkingRelay(Relay):
    """Not broken, but slow to mark published events: a crash in between repeats them, which is allowed."""

    def _mark(self, positions: list[int]) -> None:
        time.sleep(PAUSE)
        super()._mark(positions)


def create(settings: Settings) -> Worker:
    """Returns the worker with its listeners and relay."""
    listeners = UnfilteredListeners() if settings.broken == "processed" else Listeners()
    listeners.effect(Counted)(write_down)
    relays = {"marking": EarlyMarkingRelay, "processed": SlowMarkingRelay}
    return Worker(settings, listeners=listeners, relay=relays.get(settings.broken, Relay))


def main() -> None:
    """Run one worker process."""
    settings = read(Settings)
    logs.configure(SERVICE, "worker", settings.log_level)
    database.connect(settings.database_url, pool_size=settings.database_pool_size)
    create(settings).run()


if __name__ == "__main__":
    main()
