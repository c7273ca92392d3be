"""The tables that every service has, declared once; each service's metadata holds copies of them.

The names carry no schema: a role's `search_path` is its own schema.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    DateTime,
    Identity,
    Index,
    Insert,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    column,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from shared.database import NAMES

metadata = MetaData(naming_convention=NAMES)

outbox = Table(
    "outbox",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    Column("event_id", Uuid, nullable=False),
    Column("topic", Text, nullable=False),
    Column("key", Uuid, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("value", Text, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("published_at", DateTime(timezone=True)),
    # two transactions that record for one aggregate without its row's lock would meet here
    UniqueConstraint("key", "sequence"),
)
# the planner would walk the published rows along the primary key; this one holds only the waiting ones
Index("ix_outbox_waiting", outbox.c.position, postgresql_where=outbox.c.published_at.is_(None))

relay_lease = Table(
    "relay_lease",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("term", BigInteger, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
)

processed_events = Table(
    "processed_events",
    metadata,
    Column("event_id", Uuid, primary_key=True),
    Column("processed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("ix_processed_events_processed_at", "processed_at"),
)

dead_letter_table = Table(
    "dead_letters",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("key", LargeBinary),
    Column("value", LargeBinary),
    Column("event_type", Text),
    Column("reason", Text, nullable=False),
    Column("traceback", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("state", Text, nullable=False, server_default=text("'waiting'")),
    Column("resolved_at", DateTime(timezone=True)),
    Column("resolved_by", Uuid),
    Column("resolved_reason", Text),
    # with the content: a Kafka that lost its data counts its offsets from 0 again
    Index(
        "uq_dead_letters_message",
        "topic",
        "partition",
        "offset",
        text("md5(value)"),
        unique=True,
        postgresql_nulls_not_distinct=True,
    ),
)

copies_ahead = Table(
    "copies_ahead",
    metadata,
    # which table, and which of its sequences
    Column("copies", Text, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("known_sequence", BigInteger, nullable=False),
    Column("event_sequence", BigInteger, nullable=False),
    Column("noticed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

# Whom this service had to erase. The copies have tombstones of their own, which are locked with what they replace;
# by this one it is known of whatever arrives later, in whichever table.
erased_aggregates = Table(
    "erased_aggregates",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("erased_at", DateTime(timezone=True), nullable=False),
    # how often this service has published that they are erased here, and when last; null: it has yet to
    Column("times_published", BigInteger, nullable=False, server_default=text("0")),
    Column("published_at", DateTime(timezone=True)),
)
Index(
    "ix_erased_aggregates_unpublished",
    erased_aggregates.c.erased_at,
    postgresql_where=erased_aggregates.c.published_at.is_(None),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("caller", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    # ids and refusals only: the answer is made anew from them, so nothing of the body is kept
    Column("response_reference", JSONB, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)
Index("ix_idempotency_created_at", idempotency.c.created_at)


RECORDED = ("event_id", "topic", "key", "sequence", "value")
"""The columns of an event that is recorded."""


def record_statement(*conditions: ColumnElement[bool]) -> Insert:
    """A statement that, where all conditions hold, records the events of its one parameter: `events`, by `as_rows`.

    With a change as its CTE and condition, change and events are one statement: atomic without a transaction around it.
    """
    # one parameter however many events; `value` lies in it as it is, since PostgreSQL keeps the text of an object
    given = text("json_populate_recordset(CAST(NULL AS outbox), CAST(:events AS json))")
    columns: list[ColumnElement[Any]] = [column(name) for name in RECORDED]
    return insert(outbox).from_select(RECORDED, select(*columns).select_from(given).where(*conditions))


def add_shared_tables(to: MetaData) -> None:
    """Let a service's metadata (and so its history of migrations) hold these tables."""
    for table in metadata.sorted_tables:
        table.to_metadata(to)
