"""The table every service has for `Idempotency-Key`, declared once; each service's metadata holds a copy.

The name carries no schema: a role's `search_path` is its own schema.
"""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Index, LargeBinary, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from shared.db import NAMES

metadata = MetaData(naming_convention=NAMES)

idempotency = Table(
    "idempotency",
    metadata,
    Column("caller", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    # ids and refusals only: the answer is made anew from them, so nothing of the body is kept
    Column("note", JSONB, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)
Index("ix_idempotency_created_at", idempotency.c.created_at)


def add_api_tables(to: MetaData) -> None:
    """Let a service's metadata (and so its history of migrations) hold the table."""
    idempotency.to_metadata(to)
